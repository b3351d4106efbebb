#version 460
// Takes some milliseconds.
layout(local_size_x = 1) in;
layout(binding = 0) buffer Data { uint data[]; };
layout(push_constant) uniform Push { uint turns; };
void main()
{
    uint value = data[0] + gl_WorkGroupID.x;
    for (uint i = 0; i < turns; i++)
        value = value * 1664525u + 1013904223u + data[1 + (value >> 24) % 4];
    if (gl_WorkGroupID.x == 0)
        data[0] = value;
}
