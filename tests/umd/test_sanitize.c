/* SPDX-License-Identifier: MIT */
/* Members that Vulkan ignores: what is left of them. Garbage is a pointer that no process has
 * mapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "umd/umd_pipeline_state.h"
#include "umd_sanitize.h"

#define GARBAGE ((const void *)0x10)
#define GARBAGE_ID(type) UMD_HANDLE(type, 0xbad0bad0bad0bad0u)

static void small_structures(void **state)
{
    (void)state;
    VkBufferCreateInfo buffer = {
        .size = 5, .queueFamilyIndexCount = 7, .pQueueFamilyIndices = GARBAGE};
    VkBufferCreateInfo buffer_copy;
    umd_sanitize_VkBufferCreateInfo(&buffer_copy, &buffer);
    assert_null(buffer_copy.pQueueFamilyIndices);
    assert_int_equal(buffer_copy.size, 5);
    buffer.sharingMode = VK_SHARING_MODE_CONCURRENT;
    umd_sanitize_VkBufferCreateInfo(&buffer_copy, &buffer);
    assert_ptr_equal(buffer_copy.pQueueFamilyIndices, GARBAGE);
    assert_int_equal(buffer_copy.queueFamilyIndexCount, 7);

    VkImageCreateInfo image = {.queueFamilyIndexCount = 7, .pQueueFamilyIndices = GARBAGE};
    VkImageCreateInfo image_copy;
    umd_sanitize_VkImageCreateInfo(&image_copy, &image);
    assert_null(image_copy.pQueueFamilyIndices);

    VkFramebufferCreateInfo framebuffer = {.flags = VK_FRAMEBUFFER_CREATE_IMAGELESS_BIT,
                                           .attachmentCount = 2,
                                           .pAttachments = GARBAGE};
    VkFramebufferCreateInfo framebuffer_copy;
    umd_sanitize_VkFramebufferCreateInfo(&framebuffer_copy, &framebuffer);
    assert_null(framebuffer_copy.pAttachments);
    assert_int_equal(framebuffer_copy.attachmentCount, 2);

    VkDescriptorSetLayoutBinding binding = {.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                            .descriptorCount = 1,
                                            .pImmutableSamplers = GARBAGE};
    VkDescriptorSetLayoutBinding binding_copy;
    umd_sanitize_VkDescriptorSetLayoutBinding(&binding_copy, &binding);
    assert_null(binding_copy.pImmutableSamplers);
    binding.descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
    umd_sanitize_VkDescriptorSetLayoutBinding(&binding_copy, &binding);
    assert_ptr_equal(binding_copy.pImmutableSamplers, GARBAGE);

    VkRenderingAttachmentInfo attachment = {.imageView = UMD_HANDLE(VkImageView, 1),
                                            .resolveImageView = GARBAGE_ID(VkImageView)};
    VkRenderingAttachmentInfo attachment_copy;
    umd_sanitize_VkRenderingAttachmentInfo(&attachment_copy, &attachment);
    assert_true(attachment_copy.resolveImageView == VK_NULL_HANDLE);

    VkComputePipelineCreateInfo compute = {.basePipelineHandle = GARBAGE_ID(VkPipeline)};
    VkComputePipelineCreateInfo compute_copy;
    umd_sanitize_VkComputePipelineCreateInfo(&compute_copy, &compute);
    assert_true(compute_copy.basePipelineHandle == VK_NULL_HANDLE);
}

static void command_buffers_begin_without_garbage(void **state)
{
    (void)state;
    VkCommandBufferInheritanceInfo room;
    VkCommandBufferBeginInfo copy, source = {.pInheritanceInfo = GARBAGE};
    umd_sanitize_begin(&copy, &room, &source, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
    assert_null(copy.pInheritanceInfo);
    VkCommandBufferInheritanceInfo inheritance = {
        .renderPass = GARBAGE_ID(VkRenderPass),
        .framebuffer = GARBAGE_ID(VkFramebuffer),
        .queryFlags = 3,
    };
    source.pInheritanceInfo = &inheritance;
    umd_sanitize_begin(&copy, &room, &source, VK_COMMAND_BUFFER_LEVEL_SECONDARY);
    assert_true(copy.pInheritanceInfo->renderPass == VK_NULL_HANDLE);
    assert_true(copy.pInheritanceInfo->framebuffer == VK_NULL_HANDLE);
    assert_int_equal(copy.pInheritanceInfo->queryFlags, 3);
    source.flags = VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT;
    umd_sanitize_begin(&copy, &room, &source, VK_COMMAND_BUFFER_LEVEL_SECONDARY);
    assert_true(copy.pInheritanceInfo->framebuffer == GARBAGE_ID(VkFramebuffer));
}

/* --- Graphics pipelines --- */

