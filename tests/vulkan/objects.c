/* SPDX-License-Identifier: MIT */
/* Objects in general: names, private data, allocation callbacks, very many of them, two devices,
 * and what a physical device says of itself. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/vt.h"

static PFN_vkVoidFunction load_instance(struct vt *vt, const char *name)
{
    PFN_vkVoidFunction function = vkGetInstanceProcAddr(vt->instance, name);
    if (!function)
        vt_fail(vt, "no %s", name);
    return function;
}
#define LOAD_INSTANCE(vt, name) ((PFN_##name)load_instance(vt, #name))

/* Names and tags of objects of every level, labels in queues and command buffers. */
static void object_names(struct vt *vt)
{
    PFN_vkSetDebugUtilsObjectNameEXT set_name = LOAD_INSTANCE(vt, vkSetDebugUtilsObjectNameEXT);
    PFN_vkSetDebugUtilsObjectTagEXT set_tag = LOAD_INSTANCE(vt, vkSetDebugUtilsObjectTagEXT);
    PFN_vkCmdBeginDebugUtilsLabelEXT begin = LOAD_INSTANCE(vt, vkCmdBeginDebugUtilsLabelEXT);
    PFN_vkCmdEndDebugUtilsLabelEXT end = LOAD_INSTANCE(vt, vkCmdEndDebugUtilsLabelEXT);
    struct vt_buffer data = vt_buffer(vt, 1024, 0);
    VkCommandBuffer cmd = vt_begin(vt);
    const struct {
        VkObjectType type;
        uint64_t handle;
    } objects[] = {{VK_OBJECT_TYPE_BUFFER, (uint64_t)data.handle},
                   {VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)data.memory},
                   {VK_OBJECT_TYPE_FENCE, (uint64_t)vt_fence(vt, false)},
                   {VK_OBJECT_TYPE_SEMAPHORE, (uint64_t)vt_semaphore(vt)},
                   {VK_OBJECT_TYPE_COMMAND_BUFFER, (uint64_t)(uintptr_t)cmd},
                   {VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)vt->queue},
                   {VK_OBJECT_TYPE_DEVICE, (uint64_t)(uintptr_t)vt->device}};
    char *name = malloc(5001);
    memset(name, 'n', 5000);
    name[5000] = 0;
    for (uint32_t i = 0; i < VT_COUNT(objects); i++) {
        VkDebugUtilsObjectNameInfoEXT info = {
            .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
            .objectType = objects[i].type,
            .objectHandle = objects[i].handle,
            .pObjectName = "grüße"};
        VkDebugUtilsObjectTagInfoEXT tag = {.sType =
                                                VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_TAG_INFO_EXT,
                                            .objectType = objects[i].type,
                                            .objectHandle = objects[i].handle,
                                            .tagName = 7,
                                            .tagSize = 5000,
                                            .pTag = name};
        VT_CHECK(vt, set_name(vt->device, &info));
        info.pObjectName = name;
        VT_CHECK(vt, set_name(vt->device, &info));
        info.pObjectName = "";
        VT_CHECK(vt, set_name(vt->device, &info));
        VT_CHECK(vt, set_tag(vt->device, &tag));
    }
    free(name);
    VkDebugUtilsLabelEXT label = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT,
                                  .pLabelName = "outer",
                                  .color = {1, 0.5f, 0, 1}};
    begin(cmd, &label);
    label.pLabelName = "inner";
    LOAD_INSTANCE(vt, vkCmdInsertDebugUtilsLabelEXT)(cmd, &label);
    vkCmdFillBuffer(cmd, data.handle, 0, 1024, 0x1abe1);
    end(cmd);
    vt_barrier(cmd);
    LOAD_INSTANCE(vt, vkQueueBeginDebugUtilsLabelEXT)(vt->queue, &label);
    vt_finish(vt, cmd);
    LOAD_INSTANCE(vt, vkQueueEndDebugUtilsLabelEXT)(vt->queue);
    vt_put_buffer(vt, &data);
}

static VKAPI_ATTR VkBool32 VKAPI_CALL count_message(
    VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
    const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    (void)severity;
    (void)types;
    if (data->pMessageIdName && !strcmp(data->pMessageIdName, "own"))
        atomic_fetch_add((atomic_uint *)user, (unsigned)data->messageIdNumber);
    return VK_FALSE;
}

