/* SPDX-License-Identifier: MIT */
#include "umd/umd_sparse.h"

#include <stdlib.h>
#include <string.h>

#include "umd/umd_memory.h"

/* Pieces of one allocation; the first pass, with `at` NULL, only counts. Every structure here is a
 * multiple of 8 bytes. */
struct carver {
    uint8_t *at;
    size_t size;
};

static void *carve(struct carver *carver, const void *source, size_t count, size_t size)
{
    carver->size += count * size;
    if (!carver->at)
        return NULL;
    void *copy = carver->at;
    if (count)
        memcpy(copy, source, count * size);
    carver->at += count * size;
    return copy;
}

static const VkSparseMemoryBind *copy_binds(const struct umd_device *device, struct carver *carver,
                                            uint32_t count, const VkSparseMemoryBind *source)
{
    VkSparseMemoryBind *binds = carve(carver, source, count, sizeof(*binds));
    for (uint32_t i = 0; binds && i < count; i++)
        umd_memory_resolve(device, &binds[i].memory, &binds[i].memoryOffset);
    return binds;
}

static const VkSparseImageMemoryBind *copy_image_binds(const struct umd_device *device,
                                                       struct carver *carver, uint32_t count,
                                                       const VkSparseImageMemoryBind *source)
{
    VkSparseImageMemoryBind *binds = carve(carver, source, count, sizeof(*binds));
    for (uint32_t i = 0; binds && i < count; i++)
        umd_memory_resolve(device, &binds[i].memory, &binds[i].memoryOffset);
    return binds;
}

static void copy_batch(const struct umd_device *device, struct carver *carver,
                       const VkBindSparseInfo *source, VkBindSparseInfo *copy)
{
    VkSparseBufferMemoryBindInfo *buffers =
        carve(carver, source->pBufferBinds, source->bufferBindCount, sizeof(*buffers));
    VkSparseImageOpaqueMemoryBindInfo *opaque =
        carve(carver, source->pImageOpaqueBinds, source->imageOpaqueBindCount, sizeof(*opaque));
    VkSparseImageMemoryBindInfo *images =
        carve(carver, source->pImageBinds, source->imageBindCount, sizeof(*images));
    for (uint32_t i = 0; i < source->bufferBindCount; i++) {
        const VkSparseBufferMemoryBindInfo *info = &source->pBufferBinds[i];
        const VkSparseMemoryBind *binds = copy_binds(device, carver, info->bindCount, info->pBinds);
        if (buffers)
            buffers[i].pBinds = binds;
    }
    for (uint32_t i = 0; i < source->imageOpaqueBindCount; i++) {
        const VkSparseImageOpaqueMemoryBindInfo *info = &source->pImageOpaqueBinds[i];
        const VkSparseMemoryBind *binds = copy_binds(device, carver, info->bindCount, info->pBinds);
        if (opaque)
            opaque[i].pBinds = binds;
    }
    for (uint32_t i = 0; i < source->imageBindCount; i++) {
        const VkSparseImageMemoryBindInfo *info = &source->pImageBinds[i];
        const VkSparseImageMemoryBind *binds =
            copy_image_binds(device, carver, info->bindCount, info->pBinds);
        if (images)
            images[i].pBinds = binds;
    }
    if (copy) {
        copy->pBufferBinds = buffers;
        copy->pImageOpaqueBinds = opaque;
        copy->pImageBinds = images;
    }
}

static VkBindSparseInfo *copy_all(const struct umd_device *device, struct carver *carver,
                                  uint32_t count, const VkBindSparseInfo *source)
{
    VkBindSparseInfo *copies = carve(carver, source, count, sizeof(*copies));
    for (uint32_t i = 0; i < count; i++)
        copy_batch(device, carver, &source[i], copies ? &copies[i] : NULL);
    return copies;
}

VkBindSparseInfo *umd_sparse_resolve(const struct umd_device *device, uint32_t count,
                                     const VkBindSparseInfo *source)
{
    struct carver carver = {NULL, 0};
    (void)copy_all(device, &carver, count, source);
    carver.at = malloc(carver.size ? carver.size : 1);
    return carver.at ? copy_all(device, &carver, count, source) : NULL;
}
