#version 460
layout(local_size_x = 8, local_size_y = 8) in;
layout(binding = 0, rgba8) uniform readonly image2D from;
layout(binding = 1, rgba8) uniform writeonly image2D to;
layout(binding = 2, r32ui) uniform uimage2D counts;
void main()
{
    ivec2 at = ivec2(gl_GlobalInvocationID.xy);
    ivec2 size = imageSize(from);
    vec4 sum = vec4(0.0);
    for (int y = -1; y <= 1; y++)
        for (int x = -1; x <= 1; x++)
            sum += imageLoad(from, (at + ivec2(x, y) + size) % size);
    imageStore(to, at, sum / 9.0);
    imageAtomicAdd(counts, at / 8, uint(sum.r * 16.0));
}
