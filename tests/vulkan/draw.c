/* SPDX-License-Identifier: MIT */
/* Drawing: the fixed functions, shader stages and kinds of draws. */
#include <math.h>

#include "common/vt.h"

#define RGBA VK_FORMAT_R8G8B8A8_UNORM
#define GRAPHICS VK_PIPELINE_BIND_POINT_GRAPHICS
#define INLINE VK_SUBPASS_CONTENTS_INLINE

struct quad { /* the push constants of quad.vert */
    float rect[4], tint[4], depth;
};

struct vertex {
    float position[3];
    uint8_t tint[4];
};

static const VkFormat vertex_formats[2] = {VK_FORMAT_R32G32B32_SFLOAT, RGBA};

static struct vt_target plain_target(struct vt *vt, uint32_t size)
{
    return vt_target(vt, RGBA, VK_FORMAT_UNDEFINED, size, size, VK_SAMPLE_COUNT_1_BIT);
}

static void draw_quad(VkCommandBuffer cmd, const struct vt_pipeline *pipeline,
                      const struct quad *quad)
{
    vkCmdPushConstants(cmd, pipeline->layout, VK_SHADER_STAGE_ALL, 0, sizeof(*quad), quad);
    vkCmdDraw(cmd, 4, 1, 0, 0);
}

static void init_quads(struct vt_graphics *graphics, const char *fragment)
{
    vt_graphics_init(graphics, "quad.vert", fragment);
    graphics->assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
}

static void end_and_put(struct vt *vt, VkCommandBuffer cmd, struct vt_target *target)
{
    vt_end_target(cmd, target);
    vt_finish(vt, cmd);
    vt_put_image(vt, target->resolve.handle ? &target->resolve : &target->color);
}

static void triangle(struct vt *vt)
{
    struct vt_target target = plain_target(vt, 128);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "triangle.vert", "color.frag");
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    vkCmdDraw(cmd, 3, 1, 0, 0);
    end_and_put(vt, cmd, &target);
}

/* Filters, address modes, levels of detail. */
static void textures(struct vt *vt)
{
    struct vt_target target = plain_target(vt, 192);
    struct vt_image picture = vt_texture(vt, 32, 32, 1);
    VkSampler samplers[4] = {
        vt_sampler(vt, VK_FILTER_NEAREST, VK_SAMPLER_ADDRESS_MODE_REPEAT),
        vt_sampler(vt, VK_FILTER_LINEAR, VK_SAMPLER_ADDRESS_MODE_MIRRORED_REPEAT),
        vt_sampler(vt, VK_FILTER_LINEAR, VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE),
        vt_sampler(vt, VK_FILTER_NEAREST, VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER),
    };
    struct vt_set sets[4];
    struct vt_pipeline pipeline = {0};
    struct vt_graphics graphics;
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    for (uint32_t i = 0; i < 4; i++) {
        struct vt_binding binding = {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, .image = &picture,
                                     .sampler = samplers[i],
                                     .layout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
        sets[i] = vt_set(vt, &binding, 1);
        if (i == 0) {
            init_quads(&graphics, "textured.frag");
            pipeline =
                vt_graphics_create(vt, &graphics, &sets[0], sizeof(struct quad), target.pass);
        }
        float x = (float)(i & 1) - 1.0f, y = (float)(i >> 1) - 1.0f;
        vt_bind(cmd, GRAPHICS, &pipeline, &sets[i]);
        draw_quad(cmd, &pipeline,
                  &(struct quad){{x + 0.05f, y + 0.05f, x + 0.95f, y + 0.95f}, {VT_WHITE}, 0.0f});
    }
    end_and_put(vt, cmd, &target);
}

static struct vt_image filled_image(struct vt *vt, const VkImageCreateInfo *info,
                                    VkImageViewType type)
{
    struct vt_image image = vt_image_create(vt, info, type);
    uint32_t slices = image.layers * image.extent.depth;
    struct vt_buffer pixels = vt_buffer(vt, 16ul * 16 * 4 * slices, 0);
    for (uint32_t i = 0; i < slices; i++)
        vt_fill_pattern((uint8_t *)pixels.data + i * 1024ul, 16, 16, i * 3 + 1);
    VkBufferImageCopy region = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, image.layers},
        .imageExtent = image.extent,
    };
    VkCommandBuffer cmd = vt_begin(vt);
    vt_layout(cmd, &image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vkCmdCopyBufferToImage(cmd, pixels.handle, image.handle, image.layout, 1, &region);
    vt_layout(cmd, &image, VK_IMAGE_LAYOUT_GENERAL);
    vt_finish(vt, cmd);
    return image;
}

