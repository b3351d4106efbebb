#version 460
layout(local_size_x = 64) in;
layout(binding = 0) buffer Data { uint add; uint low; uint high; uint any; uint all; uint flip; uint swaps; int least; uint bins[256]; };
void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint value = i * 2654435761u;
    atomicAdd(add, value);
    atomicMin(low, value);
    atomicMax(high, value);
    atomicOr(any, 1u << (i % 29));
    atomicAnd(all, ~(1u << (i % 7)));
    atomicXor(flip, value);
    if (atomicCompSwap(swaps, i, i + 1) == i)
        atomicAdd(add, 1u);
    atomicMin(least, int(value));
    atomicAdd(bins[value >> 24], 1u);
}
