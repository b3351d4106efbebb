#version 460
layout(local_size_x = 4, local_size_y = 2, local_size_z = 2) in;
layout(binding = 0) buffer Out { uvec4 data[]; };
void main()
{
    uvec3 size = uvec3(4, 2, 2) * uvec3(8, 4, 4);
    uvec3 id = gl_GlobalInvocationID;
    data[(id.z * size.y + id.y) * size.x + id.x] = uvec4(id, gl_LocalInvocationIndex + 100);
}
