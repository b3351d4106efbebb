#version 460
layout(local_size_x = 1) in;
layout(binding = 0) buffer Out { uvec4 data[]; };
layout(push_constant) uniform Push { uvec4 words[8]; };
void main()
{
    data[gl_WorkGroupID.x] = words[gl_WorkGroupID.x];
}
