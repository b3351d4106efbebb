/* SPDX-License-Identifier: MIT */
/* Render passes of both kinds, dynamic rendering, dynamic state, transform feedback, predicates. */
#include "common/vt.h"

#define RGBA VK_FORMAT_R8G8B8A8_UNORM
#define GRAPHICS VK_PIPELINE_BIND_POINT_GRAPHICS
#define COLOR_LAYOUT VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL
#define DEPTH_LAYOUT VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL
#define READ_LAYOUT VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL

static VkRenderPass create_pass2(struct vt *vt, const VkRenderPassCreateInfo2 *info)
{
    VkRenderPass pass;
    VT_CHECK(vt, vkCreateRenderPass2(vt->device, info, NULL, &pass));
    VT_OWN(vt, RENDER_PASS, pass);
    return pass;
}

static VkFramebuffer create_framebuffer(struct vt *vt, const void *next, VkRenderPass pass,
                                        const VkImageView *views, uint32_t count, uint32_t size)
{
    VkFramebufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .pNext = next,
        .flags = views ? 0 : VK_FRAMEBUFFER_CREATE_IMAGELESS_BIT,
        .renderPass = pass,
        .attachmentCount = count,
        .pAttachments = views,
        .width = size,
        .height = size,
        .layers = 1,
    };
    VkFramebuffer framebuffer;
    VT_CHECK(vt, vkCreateFramebuffer(vt->device, &info, NULL, &framebuffer));
    VT_OWN(vt, FRAMEBUFFER, framebuffer);
    return framebuffer;
}

static VkAttachmentDescription2 attachment2(VkFormat format, VkSampleCountFlagBits samples)
{
    return (VkAttachmentDescription2){
        .sType = VK_STRUCTURE_TYPE_ATTACHMENT_DESCRIPTION_2,
        .format = format,
        .samples = samples,
        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
        .finalLayout = READ_LAYOUT,
    };
}

static VkAttachmentReference2 reference2(uint32_t attachment, VkImageLayout layout,
                                         VkImageAspectFlags aspect)
{
    return (VkAttachmentReference2){.sType = VK_STRUCTURE_TYPE_ATTACHMENT_REFERENCE_2,
                                    .attachment = attachment,
                                    .layout = layout,
                                    .aspectMask = aspect};
}

static void begin_pass(VkCommandBuffer cmd, VkRenderPass pass, VkFramebuffer framebuffer,
                       uint32_t size, const void *next)
{
    static const VkClearValue clear[4] = {{.color.float32 = {0.1f, 0.2f, 0.3f, 1.0f}},
                                          {.depthStencil = {1.0f, 0}},
                                          {.color.float32 = {0.3f, 0.2f, 0.1f, 1.0f}},
                                          {.depthStencil = {1.0f, 0}}};
    VkRenderPassBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .pNext = next,
        .renderPass = pass,
        .framebuffer = framebuffer,
        .renderArea = {.extent = {size, size}},
        .clearValueCount = 4,
        .pClearValues = clear,
    };
    VkSubpassBeginInfo subpass = {.sType = VK_STRUCTURE_TYPE_SUBPASS_BEGIN_INFO};
    vt_set_viewport(cmd, size, size);
    vkCmdBeginRenderPass2(cmd, &info, &subpass);
}

