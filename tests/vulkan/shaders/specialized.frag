#version 460
layout(constant_id = 0) const float red = 0.0;
layout(constant_id = 1) const float green = 0.0;
layout(constant_id = 2) const uint mode = 0;
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 result;
void main()
{
    result = mode == 1 ? vec4(red, green, color.b, 1.0) : color.gbra;
}
