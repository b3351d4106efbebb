#version 460
layout(push_constant) uniform Push { mat4 view; mat4 model; };
layout(location = 0) out vec3 normal;
layout(location = 1) out vec3 place;
layout(location = 2) out vec2 uv;
const vec3 normals[6] = {vec3(1, 0, 0), vec3(-1, 0, 0), vec3(0, 1, 0), vec3(0, -1, 0), vec3(0, 0, 1), vec3(0, 0, -1)};
const int corners[6] = {0, 1, 2, 2, 1, 3};
void main()
{
    vec3 axis = normals[gl_VertexIndex / 6];
    vec3 side = axis.yzx, up = cross(axis, side);
    int corner = corners[gl_VertexIndex % 6];
    uv = vec2(corner & 1, corner >> 1);
    vec3 at = axis + side * (uv.x * 2.0 - 1.0) + up * (uv.y * 2.0 - 1.0);
    vec4 world = model * vec4(at, 1.0);
    normal = mat3(model) * axis;
    place = world.xyz;
    gl_Position = view * world;
}
