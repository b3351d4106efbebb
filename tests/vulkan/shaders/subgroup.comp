#version 460
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_vote : require
layout(local_size_x = 64) in;
layout(binding = 0) buffer Out { uvec4 data[]; };
void main()
{
    uint i = gl_GlobalInvocationID.x;
    uvec4 ballot = subgroupBallot(i % 3 == 0);
    data[i] = uvec4(subgroupAdd(i), subgroupBallotBitCount(ballot), subgroupBroadcastFirst(i),
                    subgroupAny(i % 64 == 63) ? 1 : 0);
}
