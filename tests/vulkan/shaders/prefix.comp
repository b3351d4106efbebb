#version 460
layout(local_size_x = 256) in;
layout(binding = 0) buffer Data { uint data[]; };
shared uint sums[256];
void main()
{
    uint i = gl_LocalInvocationID.x;
    sums[i] = data[gl_GlobalInvocationID.x];
    barrier();
    for (uint step = 1; step < 256; step *= 2) {
        uint other = i >= step ? sums[i - step] : 0;
        barrier();
        sums[i] += other;
        barrier();
    }
    data[gl_GlobalInvocationID.x] = sums[i];
}
