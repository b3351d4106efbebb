#version 460
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_16bit_storage : require
layout(local_size_x = 64) in;
layout(binding = 0) buffer Bytes { uint8_t bytes[]; };
layout(binding = 1) buffer Halves { uint16_t halves[]; };
void main()
{
    uint i = gl_GlobalInvocationID.x;
    halves[i] = uint16_t(uint(bytes[i]) * 257u);
    bytes[i] = uint8_t(uint(bytes[i]) ^ 0x5au);
}
