/* SPDX-License-Identifier: MIT */
/*
 * Semaphores. Binary ones are objects of the host's driver and nothing else. Of a timeline the
 * guest keeps what has happened (umd_timeline.c), so that only signals by the program are sent.
 */
#include "umd/umd_sync.h"

#include <stdlib.h>

#include "umd/umd_chain.h"
#include "umd/umd_mirror.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"

static void free_timeline(struct umd_device *device, const VkAllocationCallbacks *allocator,
                          struct umd_timeline *timeline)
{
    if (!timeline)
        return;
    umd_timeline_finish(timeline);
    umd_free(allocator, &device->allocator, timeline);
}

VkResult umd_CreateSemaphore(VkDevice handle, const VkSemaphoreCreateInfo *pCreateInfo,
                             const VkAllocationCallbacks *pAllocator, VkSemaphore *pSemaphore)
{
    struct umd_device *device = umd_device_from(handle);
    const VkSemaphoreTypeCreateInfo *type =
        umd_chain_find(pCreateInfo->pNext, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
    struct umd_timeline *timeline = NULL;
    if (type && type->semaphoreType == VK_SEMAPHORE_TYPE_TIMELINE) {
        timeline = umd_alloc(pAllocator, &device->allocator, sizeof(*timeline),
                             VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
        if (!timeline)
            return VK_ERROR_OUT_OF_HOST_MEMORY;
        umd_timeline_init(timeline, type->initialValue);
    }
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_SEMAPHORE, timeline);
    if (id) {
        VkSemaphore semaphore = UMD_HANDLE(VkSemaphore, id);
        wire_put_CreateSemaphore(umd_stream_begin(device->stream), pCreateInfo, &semaphore);
        result = umd_stream_end(device->stream, false);
        *pSemaphore = semaphore;
    }
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY) {
        umd_id_free(&device->ids, id);
        free_timeline(device, pAllocator, timeline);
        return result;
    }
    return VK_SUCCESS; /* a lost device still has objects */
}

void umd_DestroySemaphore(VkDevice handle, VkSemaphore semaphore,
                          const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(handle);
    if (!semaphore)
        return;
    struct umd_timeline *timeline = umd_object(device, UMD_ID(semaphore));
    wire_put_DestroySemaphore(umd_stream_begin(device->stream), semaphore);
    umd_stream_end(device->stream, false);
    umd_id_free(&device->ids, UMD_ID(semaphore));
    free_timeline(device, pAllocator, timeline);
}

VkResult umd_GetSemaphoreCounterValue(VkDevice handle, VkSemaphore semaphore, uint64_t *pValue)
{
    struct umd_device *device = umd_device_from(handle);
    struct umd_timeline *timeline = umd_object(device, UMD_ID(semaphore));
    umd_stream_refresh(device->stream);
    *pValue = umd_timeline_value(timeline, device->stream);
    return umd_memory_receive(device, umd_stream_look(device->stream));
}

VkResult umd_SignalSemaphore(VkDevice handle, const VkSemaphoreSignalInfo *pSignalInfo)
{
    struct umd_device *device = umd_device_from(handle);
    struct umd_timeline *timeline = umd_object(device, UMD_ID(pSignalInfo->semaphore));
    VkResult result = umd_memory_send(device);
    if (result)
        return result;
    wire_put_SignalSemaphore(umd_stream_begin(device->stream), pSignalInfo);
    result = umd_stream_end(device->stream, true);
    if (!result) {
        umd_timeline_raise(timeline, pSignalInfo->value);
        umd_sync_changed(device);
    }
    return result;
}

struct semaphore_wait {
    const struct umd_stream *stream;
    struct umd_timeline_wait *waits;
    uint32_t count;
};

static bool all_reached(void *data)
{
    const struct semaphore_wait *wait = data;
    for (uint32_t i = 0; i < wait->count; i++) {
        if (!umd_timeline_reached(&wait->waits[i], wait->stream))
            return false;
    }
    return true;
}

static bool any_reached(void *data)
{
    const struct semaphore_wait *wait = data;
    for (uint32_t i = 0; i < wait->count; i++) {
        if (umd_timeline_reached(&wait->waits[i], wait->stream))
            return true;
    }
    return !wait->count;
}

static bool some_early(void *data)
{
    const struct semaphore_wait *wait = data;
    for (uint32_t i = 0; i < wait->count; i++) {
        if (umd_timeline_early(&wait->waits[i]))
            return true;
    }
    return false;
}

VkResult umd_WaitSemaphores(VkDevice handle, const VkSemaphoreWaitInfo *pWaitInfo, uint64_t timeout)
{
    struct umd_device *device = umd_device_from(handle);
    struct umd_timeline_wait few[8], *waits = few;
    uint32_t count = pWaitInfo->semaphoreCount;
    if (count > sizeof(few) / sizeof(few[0]) && !(waits = calloc(count, sizeof(*waits))))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        waits[i] = (struct umd_timeline_wait){
            .timeline = umd_object(device, UMD_ID(pWaitInfo->pSemaphores[i])),
            .value = pWaitInfo->pValues[i],
        };
    }
    struct semaphore_wait wait = {device->stream, waits, count};
    bool any = pWaitInfo->flags & VK_SEMAPHORE_WAIT_ANY_BIT;
    VkResult result =
        umd_sync_wait(device, any ? any_reached : all_reached, some_early, &wait, timeout);
    if (waits != few)
        free(waits);
    return result;
}
