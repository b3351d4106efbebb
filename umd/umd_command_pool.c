/* SPDX-License-Identifier: MIT */
#include "umd/umd_command_pool.h"

#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"

/* Memory of an encoder that had to hold a very large command is not kept. */
#define LARGEST_SPARE (4u * UMD_RECORDING_CHUNK)

void umd_command_pool_lend(struct umd_command_buffer *command_buffer)
{
    struct umd_command_pool *pool = command_buffer->pool;
    struct wire_encoder *encoder = &command_buffer->encoder;
    if (!encoder->capacity) {
        if (pool->spare_count)
            *encoder = pool->spare[--pool->spare_count];
        else
            wire_encoder_grow(encoder, UMD_RECORDING_CHUNK);
    }
}

void umd_command_pool_take_back(struct umd_command_buffer *command_buffer)
{
    struct umd_command_pool *pool = command_buffer->pool;
    struct wire_encoder *encoder = &command_buffer->encoder;
    if (!encoder->capacity)
        return;
    wire_encoder_reset(encoder);
    if (encoder->capacity <= LARGEST_SPARE && pool->spare_count < UMD_SPARE_ENCODERS)
        pool->spare[pool->spare_count++] = *encoder;
    else
        wire_encoder_finish(encoder);
    wire_encoder_init(encoder);
}

static void free_spare(struct umd_command_pool *pool)
{
    while (pool->spare_count)
        wire_encoder_finish(&pool->spare[--pool->spare_count]);
}

VkResult umd_CreateCommandPool(VkDevice handle, const VkCommandPoolCreateInfo *pCreateInfo,
                               const VkAllocationCallbacks *pAllocator, VkCommandPool *pCommandPool)
{
    struct umd_device *device = umd_device_from(handle);
    struct umd_command_pool *pool =
        umd_alloc(pAllocator, &device->allocator, sizeof(*pool), VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!pool)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    pool->device = device;
    if (pAllocator)
        pool->allocator = *pAllocator;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    pool->id = umd_id_create(&device->ids, VKWIRE_OBJECT_COMMAND_POOL, pool);
    if (pool->id) {
        VkCommandPool command_pool = UMD_HANDLE(VkCommandPool, pool->id);
        wire_put_CreateCommandPool(umd_stream_begin(device->stream), pCreateInfo, &command_pool);
        result = umd_stream_end(device->stream, false);
        *pCommandPool = command_pool;
    }
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY) {
        umd_id_free(&device->ids, pool->id);
        umd_free(pAllocator, &device->allocator, pool);
        return result;
    }
    return VK_SUCCESS; /* a lost device still has objects */
}

static const VkAllocationCallbacks *pool_allocator(const struct umd_command_pool *pool)
{
    return pool->allocator.pfnAllocation ? &pool->allocator : NULL;
}

/* Frees the guest's half. The id may be used again as soon as this returns. */
static void free_buffer(struct umd_command_buffer *command_buffer)
{
    struct umd_command_pool *pool = command_buffer->pool;
    umd_command_pool_take_back(command_buffer);
    if (command_buffer->next)
        command_buffer->next->previous = command_buffer->previous;
    if (command_buffer->previous)
        command_buffer->previous->next = command_buffer->next;
    else
        pool->buffers = command_buffer->next;
    umd_id_free(&pool->device->ids, command_buffer->id);
    umd_free(pool_allocator(pool), &pool->device->allocator, command_buffer);
}

void umd_DestroyCommandPool(VkDevice handle, VkCommandPool commandPool,
                            const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(handle);
    struct umd_command_pool *pool = umd_object(device, UMD_ID(commandPool));
    if (!pool)
        return;
    wire_put_DestroyCommandPool(umd_stream_begin(device->stream), commandPool);
    umd_stream_end(device->stream, false);
    while (pool->buffers)
        free_buffer(pool->buffers);
    free_spare(pool);
    umd_id_free(&device->ids, pool->id);
    umd_free(pAllocator, &device->allocator, pool);
}

