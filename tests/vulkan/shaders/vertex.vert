#version 460
layout(location = 0) in vec3 position;
layout(location = 1) in vec4 tint;
layout(location = 0) out vec4 color;
void main()
{
    gl_Position = vec4(position, 1.0);
    gl_PointSize = 5.0;
    color = tint;
}
