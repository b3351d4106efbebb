/* SPDX-License-Identifier: MIT */
/* What all kinds of synchronisation share, and waiting for queues to be idle. */
#include "umd/umd_sync.h"

#include "umd/umd_mirror.h"
#include "umd_commands.h"

VkResult umd_sync_init(struct umd_device *device)
{
    device->sync = umd_alloc(NULL, &device->allocator, sizeof(*device->sync),
                             VK_SYSTEM_ALLOCATION_SCOPE_DEVICE);
    return device->sync ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

void umd_sync_finish(struct umd_device *device)
{
    umd_free(NULL, &device->allocator, device->sync);
    device->sync = NULL;
}

VkResult umd_sync_wait(struct umd_device *device, bool (*ready)(void *data),
                       bool (*early)(void *data), void *data, uint64_t timeout)
{
    if (ready(data))
        return umd_memory_receive(device, VK_SUCCESS);
    if (!timeout) {
        umd_stream_refresh(device->stream);
        if (device->mirrors && ready(data))
            return umd_memory_receive(device, VK_SUCCESS);
        VkResult status = umd_stream_look(device->stream);
        return status ? status : VK_TIMEOUT;
    }
    /* What has a point keeps it: only the early ones can change without the worker's doing. */
    bool waits_early = early(data);
    if (waits_early)
        atomic_fetch_add(&device->sync->early_waiters, 1);
    VkResult result = umd_stream_wait(device->stream, ready, data, timeout);
    if (waits_early)
        atomic_fetch_sub(&device->sync->early_waiters, 1);
    return umd_memory_receive(device, result);
}

struct queue_wait {
    const struct umd_queue *queue;
    uint64_t submitted;
};

static bool queue_is_idle(void *data)
{
    const struct queue_wait *wait = data;
    return umd_stream_completed(wait->queue->device->stream, wait->queue->number) >=
           wait->submitted;
}

/* What was submitted so far has finished. */
static VkResult wait_for_queue(const struct umd_queue *queue)
{
    struct queue_wait wait = {queue, atomic_load(&queue->submitted)};
    if (queue_is_idle(&wait))
        return umd_stream_status(queue->device->stream);
    return umd_stream_wait(queue->device->stream, queue_is_idle, &wait, UINT64_MAX);
}

VkResult umd_QueueWaitIdle(VkQueue queue)
{
    return umd_memory_receive(umd_queue_from(queue)->device,
                              wait_for_queue(umd_queue_from(queue)));
}

VkResult umd_DeviceWaitIdle(VkDevice handle)
{
    struct umd_device *device = umd_device_from(handle);
    VkResult result = umd_stream_status(device->stream);
    for (uint32_t i = 0; i < device->queue_count && !result; i++)
        result = wait_for_queue(&device->queues[i]);
    return umd_memory_receive(device, result);
}