/* Two subpasses; the second reads colour and depth of the first as input attachments. */
static void subpasses(struct vt *vt)
{
    enum { SIZE = 96 };
    const VkImageUsageFlags input = VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;
    struct vt_image color =
        vt_image(vt, RGBA, SIZE, SIZE, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | input);
    struct vt_image depth = vt_image(vt, VK_FORMAT_D32_SFLOAT, SIZE, SIZE,
                                     VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT | input);
    struct vt_image result = vt_image(vt, RGBA, SIZE, SIZE, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT);
    VkAttachmentDescription attachments[3] = {{.format = RGBA,
                                               .samples = 1,
                                               .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                               .storeOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
                                               .finalLayout = READ_LAYOUT}};
    attachments[1] = attachments[2] = attachments[0];
    attachments[1].format = VK_FORMAT_D32_SFLOAT;
    attachments[2].storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    VkAttachmentReference first = {0, COLOR_LAYOUT}, depth_ref = {1, DEPTH_LAYOUT},
                          second = {2, COLOR_LAYOUT};
    VkAttachmentReference inputs[2] = {{0, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL},
                                       {1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_READ_ONLY_OPTIMAL}};
    VkSubpassDescription subpass_list[2] = {{.colorAttachmentCount = 1,
                                             .pColorAttachments = &first,
                                             .pDepthStencilAttachment = &depth_ref},
                                            {.colorAttachmentCount = 1,
                                             .pColorAttachments = &second,
                                             .inputAttachmentCount = 2,
                                             .pInputAttachments = inputs}};
    VkSubpassDependency dependencies[2] = {
        {0, 1, VK_PIPELINE_STAGE_ALL_GRAPHICS_BIT, VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT,
         VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT | VK_ACCESS_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT,
         VK_ACCESS_INPUT_ATTACHMENT_READ_BIT, VK_DEPENDENCY_BY_REGION_BIT},
        {1, VK_SUBPASS_EXTERNAL, VK_PIPELINE_STAGE_ALL_GRAPHICS_BIT,
         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_ACCESS_MEMORY_WRITE_BIT, VK_ACCESS_MEMORY_READ_BIT,
         0}};
    VkRenderPassCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
        .attachmentCount = 3,
        .pAttachments = attachments,
        .subpassCount = 2,
        .pSubpasses = subpass_list,
        .dependencyCount = 2,
        .pDependencies = dependencies,
    };
    VkRenderPass pass;
    VT_CHECK(vt, vkCreateRenderPass(vt->device, &info, NULL, &pass));
    VT_OWN(vt, RENDER_PASS, pass);
    VkFramebuffer framebuffer = create_framebuffer(
        vt, NULL, pass, (VkImageView[]){color.view, depth.view, result.view}, 3, SIZE);
    struct vt_binding bindings[] = {
        {VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT, .stages = VK_SHADER_STAGE_FRAGMENT_BIT,
         .image = &color, .layout = inputs[0].layout},
        {VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT, .stages = VK_SHADER_STAGE_FRAGMENT_BIT,
         .image = &depth, .layout = inputs[1].layout}};
    struct vt_set set = vt_set(vt, bindings, 2);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "triangle.vert", "color.frag");
    graphics.depth.depthTestEnable = graphics.depth.depthWriteEnable = VK_TRUE;
    graphics.depth.depthCompareOp = VK_COMPARE_OP_LESS;
    struct vt_pipeline draw = vt_graphics_create(vt, &graphics, NULL, 0, pass);
    vt_graphics_init(&graphics, "quad.vert", "input.frag");
    graphics.assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    graphics.info.subpass = 1;
    struct vt_pipeline read = vt_graphics_create(vt, &graphics, &set, 36, pass);
    const float quad[9] = {-1, -0.8f, 1, 0.9f, 0.9f, 0.8f, 1.0f, 1.0f, 0};
    VkCommandBuffer cmd = vt_begin(vt);
    begin_pass(cmd, pass, framebuffer, SIZE, NULL);
    vt_bind(cmd, GRAPHICS, &draw, NULL);
    vkCmdDraw(cmd, 3, 1, 0, 0);
    vkCmdNextSubpass(cmd, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, GRAPHICS, &read, &set);
    vkCmdPushConstants(cmd, read.layout, VK_SHADER_STAGE_ALL, 0, 36, quad);
    vkCmdDraw(cmd, 4, 1, 0, 0);
    vkCmdEndRenderPass(cmd);
    result.layout = READ_LAYOUT;
    vt_finish(vt, cmd);
    vt_put_image(vt, &result);
}

