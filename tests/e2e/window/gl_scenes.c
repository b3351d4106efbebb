// SPDX-License-Identifier: MIT
// Draws small OpenGL scenes without a window (EGL, surfaceless) and prints a digest of what each
// left, so that two drivers can be compared.
//
//   gl_scenes [--pictures FOLDER]
#define GL_GLEXT_PROTOTYPES
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GL/gl.h>
#include <GL/glext.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"

enum { SIZE = 128 };

static const char *pictures;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("gl_scenes: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static void make_current(void)
{
    EGLDisplay display = eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, NULL, NULL);
    if (!eglInitialize(display, NULL, NULL) || !eglBindAPI(EGL_OPENGL_API)) {
        die("EGL cannot be used: error %#x", eglGetError());
    }
    const EGLint attributes[] = {EGL_CONTEXT_MAJOR_VERSION,
                                 4,
                                 EGL_CONTEXT_MINOR_VERSION,
                                 3,
                                 EGL_CONTEXT_OPENGL_PROFILE_MASK,
                                 EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT,
                                 EGL_NONE};
    EGLContext context = eglCreateContext(display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, attributes);
    if (!context || !eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context)) {
        die("no OpenGL 4.3 context: error %#x", eglGetError());
    }
}

// ---- Programs, targets

static GLuint shader(GLenum type, const char *body)
{
    const char *text[] = {"#version 430 core\n", body};
    GLuint shader = glCreateShader(type);
    glShaderSource(shader, 2, text, NULL);
    glCompileShader(shader);
    GLint ok;
    glGetShaderiv(shader, GL_COMPILE_STATUS, &ok);
    if (!ok) {
        char log[1024];
        glGetShaderInfoLog(shader, sizeof(log), NULL, log);
        die("a shader does not compile: %s", log);
    }
    return shader;
}

static GLuint link_program(GLuint program)
{
    glLinkProgram(program);
    GLint ok;
    glGetProgramiv(program, GL_LINK_STATUS, &ok);
    if (!ok) {
        die("a program does not link");
    }
    glUseProgram(program);
    return program;
}

static GLuint program(const char *vertex, const char *fragment)
{
    GLuint program = glCreateProgram();
    glAttachShader(program, shader(GL_VERTEX_SHADER, vertex));
    glAttachShader(program, shader(GL_FRAGMENT_SHADER, fragment));
    return link_program(program);
}

// A target with colour and depth-stencil; all state as at the beginning.
static GLuint target(GLsizei samples)
{
    GLuint framebuffer, buffers[2];
    glGenFramebuffers(1, &framebuffer);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glGenRenderbuffers(2, buffers);
    const GLenum formats[] = {GL_RGBA8, GL_DEPTH24_STENCIL8};
    const GLenum places[] = {GL_COLOR_ATTACHMENT0, GL_DEPTH_STENCIL_ATTACHMENT};
    for (int i = 0; i < 2; i++) {
        glBindRenderbuffer(GL_RENDERBUFFER, buffers[i]);
        glRenderbufferStorageMultisample(GL_RENDERBUFFER, samples, formats[i], SIZE, SIZE);
        glFramebufferRenderbuffer(GL_FRAMEBUFFER, places[i], GL_RENDERBUFFER, buffers[i]);
    }
    glViewport(0, 0, SIZE, SIZE);
    glDisable(GL_DEPTH_TEST);
    glDisable(GL_STENCIL_TEST);
    glDisable(GL_BLEND);
    glClearColor(0.1f, 0.2f, 0.3f, 1.0f);
    glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT | GL_STENCIL_BUFFER_BIT);
    return framebuffer;
}

static void report(const char *name)
{
    static uint32_t pixels[SIZE * SIZE];
    glReadPixels(0, 0, SIZE, SIZE, GL_BGRA, GL_UNSIGNED_INT_8_8_8_8_REV, pixels);
    struct picture picture = {pixels, SIZE, SIZE, SIZE * 4};
    printf("%s %016" PRIx64 "%s\n", name, picture_digest(&picture),
           picture_is_plain(&picture) ? " plain" : "");
    GLenum error = glGetError();
    if (error) {
        die("%s: GL error %#x", name, error);
    }
    if (pictures) {
        char file[4096];
        snprintf(file, sizeof(file), "%s/gl-%s.png", pictures, name);
        picture_write_png(&picture, file);
    }
}

