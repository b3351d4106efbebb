/* SPDX-License-Identifier: MIT */
/* VkDevice and its queues: a stream of its own. */
#include "umd/umd_device_plan.h"
#include "umd/umd_facts.h"
#include "umd/umd_instance.h"
#include "umd/umd_private_data.h"
#include "umd/umd_wsi.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"
#include "vkwire_extensions.h"

/* --- Subjects --- */

static const struct subject {
    VkResult (*init)(struct umd_device *device);
    void (*finish)(struct umd_device *device);
} subjects[] = {
    {umd_private_data_init, umd_private_data_finish},
    {umd_memory_init, umd_memory_finish},
    {umd_requirements_init, umd_requirements_finish},
    {umd_sync_init, umd_sync_finish},
};
#define SUBJECT_COUNT (sizeof(subjects) / sizeof(subjects[0]))

static VkResult init_subjects(struct umd_device *device)
{
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        VkResult result = subjects[i].init(device);

        if (result == VK_SUCCESS)
            continue;
        while (i-- > 0)
            subjects[i].finish(device);
        return result;
    }
    return VK_SUCCESS;
}

static void finish_subjects(struct umd_device *device)
{
    for (size_t i = SUBJECT_COUNT; i-- > 0;)
        subjects[i].finish(device);
}

/* --- The host's half --- */

static VkResult create_on_host(struct umd_stream *stream, const VkDeviceCreateInfo *info)
{
    struct umd_call call;
    struct wire_encoder *encoder = umd_call_begin(stream, &call);
    VkResult result;

    call.maps_ring = true;
    if (encoder) {
        size_t at = encoder->used;
        struct stream_create_device *command = wire_put(encoder, sizeof(*command));

        if (command)
            *command = (struct stream_create_device){.head.opcode = STREAM_CREATE_DEVICE,
                                                     .reply = call.word};
        wire_put_VkDeviceCreateInfo(encoder, info);
        wire_end_command(encoder, at);
    }
    result = umd_call_wait(&call);
    if (result == VK_SUCCESS)
        result = call.result;
    umd_call_end(&call);
    return result;
}

static void destroy_on_host(struct umd_stream *stream)
{
    struct wire_encoder *encoder = umd_stream_begin(stream);
    size_t at = encoder->used;
    uint64_t *room = wire_put(encoder, sizeof(*room));

    if (room) {
        *room = 0;
        ((struct stream_command *)(void *)room)->opcode = STREAM_DESTROY_DEVICE;
    }
    wire_end_command(encoder, at);
    umd_stream_end(stream, true);
}

/* --- Queues --- */

static void init_queues(struct umd_device *device, const VkDeviceCreateInfo *info)
{
    for (uint32_t i = 0; i < info->queueCreateInfoCount; i++) {
        const VkDeviceQueueCreateInfo *queues = &info->pQueueCreateInfos[i];

        for (uint32_t j = 0; j < queues->queueCount; j++) {
            uint32_t number = device->queue_count++;
            struct umd_queue *queue = &device->queues[number];

            set_loader_magic_value(queue);
            queue->device = device;
            queue->id = STREAM_ID(1 + number, 1, VKWIRE_OBJECT_QUEUE);
            queue->number = number;
            queue->family = queues->queueFamilyIndex;
            queue->index = j;
            queue->flags = queues->flags;
        }
    }
}

/* --- Creation --- */