/* vkCreateRenderPass2 with a depth resolve. */
static void render_pass2(struct vt *vt)
{
    enum { SIZE = 80 };
    const VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_4_BIT;
    VkImageCreateInfo image = {.format = RGBA,
                               .extent = {SIZE, SIZE, 0},
                               .samples = samples,
                               .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
                                        VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT};
    struct vt_image color = vt_image_create(vt, &image, VK_IMAGE_VIEW_TYPE_2D);
    image.format = VK_FORMAT_D32_SFLOAT;
    image.usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
    struct vt_image depth = vt_image_create(vt, &image, VK_IMAGE_VIEW_TYPE_2D);
    struct vt_image flat = vt_image(vt, RGBA, SIZE, SIZE, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT);
    struct vt_image flat_depth =
        vt_image(vt, VK_FORMAT_D32_SFLOAT, SIZE, SIZE, VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT);
    VkAttachmentDescription2 attachments[4] = {
        attachment2(RGBA, samples), attachment2(VK_FORMAT_D32_SFLOAT, samples),
        attachment2(RGBA, 1), attachment2(VK_FORMAT_D32_SFLOAT, 1)};
    attachments[0].finalLayout = COLOR_LAYOUT;
    VkAttachmentReference2 color_ref = reference2(0, COLOR_LAYOUT, 0),
                           depth_ref = reference2(1, DEPTH_LAYOUT, 0),
                           flat_ref = reference2(2, COLOR_LAYOUT, 0),
                           flat_depth_ref = reference2(3, DEPTH_LAYOUT, 0);
    VkSubpassDescriptionDepthStencilResolve resolve = {
        .sType = VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_DEPTH_STENCIL_RESOLVE,
        .depthResolveMode = VK_RESOLVE_MODE_SAMPLE_ZERO_BIT,
        .stencilResolveMode = VK_RESOLVE_MODE_SAMPLE_ZERO_BIT,
        .pDepthStencilResolveAttachment = &flat_depth_ref,
    };
    VkSubpassDescription2 subpass = {
        .sType = VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_2,
        .pNext = &resolve,
        .colorAttachmentCount = 1,
        .pColorAttachments = &color_ref,
        .pResolveAttachments = &flat_ref,
        .pDepthStencilAttachment = &depth_ref,
    };
    VkMemoryBarrier2 barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
        .srcStageMask = VK_PIPELINE_STAGE_2_ALL_GRAPHICS_BIT,
        .srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT,
        .dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
        .dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT,
    };
    VkSubpassDependency2 dependency = {.sType = VK_STRUCTURE_TYPE_SUBPASS_DEPENDENCY_2,
                                       .pNext = &barrier,
                                       .dstSubpass = VK_SUBPASS_EXTERNAL};
    VkRenderPass pass = create_pass2(
        vt, &(VkRenderPassCreateInfo2){.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO_2,
                                       .attachmentCount = 4,
                                       .pAttachments = attachments,
                                       .subpassCount = 1,
                                       .pSubpasses = &subpass,
                                       .dependencyCount = 1,
                                       .pDependencies = &dependency});
    VkFramebuffer framebuffer = create_framebuffer(
        vt, NULL, pass, (VkImageView[]){color.view, depth.view, flat.view, flat_depth.view}, 4,
        SIZE);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "triangle.vert", "color.frag");
    graphics.samples.rasterizationSamples = samples;
    graphics.depth.depthTestEnable = graphics.depth.depthWriteEnable = VK_TRUE;
    graphics.depth.depthCompareOp = VK_COMPARE_OP_LESS;
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, pass);
    VkCommandBuffer cmd = vt_begin(vt);
    begin_pass(cmd, pass, framebuffer, SIZE, NULL);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    vkCmdDraw(cmd, 3, 1, 0, 0);
    vkCmdEndRenderPass2(cmd, &(VkSubpassEndInfo){.sType = VK_STRUCTURE_TYPE_SUBPASS_END_INFO});
    flat.layout = flat_depth.layout = READ_LAYOUT;
    vt_finish(vt, cmd);
    vt_put_image(vt, &flat);
    vt_put_image(vt, &flat_depth);
}

