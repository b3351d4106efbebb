#version 460
layout(xfb_buffer = 0, xfb_stride = 32) out;
layout(location = 0, xfb_offset = 0) out vec4 color;
out gl_PerVertex { layout(xfb_offset = 16) vec4 gl_Position; };
void main()
{
    color = vec4(gl_VertexIndex, gl_InstanceIndex, gl_VertexIndex * gl_InstanceIndex, 1.0);
    gl_Position = vec4(float(gl_VertexIndex) / 8.0 - 1.0, float(gl_InstanceIndex) / 4.0, 0.0, 1.0);
}
