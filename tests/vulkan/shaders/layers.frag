#version 460
layout(binding = 0) uniform sampler2DArray layers;
layout(binding = 1) uniform samplerCube cube;
layout(binding = 2) uniform sampler3D volume;
layout(location = 0) in vec4 color;
layout(location = 1) in vec2 uv;
layout(location = 0) out vec4 result;
void main()
{
    if (uv.y < 0.34)
        result = texture(layers, vec3(uv.x * 3.0, uv.y * 3.0, floor(uv.x * 3.0)));
    else if (uv.y < 0.67)
        result = texture(cube, vec3(uv * 4.0 - 2.0, cos(uv.x * 6.0)));
    else
        result = texture(volume, vec3(uv, uv.x * uv.y)) * color;
}
