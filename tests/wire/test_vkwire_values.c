/* SPDX-License-Identifier: MIT */
/* Commands whose parameters are hard to carry, with what the driver must get written out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "trial_fixture.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_decode.h"
#include "vkwire_encode.h"
#include "vkwire_exec.h"

#define ID(slot, type) STREAM_ID(slot, 1, VKWIRE_OBJECT_##type)
#define HANDLE(vk, slot, type) ((vk)(uintptr_t)ID(slot, type))

static void refused(struct trial *trial)
{
    trial_execute(trial);
    assert_int_equal(trial->exec.lost, STREAM_LOST_PROTOCOL);
    assert_int_equal(calls, 0);
}

/* --- Secondary command buffers: pointers in the guest, handles on the host --- */

static VKAPI_ATTR void VKAPI_CALL got_execute(VkCommandBuffer commandBuffer, uint32_t count,
                                              const VkCommandBuffer *buffers)
{
    calls++;
    assert_ptr_equal(commandBuffer, (void *)0x20);
    assert_int_equal(count, 2);
    assert_int_equal((uintptr_t)buffers[0], ID(3, COMMAND_BUFFER));
    assert_int_equal((uintptr_t)buffers[1], ID(5, COMMAND_BUFFER));
}

static void command_buffers_cross_by_id(void **state)
{
    struct trial *trial = *state;
    struct umd_command_buffer one = { .id = ID(3, COMMAND_BUFFER) };
    struct umd_command_buffer two = { .id = ID(5, COMMAND_BUFFER) };
    VkCommandBuffer buffers[] = { (VkCommandBuffer)&one, (VkCommandBuffer)&two };

    trial->exec.vk->CmdExecuteCommands = got_execute;
    wire_put_CmdExecuteCommands(&trial->encoder, 2, buffers);
    run(trial);
}

static void an_id_of_another_type_is_refused(void **state)
{
    struct trial *trial = *state;
    struct umd_command_buffer one = { .id = ID(3, BUFFER) };
    VkCommandBuffer buffer = (VkCommandBuffer)&one;

    trial->exec.vk->CmdExecuteCommands = got_execute;
    wire_put_CmdExecuteCommands(&trial->encoder, 1, &buffer);
    refused(trial);
}

/* --- Shader code, whose size is no multiple of its words --- */

static VKAPI_ATTR VkResult VKAPI_CALL got_module(VkDevice device,
                                                 const VkShaderModuleCreateInfo *info,
                                                 const VkAllocationCallbacks *allocator,
                                                 VkShaderModule *module)
{
    calls++;
    assert_ptr_equal(device, (void *)0x10);
    assert_null(allocator);
    assert_null(info->pNext);
    assert_int_equal(info->codeSize, 10);
    assert_memory_equal(info->pCode, "abcdefghijkl", 12);
    *module = (VkShaderModule)(uintptr_t)0x77;
    return VK_SUCCESS;
}

static void shader_code_is_whole(void **state)
{
    struct trial *trial = *state;
    static const uint32_t code[3] = { 0x64636261, 0x68676665, 0x6c6b6a69 };
    VkShaderModuleCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                      .codeSize = 10,
                                      .pCode = code };
    VkShaderModule module = HANDLE(VkShaderModule, 9, SHADER_MODULE);

    trial->exec.vk->CreateShaderModule = got_module;
    wire_put_CreateShaderModule(&trial->encoder, &info, &module);
    run(trial);
    assert_int_equal(trial->added_count, 1);
    assert_int_equal(trial->added[0], ID(9, SHADER_MODULE));
}

/* --- A chain with a structure that nobody knows, one that is refused, and two that cross --- */

static VKAPI_ATTR VkResult VKAPI_CALL got_sampler(VkDevice device, const VkSamplerCreateInfo *info,
                                                  const VkAllocationCallbacks *allocator,
                                                  VkSampler *sampler)
{
    const VkSamplerReductionModeCreateInfo *reduction = info->pNext;

    (void)device;
    (void)allocator;
    calls++;
    assert_non_null(reduction);
    assert_int_equal(reduction->sType, VK_STRUCTURE_TYPE_SAMPLER_REDUCTION_MODE_CREATE_INFO);
    assert_int_equal(reduction->reductionMode, VK_SAMPLER_REDUCTION_MODE_MAX);
    const VkSamplerYcbcrConversionInfo *conversion = reduction->pNext;
    assert_non_null(conversion);
    assert_int_equal((uintptr_t)conversion->conversion, ID(4, SAMPLER_YCBCR_CONVERSION));
    assert_null(conversion->pNext);
    assert_float_equal(info->maxLod, 12.5f, 0.0f);
    *sampler = (VkSampler)(uintptr_t)0x78;
    return VK_SUCCESS;
}

