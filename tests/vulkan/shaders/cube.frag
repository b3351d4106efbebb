#version 460
layout(binding = 0) uniform sampler2D picture;
layout(binding = 1) uniform Light { vec4 light; vec4 eye; };
layout(location = 0) in vec3 normal;
layout(location = 1) in vec3 place;
layout(location = 2) in vec2 uv;
layout(location = 0) out vec4 result;
void main()
{
    vec3 n = normalize(normal), l = normalize(light.xyz - place), v = normalize(eye.xyz - place);
    float diffuse = max(dot(n, l), 0.0), shine = pow(max(dot(n, normalize(l + v)), 0.0), 48.0);
    vec3 base = texture(picture, uv).rgb;
    result = vec4(base * (0.2 + 0.85 * diffuse) + vec3(0.6) * shine * step(0.0, dot(n, l)), 1.0);
}
