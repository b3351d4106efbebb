#version 460
#extension GL_EXT_nonuniform_qualifier : require
layout(local_size_x = 16) in;
layout(binding = 0) buffer Out { uint data[]; } to;
layout(binding = 1) buffer In { uint data[]; } from[];
layout(push_constant) uniform Push { uint count; };
void main()
{
    uint i = gl_LocalInvocationID.x, sum = 0;
    for (uint k = 0; k < count; k++)
        sum = sum * 7u + from[k].data[i];
    to.data[i] = sum;
}