static void chains_keep_what_is_known(void **state)
{
    struct trial *trial = *state;
    VkDebugUtilsObjectNameInfoEXT name = { .sType =
                                               VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT };
    VkSamplerYcbcrConversionInfo conversion = {
        .sType = VK_STRUCTURE_TYPE_SAMPLER_YCBCR_CONVERSION_INFO,
        .pNext = &name,
        .conversion = HANDLE(VkSamplerYcbcrConversion, 4, SAMPLER_YCBCR_CONVERSION),
    };
    VkBaseInStructure unknown = { .sType = TRIAL_UNKNOWN, .pNext = (const void *)&conversion };
    VkSamplerReductionModeCreateInfo reduction = {
        .sType = VK_STRUCTURE_TYPE_SAMPLER_REDUCTION_MODE_CREATE_INFO,
        .pNext = &unknown,
        .reductionMode = VK_SAMPLER_REDUCTION_MODE_MAX,
    };
    VkSamplerCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                                 .pNext = &reduction,
                                 .maxLod = 12.5f };
    VkSampler sampler = HANDLE(VkSampler, 6, SAMPLER);

    trial->exec.vk->CreateSampler = got_sampler;
    wire_put_CreateSampler(&trial->encoder, &info, &sampler);
    run(trial);
}

static VKAPI_ATTR VkResult VKAPI_CALL fail_sampler(VkDevice device, const VkSamplerCreateInfo *info,
                                                   const VkAllocationCallbacks *allocator,
                                                   VkSampler *sampler)
{
    (void)device;
    (void)info;
    (void)allocator;
    (void)sampler;
    calls++;
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static void a_failed_creation_ends_the_stream(void **state)
{
    struct trial *trial = *state;
    VkSamplerCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO };
    VkSampler sampler = HANDLE(VkSampler, 6, SAMPLER);

    trial->exec.vk->CreateSampler = fail_sampler;
    wire_put_CreateSampler(&trial->encoder, &info, &sampler);
    trial_execute(trial);
    assert_int_equal(calls, 1);
    assert_int_equal(trial->exec.lost, STREAM_LOST_MEMORY);
    assert_int_equal(trial->added_count, 0);
}

/* --- Acceleration structures: unions, arrays of pointers, counts in another structure --- */

static VKAPI_ATTR void VKAPI_CALL
got_build(VkCommandBuffer commandBuffer, uint32_t count,
          const VkAccelerationStructureBuildGeometryInfoKHR *infos,
          const VkAccelerationStructureBuildRangeInfoKHR *const *ranges)
{
    (void)commandBuffer;
    calls++;
    assert_int_equal(count, 2);
    assert_int_equal(infos[0].geometryCount, 2);
    assert_null(infos[0].pGeometries);
    const VkAccelerationStructureGeometryKHR *triangles = infos[0].ppGeometries[0];
    assert_int_equal(triangles->geometryType, VK_GEOMETRY_TYPE_TRIANGLES_KHR);
    assert_int_equal(triangles->geometry.triangles.vertexData.deviceAddress, 0x123456789abcdef0);
    assert_int_equal(triangles->geometry.triangles.maxVertex, 41);
    const VkAccelerationStructureGeometryKHR *boxes = infos[0].ppGeometries[1];
    assert_int_equal(boxes->geometryType, VK_GEOMETRY_TYPE_AABBS_KHR);
    assert_int_equal(boxes->geometry.aabbs.stride, 24);
    assert_int_equal(infos[0].scratchData.deviceAddress, 0x1000);
    assert_int_equal((uintptr_t)infos[0].dstAccelerationStructure, ID(8, ACCELERATION_STRUCTURE_KHR));
    assert_int_equal(infos[1].geometryCount, 1);
    assert_null(infos[1].ppGeometries);
    assert_int_equal(infos[1].pGeometries[0].geometryType, VK_GEOMETRY_TYPE_INSTANCES_KHR);
    assert_int_equal(infos[1].pGeometries[0].geometry.instances.arrayOfPointers, VK_TRUE);
    assert_int_equal(ranges[0][0].primitiveCount, 7);
    assert_int_equal(ranges[0][1].primitiveCount, 8);
    assert_int_equal(ranges[1][0].firstVertex, 9);
}