static void texture_kinds(struct vt *vt)
{
    struct vt_target target = plain_target(vt, 192);
    VkImageCreateInfo info = {.format = RGBA,
                              .extent = {16, 16, 0},
                              .arrayLayers = 3,
                              .usage = VK_IMAGE_USAGE_SAMPLED_BIT};
    struct vt_image array = filled_image(vt, &info, VK_IMAGE_VIEW_TYPE_2D_ARRAY);
    info.arrayLayers = 6;
    info.flags = VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT;
    struct vt_image cube = filled_image(vt, &info, VK_IMAGE_VIEW_TYPE_CUBE);
    info = (VkImageCreateInfo){.format = RGBA,
                               .extent = {16, 16, 8},
                               .imageType = VK_IMAGE_TYPE_3D,
                               .usage = VK_IMAGE_USAGE_SAMPLED_BIT};
    struct vt_image volume = filled_image(vt, &info, VK_IMAGE_VIEW_TYPE_3D);
    VkSampler sampler = vt_sampler(vt, VK_FILTER_LINEAR, VK_SAMPLER_ADDRESS_MODE_REPEAT);
    const VkDescriptorType type = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
    struct vt_binding bindings[] = {{type, .image = &array, .sampler = sampler},
                                    {type, .image = &cube, .sampler = sampler},
                                    {type, .image = &volume, .sampler = sampler}};
    struct vt_set set = vt_set(vt, bindings, 3);
    struct vt_graphics graphics;
    init_quads(&graphics, "layers.frag");
    struct vt_pipeline pipeline =
        vt_graphics_create(vt, &graphics, &set, sizeof(struct quad), target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, &set);
    draw_quad(cmd, &pipeline, &(struct quad){{-0.9f, -0.9f, 0.9f, 0.9f}, {VT_WHITE}, 0.0f});
    end_and_put(vt, cmd, &target);
}

static void custom_border(struct vt *vt)
{
    vt_need(vt, vt->features.border_color.customBorderColorWithoutFormat,
            "customBorderColorWithoutFormat");
    struct vt_target target = plain_target(vt, 64);
    struct vt_image picture = vt_texture(vt, 16, 16, 2);
    VkSamplerCustomBorderColorCreateInfoEXT color = {
        .sType = VK_STRUCTURE_TYPE_SAMPLER_CUSTOM_BORDER_COLOR_CREATE_INFO_EXT,
        .customBorderColor.float32 = {0.9f, 0.3f, 0.6f, 0.5f},
    };
    VkSamplerCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
        .pNext = &color,
        .addressModeU = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER,
        .addressModeV = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER,
        .borderColor = VK_BORDER_COLOR_FLOAT_CUSTOM_EXT,
    };
    VkSampler sampler;
    VT_CHECK(vt, vkCreateSampler(vt->device, &info, NULL, &sampler));
    VT_OWN(vt, SAMPLER, sampler);
    struct vt_binding binding = {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, .image = &picture,
                                 .sampler = sampler,
                                 .layout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    struct vt_set set = vt_set(vt, &binding, 1);
    struct vt_graphics graphics;
    init_quads(&graphics, "textured.frag");
    struct vt_pipeline pipeline =
        vt_graphics_create(vt, &graphics, &set, sizeof(struct quad), target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, &set);
    draw_quad(cmd, &pipeline, &(struct quad){{-1, -1, 1, 1}, {VT_WHITE}, 0.0f});
    end_and_put(vt, cmd, &target);
}

