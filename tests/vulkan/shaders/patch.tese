#version 460
layout(quads, fractional_odd_spacing, ccw) in;
layout(location = 0) out vec4 color;
void main()
{
    vec2 at = gl_TessCoord.xy;
    vec4 low = mix(gl_in[0].gl_Position, gl_in[1].gl_Position, at.x);
    vec4 high = mix(gl_in[2].gl_Position, gl_in[3].gl_Position, at.x);
    gl_Position = mix(low, high, at.y) + vec4(0.1 * sin(at.y * 9.0), 0.1 * sin(at.x * 9.0), 0.0, 0.0);
    color = vec4(at, 1.0 - at.x, 1.0);
}
