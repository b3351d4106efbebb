/* SPDX-License-Identifier: MIT */
/*
 * Semaphores of vkAcquireNextImageKHR. The guest gives out an image when its window no longer reads
 * it, so that there is nothing for the device to wait for: the semaphore is not signalled on the
 * host, and the next wait for it is taken out of the submission, in the batch's private copy.
 */
#include "host/worker/exec_acquired.h"

#include <string.h>

#include "vkwire.h"

static bool is_acquired(const struct exec_acquired *acquired, VkSemaphore semaphore)
{
    for (uint32_t i = 0; i < acquired->count; i++)
        if (acquired->semaphores[i] == semaphore)
            return true;
    return false;
}

void exec_signal_acquired(struct exec *x, const struct stream_object *command)
{
    struct exec_acquired *acquired = &x->acquired;
    struct exec_object *object = exec_object_get(x, command->id, VKWIRE_OBJECT_SEMAPHORE);
    if (!object)
        return;
    VkSemaphore semaphore = (VkSemaphore)(uintptr_t)object->handle[0];
    if (is_acquired(acquired, semaphore)) /* against Vulkan's rules, but harmless */
        return;
    if (acquired->count == EXEC_MOST_ACQUIRED) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "more than %u acquired images that nobody waits for",
                  EXEC_MOST_ACQUIRED);
        return;
    }
    acquired->semaphores[acquired->count++] = semaphore;
}

bool exec_take_acquired(struct exec *x, VkSemaphore semaphore)
{
    struct exec_acquired *acquired = &x->acquired;
    for (uint32_t i = 0; i < acquired->count; i++) {
        if (acquired->semaphores[i] == semaphore) {
            acquired->semaphores[i] = acquired->semaphores[--acquired->count];
            return true;
        }
    }
    return false;
}

/* An array that goes along with the semaphores, of `*count` elements, which may be none or fewer.
 */
static void drop_element(const void *array, size_t size, uint32_t *count, uint32_t index)
{
    if (!array || index >= *count)
        return;
    uint8_t *bytes = (uint8_t *)(uintptr_t)array;
    --*count;
    memmove(bytes + index * size, bytes + (index + 1) * size, (*count - index) * size);
}

static void drop_value(const void *next, uint32_t index)
{
    VkTimelineSemaphoreSubmitInfo *info =
        exec_find_in_chain(next, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    if (info)
        drop_element(info->pWaitSemaphoreValues, sizeof(uint64_t), &info->waitSemaphoreValueCount,
                     index);
}

static void drop_from_submit(struct exec *x, VkSubmitInfo *batch)
{
    for (uint32_t i = 0; i < batch->waitSemaphoreCount;) {
        if (!exec_take_acquired(x, batch->pWaitSemaphores[i])) {
            i++;
            continue;
        }
        VkDeviceGroupSubmitInfo *group =
            exec_find_in_chain(batch->pNext, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);
        uint32_t stages = batch->waitSemaphoreCount;
        if (group)
            drop_element(group->pWaitSemaphoreDeviceIndices, sizeof(uint32_t),
                         &group->waitSemaphoreCount, i);
        drop_value(batch->pNext, i);
        drop_element(batch->pWaitDstStageMask, sizeof(VkPipelineStageFlags), &stages, i);
        drop_element(batch->pWaitSemaphores, sizeof(VkSemaphore), &batch->waitSemaphoreCount, i);
    }
}

static void drop_from_submit2(struct exec *x, VkSubmitInfo2 *batch)
{
    for (uint32_t i = 0; i < batch->waitSemaphoreInfoCount;) {
        if (exec_take_acquired(x, batch->pWaitSemaphoreInfos[i].semaphore))
            drop_element(batch->pWaitSemaphoreInfos, sizeof(VkSemaphoreSubmitInfo),
                         &batch->waitSemaphoreInfoCount, i);
        else
            i++;
    }
}

static void drop_from_sparse(struct exec *x, VkBindSparseInfo *batch)
{
    for (uint32_t i = 0; i < batch->waitSemaphoreCount;) {
        if (!exec_take_acquired(x, batch->pWaitSemaphores[i])) {
            i++;
            continue;
        }
        drop_value(batch->pNext, i);
        drop_element(batch->pWaitSemaphores, sizeof(VkSemaphore), &batch->waitSemaphoreCount, i);
    }
}

void exec_drop_acquired(struct exec *x, uint32_t count, VkSubmitInfo *batches)
{
    for (uint32_t i = 0; i < count && x->acquired.count; i++)
        drop_from_submit(x, &batches[i]);
}

void exec_drop_acquired2(struct exec *x, uint32_t count, VkSubmitInfo2 *batches)
{
    for (uint32_t i = 0; i < count && x->acquired.count; i++)
        drop_from_submit2(x, &batches[i]);
}

void exec_drop_acquired_sparse(struct exec *x, uint32_t count, VkBindSparseInfo *batches)
{
    for (uint32_t i = 0; i < count && x->acquired.count; i++)
        drop_from_sparse(x, &batches[i]);
}
