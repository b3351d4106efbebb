#version 460
layout(location = 0) in vec4 color;
layout(location = 1) in vec2 uv;
layout(location = 0) out vec4 result;
void main()
{
    float wave = sin(uv.x * 20.0) * cos(uv.y * 15.0);
    result = vec4(abs(dFdx(wave)), abs(dFdyFine(wave)), fwidthCoarse(wave), 1.0) * 2.0;
}
