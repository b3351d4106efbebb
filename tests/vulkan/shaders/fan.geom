#version 460
layout(points) in;
layout(triangle_strip, max_vertices = 24) out;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 tint;
void main()
{
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 3; k++) {
            float angle = 6.2831853 * float(i + (k == 2 ? 1 : 0)) / 8.0;
            gl_Position = gl_in[0].gl_Position + (k == 0 ? vec4(0.0) : vec4(0.3 * cos(angle), 0.3 * sin(angle), 0.0, 0.0));
            tint = color[0] * (k == 0 ? 1.0 : 0.3 + 0.08 * float(i));
            EmitVertex();
        }
        EndPrimitive();
    }
}