/* Overlapping rectangles at various depths, with depth and then stencil tests; both are read back.
 */
static void depth_and_stencil(struct vt *vt)
{
    struct vt_target target =
        vt_target(vt, RGBA, VK_FORMAT_D32_SFLOAT_S8_UINT, 128, 128, VK_SAMPLE_COUNT_1_BIT);
    struct vt_graphics graphics;
    init_quads(&graphics, "color.frag");
    graphics.depth.depthTestEnable = graphics.depth.depthWriteEnable = VK_TRUE;
    graphics.depth.depthCompareOp = VK_COMPARE_OP_LESS;
    graphics.depth.stencilTestEnable = VK_TRUE;
    graphics.depth.front = (VkStencilOpState){
        .failOp = VK_STENCIL_OP_INVERT,
        .passOp = VK_STENCIL_OP_INCREMENT_AND_WRAP,
        .depthFailOp = VK_STENCIL_OP_DECREMENT_AND_WRAP,
        .compareOp = VK_COMPARE_OP_GREATER_OR_EQUAL,
        .compareMask = 0x7f,
        .writeMask = 0xff,
        .reference = 3,
    };
    graphics.depth.back = graphics.depth.front;
    vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_STENCIL_REFERENCE);
    struct vt_pipeline pipeline =
        vt_graphics_create(vt, &graphics, NULL, sizeof(struct quad), target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    for (uint32_t i = 0; i < 10; i++) {
        float x = -0.9f + 0.11f * (float)i, depth = (float)(i * 7 % 10) / 10.0f;
        vkCmdSetStencilReference(cmd, VK_STENCIL_FACE_FRONT_AND_BACK, i % 4 + 1);
        draw_quad(cmd, &pipeline,
                  &(struct quad){{x, x * 0.8f, x + 0.6f, x + 0.8f},
                                 {depth, 1.0f - depth, (float)i / 10.0f, 1.0f},
                                 depth});
    }
    end_and_put(vt, cmd, &target);
    vt_put_image(vt, &target.depth);
}

static void depth_formats(struct vt *vt)
{
    const VkFormat formats[] = {VK_FORMAT_D16_UNORM, VK_FORMAT_D32_SFLOAT};
    for (uint32_t i = 0; i < VT_COUNT(formats); i++) {
        struct vt_target target = vt_target(vt, RGBA, formats[i], 64, 64, VK_SAMPLE_COUNT_1_BIT);
        struct vt_graphics graphics;
        vt_graphics_init(&graphics, "triangle.vert", "color.frag");
        graphics.depth.depthTestEnable = graphics.depth.depthWriteEnable = VK_TRUE;
        graphics.depth.depthCompareOp = VK_COMPARE_OP_LESS_OR_EQUAL;
        graphics.raster.depthBiasEnable = VK_TRUE;
        graphics.raster.depthBiasConstantFactor = 4.0f;
        graphics.raster.depthBiasSlopeFactor = 0.5f;
        struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
        VkCommandBuffer cmd = vt_begin(vt);
        vt_begin_target(cmd, &target, INLINE);
        vt_bind(cmd, GRAPHICS, &pipeline, NULL);
        vkCmdDraw(cmd, 3, 1, 0, 0);
        end_and_put(vt, cmd, &target);
        vt_put_image(vt, &target.depth);
    }
}

