#version 460
layout(location = 0) in vec3 position;
layout(location = 1) in vec4 tint;
layout(location = 2) in vec4 place;
layout(location = 0) out vec4 color;
void main()
{
    gl_Position = vec4(position.xy * place.zw + place.xy, position.z, 1.0);
    color = tint * (0.4 + 0.1 * float(gl_InstanceIndex % 7));
}