static const char fan[] =
    "out vec3 colour;\n"
    "uniform vec4 place = vec4(0, 0, 0, 0.9);\n" // x, y, depth, size
    "void main() {\n"
    "  vec2 corner = vec2[](vec2(-1, -1), vec2(1, -1), vec2(0, 1))[gl_VertexID % 3];\n"
    "  colour = vec3[](vec3(1, 0, 0), vec3(0, 1, 0), vec3(0, 0, 1))[gl_VertexID % 3];\n"
    "  gl_PointSize = 9.0;\n"
    "  gl_Position = vec4(corner * place.w + place.xy, place.z, 1);\n"
    "}\n";
static const char coloured[] = "in vec3 colour; out vec4 result;\n"
                               "uniform float alpha = 1;\n"
                               "void main() { result = vec4(colour, alpha); }\n";
static const char full[] = "out vec2 at;\n"
                           "void main() {\n"
                           "  at = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2;\n"
                           "  gl_Position = vec4(at * 2 - 1, 0, 1);\n"
                           "}\n";

static void place(GLuint program, float x, float y, float depth, float size)
{
    glUniform4f(glGetUniformLocation(program, "place"), x, y, depth, size);
}

// ---- Scenes

static void draw_triangle(void)
{
    target(0);
    program(fan, coloured);
    glDrawArrays(GL_TRIANGLES, 0, 3);
}

static void draw_lines_and_points(void)
{
    target(0);
    GLuint drawing = program(fan, coloured);
    glDrawArrays(GL_LINE_LOOP, 0, 3);
    place(drawing, 0.1f, 0.1f, 0, 0.5f);
    glEnable(GL_PROGRAM_POINT_SIZE);
    glDrawArrays(GL_POINTS, 0, 3);
}

static void draw_depth(void)
{
    target(0);
    GLuint drawing = program(fan, coloured);
    glEnable(GL_DEPTH_TEST);
    for (int i = 0; i < 8; i++) {
        place(drawing, 0.1f * (float)i - 0.4f, 0, i % 2 ? 0.5f : 0.1f * (float)i, 0.5f);
        glDrawArrays(GL_TRIANGLES, 0, 3);
    }
}

static void draw_stencil(void)
{
    target(0);
    GLuint drawing = program(fan, coloured);
    glEnable(GL_STENCIL_TEST);
    glStencilFunc(GL_ALWAYS, 1, 0xff);
    glStencilOp(GL_KEEP, GL_KEEP, GL_INCR);
    for (int i = 0; i < 3; i++) {
        place(drawing, 0.3f * (float)i - 0.3f, 0, 0, 0.6f);
        glDrawArrays(GL_TRIANGLES, 0, 3);
    }
    glStencilFunc(GL_EQUAL, 2, 0xff);
    program(full, "in vec2 at; out vec4 result; void main() { result = vec4(at, 1, 1); }\n");
    glDrawArrays(GL_TRIANGLES, 0, 3);
}

static void draw_blend(void)
{
    target(0);
    GLuint drawing = program(fan, coloured);
    glEnable(GL_BLEND);
    glBlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA);
    for (int i = 0; i < 5; i++) {
        glUniform1f(glGetUniformLocation(drawing, "alpha"), 0.2f + 0.1f * (float)i);
        place(drawing, 0.2f * (float)i - 0.4f, 0.1f * (float)i, 0, 0.5f);
        glDrawArrays(GL_TRIANGLES, 0, 3);
    }
}

