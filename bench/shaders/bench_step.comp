#version 460
layout(local_size_x = 64) in;
layout(binding = 0) buffer Data { uint data[]; };
layout(push_constant) uniform Push { uvec4 words; };
void main()
{
    uint i = gl_GlobalInvocationID.x;
    data[i] = data[i] * 3u + words.x;
}
