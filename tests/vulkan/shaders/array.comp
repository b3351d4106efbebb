#version 460
// Four buffers in one binding, chosen by constants.
layout(local_size_x = 16) in;
layout(binding = 0) buffer In { uint data[]; } from[4];
layout(binding = 1) buffer Out { uint data[]; } to;
void main()
{
    uint i = gl_LocalInvocationID.x;
    to.data[i] = from[0].data[i] + from[1].data[i] * 10u + from[2].data[i] * 100u + from[3].data[i] * 1000u;
}