static void draw_texture(void)
{
    target(0);
    GLuint texture;
    glGenTextures(1, &texture);
    glBindTexture(GL_TEXTURE_2D, texture);
    uint32_t texels[64 * 64];
    for (uint32_t i = 0; i < 64 * 64; i++) {
        texels[i] = 0xff000000 | i * 2654435761u >> 8;
    }
    glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, 64, 64, 0, GL_RGBA, GL_UNSIGNED_BYTE, texels);
    glGenerateMipmap(GL_TEXTURE_2D);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR_MIPMAP_LINEAR);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    program(full, "in vec2 at; out vec4 result; uniform sampler2D image;\n"
                  "void main() { result = texture(image, at * at * 3.0); }\n");
    glDrawArrays(GL_TRIANGLES, 0, 3);
}

static void draw_instances(void)
{
    target(0);
    GLuint buffer;
    glGenBuffers(1, &buffer);
    glBindBuffer(GL_UNIFORM_BUFFER, buffer);
    float places[64][4];
    for (int i = 0; i < 64; i++) {
        float *at = places[i];
        at[0] = (float)(i % 8) * 0.25f - 0.875f;
        at[1] = (float)i / 8 * 0.25f - 0.875f;
        at[2] = (float)i / 64;
        at[3] = 0.1f;
    }
    glBufferData(GL_UNIFORM_BUFFER, sizeof(places), places, GL_STATIC_DRAW);
    glBindBufferBase(GL_UNIFORM_BUFFER, 0, buffer);
    program("layout(std140, binding = 0) uniform Places { vec4 places[64]; }; out vec3 colour;\n"
            "void main() {\n"
            "  vec4 place = places[gl_InstanceID];\n"
            "  vec2 corner = vec2[](vec2(-1, -1), vec2(1, -1), vec2(0, 1))[gl_VertexID];\n"
            "  colour = vec3(place.z, 1 - place.z, gl_VertexID * 0.5);\n"
            "  gl_Position = vec4(corner * place.w + place.xy, 0, 1);\n"
            "}\n",
            coloured);
    glDrawArraysInstanced(GL_TRIANGLES, 0, 3, 64);
}

static void draw_samples(void)
{
    GLuint from = target(4);
    program(fan, coloured);
    glDrawArrays(GL_TRIANGLES, 0, 3);
    GLuint to = target(0);
    glBindFramebuffer(GL_READ_FRAMEBUFFER, from);
    glBindFramebuffer(GL_DRAW_FRAMEBUFFER, to);
    glBlitFramebuffer(0, 0, SIZE, SIZE, 0, 0, SIZE, SIZE, GL_COLOR_BUFFER_BIT, GL_NEAREST);
    glBindFramebuffer(GL_FRAMEBUFFER, to);
}

static void draw_fractal(void)
{
    target(0);
    program(full, "in vec2 at; out vec4 result;\n"
                  "void main() {\n"
                  "  vec2 c = at * 2.5 - vec2(1.8, 1.25), z = vec2(0);\n"
                  "  int i = 0;\n"
                  "  for (; i < 64 && dot(z, z) < 4.0; i++)\n"
                  "    z = vec2(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y) + c;\n"
                  "  result = vec4(vec3(i & 7, i >> 3 & 7, i) / vec3(7, 7, 64), 1);\n"
                  "}\n");
    glDrawArrays(GL_TRIANGLES, 0, 3);
}

static void draw_computed(void)
{
    target(0);
    GLuint texture, computing = glCreateProgram();
    glGenTextures(1, &texture);
    glBindTexture(GL_TEXTURE_2D, texture);
    glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, SIZE, SIZE);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    glAttachShader(
        computing,
        shader(GL_COMPUTE_SHADER,
               "layout(local_size_x = 8, local_size_y = 8) in;\n"
               "layout(rgba8, binding = 0) writeonly uniform image2D image;\n"
               "shared uint sum;\n"
               "void main() {\n"
               "  if (gl_LocalInvocationIndex == 0u) sum = 0u;\n"
               "  barrier();\n"
               "  atomicAdd(sum, gl_GlobalInvocationID.x ^ gl_GlobalInvocationID.y);\n"
               "  barrier();\n"
               "  imageStore(image, ivec2(gl_GlobalInvocationID.xy),\n"
               "    vec4(float(sum & 255u), vec2(gl_GlobalInvocationID.xy), 255) / 255.0);\n"
               "}\n"));
    link_program(computing);
    glBindImageTexture(0, texture, 0, GL_FALSE, 0, GL_WRITE_ONLY, GL_RGBA8);
    glDispatchCompute(SIZE / 8, SIZE / 8, 1);
    glMemoryBarrier(GL_TEXTURE_FETCH_BARRIER_BIT);
    program(full, "in vec2 at; out vec4 result; uniform sampler2D image;\n"
                  "void main() { result = texture(image, at); }\n");
    glDrawArrays(GL_TRIANGLES, 0, 3);
}

