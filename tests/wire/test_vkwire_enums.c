/* SPDX-License-Identifier: MIT */
/* Values of enumerations that vk.xml does not know: none reaches the driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "host/worker/decoder.h"
#include "trial_fixture.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_decode.h"
#include "vkwire_encode.h"
#include "vkwire_enums.h"
#include "vkwire_exec.h"

#define HANDLE(vk, slot, type) ((vk)(uintptr_t)STREAM_ID(slot, 1, VKWIRE_OBJECT_##type))
#define UNKNOWN(type) ((type)0x7654321)

/* What the encoder has is refused, for this reason, and the encoder empty again. */
static void refused(struct trial *trial, const char *why)
{
    calls = 0;
    trial_execute(trial);
    assert_int_equal(trial->exec.lost, STREAM_LOST_PROTOCOL);
    assert_non_null(strstr(trial->failure, why));
    assert_int_equal(calls, 0);
    trial_clear(trial);
}

/* --- Which are known --- */

static void known_values(void **state)
{
    (void)state;
    assert_true(vkwire_known_VkFormat(VK_FORMAT_UNDEFINED));
    assert_true(vkwire_known_VkFormat(VK_FORMAT_ASTC_12x12_SRGB_BLOCK));
    assert_true(vkwire_known_VkFormat(VK_FORMAT_G8_B8_R8_3PLANE_420_UNORM));
    assert_true(vkwire_known_VkFormat(VK_FORMAT_A4B4G4R4_UNORM_PACK16));
    assert_true(vkwire_known_VkFormat(VK_FORMAT_PVRTC1_2BPP_UNORM_BLOCK_IMG));
    assert_false(vkwire_known_VkFormat(VK_FORMAT_ASTC_12x12_SRGB_BLOCK + 1));
    assert_false(vkwire_known_VkFormat(-1));
    assert_false(vkwire_known_VkFormat(VK_FORMAT_MAX_ENUM));
    assert_true(vkwire_known_VkImageLayout(VK_IMAGE_LAYOUT_PREINITIALIZED));
    assert_true(vkwire_known_VkImageLayout(VK_IMAGE_LAYOUT_PRESENT_SRC_KHR));
    assert_true(vkwire_known_VkImageLayout(VK_IMAGE_LAYOUT_ATTACHMENT_OPTIMAL));
    assert_false(vkwire_known_VkImageLayout(VK_IMAGE_LAYOUT_PREINITIALIZED + 1));
    assert_false(vkwire_known_VkImageLayout(INT32_MIN));
}

static void known_bits_are_single(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 7; i++)
        assert_true(vkwire_known_VkSampleCountFlagBits(1 << i));
    assert_false(vkwire_known_VkSampleCountFlagBits(0));
    assert_false(vkwire_known_VkSampleCountFlagBits(3));
    assert_false(vkwire_known_VkSampleCountFlagBits(128));
    assert_false(vkwire_known_VkSampleCountFlagBits(INT32_MIN));
    assert_true(vkwire_known_VkShaderStageFlagBits(VK_SHADER_STAGE_COMPUTE_BIT));
    assert_false(vkwire_known_VkShaderStageFlagBits(VK_SHADER_STAGE_ALL_GRAPHICS));
    assert_false(vkwire_known_VkShaderStageFlagBits(VK_SHADER_STAGE_ALL));
    assert_true(vkwire_known_VkResolveModeFlagBits(VK_RESOLVE_MODE_NONE));
}

/* --- Arguments --- */

static VKAPI_ATTR void VKAPI_CALL got_bind(VkCommandBuffer commandBuffer, VkPipelineBindPoint point,
                                           VkPipeline pipeline)
{
    (void)commandBuffer;
    (void)pipeline;
    calls++;
    assert_int_equal(point, VK_PIPELINE_BIND_POINT_RAY_TRACING_KHR);
}