static void multiview(struct vt *vt)
{
    enum { SIZE = 64 };
    vt_need(vt, vt->features.v11.multiview, "multiview");
    VkImageCreateInfo layered = {.format = RGBA,
                                 .extent = {SIZE, SIZE, 0},
                                 .arrayLayers = 3,
                                 .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT};
    struct vt_image image = vt_image_create(vt, &layered, VK_IMAGE_VIEW_TYPE_2D_ARRAY);
    VkAttachmentDescription2 attachment = attachment2(RGBA, 1);
    VkAttachmentReference2 reference = reference2(0, COLOR_LAYOUT, 0);
    VkSubpassDescription2 subpass = {.sType = VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_2,
                                     .viewMask = 7,
                                     .colorAttachmentCount = 1,
                                     .pColorAttachments = &reference};
    const uint32_t correlated = 7;
    VkRenderPass pass = create_pass2(
        vt, &(VkRenderPassCreateInfo2){.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO_2,
                                       .attachmentCount = 1,
                                       .pAttachments = &attachment,
                                       .subpassCount = 1,
                                       .pSubpasses = &subpass,
                                       .correlatedViewMaskCount = 1,
                                       .pCorrelatedViewMasks = &correlated});
    VkFramebuffer framebuffer = create_framebuffer(vt, NULL, pass, &image.view, 1, SIZE);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "views.vert", "color.frag");
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, pass);
    /* A query for each view. Drivers exist that give results of the first alone, and do not wait
     * for the others. */
    VkQueryPool queries = vt_queries(vt, VK_QUERY_TYPE_OCCLUSION, 3, 0);
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdResetQueryPool(cmd, queries, 0, 3);
    begin_pass(cmd, pass, framebuffer, SIZE, NULL);
    vkCmdBeginQuery(cmd, queries, 0, 0);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    vkCmdDraw(cmd, 3, 1, 0, 0);
    vkCmdEndQuery(cmd, queries, 0);
    vkCmdEndRenderPass(cmd);
    vt_barrier(cmd);
    image.layout = READ_LAYOUT;
    vt_finish(vt, cmd);
    vt_put_image(vt, &image);
    uint32_t samples[3] = {0};
    VkResult result = vkGetQueryPoolResults(vt->device, queries, 0, 3, sizeof(samples), samples,
                                            sizeof(samples[0]), VK_QUERY_RESULT_WAIT_BIT);
    VT_EXPECT(vt, result == VK_SUCCESS || result == VK_NOT_READY);
    VT_EXPECT(vt, samples[0] + samples[1] + samples[2] > 0);
    vt_put_number(vt, (uint32_t)result);
}

static void imageless_framebuffer(struct vt *vt)
{
    enum { SIZE = 64 };
    vt_need(vt, vt->features.v12.imagelessFramebuffer, "imagelessFramebuffer");
    struct vt_target target = vt_target(vt, RGBA, VK_FORMAT_UNDEFINED, SIZE, SIZE, 1);
    const VkFormat format = RGBA;
    VkFramebufferAttachmentImageInfo image = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_ATTACHMENT_IMAGE_INFO,
        .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
                 VK_IMAGE_USAGE_TRANSFER_DST_BIT,
        .width = SIZE,
        .height = SIZE,
        .layerCount = 1,
        .viewFormatCount = 1,
        .pViewFormats = &format,
    };
    VkFramebufferAttachmentsCreateInfo attachments = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_ATTACHMENTS_CREATE_INFO,
        .attachmentImageInfoCount = 1,
        .pAttachmentImageInfos = &image};
    VkFramebuffer framebuffer = create_framebuffer(vt, &attachments, target.pass, NULL, 1, SIZE);
    VkRenderPassAttachmentBeginInfo views = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_ATTACHMENT_BEGIN_INFO,
        .attachmentCount = 1,
        .pAttachments = &target.color.view};
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "triangle.vert", "color.frag");
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    begin_pass(cmd, target.pass, framebuffer, SIZE, &views);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    vkCmdDraw(cmd, 3, 1, 0, 0);
    vt_end_target(cmd, &target);
    vt_finish(vt, cmd);
    vt_put_image(vt, &target.color);
}