static void acceleration_structures_are_built(void **state)
{
    struct trial *trial = *state;
    VkAccelerationStructureGeometryKHR triangles = {
        .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_KHR,
        .geometryType = VK_GEOMETRY_TYPE_TRIANGLES_KHR,
        .geometry.triangles = {
            .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_TRIANGLES_DATA_KHR,
            .vertexData.deviceAddress = 0x123456789abcdef0,
            .maxVertex = 41,
        },
    };
    VkAccelerationStructureGeometryKHR boxes = {
        .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_KHR,
        .geometryType = VK_GEOMETRY_TYPE_AABBS_KHR,
        .geometry.aabbs = {
            .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_AABBS_DATA_KHR,
            .stride = 24,
        },
    };
    VkAccelerationStructureGeometryKHR instances = {
        .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_KHR,
        .geometryType = VK_GEOMETRY_TYPE_INSTANCES_KHR,
        .geometry.instances = {
            .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_INSTANCES_DATA_KHR,
            .arrayOfPointers = VK_TRUE,
        },
    };
    const VkAccelerationStructureGeometryKHR *pointers[] = { &triangles, &boxes };
    VkAccelerationStructureBuildGeometryInfoKHR infos[] = {
        {
            .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_BUILD_GEOMETRY_INFO_KHR,
            .geometryCount = 2,
            .ppGeometries = pointers,
            .dstAccelerationStructure =
                HANDLE(VkAccelerationStructureKHR, 8, ACCELERATION_STRUCTURE_KHR),
            .scratchData.deviceAddress = 0x1000,
        },
        {
            .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_BUILD_GEOMETRY_INFO_KHR,
            .geometryCount = 1,
            .pGeometries = &instances,
            .dstAccelerationStructure =
                HANDLE(VkAccelerationStructureKHR, 8, ACCELERATION_STRUCTURE_KHR),
        },
    };
    VkAccelerationStructureBuildRangeInfoKHR first[] = { { .primitiveCount = 7 },
                                                         { .primitiveCount = 8 } };
    VkAccelerationStructureBuildRangeInfoKHR second[] = { { .firstVertex = 9 } };
    const VkAccelerationStructureBuildRangeInfoKHR *ranges[] = { first, second };

    trial->exec.vk->CmdBuildAccelerationStructuresKHR = got_build;
    wire_put_CmdBuildAccelerationStructuresKHR(&trial->encoder, 2, infos, ranges);
    run(trial);
}

/* --- Elements that lie further apart than they are large --- */

static VKAPI_ATTR void VKAPI_CALL got_draws(VkCommandBuffer commandBuffer, uint32_t count,
                                            const VkMultiDrawInfoEXT *draws, uint32_t instances,
                                            uint32_t firstInstance, uint32_t stride)
{
    (void)commandBuffer;
    (void)firstInstance;
    calls++;
    assert_int_equal(count, 3);
    assert_int_equal(instances, 1);
    assert_int_equal(stride, sizeof(*draws));
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(draws[i].firstVertex, 10 + i);
        assert_int_equal(draws[i].vertexCount, 20 + i);
    }
}

static void strided_arrays_are_packed(void **state)
{
    struct trial *trial = *state;
    struct {
        VkMultiDrawInfoEXT draw;
        uint32_t other[3];
    } draws[3];

    memset(draws, 0xee, sizeof(draws));
    for (uint32_t i = 0; i < 3; i++)
        draws[i].draw = (VkMultiDrawInfoEXT){ 10 + i, 20 + i };
    trial->exec.vk->CmdDrawMultiEXT = got_draws;
    wire_put_CmdDrawMultiEXT(&trial->encoder, 3, &draws[0].draw, 1, 0, sizeof(draws[0]));
    run(trial);
}

/* --- A length by formula --- */

static VKAPI_ATTR void VKAPI_CALL got_mask(VkCommandBuffer commandBuffer,
                                           VkSampleCountFlagBits samples, const VkSampleMask *mask)
{
    (void)commandBuffer;
    calls++;
    assert_int_equal(samples, VK_SAMPLE_COUNT_64_BIT);
    assert_int_equal(mask[0], 0x11111111);
    assert_int_equal(mask[1], 0x22222222);
}

static void lengths_by_formula(void **state)
{
    struct trial *trial = *state;
    VkSampleMask mask[] = { 0x11111111, 0x22222222 };
    size_t size;

    trial->exec.vk->CmdSetSampleMaskEXT = got_mask;
    wire_put_CmdSetSampleMaskEXT(&trial->encoder, VK_SAMPLE_COUNT_64_BIT, mask);
    run(trial);

    /* A count whose formula would wrap in 32 bits. */
    trial_clear(trial);
    calls = 0;
    wire_put_CmdSetSampleMaskEXT(&trial->encoder, VK_SAMPLE_COUNT_64_BIT, mask);
    ((struct vkwire_CmdSetSampleMaskEXT *)(void *)trial->encoder.data)->samples = UINT32_MAX;
    refused(trial);
    size = trial->encoder.used;
    assert_int_equal(size, sizeof(struct vkwire_CmdSetSampleMaskEXT) + 8);
}

/* --- Device creation: strings, features, layers that do not cross --- */