static void an_unknown_argument_is_refused(void **state)
{
    struct trial *trial = *state;
    VkPipeline pipeline = HANDLE(VkPipeline, 3, PIPELINE);

    trial->exec.vk->CmdBindPipeline = got_bind;
    wire_put_CmdBindPipeline(&trial->encoder, VK_PIPELINE_BIND_POINT_RAY_TRACING_KHR, pipeline);
    run(trial);
    trial_clear(trial);
    wire_put_CmdBindPipeline(&trial->encoder, (VkPipelineBindPoint)2, pipeline);
    refused(trial, "vkCmdBindPipeline: pipelineBindPoint is no VkPipelineBindPoint");
    wire_put_CmdBindPipeline(&trial->encoder, (VkPipelineBindPoint)-1, pipeline);
    refused(trial, "vkCmdBindPipeline: pipelineBindPoint is no VkPipelineBindPoint");
}

static VKAPI_ATTR void VKAPI_CALL got_rate(VkCommandBuffer commandBuffer, const VkExtent2D *size,
                                           const VkFragmentShadingRateCombinerOpKHR ops[2])
{
    (void)commandBuffer;
    (void)size;
    calls++;
    assert_int_equal(ops[1], VK_FRAGMENT_SHADING_RATE_COMBINER_OP_MUL_KHR);
}

static void so_is_one_in_an_array(void **state)
{
    struct trial *trial = *state;
    const VkExtent2D size = {1, 1};
    VkFragmentShadingRateCombinerOpKHR ops[] = {VK_FRAGMENT_SHADING_RATE_COMBINER_OP_KEEP_KHR,
                                                VK_FRAGMENT_SHADING_RATE_COMBINER_OP_MUL_KHR};

    trial->exec.vk->CmdSetFragmentShadingRateKHR = got_rate;
    wire_put_CmdSetFragmentShadingRateKHR(&trial->encoder, &size, ops);
    run(trial);
    trial_clear(trial);
    ops[1] = UNKNOWN(VkFragmentShadingRateCombinerOpKHR);
    wire_put_CmdSetFragmentShadingRateKHR(&trial->encoder, &size, ops);
    refused(trial, "combinerOps is no VkFragmentShadingRateCombinerOpKHR");
}

static VKAPI_ATTR void VKAPI_CALL got_format(VkPhysicalDevice physicalDevice, VkFormat format,
                                             VkFormatProperties2 *properties)
{
    (void)physicalDevice;
    (void)properties;
    calls++;
    assert_int_equal(format, VK_FORMAT_UNDEFINED);
}

/* Programs go through formats of a newer Vulkan than the host's. */
static void a_question_costs_nothing(void **state)
{
    struct trial *trial = *state;
    struct vkwire_instance_dispatch vki = *trial->exec.vki;
    VkFormatProperties2 properties = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2};

    vki.GetPhysicalDeviceFormatProperties2 = got_format;
    trial->exec.vki = &vki;
    trial->ran = true; /* the driver's functions here do not say so */
    assert_int_equal(
        umd_call_GetPhysicalDeviceFormatProperties2(NULL, UNKNOWN(VkFormat), &properties),
        VK_SUCCESS);
    assert_int_equal(calls, 1);
}

/* --- Members --- */

static VKAPI_ATTR VkResult VKAPI_CALL got_view(VkDevice device, const VkImageViewCreateInfo *info,
                                               const VkAllocationCallbacks *allocator,
                                               VkImageView *view)
{
    const VkImageViewASTCDecodeModeEXT *mode = info->pNext;

    (void)device;
    (void)allocator;
    calls++;
    assert_int_equal(info->viewType, VK_IMAGE_VIEW_TYPE_2D);
    assert_int_equal(info->format, VK_FORMAT_UNDEFINED);
    assert_int_equal(info->components.r, VK_COMPONENT_SWIZZLE_A);
    assert_int_equal(info->components.g, VK_COMPONENT_SWIZZLE_IDENTITY);
    assert_int_equal(mode->sType, VK_STRUCTURE_TYPE_IMAGE_VIEW_ASTC_DECODE_MODE_EXT);
    assert_int_equal(mode->decodeMode, VK_FORMAT_UNDEFINED);
    *view = (VkImageView)(uintptr_t)0x79;
    return VK_SUCCESS;
}

