#version 460
layout(local_size_x = 8, local_size_y = 8) in;
layout(binding = 0) uniform sampler2D both;
layout(binding = 1) uniform texture2D picture;
layout(binding = 2) uniform sampler how;
layout(binding = 3) buffer Out { vec4 data[]; };
void main()
{
    uvec2 at = gl_GlobalInvocationID.xy;
    vec2 uv = (vec2(at) + 0.3) / 20.0 - 0.25;
    data[at.y * 32 + at.x] = textureLod(both, uv, 0.0) + 2.0 * textureLod(sampler2D(picture, how), uv.yx, 0.0);
}