static void blending(struct vt *vt)
{
    static const struct {
        VkBlendFactor from, to;
        VkBlendOp op;
    } modes[] = {
        {VK_BLEND_FACTOR_SRC_ALPHA, VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA, VK_BLEND_OP_ADD},
        {VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ONE, VK_BLEND_OP_REVERSE_SUBTRACT},
        {VK_BLEND_FACTOR_DST_COLOR, VK_BLEND_FACTOR_ZERO, VK_BLEND_OP_ADD},
        {VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ONE, VK_BLEND_OP_MAX},
        {VK_BLEND_FACTOR_CONSTANT_COLOR, VK_BLEND_FACTOR_ONE_MINUS_CONSTANT_ALPHA, VK_BLEND_OP_ADD},
        {VK_BLEND_FACTOR_SRC_ALPHA_SATURATE, VK_BLEND_FACTOR_DST_ALPHA, VK_BLEND_OP_SUBTRACT},
    };
    struct vt_target target = plain_target(vt, 96);
    const float constants[4] = {0.2f, 0.4f, 0.6f, 0.8f};
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    for (uint32_t i = 0; i < VT_COUNT(modes); i++) {
        struct vt_graphics graphics;
        init_quads(&graphics, "color.frag");
        graphics.attachments[0] = (VkPipelineColorBlendAttachmentState){
            VK_TRUE,       modes[i].from, modes[i].to, modes[i].op,
            modes[i].from, modes[i].to,   modes[i].op, i == 3 ? 11u : 15u};
        vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_BLEND_CONSTANTS);
        struct vt_pipeline pipeline =
            vt_graphics_create(vt, &graphics, NULL, sizeof(struct quad), target.pass);
        float y = -0.95f + 0.32f * (float)i;
        vt_bind(cmd, GRAPHICS, &pipeline, NULL);
        vkCmdSetBlendConstants(cmd, constants);
        for (uint32_t k = 0; k < 4; k++)
            draw_quad(
                cmd, &pipeline,
                &(struct quad){{-0.9f + 0.3f * (float)k, y, -0.2f + 0.3f * (float)k, y + 0.28f},
                               {0.2f + 0.2f * (float)k, 0.9f - 0.2f * (float)k, 0.5f, 0.6f},
                               0.0f});
    }
    end_and_put(vt, cmd, &target);
}

static void logic_ops(struct vt *vt)
{
    vt_need(vt, vt->features.core.features.logicOp, "logicOp");
    struct vt_target target = plain_target(vt, 64);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    for (uint32_t op = 0; op < 16; op++) {
        struct vt_graphics graphics;
        init_quads(&graphics, "color.frag");
        graphics.blend.logicOpEnable = VK_TRUE;
        graphics.blend.logicOp = (VkLogicOp)op;
        struct vt_pipeline pipeline =
            vt_graphics_create(vt, &graphics, NULL, sizeof(struct quad), target.pass);
        float x = -1.0f + 0.5f * (float)(op % 4), y = -1.0f + 0.5f * (float)(op / 4);
        vt_bind(cmd, GRAPHICS, &pipeline, NULL);
        draw_quad(cmd, &pipeline,
                  &(struct quad){{x, y, x + 0.4f, y + 0.4f}, {0.7f, 0.3f, 0.55f, 0.2f}, 0.0f});
    }
    end_and_put(vt, cmd, &target);
}

static void msaa_resolve(struct vt *vt)
{
    struct vt_target target =
        vt_target(vt, RGBA, VK_FORMAT_D32_SFLOAT, 96, 96, VK_SAMPLE_COUNT_4_BIT);
    struct vt_graphics graphics;
    const VkSampleMask mask = 0xd;
    vt_graphics_init(&graphics, "triangle.vert", "color.frag");
    graphics.samples.rasterizationSamples = VK_SAMPLE_COUNT_4_BIT;
    graphics.samples.pSampleMask = &mask;
    graphics.samples.alphaToCoverageEnable = VK_TRUE;
    graphics.samples.sampleShadingEnable = vt->features.core.features.sampleRateShading;
    graphics.samples.minSampleShading = 1.0f;
    graphics.depth.depthTestEnable = graphics.depth.depthWriteEnable = VK_TRUE;
    graphics.depth.depthCompareOp = VK_COMPARE_OP_LESS;
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    vkCmdDraw(cmd, 3, 1, 0, 0);
    end_and_put(vt, cmd, &target);
}

