/* SPDX-License-Identifier: MIT */
/*
 * Command pools and what is allocated from them. Buffers are children of their pool, and go with
 * it. What is recorded into them runs through the generated code.
 *
 * To a driver that keeps each command by itself, freeing costs about as much as recording did. The
 * guest waits for neither, but for what it sends next: so buffers are freed when there is nothing
 * else to do, or when too many wait for that.
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

static void free_entry(struct exec *x, uint32_t index)
{
    struct exec_freed_list *list = &x->freed_command_buffers;
    struct exec_freed freed = list->entries[index];
    list->entries[index] = list->entries[--list->count];
    x->vk->FreeCommandBuffers(x->device, freed.pool, 1, &freed.buffer);
}

bool exec_free_command_buffer(struct exec *x)
{
    if (x->freed_command_buffers.count == 0)
        return false;
    free_entry(x, x->freed_command_buffers.count - 1);
    return true;
}

static void free_later(struct exec *x, VkCommandPool pool, VkCommandBuffer buffer)
{
    struct exec_freed_list *list = &x->freed_command_buffers;
    if (list->count == EXEC_MOST_FREED)
        free_entry(x, 0);
    list->entries[list->count++] = (struct exec_freed){pool, buffer};
}

/* They go with their pool. */
static void forget_freed(struct exec *x, VkCommandPool pool)
{
    struct exec_freed_list *list = &x->freed_command_buffers;
    for (uint32_t i = 0; i < list->count;) {
        if (list->entries[i].pool == pool)
            list->entries[i] = list->entries[--list->count];
        else
            i++;
    }
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
        free_later(x, a->commandPool, handle);
    }
}

void exec_DestroyCommandPool(struct exec *x, const struct args_DestroyCommandPool *a)
{
    if (!a->commandPool_id)
        return;
    struct exec_object *pool = exec_object_get(x, a->commandPool_id, VKWIRE_OBJECT_COMMAND_POOL);
    if (!pool)
        return;
    forget_freed(x, a->commandPool);
    exec_object_remove(x, pool);
    x->vk->DestroyCommandPool(x->device, a->commandPool, NULL);
}
