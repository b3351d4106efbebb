/* SPDX-License-Identifier: MIT */
#include "host/worker/exec_sparse.h"

#include "host/worker/exec_memory.h"
#include "vkwire.h"
#include "vkwire_exec.h"

static bool refuse(struct exec *x, const char *what)
{
    exec_fail(x, STREAM_LOST_PROTOCOL, "vkQueueBindSparse: %s", what);
    return false;
}

static bool lies_within(uint64_t offset, uint64_t size, uint64_t whole)
{
    return offset <= whole && size <= whole - offset;
}

/* No memory is what a range is unbound by. */
static bool memory_fits(struct exec *x, VkDeviceMemory memory, uint64_t offset, uint64_t size)
{
    if (!memory || lies_within(offset, size, exec_memory_size_of(x, memory)))
        return true;
    return refuse(x, "a range lies outside of its memory");
}

static bool binds_fit(struct exec *x, uint64_t resource, uint32_t count,
                      const VkSparseMemoryBind *binds)
{
    for (uint32_t i = 0; i < count; i++) {
        /* What metadata lies at is the driver's affair. */
        bool judged = !(binds[i].flags & VK_SPARSE_MEMORY_BIND_METADATA_BIT);
        if (judged && !lies_within(binds[i].resourceOffset, binds[i].size, resource))
            return refuse(x, "a range lies outside of its buffer or image");
        if (!memory_fits(x, binds[i].memory, binds[i].memoryOffset, binds[i].size))
            return false;
    }
    return true;
}

/* --- Blocks of images --- */

struct blocks {
    uint64_t size; /* of each: what memory for the image is aligned to */
    uint32_t count;
    VkSparseImageMemoryRequirements *kinds;
};

static bool find_blocks(struct exec *x, VkImage image, struct blocks *blocks)
{
    VkMemoryRequirements needed;
    x->vk->GetImageMemoryRequirements(x->device, image, &needed);
    blocks->size = needed.alignment;
    x->vk->GetImageSparseMemoryRequirements(x->device, image, &blocks->count, NULL);
    blocks->kinds = arena_take_array(&x->arena, blocks->count, sizeof(*blocks->kinds));
    if (!blocks->kinds) {
        exec_fail(x, STREAM_LOST_MEMORY, "no memory for a sparse bind");
        return false;
    }
    x->vk->GetImageSparseMemoryRequirements(x->device, image, &blocks->count, blocks->kinds);
    return true;
}

static uint64_t count_along(uint32_t extent, uint32_t granularity)
{
    return granularity ? ((uint64_t)extent + granularity - 1) / granularity : extent;
}

/* The bytes of memory that a bind takes; false: more than there can be. */
static bool size_of_bind(const VkExtent3D *extent, const VkExtent3D *granularity, uint64_t block,
                         uint64_t *size)
{
    *size = block;
    return !__builtin_mul_overflow(*size, count_along(extent->width, granularity->width), size) &&
           !__builtin_mul_overflow(*size, count_along(extent->height, granularity->height), size) &&
           !__builtin_mul_overflow(*size, count_along(extent->depth, granularity->depth), size);
}

static bool image_bind_fits(struct exec *x, const struct blocks *blocks,
                            const VkSparseImageMemoryBind *bind)
{
    for (uint32_t i = 0; i < blocks->count; i++) {
        const VkSparseImageFormatProperties *kind = &blocks->kinds[i].formatProperties;
        uint64_t size;
        if (!(kind->aspectMask & bind->subresource.aspectMask))
            continue;
        if (!size_of_bind(&bind->extent, &kind->imageGranularity, blocks->size, &size))
            return refuse(x, "an extent that no image has");
        return memory_fits(x, bind->memory, bind->memoryOffset, size);
    }
    return refuse(x, "an aspect that its image does not have");
}

static bool image_binds_fit(struct exec *x, const VkSparseImageMemoryBindInfo *info)
{
    struct blocks blocks;
    if (!find_blocks(x, info->image, &blocks))
        return false;
    for (uint32_t i = 0; i < info->bindCount; i++) {
        if (!image_bind_fits(x, &blocks, &info->pBinds[i]))
            return false;
    }
    return true;
}

/* --- All --- */

static bool batch_fits(struct exec *x, const VkBindSparseInfo *info)
{
    VkMemoryRequirements needed;
    for (uint32_t i = 0; i < info->bufferBindCount; i++) {
        const VkSparseBufferMemoryBindInfo *buffer = &info->pBufferBinds[i];
        x->vk->GetBufferMemoryRequirements(x->device, buffer->buffer, &needed);
        if (!binds_fit(x, needed.size, buffer->bindCount, buffer->pBinds))
            return false;
    }
    for (uint32_t i = 0; i < info->imageOpaqueBindCount; i++) {
        const VkSparseImageOpaqueMemoryBindInfo *image = &info->pImageOpaqueBinds[i];
        x->vk->GetImageMemoryRequirements(x->device, image->image, &needed);
        if (!binds_fit(x, needed.size, image->bindCount, image->pBinds))
            return false;
    }
    for (uint32_t i = 0; i < info->imageBindCount; i++) {
        if (!image_binds_fit(x, &info->pImageBinds[i]))
            return false;
    }
    return true;
}

bool exec_sparse_fits(struct exec *x, uint32_t count, const VkBindSparseInfo *infos)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!batch_fits(x, &infos[i]))
            return false;
    }
    return true;
}