static void devices_are_created_without_layers(void **state)
{
    struct trial *trial = *state;
    const char *layers[] = { "VK_LAYER_of_the_guest" };
    const char *extensions[] = { "VK_KHR_maintenance4", "VK_EXT_multi_draw" };
    float priorities[] = { 0.5f, 1.0f };
    VkDeviceQueueCreateInfo queue = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                      .queueCount = 2,
                                      .pQueuePriorities = priorities };
    VkPhysicalDeviceVulkan13Features features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
        .synchronization2 = VK_TRUE,
    };
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &features,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledLayerCount = 1,
        .ppEnabledLayerNames = layers,
        .enabledExtensionCount = 2,
        .ppEnabledExtensionNames = extensions,
    };
    struct exec_decoder decoder;
    VkDeviceCreateInfo *got;

    wire_put_VkDeviceCreateInfo(&trial->encoder, &info);
    trial_decode(trial, &decoder);
    vkwire_get_VkDeviceCreateInfo(&decoder, &got);
    assert_true(exec_decoder_done(&decoder));
    assert_int_equal(got->enabledLayerCount, 0);
    assert_null(got->ppEnabledLayerNames);
    assert_int_equal(got->enabledExtensionCount, 2);
    assert_string_equal(got->ppEnabledExtensionNames[0], "VK_KHR_maintenance4");
    assert_string_equal(got->ppEnabledExtensionNames[1], "VK_EXT_multi_draw");
    assert_float_equal(got->pQueueCreateInfos[0].pQueuePriorities[1], 1.0f, 0.0f);
    assert_null(got->pEnabledFeatures);
    const VkPhysicalDeviceVulkan13Features *chain = got->pNext;
    assert_int_equal(chain->sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
    assert_int_equal(chain->synchronization2, VK_TRUE);
    assert_int_equal(chain->maintenance4, VK_FALSE);
    assert_null(chain->pNext);
}

/* --- An enumeration in two calls --- */

static VKAPI_ATTR void VKAPI_CALL
got_sparse(VkDevice device, const VkImageSparseMemoryRequirementsInfo2 *info, uint32_t *count,
           VkSparseImageMemoryRequirements2 *requirements)
{
    (void)device;
    assert_int_equal((uintptr_t)info->image, ID(2, IMAGE));
    calls++;
    if (!requirements) {
        *count = 3;
        return;
    }
    assert_int_equal(*count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(requirements[i].sType,
                         VK_STRUCTURE_TYPE_SPARSE_IMAGE_MEMORY_REQUIREMENTS_2);
        assert_null(requirements[i].pNext);
        assert_int_equal(requirements[i].memoryRequirements.imageMipTailSize, 0);
        requirements[i].memoryRequirements.imageMipTailSize = 100 + i;
    }
}

static void enumerations_take_two_calls(void **state)
{
    struct trial *trial = *state;
    VkImageSparseMemoryRequirementsInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_SPARSE_MEMORY_REQUIREMENTS_INFO_2,
        .image = HANDLE(VkImage, 2, IMAGE),
    };
    VkSparseImageMemoryRequirements2 requirements[2];
    VkBaseOutStructure unknown = { .sType = TRIAL_UNKNOWN };
    uint32_t count = 77;

    memset(requirements, 0xee, sizeof(requirements));
    for (int i = 0; i < 2; i++) {
        requirements[i].sType = VK_STRUCTURE_TYPE_SPARSE_IMAGE_MEMORY_REQUIREMENTS_2;
        requirements[i].pNext = i ? &unknown : NULL;
    }
    trial->ran = true; /* the driver's functions here do not say so */
    trial->exec.vk->GetImageSparseMemoryRequirements2 = got_sparse;
    assert_int_equal(
        umd_call_GetImageSparseMemoryRequirements2(NULL, &info, &count, NULL), VK_SUCCESS);
    assert_int_equal(count, 3);
    trial->encoder.used = 0;
    count = 2;
    assert_int_equal(
        umd_call_GetImageSparseMemoryRequirements2(NULL, &info, &count, requirements), VK_SUCCESS);
    assert_int_equal(count, 2);
    assert_int_equal(requirements[0].memoryRequirements.imageMipTailSize, 100);
    assert_int_equal(requirements[1].memoryRequirements.imageMipTailSize, 101);
    assert_ptr_equal(requirements[1].pNext, &unknown);
    assert_int_equal(calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(command_buffers_cross_by_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_id_of_another_type_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shader_code_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chains_keep_what_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_creation_ends_the_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(acceleration_structures_are_built, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strided_arrays_are_packed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lengths_by_formula, set_up, tear_down),
        cmocka_unit_test_setup_teardown(devices_are_created_without_layers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(enumerations_take_two_calls, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
