#version 460
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(local_size_x = 64) in;
layout(binding = 0) buffer Out { uint64_t whole[64]; double fraction[64]; };
void main()
{
    uint i = gl_LocalInvocationID.x;
    uint64_t value = uint64_t(i) * 0x9E3779B97F4A7C15ul + 12345ul;
    whole[i] = value ^ (value >> 31);
    fraction[i] = sqrt(double(i) + 0.5lf) / 3.0lf;
}