/* Dynamic rendering into three attachments of different kinds, suspended and resumed. */
static void dynamic_rendering(struct vt *vt)
{
    enum { SIZE = 72 };
    vt_need(vt, vt->features.v13.dynamicRendering, "dynamicRendering");
    const VkFormat formats[3] = {RGBA, VK_FORMAT_R32G32B32A32_SFLOAT, VK_FORMAT_R32G32B32A32_UINT};
    struct vt_image images[3];
    VkRenderingAttachmentInfo attachments[3];
    for (uint32_t i = 0; i < 3; i++) {
        images[i] = vt_image(vt, formats[i], SIZE, SIZE, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT);
        attachments[i] = (VkRenderingAttachmentInfo){
            .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
            .imageView = images[i].view,
            .imageLayout = COLOR_LAYOUT,
            .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
            .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
            .clearValue.color.uint32 = {i == 2 ? 7 : 0x3f000000, 0, 0x3e000000, i},
        };
    }
    VkPipelineRenderingCreateInfo rendering = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
        .colorAttachmentCount = 3,
        .pColorAttachmentFormats = formats,
    };
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "triangle.vert", "several.frag");
    graphics.blend.attachmentCount = 3;
    graphics.info.pNext = &rendering;
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, VK_NULL_HANDLE);
    VkRenderingInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
        .flags = VK_RENDERING_SUSPENDING_BIT,
        .renderArea = {{4, 4}, {SIZE - 8, SIZE - 8}},
        .layerCount = 1,
        .colorAttachmentCount = 3,
        .pColorAttachments = attachments,
    };
    VkCommandBuffer cmd = vt_begin(vt);
    for (uint32_t i = 0; i < 3; i++) {
        vt_layout(cmd, &images[i], VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
        vkCmdClearColorImage(cmd, images[i].handle, images[i].layout, &(VkClearColorValue){{0}}, 1,
                             (VkImageSubresourceRange[]){vt_range(&images[i])});
        vt_layout(cmd, &images[i], COLOR_LAYOUT);
    }
    vt_set_viewport(cmd, SIZE, SIZE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    vkCmdBeginRendering(cmd, &info);
    vkCmdDraw(cmd, 3, 1, 0, 0);
    vkCmdEndRendering(cmd);
    info.flags = VK_RENDERING_RESUMING_BIT;
    vkCmdBeginRendering(cmd, &info);
    vkCmdDraw(cmd, 3, 1, 1, 0);
    vkCmdEndRendering(cmd);
    vt_finish(vt, cmd);
    for (uint32_t i = 0; i < 3; i++)
        vt_put_image(vt, &images[i]);
}

/* Everything that Vulkan 1.3 lets a command set instead of the pipeline. */
static void dynamic_state(struct vt *vt)
{
    static const VkDynamicState states[] = {VK_DYNAMIC_STATE_CULL_MODE,
                                            VK_DYNAMIC_STATE_FRONT_FACE,
                                            VK_DYNAMIC_STATE_PRIMITIVE_TOPOLOGY,
                                            VK_DYNAMIC_STATE_DEPTH_TEST_ENABLE,
                                            VK_DYNAMIC_STATE_DEPTH_WRITE_ENABLE,
                                            VK_DYNAMIC_STATE_DEPTH_COMPARE_OP,
                                            VK_DYNAMIC_STATE_STENCIL_TEST_ENABLE,
                                            VK_DYNAMIC_STATE_STENCIL_OP,
                                            VK_DYNAMIC_STATE_RASTERIZER_DISCARD_ENABLE,
                                            VK_DYNAMIC_STATE_DEPTH_BIAS_ENABLE,
                                            VK_DYNAMIC_STATE_PRIMITIVE_RESTART_ENABLE,
                                            VK_DYNAMIC_STATE_DEPTH_BIAS,
                                            VK_DYNAMIC_STATE_STENCIL_COMPARE_MASK,
                                            VK_DYNAMIC_STATE_STENCIL_WRITE_MASK,
                                            VK_DYNAMIC_STATE_STENCIL_REFERENCE};
    const VkStencilFaceFlags both = VK_STENCIL_FACE_FRONT_AND_BACK;
    struct vt_target target = vt_target(vt, RGBA, VK_FORMAT_D32_SFLOAT_S8_UINT, 96, 96, 1);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "quad.vert", "color.frag");
    for (uint32_t i = 0; i < VT_COUNT(states); i++)
        vt_graphics_dynamic(&graphics, states[i]);
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 36, target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    for (uint32_t i = 0; i < 8; i++) {
        float x = -0.9f + 0.15f * (float)i;
        float quad[9] = {
            x, x, x + 0.7f, x + 0.5f, 0.1f * (float)i, 0.9f, 0.3f, 1.0f, 0.9f - 0.1f * (float)i};
        vkCmdSetCullMode(cmd, i == 3 ? VK_CULL_MODE_FRONT_BIT : VK_CULL_MODE_NONE);
        vkCmdSetFrontFace(cmd, VK_FRONT_FACE_CLOCKWISE);
        vkCmdSetPrimitiveTopology(cmd, i & 1 ? VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP
                                             : VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST);
        vkCmdSetDepthTestEnable(cmd, i != 2);
        vkCmdSetDepthWriteEnable(cmd, i & 1);
        vkCmdSetDepthCompareOp(cmd, i < 6 ? VK_COMPARE_OP_LESS : VK_COMPARE_OP_GREATER);
        vkCmdSetStencilTestEnable(cmd, VK_TRUE);
        vkCmdSetStencilOp(cmd, both, VK_STENCIL_OP_ZERO, VK_STENCIL_OP_REPLACE,
                          VK_STENCIL_OP_INVERT, VK_COMPARE_OP_GREATER_OR_EQUAL);
        vkCmdSetStencilCompareMask(cmd, both, 0x3);
        vkCmdSetStencilWriteMask(cmd, both, 0xff - i);
        vkCmdSetStencilReference(cmd, both, i + 1);
        vkCmdSetRasterizerDiscardEnable(cmd, i == 5);
        vkCmdSetDepthBiasEnable(cmd, i == 4);
        vkCmdSetDepthBias(cmd, 2.0f, 0.0f, 1.0f);
        vkCmdSetPrimitiveRestartEnable(cmd, VK_FALSE);
        vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 0, 36, quad);
        vkCmdDraw(cmd, 4, 1, 0, 0);
    }
    vt_end_target(cmd, &target);
    vt_finish(vt, cmd);
    vt_put_image(vt, &target.color);
    vt_put_image(vt, &target.depth);
}

