#version 460
layout(location = 0) out vec4 color;
const vec2 corners[3] = {vec2(-0.8, 0.7), vec2(0.1, -0.9), vec2(0.9, 0.6)};
void main()
{
    gl_Position = vec4(corners[gl_VertexIndex % 3], 0.25 * float(gl_VertexIndex % 3), 1.0);
    color = vec4(gl_VertexIndex % 3 == 0, gl_VertexIndex % 3 == 1, gl_VertexIndex % 3 == 2, 1.0);
}