struct pipeline {
    VkPipelineShaderStageCreateInfo stages[3];
    VkPipelineViewportStateCreateInfo viewport;
    VkPipelineMultisampleStateCreateInfo multisample;
    VkPipelineColorBlendStateCreateInfo color_blend;
    VkPipelineRasterizationStateCreateInfo rasterization;
    VkPipelineDynamicStateCreateInfo dynamic;
    VkDynamicState states[8];
    VkGraphicsPipelineCreateInfo info;
    /* Sanitized. */
    VkGraphicsPipelineCreateInfo copy;
    struct umd_pipeline_room room;
};

/* Everything is there, and what may be garbage is. */
static void make_pipeline(struct pipeline *p)
{
    *p = (struct pipeline){
        .stages = {{.stage = VK_SHADER_STAGE_VERTEX_BIT}, {.stage = VK_SHADER_STAGE_FRAGMENT_BIT}},
        .viewport = {.viewportCount = 1,
                     .pViewports = GARBAGE,
                     .scissorCount = 1,
                     .pScissors = GARBAGE},
        .multisample = {.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT},
        .color_blend = {.attachmentCount = 1, .pAttachments = GARBAGE},
        .dynamic = {.pDynamicStates = p->states},
    };
    p->info = (VkGraphicsPipelineCreateInfo){
        .stageCount = 2,
        .pStages = p->stages,
        .pVertexInputState = GARBAGE,
        .pInputAssemblyState = GARBAGE,
        .pTessellationState = GARBAGE,
        .pViewportState = &p->viewport,
        .pRasterizationState = &p->rasterization,
        .pMultisampleState = &p->multisample,
        .pDepthStencilState = GARBAGE,
        .pColorBlendState = &p->color_blend,
        .pDynamicState = &p->dynamic,
        .renderPass = UMD_HANDLE(VkRenderPass, 1),
        .basePipelineHandle = GARBAGE_ID(VkPipeline),
    };
}

static void add_dynamic(struct pipeline *p, VkDynamicState state)
{
    p->states[p->dynamic.dynamicStateCount++] = state;
}

static void sanitize(struct pipeline *p, const struct umd_subpass *subpass)
{
    umd_sanitize_graphics_pipeline(&p->copy, &p->room, &p->info, subpass);
}

static const struct umd_subpass both = {true, true}, none = {false, false};

static void a_whole_pipeline_keeps_what_it_uses(void **state)
{
    (void)state;
    struct pipeline p;
    make_pipeline(&p);
    sanitize(&p, &both);
    assert_null(p.copy.pTessellationState); /* no such stages */
    assert_true(p.copy.basePipelineHandle == VK_NULL_HANDLE);
    assert_ptr_equal(p.copy.pVertexInputState, GARBAGE);
    assert_ptr_equal(p.copy.pDepthStencilState, GARBAGE);
    assert_ptr_equal(p.copy.pViewportState->pViewports, GARBAGE);
    assert_ptr_equal(p.copy.pColorBlendState->pAttachments, GARBAGE);
    p.stages[0].stage = VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT;
    p.stages[1].stage = VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT;
    p.info.flags = VK_PIPELINE_CREATE_DERIVATIVE_BIT;
    sanitize(&p, &both);
    assert_ptr_equal(p.copy.pTessellationState, GARBAGE);
    assert_true(p.copy.basePipelineHandle == GARBAGE_ID(VkPipeline));
}

static void dynamic_state_is_not_read(void **state)
{
    (void)state;
    struct pipeline p;
    make_pipeline(&p);
    add_dynamic(&p, VK_DYNAMIC_STATE_VIEWPORT);
    add_dynamic(&p, VK_DYNAMIC_STATE_SCISSOR_WITH_COUNT);
    add_dynamic(&p, VK_DYNAMIC_STATE_VERTEX_INPUT_EXT);
    add_dynamic(&p, VK_DYNAMIC_STATE_COLOR_BLEND_ENABLE_EXT);
    add_dynamic(&p, VK_DYNAMIC_STATE_COLOR_BLEND_EQUATION_EXT);
    sanitize(&p, &both);
    assert_null(p.copy.pViewportState->pViewports);
    assert_null(p.copy.pViewportState->pScissors);
    assert_int_equal(p.copy.pViewportState->viewportCount, 1);
    assert_null(p.copy.pVertexInputState);
    assert_ptr_equal(p.copy.pColorBlendState->pAttachments, GARBAGE); /* the write mask is static */
    add_dynamic(&p, VK_DYNAMIC_STATE_COLOR_WRITE_MASK_EXT);
    p.multisample.pSampleMask = GARBAGE;
    add_dynamic(&p, VK_DYNAMIC_STATE_SAMPLE_MASK_EXT);
    sanitize(&p, &both);
    assert_int_equal(p.copy.pColorBlendState->pAttachments[0].blendEnable, 0);
    assert_null(p.copy.pMultisampleState->pSampleMask);
    p.color_blend.attachmentCount = 9;
    sanitize(&p, &both);
    assert_null(p.copy.pColorBlendState->pAttachments);
}

