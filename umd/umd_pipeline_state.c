/* SPDX-License-Identifier: MIT */
/* See umd_pipeline_state.h. The rules are those of VkGraphicsPipelineCreateInfo in the Vulkan
 * specification, "valid usage" and the descriptions of the members. */
#include "umd/umd_pipeline_state.h"

#include "umd/umd_chain.h"

#define VERTEX_INPUT VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT
#define PRE_RASTERIZATION VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT
#define FRAGMENT_SHADER VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT
#define FRAGMENT_OUTPUT VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT

uint64_t umd_pipeline_flags(const void *next, VkPipelineCreateFlags flags)
{
#ifdef VK_KHR_maintenance5
    const VkPipelineCreateFlags2CreateInfoKHR *flags2 =
        umd_chain_find(next, VK_STRUCTURE_TYPE_PIPELINE_CREATE_FLAGS_2_CREATE_INFO_KHR);
    if (flags2)
        return flags2->flags;
#else
    (void)next;
#endif
    return flags;
}

/* The subsets of state that the create info defines itself. */
static VkGraphicsPipelineLibraryFlagsEXT subsets_of(const VkGraphicsPipelineCreateInfo *info)
{
    const VkGraphicsPipelineLibraryCreateInfoEXT *library =
        umd_chain_find(info->pNext, VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT);
    if (library)
        return library->flags;
    const VkPipelineLibraryCreateInfoKHR *linked =
        umd_chain_find(info->pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR);
    if ((linked && linked->libraryCount) ||
        (umd_pipeline_flags(info->pNext, info->flags) & VK_PIPELINE_CREATE_LIBRARY_BIT_KHR))
        return 0;
    return VERTEX_INPUT | PRE_RASTERIZATION | FRAGMENT_SHADER | FRAGMENT_OUTPUT;
}

static bool is_dynamic(const VkGraphicsPipelineCreateInfo *info, VkDynamicState state)
{
    const VkPipelineDynamicStateCreateInfo *dynamic = info->pDynamicState;
    for (uint32_t i = 0; dynamic && i < dynamic->dynamicStateCount; i++) {
        if (dynamic->pDynamicStates[i] == state)
            return true;
    }
    return false;
}

static VkShaderStageFlags stages_of(const VkGraphicsPipelineCreateInfo *info)
{
    VkShaderStageFlags stages = 0;
    for (uint32_t i = 0; i < info->stageCount; i++)
        stages |= info->pStages[i].stage;
    return stages;
}

static void sanitize_vertex_input(VkGraphicsPipelineCreateInfo *copy, bool used)
{
    if (!used || is_dynamic(copy, VK_DYNAMIC_STATE_VERTEX_INPUT_EXT))
        copy->pVertexInputState = NULL;
    if (!used)
        copy->pInputAssemblyState = NULL;
}

static void sanitize_viewport(VkGraphicsPipelineCreateInfo *copy, struct umd_pipeline_room *room)
{
    if (!copy->pViewportState)
        return;
    room->viewport = *copy->pViewportState;
    copy->pViewportState = &room->viewport;
    if (is_dynamic(copy, VK_DYNAMIC_STATE_VIEWPORT) ||
        is_dynamic(copy, VK_DYNAMIC_STATE_VIEWPORT_WITH_COUNT))
        room->viewport.pViewports = NULL;
    if (is_dynamic(copy, VK_DYNAMIC_STATE_SCISSOR) ||
        is_dynamic(copy, VK_DYNAMIC_STATE_SCISSOR_WITH_COUNT))
        room->viewport.pScissors = NULL;
}

static void sanitize_multisample(VkGraphicsPipelineCreateInfo *copy, struct umd_pipeline_room *room)
{
    if (!copy->pMultisampleState)
        return;
    room->multisample = *copy->pMultisampleState;
    copy->pMultisampleState = &room->multisample;
    if (is_dynamic(copy, VK_DYNAMIC_STATE_SAMPLE_MASK_EXT))
        room->multisample.pSampleMask = NULL;
}

