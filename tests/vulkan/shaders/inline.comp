#version 460
layout(local_size_x = 16) in;
layout(binding = 0) uniform Inline { uvec4 words[4]; };
layout(binding = 1) buffer Out { uint data[]; };
void main()
{
    uint i = gl_LocalInvocationID.x;
    data[i] = words[i / 4][i % 4] ^ 0xffu;
}
