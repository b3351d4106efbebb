#version 460
layout(input_attachment_index = 0, binding = 0) uniform subpassInput before;
layout(input_attachment_index = 1, binding = 1) uniform subpassInput depth;
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 result;
void main()
{
    result = vec4(1.0 - subpassLoad(before).rgb, 1.0) * color + subpassLoad(depth).r * 0.25;
}
