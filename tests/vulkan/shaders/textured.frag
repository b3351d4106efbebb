#version 460
layout(binding = 0) uniform sampler2D picture;
layout(location = 0) in vec4 color;
layout(location = 1) in vec2 uv;
layout(location = 0) out vec4 result;
void main()
{
    result = texture(picture, uv * 3.0 - 0.7) * color;
}
