#version 460
layout(local_size_x = 64) in;
layout(binding = 0) uniform samplerBuffer from;
layout(binding = 1, rgba32f) uniform writeonly imageBuffer to;
void main()
{
    int i = int(gl_GlobalInvocationID.x);
    imageStore(to, i, texelFetch(from, i) * 255.0 + float(i));
}
