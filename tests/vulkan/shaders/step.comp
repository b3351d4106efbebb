#version 460
// One step of a sequence that does not commute: the order of dispatches shows.
layout(local_size_x = 64) in;
layout(binding = 0) buffer Data { uint data[]; };
layout(push_constant) uniform Push { uint factor; uint addend; };
void main()
{
    uint i = gl_GlobalInvocationID.x;
    data[i] = data[i] * factor + addend;
}