/* Of a structure, of one in it, and of one behind it. */
static void unknown_members_are_replaced(void **state)
{
    struct trial *trial = *state;
    VkImageViewASTCDecodeModeEXT mode = {.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_ASTC_DECODE_MODE_EXT,
                                         .decodeMode = UNKNOWN(VkFormat)};
    VkImageViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .pNext = &mode,
        .image = HANDLE(VkImage, 2, IMAGE),
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = UNKNOWN(VkFormat),
        .components = {VK_COMPONENT_SWIZZLE_A, UNKNOWN(VkComponentSwizzle)},
    };
    VkImageView view = HANDLE(VkImageView, 9, IMAGE_VIEW);

    trial->exec.vk->CreateImageView = got_view;
    wire_put_CreateImageView(&trial->encoder, &info, &view);
    run(trial);
}

static VKAPI_ATTR void VKAPI_CALL
got_barrier(VkCommandBuffer commandBuffer, VkPipelineStageFlags source, VkPipelineStageFlags target,
            VkDependencyFlags flags, uint32_t memory_count, const VkMemoryBarrier *memory,
            uint32_t buffer_count, const VkBufferMemoryBarrier *buffers, uint32_t image_count,
            const VkImageMemoryBarrier *images)
{
    (void)commandBuffer, (void)source, (void)target, (void)flags, (void)memory_count;
    (void)memory, (void)buffer_count, (void)buffers;
    calls++;
    assert_int_equal(image_count, 2);
    assert_int_equal(images[0].oldLayout, VK_IMAGE_LAYOUT_UNDEFINED);
    assert_int_equal(images[0].newLayout, VK_IMAGE_LAYOUT_GENERAL);
    assert_int_equal(images[1].oldLayout, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
    assert_int_equal(images[1].newLayout, VK_IMAGE_LAYOUT_UNDEFINED);
}

static void so_are_those_of_arrays_of_structures(void **state)
{
    struct trial *trial = *state;
    VkImageMemoryBarrier barriers[] = {
        {
            .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
            .oldLayout = UNKNOWN(VkImageLayout),
            .newLayout = VK_IMAGE_LAYOUT_GENERAL,
            .image = HANDLE(VkImage, 2, IMAGE),
        },
        {
            .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
            .oldLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR,
            .newLayout = UNKNOWN(VkImageLayout),
            .image = HANDLE(VkImage, 2, IMAGE),
        },
    };

    trial->exec.vk->CmdPipelineBarrier = got_barrier;
    wire_put_CmdPipelineBarrier(&trial->encoder, 1, 1, 0, 0, NULL, 0, NULL, 2, barriers);
    run(trial);
}

static VKAPI_ATTR void VKAPI_CALL got_input(VkCommandBuffer commandBuffer, uint32_t binding_count,
                                            const VkVertexInputBindingDescription2EXT *bindings,
                                            uint32_t attribute_count,
                                            const VkVertexInputAttributeDescription2EXT *attributes)
{
    (void)commandBuffer;
    calls++;
    assert_int_equal(binding_count, 1);
    assert_int_equal(bindings[0].inputRate, VK_VERTEX_INPUT_RATE_VERTEX);
    assert_int_equal(bindings[0].stride, 16);
    assert_int_equal(attribute_count, 2);
    assert_int_equal(attributes[0].format, VK_FORMAT_R32G32B32A32_SFLOAT);
    assert_int_equal(attributes[1].format, VK_FORMAT_UNDEFINED);
    assert_int_equal(attributes[1].offset, 12);
}

static void structures_of_numbers_alone_are_looked_at(void **state)
{
    struct trial *trial = *state;
    VkVertexInputBindingDescription2EXT binding = {
        .sType = VK_STRUCTURE_TYPE_VERTEX_INPUT_BINDING_DESCRIPTION_2_EXT,
        .stride = 16,
        .inputRate = UNKNOWN(VkVertexInputRate),
    };
    VkVertexInputAttributeDescription2EXT attributes[] = {
        {.sType = VK_STRUCTURE_TYPE_VERTEX_INPUT_ATTRIBUTE_DESCRIPTION_2_EXT,
         .format = VK_FORMAT_R32G32B32A32_SFLOAT},
        {.sType = VK_STRUCTURE_TYPE_VERTEX_INPUT_ATTRIBUTE_DESCRIPTION_2_EXT,
         .format = UNKNOWN(VkFormat),
         .offset = 12},
    };

    trial->exec.vk->CmdSetVertexInputEXT = got_input;
    wire_put_CmdSetVertexInputEXT(&trial->encoder, 1, &binding, 2, attributes);
    run(trial);
}

static const VkFormat formats[] = {VK_FORMAT_R8G8B8A8_UNORM, UNKNOWN(VkFormat),
                                   VK_FORMAT_G8_B8_R8_3PLANE_420_UNORM};

static VKAPI_ATTR VkResult VKAPI_CALL got_framebuffer(VkDevice device,
                                                      const VkFramebufferCreateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkFramebuffer *framebuffer)
{
    const VkFramebufferAttachmentsCreateInfo *attachments = info->pNext;
    const VkFramebufferAttachmentImageInfo *image = attachments->pAttachmentImageInfos;

    (void)device;
    (void)allocator;
    calls++;
    assert_int_equal(image->viewFormatCount, 3);
    assert_int_equal(image->pViewFormats[0], formats[0]);
    assert_int_equal(image->pViewFormats[1], VK_FORMAT_UNDEFINED);
    assert_int_equal(image->pViewFormats[2], formats[2]);
    *framebuffer = (VkFramebuffer)(uintptr_t)0x7a;
    return VK_SUCCESS;
}

static void unknown_elements_are_replaced(void **state)
{
    struct trial *trial = *state;
    VkFramebufferAttachmentImageInfo image = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_ATTACHMENT_IMAGE_INFO,
        .viewFormatCount = 3,
        .pViewFormats = formats,
    };
    VkFramebufferAttachmentsCreateInfo attachments = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_ATTACHMENTS_CREATE_INFO,
        .attachmentImageInfoCount = 1,
        .pAttachmentImageInfos = &image,
    };
    VkFramebufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .pNext = &attachments,
        .flags = VK_FRAMEBUFFER_CREATE_IMAGELESS_BIT,
        .renderPass = HANDLE(VkRenderPass, 2, RENDER_PASS),
    };
    VkFramebuffer framebuffer = HANDLE(VkFramebuffer, 9, FRAMEBUFFER);

    trial->exec.vk->CreateFramebuffer = got_framebuffer;
    wire_put_CreateFramebuffer(&trial->encoder, &info, &framebuffer);
    run(trial);
}

