#version 460
layout(triangles, invocations = 4) in;
layout(triangle_strip, max_vertices = 3) out;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 tint;
void main()
{
    for (int i = 0; i < 3; i++) {
        gl_ViewportIndex = gl_InvocationID;
        gl_Position = gl_in[i].gl_Position;
        tint = color[(i + gl_InvocationID) % 3];
        EmitVertex();
    }
    EndPrimitive();
}
