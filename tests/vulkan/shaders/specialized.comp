#version 460
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint count = 1;
layout(constant_id = 2) const float factor = 1.0;
layout(constant_id = 3) const bool negative = false;
layout(constant_id = 4) const int addend = 0;
layout(constant_id = 5) const uint untouched = 77;
layout(binding = 0) buffer Out { float data[]; };
void main()
{
    float sum = float(untouched);
    for (uint i = 0; i < count; i++)
        sum += factor * float(i) + float(addend);
    data[gl_GlobalInvocationID.x] = (negative ? -sum : sum) + float(gl_WorkGroupSize.x);
}