/* A message that the program submits itself reaches its messengers. */
static void messengers(struct vt *vt)
{
    atomic_uint count = 0;
    VkDebugUtilsMessengerCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT,
        .pfnUserCallback = count_message,
        .pUserData = &count};
    VkDebugUtilsMessengerCallbackDataEXT message = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CALLBACK_DATA_EXT,
        .pMessageIdName = "own",
        .messageIdNumber = 5,
        .pMessage = "a message"};
    PFN_vkSubmitDebugUtilsMessageEXT submit = LOAD_INSTANCE(vt, vkSubmitDebugUtilsMessageEXT);
    PFN_vkDestroyDebugUtilsMessengerEXT destroy =
        LOAD_INSTANCE(vt, vkDestroyDebugUtilsMessengerEXT);
    VkDebugUtilsMessengerEXT messenger;
    VT_CHECK(vt, LOAD_INSTANCE(vt, vkCreateDebugUtilsMessengerEXT)(vt->instance, &info, NULL,
                                                                   &messenger));
    submit(vt->instance, VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT, info.messageType,
           &message);
    submit(vt->instance, VK_DEBUG_UTILS_MESSAGE_SEVERITY_INFO_BIT_EXT, info.messageType, &message);
    destroy(vt->instance, messenger, NULL);
    submit(vt->instance, VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT, info.messageType,
           &message);
    VT_EXPECT(vt, count == 5);
    vt_put_number(vt, count);
}

static void private_data(struct vt *vt)
{
    vt_need(vt, vt->features.v13.privateData, "privateData");
    VkPrivateDataSlotCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PRIVATE_DATA_SLOT_CREATE_INFO};
    VkPrivateDataSlot slots[3];
    VkFence fences[50];
    uint64_t value;
    for (uint32_t i = 0; i < 3; i++) {
        VT_CHECK(vt, vkCreatePrivateDataSlot(vt->device, &info, NULL, &slots[i]));
        VT_OWN(vt, PRIVATE_DATA_SLOT, slots[i]);
    }
    for (uint32_t i = 0; i < 50; i++) {
        fences[i] = vt_fence(vt, false);
        VT_CHECK(vt, vkSetPrivateData(vt->device, VK_OBJECT_TYPE_FENCE, (uint64_t)fences[i],
                                      slots[i % 2], UINT64_MAX - i));
    }
    VT_CHECK(vt, vkSetPrivateData(vt->device, VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)vt->queue,
                                  slots[0], 77));
    for (uint32_t i = 0; i < 50; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            vkGetPrivateData(vt->device, VK_OBJECT_TYPE_FENCE, (uint64_t)fences[i], slots[k],
                             &value);
            VT_EXPECT(vt, value == (i % 2 == k ? UINT64_MAX - i : 0));
            vt_put_number(vt, value);
        }
    }
    vkGetPrivateData(vt->device, VK_OBJECT_TYPE_QUEUE, (uint64_t)(uintptr_t)vt->queue, slots[0],
                     &value);
    VT_EXPECT(vt, value == 77);
}

/* --- Allocation callbacks --- */

struct counts {
    atomic_uint allocated, freed, bad;
};