// What the vertex shader gave is kept, read, changed, and drawn again.
static void draw_feedback(void)
{
    target(0);
    GLuint buffer, recording = glCreateProgram();
    const char *varyings[] = {"kept"};
    glAttachShader(recording,
                   shader(GL_VERTEX_SHADER, "out vec4 kept;\n"
                                            "void main() {\n"
                                            "  float angle = float(gl_VertexID) * 0.7;\n"
                                            "  kept = vec4(cos(angle), sin(angle), 0, 1.2);\n"
                                            "  gl_Position = kept;\n"
                                            "}\n"));
    glTransformFeedbackVaryings(recording, 1, varyings, GL_INTERLEAVED_ATTRIBS);
    link_program(recording);
    glGenBuffers(1, &buffer);
    glBindBuffer(GL_ARRAY_BUFFER, buffer);
    glBufferData(GL_ARRAY_BUFFER, 30 * 16, NULL, GL_DYNAMIC_COPY);
    glBindBufferBase(GL_TRANSFORM_FEEDBACK_BUFFER, 0, buffer);
    glEnable(GL_RASTERIZER_DISCARD);
    glBeginTransformFeedback(GL_TRIANGLES);
    glDrawArrays(GL_TRIANGLES, 0, 30);
    glEndTransformFeedback();
    glDisable(GL_RASTERIZER_DISCARD);
    float *kept = glMapBufferRange(GL_ARRAY_BUFFER, 0, 30 * 16, GL_MAP_READ_BIT | GL_MAP_WRITE_BIT);
    if (!kept) {
        die("a buffer cannot be mapped");
    }
    for (int i = 0; i < 30; i += 3) {
        kept[i * 4] *= 0.5f;
    }
    glUnmapBuffer(GL_ARRAY_BUFFER);
    program("layout(location = 0) in vec4 at; out vec3 colour;\n"
            "void main() { colour = vec3(gl_VertexID % 3 == 0, at.xy * 0.5 + 0.5); gl_Position = "
            "at; }\n",
            coloured);
    glEnableVertexAttribArray(0);
    glVertexAttribPointer(0, 4, GL_FLOAT, GL_FALSE, 0, NULL);
    glDrawArrays(GL_TRIANGLES, 0, 30);
    glDisableVertexAttribArray(0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*draw)(void);
    } scenes[] = {
        {"triangle", draw_triangle},   {"lines", draw_lines_and_points},
        {"depth", draw_depth},         {"stencil", draw_stencil},
        {"blend", draw_blend},         {"texture", draw_texture},
        {"instances", draw_instances}, {"samples", draw_samples},
        {"fractal", draw_fractal},     {"computed", draw_computed},
        {"feedback", draw_feedback},
    };
    if (argc == 3 && strcmp(argv[1], "--pictures") == 0) {
        pictures = argv[2];
    } else if (argc != 1) {
        die("usage: gl_scenes [--pictures FOLDER]");
    }
    make_current();
    printf("renderer %s\n", (const char *)glGetString(GL_RENDERER));
    GLuint vertices;
    glGenVertexArrays(1, &vertices);
    glBindVertexArray(vertices);
    for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
        scenes[i].draw();
        report(scenes[i].name);
    }
    return 0;
}