/* --- Members that others depend on --- */

static void what_selects_is_refused(void **state)
{
    struct trial *trial = *state;
    VkAccelerationStructureGeometryKHR geometry = {
        .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_KHR,
        .geometryType = UNKNOWN(VkGeometryTypeKHR),
    };
    VkAccelerationStructureBuildGeometryInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_BUILD_GEOMETRY_INFO_KHR,
        .geometryCount = 1,
        .pGeometries = &geometry,
        .dstAccelerationStructure =
            HANDLE(VkAccelerationStructureKHR, 8, ACCELERATION_STRUCTURE_KHR),
    };
    const VkAccelerationStructureBuildRangeInfoKHR range = {.primitiveCount = 7};
    const VkAccelerationStructureBuildRangeInfoKHR *ranges = &range;

    wire_put_CmdBuildAccelerationStructuresKHR(&trial->encoder, 1, &info, &ranges);
    refused(trial, "geometryType selects nothing");
}

static void what_is_never_ignored_is_refused(void **state)
{
    struct trial *trial = *state;
    VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                  .queryType = UNKNOWN(VkQueryType),
                                  .queryCount = 1};
    VkQueryPool pool = HANDLE(VkQueryPool, 9, QUERY_POOL);

    wire_put_CreateQueryPool(&trial->encoder, &info, &pool);
    refused(trial, "queryType is no VkQueryType");
}