static VKAPI_ATTR void *VKAPI_CALL count_alloc(void *user, size_t size, size_t alignment,
                                               VkSystemAllocationScope scope)
{
    struct counts *counts = user;
    (void)scope;
    if (!alignment || (alignment & (alignment - 1)))
        atomic_fetch_add(&counts->bad, 1);
    atomic_fetch_add(&counts->allocated, 1);
    if (alignment < sizeof(void *))
        alignment = sizeof(void *);
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static VKAPI_ATTR void VKAPI_CALL count_free(void *user, void *memory)
{
    if (memory)
        atomic_fetch_add(&((struct counts *)user)->freed, 1);
    free(memory);
}

static VKAPI_ATTR void *VKAPI_CALL count_realloc(void *user, void *old, size_t size,
                                                 size_t alignment, VkSystemAllocationScope scope)
{
    /* Only the first allocation's size would be known: a copy of a sized block. */
    if (!size) {
        count_free(user, old);
        return NULL;
    }
    if (!old)
        return count_alloc(user, size, alignment, scope);
    return alignment <= _Alignof(max_align_t) ? realloc(old, size) : NULL;
}

static void create_and_destroy(struct vt *vt, VkDevice device,
                               const VkAllocationCallbacks *callbacks)
{
    VkBufferCreateInfo buffer_info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                      .size = 4096,
                                      .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkFenceCreateInfo fence_info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkMemoryAllocateInfo memory_info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                        .allocationSize = 65536};
    VkBuffer buffer;
    VkFence fence;
    VkDeviceMemory memory;
    VT_CHECK(vt, vkCreateBuffer(device, &buffer_info, callbacks, &buffer));
    VT_CHECK(vt, vkCreateFence(device, &fence_info, callbacks, &fence));
    VT_CHECK(vt, vkAllocateMemory(device, &memory_info, callbacks, &memory));
    vkDestroyBuffer(device, buffer, callbacks);
    vkFreeMemory(device, memory, callbacks);
    vkDestroyFence(device, fence, callbacks);
    vkDestroyBuffer(device, VK_NULL_HANDLE, callbacks);
}

/* Everything that was allocated by the callbacks is freed by them. */
static void allocation_callbacks(struct vt *vt)
{
    struct counts counts = {0};
    const VkAllocationCallbacks callbacks = {&counts,    count_alloc, count_realloc,
                                             count_free, NULL,        NULL};
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .apiVersion = VK_API_VERSION_1_3};
    VkInstanceCreateInfo instance_info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                          .pApplicationInfo = &application};
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = vt->queues[0].family,
                                     .queueCount = 1,
                                     .pQueuePriorities = (float[]){1.0f}};
    VkDeviceCreateInfo device_info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                      .queueCreateInfoCount = 1,
                                      .pQueueCreateInfos = &queue};
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    uint32_t one = 1;
    VT_CHECK(vt, vkCreateInstance(&instance_info, &callbacks, &instance));
    VkResult result = vkEnumeratePhysicalDevices(instance, &one, &physical);
    VT_EXPECT(vt, result == VK_SUCCESS || result == VK_INCOMPLETE);
    VT_CHECK(vt, vkCreateDevice(physical, &device_info, &callbacks, &device));
    for (uint32_t i = 0; i < 10; i++)
        create_and_destroy(vt, device, &callbacks);
    vkDestroyDevice(device, &callbacks);
    vkDestroyInstance(instance, &callbacks);
    VT_EXPECT(vt, counts.allocated > 0 && counts.allocated == counts.freed && counts.bad == 0);
    vt_put_number(vt, counts.allocated == counts.freed);
}

/* --- Very many --- */

static void many_objects(struct vt *vt)
{
    enum { COUNT = 10000 };
    VkBuffer *buffers = malloc(COUNT * sizeof(*buffers));
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .size = 256,
                               .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkMemoryRequirements requirements;
    for (uint32_t turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            info.size = 256 + i % 5 * 64;
            VT_CHECK(vt, vkCreateBuffer(vt->device, &info, NULL, &buffers[i]));
        }
        for (uint32_t i = 0; i < COUNT; i++) {
            vkGetBufferMemoryRequirements(vt->device, buffers[i * 7 % COUNT], &requirements);
            VT_EXPECT(vt, requirements.size >= 256);
            if (i % 1000 == 0)
                vt_put_requirements(vt, &requirements);
        }
        for (uint32_t i = 0; i < COUNT; i++)
            vkDestroyBuffer(vt->device, buffers[i * 3 % COUNT], NULL);
    }
    free(buffers);
    for (uint32_t i = 0; i < COUNT; i++) { /* made and gone at once */
        VkEventCreateInfo event_info = {.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO};
        VkEvent event;
        VT_CHECK(vt, vkCreateEvent(vt->device, &event_info, NULL, &event));
        vkDestroyEvent(vt->device, event, NULL);
    }
}

