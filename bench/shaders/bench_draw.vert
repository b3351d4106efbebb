#version 460
layout(push_constant) uniform Push { vec4 place; };
void main()
{
    gl_Position = vec4(place.xy + vec2(gl_VertexIndex == 1, gl_VertexIndex == 2) * 0.02, 0.0, 1.0);
}
