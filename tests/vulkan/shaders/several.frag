#version 460
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 plain;
layout(location = 1) out vec4 wide;
layout(location = 2) out uvec4 whole;
void main()
{
    plain = color;
    wide = color.bgra * 100.0 + gl_FragCoord;
    whole = uvec4(gl_FragCoord.xy, uint(color.r * 1000.0), 0xdeadbeefu);
}