static void creator(struct vt *vt, uint32_t number, void *data)
{
    (void)data;
    for (uint32_t i = 0; i < 500; i++) {
        VkImageCreateInfo info = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                  .imageType = VK_IMAGE_TYPE_2D,
                                  .format = VK_FORMAT_R8G8B8A8_UNORM,
                                  .extent = {16 + i % 9, 16 + number, 1},
                                  .mipLevels = 1,
                                  .arrayLayers = 1,
                                  .samples = 1,
                                  .usage = VK_IMAGE_USAGE_SAMPLED_BIT};
        VkSamplerCreateInfo sampler_info = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
        VkImage image;
        VkSampler sampler;
        VkMemoryRequirements requirements;
        VT_CHECK(vt, vkCreateImage(vt->device, &info, NULL, &image));
        VT_CHECK(vt, vkCreateSampler(vt->device, &sampler_info, NULL, &sampler));
        vkGetImageMemoryRequirements(vt->device, image, &requirements);
        VT_EXPECT(vt, requirements.size >= (16 + i % 9) * (16 + number) * 4ul);
        vkDestroySampler(vt->device, sampler, NULL);
        vkDestroyImage(vt->device, image, NULL);
    }
}

static void creating_threads(struct vt *vt)
{
    vt_threads(vt, 8, creator, NULL);
    vt_put_number(vt, 8);
}

/* Two devices at once, with work of both pending. */
static void two_devices(struct vt *vt)
{
    struct vt other, *both[2] = {vt, &other};
    struct vt_buffer data[2];
    VkFence fences[2];
    vt_open_device(vt, &other);
    for (uint32_t i = 0; i < 2; i++) {
        data[i] = vt_buffer(both[i], 65536, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
        struct vt_binding binding = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .buffer = &data[i]};
        struct vt_set set = vt_set(both[i], &binding, 1);
        struct vt_pipeline pipeline = vt_compute(both[i], "step.comp", &set, 8, NULL);
        VkCommandBuffer cmd = vt_begin(both[i]);
        vt_bind(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, &pipeline, &set);
        for (uint32_t k = 0; k < 20; k++) {
            vkCmdPushConstants(cmd, pipeline.layout, VK_SHADER_STAGE_ALL, 0, 8,
                               (uint32_t[2]){k * 2 + 3 + i, k + 1});
            vkCmdDispatch(cmd, 256, 1, 1);
            vt_barrier(cmd);
        }
        fences[i] = vt_fence(both[i], false);
        VT_CHECK(vt, vkEndCommandBuffer(cmd));
        vt_submit(both[i], cmd, fences[i]);
    }
    for (uint32_t i = 0; i < 2; i++) {
        VT_CHECK(vt, vkWaitForFences(both[i]->device, 1, &fences[i], VK_TRUE, UINT64_MAX));
        vt_put_buffer(vt, &data[i]);
    }
    VT_EXPECT(vt, memcmp(data[0].data, data[1].data, 64) != 0);
}

/* Formats and image formats: every answer, also the refusals. */
static void formats(struct vt *vt)
{
    uint32_t supported = 0;
    for (uint32_t format = 1; format <= VK_FORMAT_ASTC_12x12_SRGB_BLOCK; format++) {
        VkFormatProperties3 wide = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3};
        VkFormatProperties2 properties = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
                                          .pNext = &wide};
        VkPhysicalDeviceImageFormatInfo2 info = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
            .format = (VkFormat)format,
            .type = VK_IMAGE_TYPE_2D,
            .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT};
        VkImageFormatProperties2 image = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2};
        vkGetPhysicalDeviceFormatProperties2(vt->physical, (VkFormat)format, &properties);
        vt_put(vt, &properties.formatProperties, sizeof(properties.formatProperties));
        vt_put_number(vt, wide.linearTilingFeatures);
        vt_put_number(vt, wide.optimalTilingFeatures);
        vt_put_number(vt, wide.bufferFeatures);
        VkResult result = vkGetPhysicalDeviceImageFormatProperties2(vt->physical, &info, &image);
        vt_put_number(vt, (uint64_t)result);
        if (result == VK_SUCCESS) {
            supported++;
            vt_put(vt, &image.imageFormatProperties, sizeof(VkExtent3D) + 12);
        }
    }
    VT_EXPECT(vt, supported > 20);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {
        {"object-names", object_names}, {"messengers", messengers},
        {"private-data", private_data}, {"allocation-callbacks", allocation_callbacks},
        {"many-objects", many_objects}, {"creating-threads", creating_threads},
        {"two-devices", two_devices},   {"formats", formats},
    };
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}