static void tessellation(struct vt *vt)
{
    vt_need(vt, vt->features.core.features.tessellationShader, "tessellationShader");
    struct vt_target target = plain_target(vt, 128);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "patch.vert", "color.frag");
    graphics.shaders[2] = "patch.tesc";
    graphics.shaders[3] = "patch.tese";
    graphics.assembly.topology = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST;
    graphics.tessellation.patchControlPoints = 4;
    graphics.raster.polygonMode =
        vt->features.core.features.fillModeNonSolid ? VK_POLYGON_MODE_LINE : VK_POLYGON_MODE_FILL;
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 8, target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 0, 8, (float[2]){5.5f, 7.25f});
    vkCmdDraw(cmd, 4, 1, 0, 0);
    end_and_put(vt, cmd, &target);
}

static void geometry(struct vt *vt)
{
    vt_need(vt, vt->features.core.features.geometryShader, "geometryShader");
    static const struct vertex vertices[] = {{{-0.5f, -0.5f, 0}, {255, 0, 0, 255}},
                                             {{0.4f, -0.3f, 0}, {0, 255, 80, 255}},
                                             {{-0.1f, 0.5f, 0}, {90, 80, 255, 255}}};
    struct vt_target target = plain_target(vt, 128);
    struct vt_buffer buffer =
        vt_buffer_of(vt, vertices, sizeof(vertices), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "vertex.vert", "color.frag");
    vt_graphics_vertices(&graphics, vertex_formats, 2);
    graphics.shaders[2] = "fan.geom";
    graphics.assembly.topology = VK_PRIMITIVE_TOPOLOGY_POINT_LIST;
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    vkCmdBindVertexBuffers(cmd, 0, 1, &buffer.handle, &(VkDeviceSize){0});
    vkCmdDraw(cmd, 3, 1, 0, 0);
    end_and_put(vt, cmd, &target);
}

static void multiple_viewports(struct vt *vt)
{
    const VkPhysicalDeviceFeatures *features = &vt->features.core.features;
    vt_need(vt, features->geometryShader && features->multiViewport, "multiViewport");
    struct vt_target target = plain_target(vt, 128);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "triangle.vert", "color.frag");
    graphics.shaders[2] = "viewports.geom";
    graphics.viewport.viewportCount = graphics.viewport.scissorCount = 4;
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
    VkViewport viewports[4];
    VkRect2D scissors[4];
    for (uint32_t i = 0; i < 4; i++) {
        float x = 64.0f * (float)(i & 1), y = 64.0f * (float)(i >> 1);
        viewports[i] =
            (VkViewport){x, i == 3 ? y + 64.0f : y, 64.0f, i == 3 ? -64.0f : 64.0f, 0, 1};
        scissors[i] = (VkRect2D){{(int32_t)x + 4, (int32_t)y + 8}, {52, 50}};
    }
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    vkCmdSetViewport(cmd, 0, 4, viewports);
    vkCmdSetScissor(cmd, 0, 4, scissors);
    vkCmdDraw(cmd, 3, 1, 0, 0);
    end_and_put(vt, cmd, &target);
}