/* Blending, colour masks, samples, polygon mode by commands of VK_EXT_extended_dynamic_state3, and
 * VK_EXT_color_write_enable. */
static void dynamic_state3(struct vt *vt)
{
    const VkPhysicalDeviceExtendedDynamicState3FeaturesEXT *features = &vt->features.dynamic3;
    vt_need(vt,
            features->extendedDynamicState3ColorBlendEnable &&
                features->extendedDynamicState3ColorBlendEquation &&
                features->extendedDynamicState3ColorWriteMask &&
                features->extendedDynamicState3PolygonMode &&
                features->extendedDynamicState3SampleMask &&
                vt->features.color_write.colorWriteEnable,
            "extendedDynamicState3 and colorWriteEnable");
    struct vt_target target = vt_target(vt, RGBA, VK_FORMAT_UNDEFINED, 96, 96, 1);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "quad.vert", "color.frag");
    graphics.assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_COLOR_BLEND_ENABLE_EXT);
    vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_COLOR_BLEND_EQUATION_EXT);
    vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_COLOR_WRITE_MASK_EXT);
    vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_POLYGON_MODE_EXT);
    vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_SAMPLE_MASK_EXT);
    vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_COLOR_WRITE_ENABLE_EXT);
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 36, target.pass);
    PFN_vkCmdSetColorBlendEnableEXT set_enable = VT_LOAD(vt, vkCmdSetColorBlendEnableEXT);
    PFN_vkCmdSetColorBlendEquationEXT set_equation = VT_LOAD(vt, vkCmdSetColorBlendEquationEXT);
    PFN_vkCmdSetColorWriteMaskEXT set_mask = VT_LOAD(vt, vkCmdSetColorWriteMaskEXT);
    PFN_vkCmdSetPolygonModeEXT set_polygon = VT_LOAD(vt, vkCmdSetPolygonModeEXT);
    PFN_vkCmdSetSampleMaskEXT set_samples = VT_LOAD(vt, vkCmdSetSampleMaskEXT);
    PFN_vkCmdSetColorWriteEnableEXT set_write = VT_LOAD(vt, vkCmdSetColorWriteEnableEXT);
    const VkColorBlendEquationEXT equation = {VK_BLEND_FACTOR_ONE,  VK_BLEND_FACTOR_SRC_ALPHA,
                                              VK_BLEND_OP_ADD,      VK_BLEND_FACTOR_ONE,
                                              VK_BLEND_FACTOR_ZERO, VK_BLEND_OP_MAX};
    const VkSampleMask all = 1;
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    for (uint32_t i = 0; i < 8; i++) {
        float x = -0.95f + 0.15f * (float)i;
        float quad[9] = {x, -x - 0.4f, x + 0.8f, -x, 0.1f * (float)i, 0.5f, 0.3f, 0.7f, 0};
        VkBool32 blend = i & 1, write = i != 6;
        VkColorComponentFlags mask = 15u - i % 3;
        set_enable(cmd, 0, 1, &blend);
        set_equation(cmd, 0, 1, &equation);
        set_mask(cmd, 0, 1, &mask);
        set_polygon(cmd, i == 2 ? VK_POLYGON_MODE_LINE : VK_POLYGON_MODE_FILL);
        set_samples(cmd, VK_SAMPLE_COUNT_1_BIT, &all);
        set_write(cmd, 1, &write);
        vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 0, 36, quad);
        vkCmdDraw(cmd, 4, 1, 0, 0);
    }
    vt_end_target(cmd, &target);
    vt_finish(vt, cmd);
    vt_put_image(vt, &target.color);
}

