#version 460
#extension GL_EXT_multiview : require
layout(location = 0) out vec4 color;
const vec2 corners[3] = {vec2(-0.8, 0.7), vec2(0.1, -0.9), vec2(0.9, 0.6)};
void main()
{
    float turn = 0.7 * float(gl_ViewIndex);
    vec2 corner = corners[gl_VertexIndex];
    gl_Position = vec4(corner.x * cos(turn) - corner.y * sin(turn), corner.x * sin(turn) + corner.y * cos(turn), 0.0, 1.0);
    color = vec4(gl_ViewIndex == 0, gl_ViewIndex == 1, gl_ViewIndex == 2, 1.0) * 0.5 + 0.25 * float(gl_VertexIndex);
}