static void derivatives(struct vt *vt)
{
    struct vt_target target = plain_target(vt, 128);
    struct vt_graphics graphics;
    init_quads(&graphics, "derivatives.frag");
    struct vt_pipeline pipeline =
        vt_graphics_create(vt, &graphics, NULL, sizeof(struct quad), target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    draw_quad(cmd, &pipeline, &(struct quad){{-1, -1, 1, 1}, {VT_WHITE}, 0.0f});
    end_and_put(vt, cmd, &target);
}

/* Every topology, indexed with restarts where it is a strip. */
static void topologies(struct vt *vt)
{
    struct vertex vertices[16];
    for (uint32_t i = 0; i < 16; i++)
        vertices[i] =
            (struct vertex){{cosf((float)i * 0.4f) * (0.4f + 0.1f * (float)(i & 1)),
                             sinf((float)i * 0.4f) * 0.8f, 0},
                            {(uint8_t)(i * 16), (uint8_t)(255 - i * 9), (uint8_t)(i * i), 255}};
    static const uint16_t indices[] = {0, 1, 2, 3,      4,  0xffff, 5,  6,
                                       7, 8, 9, 0xffff, 10, 11,     12, 13};
    struct vt_target target = plain_target(vt, 128);
    struct vt_buffer buffer =
        vt_buffer_of(vt, vertices, sizeof(vertices), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
    struct vt_buffer index =
        vt_buffer_of(vt, indices, sizeof(indices), VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vkCmdBindVertexBuffers(cmd, 0, 1, &buffer.handle, &(VkDeviceSize){0});
    vkCmdBindIndexBuffer(cmd, index.handle, 0, VK_INDEX_TYPE_UINT16);
    for (uint32_t i = 0; i <= VK_PRIMITIVE_TOPOLOGY_TRIANGLE_FAN; i++) {
        struct vt_graphics graphics;
        bool list = i == VK_PRIMITIVE_TOPOLOGY_POINT_LIST || i == VK_PRIMITIVE_TOPOLOGY_LINE_LIST ||
                    i == VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
        vt_graphics_init(&graphics, "vertex.vert", "color.frag");
        vt_graphics_vertices(&graphics, vertex_formats, 2);
        graphics.assembly.topology = (VkPrimitiveTopology)i;
        graphics.assembly.primitiveRestartEnable = !list;
        struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
        VkViewport viewport = {(float)(i % 3) * 42, (float)(i / 3) * 64, 42, 64, 0, 1};
        vkCmdSetViewport(cmd, 0, 1, &viewport);
        vt_bind(cmd, GRAPHICS, &pipeline, NULL);
        if (list)
            vkCmdDrawIndexed(cmd, 5, 1, 6, 2, 0);
        else
            vkCmdDrawIndexed(cmd, VT_COUNT(indices), 1, 0, 1, 0);
    }
    end_and_put(vt, cmd, &target);
}

static void instancing(struct vt *vt)
{
    static const struct vertex vertices[] = {{{0, -1, 0}, {255, 40, 0, 255}},
                                             {{1, 1, 0}, {0, 255, 80, 255}},
                                             {{-1, 1, 0}, {90, 80, 255, 255}}};
    float places[64][4];
    for (uint32_t i = 0; i < 64; i++) {
        places[i][0] = (float)(i % 8) / 4.0f - 0.875f;
        places[i][1] = (float)(i / 8) / 4.0f - 0.875f;
        places[i][2] = places[i][3] = 0.05f + 0.001f * (float)i;
    }
    struct vt_target target = plain_target(vt, 128);
    const VkBufferUsageFlags usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT;
    struct vt_buffer buffer = vt_buffer_of(vt, vertices, sizeof(vertices), usage);
    struct vt_buffer instances = vt_buffer_of(vt, places, sizeof(places), usage);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "instanced.vert", "color.frag");
    vt_graphics_vertices(&graphics, vertex_formats, 2);
    graphics.vertex_bindings[1] =
        (VkVertexInputBindingDescription){1, 16, VK_VERTEX_INPUT_RATE_INSTANCE};
    graphics.attributes[2] =
        (VkVertexInputAttributeDescription){2, 1, VK_FORMAT_R32G32B32A32_SFLOAT, 0};
    graphics.vertex_input.vertexBindingDescriptionCount = 2;
    graphics.vertex_input.vertexAttributeDescriptionCount = 3;
    VkVertexInputBindingDivisorDescriptionEXT divisor = {1, 2};
    VkPipelineVertexInputDivisorStateCreateInfoEXT divisors = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_DIVISOR_STATE_CREATE_INFO_EXT,
        .vertexBindingDivisorCount = 1,
        .pVertexBindingDivisors = &divisor,
    };
    struct vt_pipeline pipelines[2] = {vt_graphics_create(vt, &graphics, NULL, 0, target.pass)};
    if (vt->features.divisor.vertexAttributeInstanceRateDivisor)
        graphics.vertex_input.pNext = &divisors;
    pipelines[1] = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    VkBuffer buffers[2] = {buffer.handle, instances.handle};
    vkCmdBindVertexBuffers(cmd, 0, 2, buffers, (VkDeviceSize[2]){0, 0});
    vt_bind(cmd, GRAPHICS, &pipelines[0], NULL);
    vkCmdDraw(cmd, 3, 32, 0, 0);
    vt_bind(cmd, GRAPHICS, &pipelines[1], NULL);
    vkCmdBindVertexBuffers(cmd, 1, 1, &instances.handle, &(VkDeviceSize){40 * 16});
    vkCmdDraw(cmd, 3, 40, 0, 0);
    end_and_put(vt, cmd, &target);
}

struct grid {
    struct vt_target target;
    struct vt_pipeline pipeline;
    VkCommandBuffer cmd;
};

static struct grid begin_grid(struct vt *vt)
{
    struct grid grid = {.target = plain_target(vt, 256)};
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "grid.vert", "color.frag");
    grid.pipeline = vt_graphics_create(vt, &graphics, NULL, 8, grid.target.pass);
    grid.cmd = vt_begin(vt);
    vt_begin_target(grid.cmd, &grid.target, INLINE);
    vt_bind(grid.cmd, GRAPHICS, &grid.pipeline, NULL);
    return grid;
}

