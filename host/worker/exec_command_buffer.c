/* SPDX-License-Identifier: MIT */
/*
 * Command pools and what is allocated from them. Buffers are children of their pool, and go with
 * it. What is recorded into them runs through the generated code.
 *
 * Buffers are freed at once: a driver that keeps each command by itself records the next ones into
 * the memory of those, which the processor still has at hand.
 */
#include "host/worker/exec.h"

#include "vkwire.h"
#include "vkwire_exec.h"

VkResult exec_AllocateCommandBuffers(struct exec *x, const struct args_AllocateCommandBuffers *a)
{
    struct exec_object *pool =
        exec_object_get(x, a->pAllocateInfo_commandPool_id, VKWIRE_OBJECT_COMMAND_POOL);
    uint32_t count = a->pAllocateInfo->commandBufferCount;
    if (!pool || !count)
        return VK_SUCCESS;
    VkResult result =
        x->vk->AllocateCommandBuffers(x->device, a->pAllocateInfo, a->pCommandBuffers);
    if (result) {
        exec_fail(x, STREAM_LOST_MEMORY, "%u command buffers: VkResult %d", count, (int)result);
        return result;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!exec_object_add_child(x, a->pCommandBuffers_ids[i], VKWIRE_OBJECT_COMMAND_BUFFER,
                                   (uint64_t)(uintptr_t)a->pCommandBuffers[i], pool)) {
            VkCommandPool handle = (VkCommandPool)(uintptr_t)pool->handle[0];
            x->vk->FreeCommandBuffers(x->device, handle, count - i, a->pCommandBuffers + i);
            break;
        }
    }
    return VK_SUCCESS;
}

void exec_FreeCommandBuffers(struct exec *x, const struct args_FreeCommandBuffers *a)
{
    struct exec_object *pool = exec_object_get(x, a->commandPool_id, VKWIRE_OBJECT_COMMAND_POOL);
    if (!pool)
        return;
    uint32_t slot = STREAM_ID_SLOT(pool->id);
    for (uint32_t i = 0; a->pCommandBuffers && i < a->commandBufferCount; i++) {
        uint64_t id = a->pCommandBuffers_ids[i];
        if (!id)
            continue;
        struct exec_object *buffer = exec_object_get(x, id, VKWIRE_OBJECT_COMMAND_BUFFER);
        if (!buffer)
            return;
        if (buffer->parent != slot) {
            exec_fail(x, STREAM_LOST_PROTOCOL, "a command buffer freed to another's pool");
            return;
        }
        VkCommandBuffer handle = (VkCommandBuffer)(uintptr_t)buffer->handle[0];
        exec_object_remove(x, buffer);
        x->vk->FreeCommandBuffers(x->device, a->commandPool, 1, &handle);
    }
}

void exec_DestroyCommandPool(struct exec *x, const struct args_DestroyCommandPool *a)
{
    if (!a->commandPool_id)
        return;
    struct exec_object *pool = exec_object_get(x, a->commandPool_id, VKWIRE_OBJECT_COMMAND_POOL);
    if (!pool)
        return;
    exec_object_remove(x, pool);
    x->vk->DestroyCommandPool(x->device, a->commandPool, NULL);
}