/* A number of samples, and the words of a mask that follow. */
static bool fix_samples(struct trial *trial, VkPipelineMultisampleStateCreateInfo *info,
                        int32_t samples, bool mask)
{
    static uint64_t words[2];
    struct exec_decoder decoder;

    *info = (VkPipelineMultisampleStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = (VkSampleCountFlagBits)samples,
        .pSampleMask = mask ? (const VkSampleMask *)(uintptr_t)1 : NULL,
    };
    exec_decoder_init(&decoder, &trial->exec, words, sizeof(words));
    vkwire_fix_VkPipelineMultisampleStateCreateInfo(&decoder, info);
    if (mask && !decoder.fatal)
        assert_ptr_equal(info->pSampleMask, words);
    return !decoder.fatal;
}

/* Vulkan ignores the number where it is dynamic. */
static void a_length_is_replaced_where_nothing_has_it(void **state)
{
    VkPipelineMultisampleStateCreateInfo info;

    assert_true(fix_samples(*state, &info, 8, true));
    assert_int_equal(info.rasterizationSamples, 8);
    assert_true(fix_samples(*state, &info, 0, false));
    assert_int_equal(info.rasterizationSamples, 1);
    assert_true(fix_samples(*state, &info, 0x7654321, false));
    assert_int_equal(info.rasterizationSamples, 1);
    assert_null(info.pSampleMask);
    assert_false(fix_samples(*state, &info, 0, true));
    assert_false(fix_samples(*state, &info, 3, true));
}

static VKAPI_ATTR void VKAPI_CALL got_image_format(
    VkPhysicalDevice physicalDevice, const VkPhysicalDeviceSparseImageFormatInfo2 *info,
    uint32_t *count, VkSparseImageFormatProperties2 *properties)
{
    (void)physicalDevice, (void)properties;
    calls++;
    assert_int_equal(info->format, VK_FORMAT_R8_UNORM);
    assert_int_equal(info->samples, VK_SAMPLE_COUNT_1_BIT);
    *count = 0;
}

static void several_bits_are_one_at_most(void **state)
{
    struct trial *trial = *state;
    struct vkwire_instance_dispatch vki = *trial->exec.vki;
    VkPhysicalDeviceSparseImageFormatInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SPARSE_IMAGE_FORMAT_INFO_2,
        .format = VK_FORMAT_R8_UNORM,
        .samples = VK_SAMPLE_COUNT_2_BIT | VK_SAMPLE_COUNT_4_BIT,
    };
    uint32_t count = 1;

    vki.GetPhysicalDeviceSparseImageFormatProperties2 = got_image_format;
    trial->exec.vki = &vki;
    trial->ran = true; /* the driver's functions here do not say so */
    assert_int_equal(
        umd_call_GetPhysicalDeviceSparseImageFormatProperties2(NULL, &info, &count, NULL),
        VK_SUCCESS);
    assert_int_equal(calls, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(known_values),
        TEST(known_bits_are_single),
        TEST(an_unknown_argument_is_refused),
        TEST(so_is_one_in_an_array),
        TEST(a_question_costs_nothing),
        TEST(unknown_members_are_replaced),
        TEST(so_are_those_of_arrays_of_structures),
        TEST(structures_of_numbers_alone_are_looked_at),
        TEST(unknown_elements_are_replaced),
        TEST(what_selects_is_refused),
        TEST(what_is_never_ignored_is_refused),
        TEST(a_length_is_replaced_where_nothing_has_it),
        TEST(several_bits_are_one_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
