/* SPDX-License-Identifier: MIT */
/*
 * Fences are state of the guest alone: each holds the point (umd_sync.h) at which it is signalled.
 * The worker never hears of them.
 */
#include "umd/umd_sync.h"

#include "umd/umd_mirror.h"
#include "umd_commands.h"
#include "vkwire.h"

VkResult umd_CreateFence(VkDevice handle, const VkFenceCreateInfo *pCreateInfo,
                         const VkAllocationCallbacks *pAllocator, VkFence *pFence)
{
    struct umd_device *device = umd_device_from(handle);
    struct umd_fence *fence = umd_alloc(pAllocator, &device->allocator, sizeof(*fence),
                                        VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!fence)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    atomic_init(&fence->point, pCreateInfo->flags & VK_FENCE_CREATE_SIGNALED_BIT ? UMD_POINT_REACHED
                                                                                 : UMD_POINT_NEVER);
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_FENCE, fence);
    if (!id) {
        umd_free(pAllocator, &device->allocator, fence);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    *pFence = UMD_HANDLE(VkFence, id);
    return VK_SUCCESS;
}

void umd_DestroyFence(VkDevice handle, VkFence fence, const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(handle);
    struct umd_fence *state = umd_object(device, UMD_ID(fence));
    if (!state)
        return;
    umd_id_free(&device->ids, UMD_ID(fence));
    umd_free(pAllocator, &device->allocator, state);
}

VkResult umd_ResetFences(VkDevice handle, uint32_t fenceCount, const VkFence *pFences)
{
    struct umd_device *device = umd_device_from(handle);
    for (uint32_t i = 0; i < fenceCount; i++)
        umd_fence_submit(device, pFences[i], UMD_POINT_NEVER);
    return VK_SUCCESS;
}

static bool is_signalled(const struct umd_device *device, VkFence fence)
{
    const struct umd_fence *state = umd_object(device, UMD_ID(fence));
    return state && umd_point_reached(device->stream, atomic_load(&state->point));
}

VkResult umd_GetFenceStatus(VkDevice handle, VkFence fence)
{
    struct umd_device *device = umd_device_from(handle);
    if (is_signalled(device, fence))
        return umd_memory_receive(device, VK_SUCCESS);
    umd_stream_refresh(device->stream);
    if (device->mirrors && is_signalled(device, fence))
        return umd_memory_receive(device, VK_SUCCESS);
    VkResult status = umd_stream_look(device->stream);
    return status ? status : VK_NOT_READY;
}

struct fence_wait {
    const struct umd_device *device;
    const VkFence *fences;
    uint32_t count;
    uint32_t first; /* of all that are waited for: those before it are signalled */
};

static bool all_signalled(void *data)
{
    struct fence_wait *wait = data;
    while (wait->first < wait->count && is_signalled(wait->device, wait->fences[wait->first]))
        wait->first++;
    return wait->first == wait->count;
}

static bool any_signalled(void *data)
{
    const struct fence_wait *wait = data;
    for (uint32_t i = 0; i < wait->count; i++) {
        if (is_signalled(wait->device, wait->fences[i]))
            return true;
    }
    return false;
}

static bool some_unsubmitted(void *data)
{
    const struct fence_wait *wait = data;
    for (uint32_t i = 0; i < wait->count; i++) {
        const struct umd_fence *state = umd_object(wait->device, UMD_ID(wait->fences[i]));
        if (state && atomic_load(&state->point) == UMD_POINT_NEVER)
            return true;
    }
    return false;
}

VkResult umd_WaitForFences(VkDevice handle, uint32_t fenceCount, const VkFence *pFences,
                           VkBool32 waitAll, uint64_t timeout)
{
    struct fence_wait wait = {umd_device_from(handle), pFences, fenceCount, 0};
    bool all = waitAll || fenceCount == 1;
    return umd_sync_wait(umd_device_from(handle), all ? all_signalled : any_signalled,
                         some_unsubmitted, &wait, timeout);
}
