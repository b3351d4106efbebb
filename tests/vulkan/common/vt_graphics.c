/* SPDX-License-Identifier: MIT */
/* Render targets and graphics pipelines. */
#include "vt.h"

static const VkClearValue clear_values[3] = {
    {.color.float32 = {0.125f, 0.25f, 0.375f, 1.0f}},
    {.depthStencil = {1.0f, 0}},
};

static uint32_t describe_attachments(VkAttachmentDescription attachments[3], VkFormat color,
                                     VkFormat depth, VkSampleCountFlagBits samples)
{
    bool resolves = samples != VK_SAMPLE_COUNT_1_BIT;
    uint32_t count = 0;
    attachments[count++] = (VkAttachmentDescription){
        .format = color,
        .samples = samples,
        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
        .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
    };
    attachments[count] = attachments[0];
    if (depth != VK_FORMAT_UNDEFINED) {
        attachments[count].format = depth;
        attachments[count].stencilLoadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
        attachments[count].stencilStoreOp = VK_ATTACHMENT_STORE_OP_STORE;
        attachments[count++].finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
    }
    if (resolves) {
        attachments[count] = attachments[0];
        attachments[count].samples = VK_SAMPLE_COUNT_1_BIT;
        attachments[count++].loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
    }
    return count;
}

static VkRenderPass create_pass(struct vt *vt, VkFormat color, VkFormat depth,
                                VkSampleCountFlagBits samples)
{
    VkAttachmentDescription attachments[3] = {0};
    uint32_t count = describe_attachments(attachments, color, depth, samples);
    VkAttachmentReference color_ref = {0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    VkAttachmentReference depth_ref = {1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL};
    VkAttachmentReference resolve_ref = {count - 1, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    VkSubpassDescription subpass = {
        .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
        .colorAttachmentCount = 1,
        .pColorAttachments = &color_ref,
        .pResolveAttachments = samples != VK_SAMPLE_COUNT_1_BIT ? &resolve_ref : NULL,
        .pDepthStencilAttachment = depth != VK_FORMAT_UNDEFINED ? &depth_ref : NULL,
    };
    VkSubpassDependency dependencies[2] = {
        {.srcSubpass = VK_SUBPASS_EXTERNAL,
         .dstSubpass = 0,
         .srcStageMask = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
         .dstStageMask = VK_PIPELINE_STAGE_ALL_GRAPHICS_BIT,
         .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
         .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT},
    };
    dependencies[1] = dependencies[0];
    dependencies[1].srcSubpass = 0;
    dependencies[1].dstSubpass = VK_SUBPASS_EXTERNAL;
    dependencies[1].srcStageMask = VK_PIPELINE_STAGE_ALL_GRAPHICS_BIT;
    dependencies[1].dstStageMask = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    VkRenderPassCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
        .attachmentCount = count,
        .pAttachments = attachments,
        .subpassCount = 1,
        .pSubpasses = &subpass,
        .dependencyCount = 2,
        .pDependencies = dependencies,
    };
    VkRenderPass pass;
    VT_CHECK(vt, vkCreateRenderPass(vt->device, &info, NULL, &pass));
    VT_OWN(vt, RENDER_PASS, pass);
    return pass;
}

struct vt_target vt_target(struct vt *vt, VkFormat color, VkFormat depth, uint32_t width,
                           uint32_t height, VkSampleCountFlagBits samples)
{
    struct vt_target target = {.extent = {width, height}};
    VkImageCreateInfo info = {
        .format = color,
        .extent = {width, height, 0},
        .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
        .samples = samples,
    };
    VkImageView views[3];
    uint32_t count = 0;
    target.color = vt_image_create(vt, &info, VK_IMAGE_VIEW_TYPE_2D);
    views[count++] = target.color.view;
    if (depth != VK_FORMAT_UNDEFINED) {
        info.format = depth;
        info.usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
        target.depth = vt_image_create(vt, &info, VK_IMAGE_VIEW_TYPE_2D);
        views[count++] = target.depth.view;
    }
    if (samples != VK_SAMPLE_COUNT_1_BIT) {
        target.resolve = vt_image(vt, color, width, height, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT);
        views[count++] = target.resolve.view;
    }
    target.pass = create_pass(vt, color, depth, samples);
    VkFramebufferCreateInfo framebuffer = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .renderPass = target.pass,
        .attachmentCount = count,
        .pAttachments = views,
        .width = width,
        .height = height,
        .layers = 1,
    };
    VT_CHECK(vt, vkCreateFramebuffer(vt->device, &framebuffer, NULL, &target.framebuffer));
    VT_OWN(vt, FRAMEBUFFER, target.framebuffer);
    return target;
}

void vt_set_viewport(VkCommandBuffer cmd, uint32_t width, uint32_t height)
{
    VkViewport viewport = {.width = (float)width, .height = (float)height, .maxDepth = 1.0f};
    VkRect2D scissor = {.extent = {width, height}};
    vkCmdSetViewport(cmd, 0, 1, &viewport);
    vkCmdSetScissor(cmd, 0, 1, &scissor);
}