static uint32_t lower(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static VkResult init(struct umd_device *device, const struct umd_device_plan *plan)
{
    const struct umd_physical_device *physical = device->physical;
    VkResult result;

    device->api_version = lower(umd_minor_version(physical->facts->properties.apiVersion),
                                physical->instance->api_version);
    device->queues =
        umd_alloc(&device->allocator, NULL, (plan->queue_count + 1) * sizeof(*device->queues),
                  VK_SYSTEM_ALLOCATION_SCOPE_DEVICE);
    if (!device->queues || umd_ids_init(&device->ids, 1 + plan->queue_count) < 0)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    init_queues(device, &plan->info);
    result = umd_stream_create(&physical->adapter->shim, &device->stream);
    if (result != VK_SUCCESS)
        goto finish_ids;
    result = create_on_host(device->stream, &plan->info);
    if (result == VK_SUCCESS)
        result = init_subjects(device);
    if (result == VK_SUCCESS)
        return VK_SUCCESS;
    umd_stream_destroy(device->stream);

finish_ids:
    umd_ids_finish(&device->ids);
    return result;
}

static void free_device(struct umd_device *device, const VkAllocationCallbacks *allocator)
{
    VkAllocationCallbacks own = device->allocator;

    umd_free(&own, NULL, device->queues);
    umd_free(&own, NULL, device->extensions);
    umd_free(allocator, &own, device);
}

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateDevice(VkPhysicalDevice physicalDevice,
                                                const VkDeviceCreateInfo *pCreateInfo,
                                                const VkAllocationCallbacks *pAllocator,
                                                VkDevice *pDevice)
{
    struct umd_physical_device *physical = umd_physical_device_from(physicalDevice);
    const VkAllocationCallbacks *parent = &physical->instance->allocator;
    struct umd_device_plan plan = {0};
    struct umd_device *device =
        umd_alloc(pAllocator, parent, sizeof(*device), VK_SYSTEM_ALLOCATION_SCOPE_DEVICE);
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;

    if (!device)
        return result;
    set_loader_magic_value(device);
    device->allocator = pAllocator ? *pAllocator : *parent;
    device->physical = physical;
    device->extensions =
        umd_alloc(&device->allocator, NULL, vkwire_extension_count * sizeof(*device->extensions),
                  VK_SYSTEM_ALLOCATION_SCOPE_DEVICE);
    if (device->extensions)
        result = umd_device_plan_init(&plan, physical->facts, pCreateInfo, device->extensions);
    if (result == VK_SUCCESS)
        result = init(device, &plan);
    umd_device_plan_finish(&plan);
    if (result != VK_SUCCESS)
        free_device(device, pAllocator);
    else
        *pDevice = (VkDevice)device;
    return result;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroyDevice(VkDevice device,
                                             const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *own = umd_device_from(device);

    if (!own)
        return;
    umd_swapchains_abandon(own);
    finish_subjects(own);
    destroy_on_host(own->stream);
    umd_stream_destroy(own->stream);
    umd_ids_finish(&own->ids);
    free_device(own, pAllocator);
}

/* --- Queries --- */

VKAPI_ATTR void VKAPI_CALL umd_GetDeviceQueue2(VkDevice device,
                                               const VkDeviceQueueInfo2 *pQueueInfo,
                                               VkQueue *pQueue)
{
    struct umd_device *own = umd_device_from(device);

    *pQueue = VK_NULL_HANDLE;
    for (uint32_t i = 0; i < own->queue_count; i++) {
        struct umd_queue *queue = &own->queues[i];

        if (queue->family == pQueueInfo->queueFamilyIndex &&
            queue->index == pQueueInfo->queueIndex && queue->flags == pQueueInfo->flags) {
            *pQueue = (VkQueue)queue;
            return;
        }
    }
}

VKAPI_ATTR void VKAPI_CALL umd_GetDeviceQueue(VkDevice device, uint32_t queueFamilyIndex,
                                              uint32_t queueIndex, VkQueue *pQueue)
{
    const VkDeviceQueueInfo2 info = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
                                     .queueFamilyIndex = queueFamilyIndex,
                                     .queueIndex = queueIndex};

    umd_GetDeviceQueue2(device, &info, pQueue);
}

/* A group of one has no peers. */
VKAPI_ATTR void VKAPI_CALL umd_GetDeviceGroupPeerMemoryFeatures(
    VkDevice device, uint32_t heapIndex, uint32_t localDeviceIndex, uint32_t remoteDeviceIndex,
    VkPeerMemoryFeatureFlags *pPeerMemoryFeatures)
{
    (void)device;
    (void)heapIndex;
    (void)localDeviceIndex;
    (void)remoteDeviceIndex;
    *pPeerMemoryFeatures = 0;
}