/* vkCmdSetVertexInputEXT and vkCmdBindVertexBuffers2. */
static void vertex_input(struct vt *vt)
{
    vt_need(vt, vt->features.vertex_input.vertexInputDynamicState, "vertexInputDynamicState");
    static const float positions[] = {-0.8f, -0.8f, 0, 9, 0.8f, -0.6f, 0, 9, 0, 0.9f, 0, 9};
    static const uint8_t tints[] = {255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255};
    struct vt_target target = vt_target(vt, RGBA, VK_FORMAT_UNDEFINED, 64, 64, 1);
    const VkBufferUsageFlags usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT;
    VkBuffer buffers[2] = {vt_buffer_of(vt, positions, sizeof(positions), usage).handle,
                           vt_buffer_of(vt, tints, sizeof(tints), usage).handle};
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "vertex.vert", "color.frag");
    vt_graphics_dynamic(&graphics, VK_DYNAMIC_STATE_VERTEX_INPUT_EXT);
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
    VkVertexInputBindingDescription2EXT bindings[2] = {
        {.sType = VK_STRUCTURE_TYPE_VERTEX_INPUT_BINDING_DESCRIPTION_2_EXT,
         .binding = 0,
         .stride = 16,
         .divisor = 1},
        {.sType = VK_STRUCTURE_TYPE_VERTEX_INPUT_BINDING_DESCRIPTION_2_EXT,
         .binding = 1,
         .stride = 4,
         .divisor = 1}};
    VkVertexInputAttributeDescription2EXT attributes[2] = {
        {.sType = VK_STRUCTURE_TYPE_VERTEX_INPUT_ATTRIBUTE_DESCRIPTION_2_EXT,
         .location = 0,
         .binding = 0,
         .format = VK_FORMAT_R32G32B32_SFLOAT},
        {.sType = VK_STRUCTURE_TYPE_VERTEX_INPUT_ATTRIBUTE_DESCRIPTION_2_EXT,
         .location = 1,
         .binding = 1,
         .format = RGBA}};
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    VT_LOAD(vt, vkCmdSetVertexInputEXT)(cmd, 2, bindings, 2, attributes);
    vkCmdBindVertexBuffers2(cmd, 0, 2, buffers, (VkDeviceSize[2]){0, 0},
                            (VkDeviceSize[2]){sizeof(positions), sizeof(tints)}, NULL);
    vkCmdDraw(cmd, 3, 1, 0, 0);
    vt_end_target(cmd, &target);
    vt_finish(vt, cmd);
    vt_put_image(vt, &target.color);
}