/* Stands for what is not read: not all that comes behind can do without. */
#define MAX_ATTACHMENTS 8u
static const VkPipelineColorBlendAttachmentState unused_attachments[MAX_ATTACHMENTS];

static void sanitize_color_blend(VkGraphicsPipelineCreateInfo *copy, struct umd_pipeline_room *room)
{
    if (!copy->pColorBlendState)
        return;
    room->color_blend = *copy->pColorBlendState;
    copy->pColorBlendState = &room->color_blend;
    if (is_dynamic(copy, VK_DYNAMIC_STATE_COLOR_BLEND_ENABLE_EXT) &&
        is_dynamic(copy, VK_DYNAMIC_STATE_COLOR_WRITE_MASK_EXT) &&
        (is_dynamic(copy, VK_DYNAMIC_STATE_COLOR_BLEND_EQUATION_EXT) ||
         is_dynamic(copy, VK_DYNAMIC_STATE_COLOR_BLEND_ADVANCED_EXT)))
        room->color_blend.pAttachments =
            room->color_blend.attachmentCount <= MAX_ATTACHMENTS ? unused_attachments : NULL;
}

/* What a pipeline without a render pass draws to; of use with fragment output state only. */
static struct umd_subpass dynamic_rendering_of(const VkGraphicsPipelineCreateInfo *info)
{
    const VkPipelineRenderingCreateInfo *rendering =
        umd_chain_find(info->pNext, VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO);
    if (!rendering)
        return (struct umd_subpass){false, false};
    return (struct umd_subpass){
        .color = rendering->colorAttachmentCount,
        .depth_stencil = rendering->depthAttachmentFormat || rendering->stencilAttachmentFormat,
    };
}

void umd_sanitize_graphics_pipeline(VkGraphicsPipelineCreateInfo *copy,
                                    struct umd_pipeline_room *room,
                                    const VkGraphicsPipelineCreateInfo *source,
                                    const struct umd_subpass *subpass)
{
    *copy = *source;
    VkGraphicsPipelineLibraryFlagsEXT subsets = subsets_of(source);
    bool pre_rasterization = subsets & PRE_RASTERIZATION;
    bool fragment_shader = subsets & FRAGMENT_SHADER, fragment_output = subsets & FRAGMENT_OUTPUT;

    if (!pre_rasterization && !fragment_shader) {
        copy->stageCount = 0;
        copy->pStages = NULL;
    }
    VkShaderStageFlags stages = stages_of(copy);
    bool mesh = stages & VK_SHADER_STAGE_MESH_BIT_EXT;
    sanitize_vertex_input(copy, (subsets & VERTEX_INPUT) && !mesh);

    VkShaderStageFlags tessellation =
        VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT | VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT;
    if (!pre_rasterization || (stages & tessellation) != tessellation)
        copy->pTessellationState = NULL;
    if (!pre_rasterization)
        copy->pRasterizationState = NULL;
    bool rasterized = !copy->pRasterizationState ||
                      !copy->pRasterizationState->rasterizerDiscardEnable ||
                      is_dynamic(copy, VK_DYNAMIC_STATE_RASTERIZER_DISCARD_ENABLE);
    if (!pre_rasterization || !rasterized)
        copy->pViewportState = NULL;
    sanitize_viewport(copy, room);

    if ((!fragment_shader && !fragment_output) || !rasterized)
        copy->pMultisampleState = NULL;
    sanitize_multisample(copy, room);

    struct umd_subpass rendering = dynamic_rendering_of(source);
    if (!subpass && !source->renderPass && fragment_output)
        subpass = &rendering;
    if (!fragment_shader || !rasterized || (subpass && !subpass->depth_stencil))
        copy->pDepthStencilState = NULL;
    if (!fragment_output || !rasterized || (subpass && !subpass->color))
        copy->pColorBlendState = NULL;
    sanitize_color_blend(copy, room);

    if (!(umd_pipeline_flags(source->pNext, source->flags) & VK_PIPELINE_CREATE_DERIVATIVE_BIT))
        copy->basePipelineHandle = VK_NULL_HANDLE;
}