void vt_begin_target(VkCommandBuffer cmd, struct vt_target *target, VkSubpassContents contents)
{
    VkRenderPassBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .renderPass = target->pass,
        .framebuffer = target->framebuffer,
        .renderArea = {.extent = target->extent},
        .clearValueCount = VT_COUNT(clear_values),
        .pClearValues = clear_values,
    };
    if (contents == VK_SUBPASS_CONTENTS_INLINE)
        vt_set_viewport(cmd, target->extent.width, target->extent.height);
    vkCmdBeginRenderPass(cmd, &info, contents);
}

void vt_end_target(VkCommandBuffer cmd, struct vt_target *target)
{
    vkCmdEndRenderPass(cmd);
    target->color.layout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
    target->depth.layout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
    target->resolve.layout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
}

void vt_graphics_init(struct vt_graphics *graphics, const char *vertex, const char *fragment)
{
    *graphics = (struct vt_graphics){
        .shaders = {vertex, fragment},
        .vertex_input.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
        .assembly = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
                     .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST},
        .tessellation.sType = VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO,
        .viewport = {.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
                     .viewportCount = 1,
                     .scissorCount = 1},
        .raster = {.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
                   .lineWidth = 1.0f},
        .samples = {.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
                    .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT},
        .depth.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
        .blend = {.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
                  .attachmentCount = 1},
        .dynamic.sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
        .info.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
    };
    for (uint32_t i = 0; i < VT_COUNT(graphics->attachments); i++)
        graphics->attachments[i].colorWriteMask = 15;
    vt_graphics_dynamic(graphics, VK_DYNAMIC_STATE_VIEWPORT);
    vt_graphics_dynamic(graphics, VK_DYNAMIC_STATE_SCISSOR);
}

void vt_graphics_vertices(struct vt_graphics *graphics, const VkFormat *formats, uint32_t count)
{
    uint32_t offset = 0;
    for (uint32_t i = 0; i < count; i++) {
        graphics->attributes[i] = (VkVertexInputAttributeDescription){i, 0, formats[i], offset};
        offset += formats[i] == VK_FORMAT_R32G32B32_SFLOAT
                      ? 12
                      : vt_texel_size(formats[i], VK_IMAGE_ASPECT_COLOR_BIT);
    }
    graphics->vertex_bindings[0] =
        (VkVertexInputBindingDescription){0, offset, VK_VERTEX_INPUT_RATE_VERTEX};
    graphics->vertex_input.vertexBindingDescriptionCount = 1;
    graphics->vertex_input.vertexAttributeDescriptionCount = count;
}

void vt_graphics_dynamic(struct vt_graphics *graphics, VkDynamicState state)
{
    graphics->dynamic_states[graphics->dynamic.dynamicStateCount++] = state;
}

static VkShaderStageFlagBits stage_of(const char *name)
{
    const char *end = strrchr(name, '.');
    return !strcmp(end, ".vert")   ? VK_SHADER_STAGE_VERTEX_BIT
           : !strcmp(end, ".tesc") ? VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT
           : !strcmp(end, ".tese") ? VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT
           : !strcmp(end, ".geom") ? VK_SHADER_STAGE_GEOMETRY_BIT
                                   : VK_SHADER_STAGE_FRAGMENT_BIT;
}

void vt_graphics_prepare(struct vt *vt, struct vt_graphics *graphics, VkPipelineLayout layout,
                         VkRenderPass pass)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < VT_COUNT(graphics->shaders); i++) {
        if (!graphics->shaders[i])
            continue;
        graphics->stages[count++] = (VkPipelineShaderStageCreateInfo){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .stage = stage_of(graphics->shaders[i]),
            .module = vt_shader(vt, graphics->shaders[i]),
            .pName = "main",
            .pSpecializationInfo = graphics->constants,
        };
    }
    graphics->vertex_input.pVertexBindingDescriptions = graphics->vertex_bindings;
    graphics->vertex_input.pVertexAttributeDescriptions = graphics->attributes;
    graphics->blend.pAttachments = graphics->attachments;
    graphics->dynamic.pDynamicStates = graphics->dynamic_states;
    VkGraphicsPipelineCreateInfo *info = &graphics->info;
    info->stageCount = count;
    info->pStages = graphics->stages;
    info->pVertexInputState = &graphics->vertex_input;
    info->pInputAssemblyState = &graphics->assembly;
    info->pTessellationState =
        graphics->tessellation.patchControlPoints ? &graphics->tessellation : NULL;
    info->pViewportState = &graphics->viewport;
    info->pRasterizationState = &graphics->raster;
    info->pMultisampleState = &graphics->samples;
    info->pDepthStencilState = &graphics->depth;
    info->pColorBlendState = &graphics->blend;
    info->pDynamicState = &graphics->dynamic;
    info->layout = layout;
    info->renderPass = pass;
}

struct vt_pipeline vt_graphics_create(struct vt *vt, struct vt_graphics *graphics,
                                      const struct vt_set *set, uint32_t push_size,
                                      VkRenderPass pass)
{
    struct vt_pipeline pipeline = {
        .layout = vt_pipeline_layout(vt, set ? &set->layout : NULL, set ? 1 : 0, push_size)};
    vt_graphics_prepare(vt, graphics, pipeline.layout, pass);
    VT_CHECK(vt, vkCreateGraphicsPipelines(vt->device, VK_NULL_HANDLE, 1, &graphics->info, NULL,
                                           &pipeline.handle));
    VT_OWN(vt, PIPELINE, pipeline.handle);
    return pipeline;
}