/* What a vertex shader puts out, its count, and a draw of that count. */
static void transform_feedback(struct vt *vt)
{
    vt_need(vt, vt->features.transform_feedback.transformFeedback, "transformFeedback");
    struct vt_target target = vt_target(vt, RGBA, VK_FORMAT_UNDEFINED, 64, 64, 1);
    struct vt_buffer out = vt_buffer(vt, 4096, VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT);
    struct vt_buffer counter = vt_buffer(vt, 16,
                                         VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_COUNTER_BUFFER_BIT_EXT |
                                             VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "feedback.vert", "color.frag");
    graphics.assembly.topology = VK_PRIMITIVE_TOPOLOGY_LINE_LIST;
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 0, target.pass);
    VkQueryPool query = vt_queries(vt, VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT, 1, 0);
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdResetQueryPool(cmd, query, 0, 1);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    VT_LOAD(vt, vkCmdBindTransformFeedbackBuffersEXT)
    (cmd, 0, 1, &out.handle, &(VkDeviceSize){64}, &(VkDeviceSize){2048});
    VT_LOAD(vt, vkCmdBeginQueryIndexedEXT)(cmd, query, 0, 0, 0);
    VT_LOAD(vt, vkCmdBeginTransformFeedbackEXT)(cmd, 0, 0, NULL, NULL);
    vkCmdDraw(cmd, 8, 4, 3, 1);
    VT_LOAD(vt, vkCmdEndTransformFeedbackEXT)(cmd, 0, 1, &counter.handle, &(VkDeviceSize){4});
    VT_LOAD(vt, vkCmdEndQueryIndexedEXT)(cmd, query, 0, 0);
    vt_end_target(cmd, &target);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    uint64_t counts[2];
    VT_CHECK(vt,
             vkGetQueryPoolResults(vt->device, query, 0, 1, sizeof(counts), counts, sizeof(counts),
                                   VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    VT_EXPECT(vt, counts[0] == 16 && counts[1] == 16);
    vt_put_buffer(vt, &out);
    vt_put_buffer(vt, &counter);
}

static void conditional_rendering(struct vt *vt)
{
    vt_need(vt, vt->features.conditional.conditionalRendering, "conditionalRendering");
    struct vt_target target = vt_target(vt, RGBA, VK_FORMAT_UNDEFINED, 64, 64, 1);
    struct vt_buffer predicate = vt_buffer_of(vt, (uint32_t[4]){0, 1, 0, 5}, 16,
                                              VK_BUFFER_USAGE_CONDITIONAL_RENDERING_BIT_EXT);
    PFN_vkCmdBeginConditionalRenderingEXT begin = VT_LOAD(vt, vkCmdBeginConditionalRenderingEXT);
    PFN_vkCmdEndConditionalRenderingEXT end = VT_LOAD(vt, vkCmdEndConditionalRenderingEXT);
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "quad.vert", "color.frag");
    graphics.assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    struct vt_pipeline pipeline = vt_graphics_create(vt, &graphics, NULL, 36, target.pass);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, GRAPHICS, &pipeline, NULL);
    for (uint32_t i = 0; i < 8; i++) {
        float x = -1.0f + 0.25f * (float)i;
        float quad[9] = {x, -0.9f, x + 0.2f, 0.9f, 0.1f * (float)i, 1, 0.5f, 1, 0};
        VkConditionalRenderingBeginInfoEXT info = {
            .sType = VK_STRUCTURE_TYPE_CONDITIONAL_RENDERING_BEGIN_INFO_EXT,
            .buffer = predicate.handle,
            .offset = 4 * (i % 4),
            .flags = i > 3 ? VK_CONDITIONAL_RENDERING_INVERTED_BIT_EXT : 0,
        };
        begin(cmd, &info);
        vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 0, 36, quad);
        vkCmdDraw(cmd, 4, 1, 0, 0);
        end(cmd);
    }
    vt_end_target(cmd, &target);
    vt_finish(vt, cmd);
    vt_put_image(vt, &target.color);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {
        {"subpasses", subpasses},
        {"render-pass-2", render_pass2},
        {"multiview", multiview},
        {"imageless-framebuffer", imageless_framebuffer},
        {"dynamic-rendering", dynamic_rendering},
        {"dynamic-state", dynamic_state},
        {"dynamic-state-3", dynamic_state3},
        {"vertex-input", vertex_input},
        {"transform-feedback", transform_feedback},
        {"conditional-rendering", conditional_rendering},
    };
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}
