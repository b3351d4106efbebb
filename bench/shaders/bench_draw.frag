#version 460
layout(constant_id = 0) const uint mask = 1;
layout(location = 0) out vec4 result;
void main()
{
    result = vec4(float(mask % 7) / 7.0, float(mask) * 0.001, 0.5, 1.0);
}
