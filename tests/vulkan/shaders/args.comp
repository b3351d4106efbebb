#version 460
// Writes the arguments of an indirect dispatch and of indirect draws.
layout(local_size_x = 1) in;
layout(binding = 0) buffer Out { uint data[]; };
layout(push_constant) uniform Push { uint words[8]; };
void main()
{
    for (uint i = 0; i < 8; i++)
        data[i] = words[i];
}
