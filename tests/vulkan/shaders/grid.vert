#version 460
// Triangle number gl_InstanceIndex (or the draw's number, with it) of a grid of 64x64.
#extension GL_ARB_shader_draw_parameters : require
layout(push_constant) uniform Push { uint first; uint per_draw; };
layout(location = 0) out vec4 color;
void main()
{
    uint cell = first + uint(gl_InstanceIndex) + per_draw * uint(gl_DrawIDARB);
    vec2 corner = vec2(gl_VertexIndex % 3 == 1, gl_VertexIndex % 3 == 2) * 0.9;
    gl_Position = vec4((vec2(cell % 64, cell / 64 % 64) + corner) / 32.0 - 1.0, 0.5, 1.0);
    color = vec4(fract(float(cell) * 0.37), fract(float(cell) * 0.73), float(gl_VertexIndex) / 16.0, 1.0);
}