static void push_grid(const struct grid *grid, uint32_t first, uint32_t per_draw)
{
    vkCmdPushConstants(grid->cmd, grid->pipeline.layout, VK_SHADER_STAGE_ALL, 0, 8,
                       (uint32_t[2]){first, per_draw});
}

static void indirect_draws(struct vt *vt)
{
    vt_need(vt, vt->features.core.features.multiDrawIndirect, "multiDrawIndirect");
    VkDrawIndirectCommand draws[16];
    VkDrawIndexedIndirectCommand indexed[16];
    const uint16_t indices[] = {9, 9, 0, 1, 2};
    for (uint32_t i = 0; i < 16; i++) {
        draws[i] = (VkDrawIndirectCommand){3, 20 + i, 0, i};
        indexed[i] = (VkDrawIndexedIndirectCommand){3, 30 + i, 2, 3 * (int32_t)i, 5};
    }
    const VkBufferUsageFlags usage = VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
    struct vt_buffer plain = vt_buffer_of(vt, draws, sizeof(draws), usage);
    struct vt_buffer other = vt_buffer_of(vt, indexed, sizeof(indexed), usage);
    struct vt_buffer count = vt_buffer_of(vt, (uint32_t[4]){0, 5, 100, 7}, 16, usage);
    struct vt_buffer index =
        vt_buffer_of(vt, indices, sizeof(indices), VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
    struct grid grid = begin_grid(vt);
    VkCommandBuffer cmd = grid.cmd;
    vkCmdBindIndexBuffer(cmd, index.handle, 0, VK_INDEX_TYPE_UINT16);
    push_grid(&grid, 0, 64);
    vkCmdDrawIndirect(cmd, plain.handle, 0, 16, sizeof(draws[0]));
    push_grid(&grid, 1024, 64);
    vkCmdDrawIndexedIndirect(cmd, other.handle, sizeof(indexed[0]), 7, 2 * sizeof(indexed[0]));
    if (vt->features.v12.drawIndirectCount) {
        push_grid(&grid, 2048, 64);
        vkCmdDrawIndirectCount(cmd, plain.handle, 0, count.handle, 4, 16, sizeof(draws[0]));
        push_grid(&grid, 3072, 64);
        vkCmdDrawIndexedIndirectCount(cmd, other.handle, 0, count.handle, 8, 9, sizeof(indexed[0]));
    }
    end_and_put(vt, cmd, &grid.target);
}

static void multi_draw(struct vt *vt)
{
    vt_need(vt, vt->features.multi_draw.multiDraw, "multiDraw");
    VkMultiDrawInfoEXT draws[40];
    VkMultiDrawIndexedInfoEXT indexed[40];
    const uint32_t indices[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    for (uint32_t i = 0; i < 40; i++) {
        draws[i] = (VkMultiDrawInfoEXT){i * 3, 3};
        indexed[i] = (VkMultiDrawIndexedInfoEXT){i % 3 * 3, 3, (int32_t)i};
    }
    struct vt_buffer index =
        vt_buffer_of(vt, indices, sizeof(indices), VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
    struct grid grid = begin_grid(vt);
    const int32_t offset = 6;
    push_grid(&grid, 0, 64);
    VT_LOAD(vt, vkCmdDrawMultiEXT)(grid.cmd, 40, draws, 11, 3, sizeof(draws[0]));
    vkCmdBindIndexBuffer(grid.cmd, index.handle, 0, VK_INDEX_TYPE_UINT32);
    PFN_vkCmdDrawMultiIndexedEXT draw = VT_LOAD(vt, vkCmdDrawMultiIndexedEXT);
    push_grid(&grid, 20, 64);
    draw(grid.cmd, 40, indexed, 9, 0, sizeof(indexed[0]), NULL);
    push_grid(&grid, 40, 64);
    draw(grid.cmd, 20, indexed, 13, 0, 2 * sizeof(indexed[0]), &offset);
    end_and_put(vt, grid.cmd, &grid.target);
}

static void index_types(struct vt *vt)
{
    const uint8_t bytes[] = {0, 1, 2, 0, 2, 4};
    const uint32_t words[] = {0, 4, 5, 3, 4, 5};
    const VkBufferUsageFlags usage = VK_BUFFER_USAGE_INDEX_BUFFER_BIT;
    struct vt_buffer narrow = vt_buffer_of(vt, bytes, sizeof(bytes), usage);
    struct vt_buffer wide = vt_buffer_of(vt, words, sizeof(words), usage);
    struct grid grid = begin_grid(vt);
    push_grid(&grid, 100, 0);
    if (vt->features.index8.indexTypeUint8) {
        vkCmdBindIndexBuffer(grid.cmd, narrow.handle, 0, VK_INDEX_TYPE_UINT8_EXT);
        vkCmdDrawIndexed(grid.cmd, 6, 500, 0, 0, 0);
    }
    vkCmdBindIndexBuffer(grid.cmd, wide.handle, 12, VK_INDEX_TYPE_UINT32);
    vkCmdDrawIndexed(grid.cmd, 3, 900, 0, -3, 700);
    end_and_put(vt, grid.cmd, &grid.target);
}

static void line_styles(struct vt *vt)
{
    vt_need(vt, vt->features.lines.stippledRectangularLines, "stippledRectangularLines");
    struct vt_target target = plain_target(vt, 96);
    struct vt_graphics graphics;
    VkPipelineRasterizationLineStateCreateInfoEXT style = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_LINE_STATE_CREATE_INFO_EXT,
        .lineRasterizationMode = VK_LINE_RASTERIZATION_MODE_RECTANGULAR_EXT,
        .stippledLineEnable = VK_TRUE,
    };
    vt_graphics_init(&graphics, "triangle.vert", "color.frag");
    graphics.assembly.topology = VK_PRIMITIVE_TOPOLOGY_LINE_STRIP;
    graphics.raster.pNext = &style;
    vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_LINE_STIPPLE_EXT);
    vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_LINE_WIDTH);
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    VT_LOAD(vt, vkCmdSetLineStippleEXT)(cmd, 2, 0x33f5);
    vkCmdSetLineWidth(cmd, vt->features.core.features.wideLines ? 4.0f : 1.0f);
    vkCmdDraw(cmd, 4, 1, 0, 0);
    end_and_put(vt, cmd, &target);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {
        {"triangle", triangle},
        {"textures", textures},
        {"texture-kinds", texture_kinds},
        {"custom-border", custom_border},
        {"depth-and-stencil", depth_and_stencil},
        {"depth-formats", depth_formats},
        {"blending", blending},
        {"logic-ops", logic_ops},
        {"msaa-resolve", msaa_resolve},
        {"tessellation", tessellation},
        {"geometry", geometry},
        {"multiple-viewports", multiple_viewports},
        {"derivatives", derivatives},
        {"topologies", topologies},
        {"instancing", instancing},
        {"indirect-draws", indirect_draws},
        {"multi-draw", multi_draw},
        {"index-types", index_types},
        {"line-styles", line_styles},
    };
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}