static void without_rasterization_there_is_no_fragment_state(void **state)
{
    (void)state;
    struct pipeline p;
    make_pipeline(&p);
    p.rasterization.rasterizerDiscardEnable = VK_TRUE;
    p.info.pViewportState = GARBAGE;
    p.info.pMultisampleState = GARBAGE;
    p.info.pColorBlendState = GARBAGE;
    sanitize(&p, &both);
    assert_null(p.copy.pViewportState);
    assert_null(p.copy.pMultisampleState);
    assert_null(p.copy.pDepthStencilState);
    assert_null(p.copy.pColorBlendState);
    make_pipeline(&p);
    p.rasterization.rasterizerDiscardEnable = VK_TRUE;
    add_dynamic(&p, VK_DYNAMIC_STATE_RASTERIZER_DISCARD_ENABLE);
    sanitize(&p, &both);
    assert_non_null(p.copy.pViewportState);
    assert_non_null(p.copy.pColorBlendState);
}

static void attachments_decide(void **state)
{
    (void)state;
    struct pipeline p;
    make_pipeline(&p);
    p.info.pColorBlendState = GARBAGE;
    sanitize(&p, &none);
    assert_null(p.copy.pDepthStencilState);
    assert_null(p.copy.pColorBlendState);
    make_pipeline(&p);
    p.info.renderPass = VK_NULL_HANDLE;
    p.info.pColorBlendState = GARBAGE;
    sanitize(&p, NULL); /* dynamic rendering to nothing */
    assert_null(p.copy.pDepthStencilState);
    assert_null(p.copy.pColorBlendState);
    const VkPipelineRenderingCreateInfo rendering = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
        .colorAttachmentCount = 1,
        .stencilAttachmentFormat = VK_FORMAT_S8_UINT,
    };
    p.info.pNext = &rendering;
    p.info.pColorBlendState = &p.color_blend;
    sanitize(&p, NULL);
    assert_non_null(p.copy.pColorBlendState);
    assert_ptr_equal(p.copy.pDepthStencilState, GARBAGE);
}

static void mesh_shaders_have_no_vertex_input(void **state)
{
    (void)state;
    struct pipeline p;
    make_pipeline(&p);
    p.stages[0].stage = VK_SHADER_STAGE_MESH_BIT_EXT;
    sanitize(&p, &both);
    assert_null(p.copy.pVertexInputState);
    assert_null(p.copy.pInputAssemblyState);
}

static void libraries_define_their_part_alone(void **state)
{
    (void)state;
    struct pipeline p;
    VkGraphicsPipelineLibraryCreateInfoEXT library = {
        .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
        .flags = VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT,
    };
    make_pipeline(&p);
    p.info.flags = VK_PIPELINE_CREATE_LIBRARY_BIT_KHR;
    p.info.pNext = &library;
    p.info.pStages = GARBAGE;
    p.info.pRasterizationState = GARBAGE;
    p.info.pViewportState = GARBAGE;
    p.info.pMultisampleState = GARBAGE;
    p.info.pColorBlendState = GARBAGE;
    sanitize(&p, &both);
    assert_null(p.copy.pStages);
    assert_int_equal(p.copy.stageCount, 0);
    assert_null(p.copy.pRasterizationState);
    assert_null(p.copy.pViewportState);
    assert_null(p.copy.pMultisampleState);
    assert_null(p.copy.pColorBlendState);
    assert_ptr_equal(p.copy.pVertexInputState, GARBAGE);

    make_pipeline(&p);
    p.info.pNext = &library;
    library.flags = VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT;
    p.info.pStages = GARBAGE;
    p.info.pRasterizationState = GARBAGE;
    sanitize(&p, &both);
    assert_null(p.copy.pVertexInputState);
    assert_null(p.copy.pStages);
    assert_null(p.copy.pDepthStencilState); /* of the fragment shader's part */
    assert_ptr_equal(p.copy.pColorBlendState->pAttachments, GARBAGE);

    /* Linked of libraries, with nothing of its own. */
    const VkPipelineLibraryCreateInfoKHR linked = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR, .libraryCount = 2};
    make_pipeline(&p);
    p.info.pNext = &linked;
    p.info.pStages = GARBAGE;
    p.info.pColorBlendState = GARBAGE;
    sanitize(&p, NULL);
    assert_null(p.copy.pStages);
    assert_null(p.copy.pColorBlendState);
    assert_null(p.copy.pVertexInputState);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_structures),
        cmocka_unit_test(command_buffers_begin_without_garbage),
        cmocka_unit_test(a_whole_pipeline_keeps_what_it_uses),
        cmocka_unit_test(dynamic_state_is_not_read),
        cmocka_unit_test(without_rasterization_there_is_no_fragment_state),
        cmocka_unit_test(attachments_decide),
        cmocka_unit_test(mesh_shaders_have_no_vertex_input),
        cmocka_unit_test(libraries_define_their_part_alone),
    };
    return cmocka_run_group_tests_name("umd-sanitize", tests, NULL, NULL);
}
