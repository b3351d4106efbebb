#version 460
layout(vertices = 4) out;
layout(push_constant) uniform Push { vec2 levels; };
void main()
{
    gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
    gl_TessLevelInner[0] = levels.x;
    gl_TessLevelInner[1] = levels.y;
    for (int i = 0; i < 4; i++)
        gl_TessLevelOuter[i] = levels.x + float(i);
}