VkResult umd_ResetCommandPool(VkDevice handle, VkCommandPool commandPool,
                              VkCommandPoolResetFlags flags)
{
    struct umd_device *device = umd_device_from(handle);
    struct umd_command_pool *pool = umd_object(device, UMD_ID(commandPool));
    for (struct umd_command_buffer *buffer = pool->buffers; buffer; buffer = buffer->next) {
        umd_command_pool_take_back(buffer);
        buffer->state = UMD_INITIAL;
        buffer->begun = false;
    }
    if (flags & VK_COMMAND_POOL_RESET_RELEASE_RESOURCES_BIT)
        free_spare(pool);
    wire_put_ResetCommandPool(umd_stream_begin(device->stream), commandPool, flags);
    return umd_stream_end(device->stream, false);
}

void umd_TrimCommandPool(VkDevice handle, VkCommandPool commandPool, VkCommandPoolTrimFlags flags)
{
    struct umd_device *device = umd_device_from(handle);
    free_spare(umd_object(device, UMD_ID(commandPool)));
    wire_put_TrimCommandPool(umd_stream_begin(device->stream), commandPool, flags);
    umd_stream_end(device->stream, false);
}

static struct umd_command_buffer *create_buffer(struct umd_command_pool *pool,
                                                VkCommandBufferLevel level)
{
    struct umd_device *device = pool->device;
    struct umd_command_buffer *buffer =
        umd_alloc(pool_allocator(pool), &device->allocator, sizeof(*buffer),
                  VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!buffer)
        return NULL;
    buffer->id = umd_id_create(&device->ids, VKWIRE_OBJECT_COMMAND_BUFFER, buffer);
    if (!buffer->id) {
        umd_free(pool_allocator(pool), &device->allocator, buffer);
        return NULL;
    }
    set_loader_magic_value(&buffer->loader_data);
    buffer->device = device;
    buffer->pool = pool;
    buffer->level = level;
    buffer->state = UMD_INITIAL;
    wire_encoder_init(&buffer->encoder);
    buffer->next = pool->buffers;
    if (buffer->next)
        buffer->next->previous = buffer;
    pool->buffers = buffer;
    return buffer;
}

VkResult umd_AllocateCommandBuffers(VkDevice handle,
                                    const VkCommandBufferAllocateInfo *pAllocateInfo,
                                    VkCommandBuffer *pCommandBuffers)
{
    struct umd_device *device = umd_device_from(handle);
    struct umd_command_pool *pool = umd_object(device, UMD_ID(pAllocateInfo->commandPool));
    uint32_t count = pAllocateInfo->commandBufferCount, made = 0;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    for (; made < count; made++) {
        struct umd_command_buffer *buffer = create_buffer(pool, pAllocateInfo->level);
        if (!buffer)
            break;
        pCommandBuffers[made] = (VkCommandBuffer)buffer;
    }
    if (made == count) {
        wire_put_AllocateCommandBuffers(umd_stream_begin(device->stream), pAllocateInfo,
                                        pCommandBuffers);
        result = umd_stream_end(device->stream, false);
    }
    if (result != VK_ERROR_OUT_OF_HOST_MEMORY)
        return VK_SUCCESS; /* a lost device still has objects */
    while (made--)
        free_buffer(umd_command_buffer_from(pCommandBuffers[made]));
    for (uint32_t i = 0; i < count; i++)
        pCommandBuffers[i] = NULL;
    return result;
}

void umd_FreeCommandBuffers(VkDevice handle, VkCommandPool commandPool, uint32_t commandBufferCount,
                            const VkCommandBuffer *pCommandBuffers)
{
    struct umd_device *device = umd_device_from(handle);
    wire_put_FreeCommandBuffers(umd_stream_begin(device->stream), commandPool, commandBufferCount,
                                pCommandBuffers);
    umd_stream_end(device->stream, false);
    for (uint32_t i = 0; i < commandBufferCount; i++) {
        if (pCommandBuffers[i])
            free_buffer(umd_command_buffer_from(pCommandBuffers[i]));
    }
}
