#version 460
// Adds the first words of uniform and storage buffers; for descriptor tests.
layout(local_size_x = 4) in;
layout(binding = 0) uniform A { uvec4 a; };
layout(binding = 1) uniform B { uvec4 b; };
layout(binding = 2) buffer Out { uint data[]; };
void main()
{
    uint i = gl_LocalInvocationID.x;
    data[gl_WorkGroupID.x * 4 + i] += a[i] * 1000u + b[i];
}
