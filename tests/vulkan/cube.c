/* SPDX-License-Identifier: MIT */
/* Three turning cubes, textured, lit and depth-tested, in a picture of 512x512: cube --picture
 * FILE. */
#include <math.h>

#include "common/vt.h"

struct matrix {
    float m[4][4]; /* columns */
};

static struct matrix multiply(const struct matrix *a, const struct matrix *b)
{
    struct matrix product = {0};
    for (int column = 0; column < 4; column++)
        for (int row = 0; row < 4; row++)
            for (int k = 0; k < 4; k++)
                product.m[column][row] += a->m[k][row] * b->m[column][k];
    return product;
}

/* Looks from +z towards the origin. */
static struct matrix camera(float distance)
{
    const float near = 1.0f, far = 20.0f, focus = 2.2f;
    struct matrix move = {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, -distance, 1}}};
    struct matrix project = {{{focus, 0, 0, 0},
                              {0, -focus, 0, 0},
                              {0, 0, far / (near - far), -1},
                              {0, 0, near * far / (near - far), 0}}};
    return multiply(&project, &move);
}

static struct matrix turned(float around_y, float around_x, float scale, float x, float y, float z)
{
    float c = cosf(around_y), s = sinf(around_y), d = cosf(around_x), t = sinf(around_x);
    struct matrix first = {{{c, 0, -s, 0}, {0, 1, 0, 0}, {s, 0, c, 0}, {0, 0, 0, 1}}};
    struct matrix second = {{{scale, 0, 0, 0},
                             {0, scale * d, scale * t, 0},
                             {0, -scale * t, scale * d, 0},
                             {x, y, z, 1}}};
    return multiply(&second, &first);
}

static void cubes(struct vt *vt)
{
    struct vt_target target = vt_target(vt, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_D32_SFLOAT, 512,
                                        512, VK_SAMPLE_COUNT_4_BIT);
    const float lights[2][4] = {{3, 4, 6, 1}, {0, 0, 7, 1}};
    struct vt_buffer light =
        vt_buffer_of(vt, lights, sizeof(lights), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT);
    struct vt_image pictures[3];
    struct vt_set sets[3];
    for (uint32_t i = 0; i < 3; i++) {
        pictures[i] = vt_texture(vt, 256, 256, 2 + i * 5);
        struct vt_binding bindings[] = {
            {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, .image = &pictures[i],
             .sampler = vt_sampler(vt, VK_FILTER_LINEAR, VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE),
             .layout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL},
            {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, .buffer = &light},
        };
        sets[i] = vt_set(vt, bindings, 2);
    }
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "cube.vert", "cube.frag");
    graphics.samples.rasterizationSamples = VK_SAMPLE_COUNT_4_BIT;
    graphics.raster.cullMode = VK_CULL_MODE_BACK_BIT;
    graphics.raster.frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE;
    graphics.depth.depthTestEnable = graphics.depth.depthWriteEnable = VK_TRUE;
    graphics.depth.depthCompareOp = VK_COMPARE_OP_LESS;
    struct vt_pipeline pipeline =
        vt_graphics_create(vt, &graphics, &sets[0], 2 * sizeof(struct matrix), target.pass);
    const struct matrix view = camera(7.0f);
    const struct matrix models[3] = {turned(0.6f, 0.5f, 1.15f, -0.35f, 0.1f, 0),
                                     turned(-0.4f, 0.9f, 0.6f, 1.6f, -1.1f, 0.8f),
                                     turned(1.1f, -0.4f, 0.5f, 1.2f, 1.4f, -1.0f)};
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 0, 64, &view);
    for (uint32_t i = 0; i < 3; i++) {
        vt_bind(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, &pipeline, &sets[i]);
        vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 64, 64, &models[i]);
        vkCmdDraw(cmd, 36, 1, 0, 0);
    }
    vt_end_target(cmd, &target);
    vt_finish(vt, cmd);
    vt_put_image(vt, &target.resolve);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {{"cubes", cubes}};
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}
