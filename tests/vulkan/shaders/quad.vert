#version 460
// A rectangle from a push constant, as a strip of four vertices; uv from 0 to 1.
layout(push_constant) uniform Push { vec4 rect; vec4 tint; float depth; };
layout(location = 0) out vec4 color;
layout(location = 1) out vec2 uv;
void main()
{
    uv = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);
    gl_Position = vec4(mix(rect.xy, rect.zw, uv), depth, 1.0);
    color = tint;
}
