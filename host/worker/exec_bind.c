/* SPDX-License-Identifier: MIT */
/*
 * Binding memory. A driver takes it as the program's duty that a buffer or image lies within its
 * memory, and on a host without a device of its own address space it would be the worker's memory
 * that is written outside of it: so that is checked here.
 */
#include "host/worker/exec_memory.h"

#include "vkwire.h"
#include "vkwire_exec.h"

/* False: the stream has failed. Null memory is none of ours to judge: a chain says what is bound. */
static bool fits(struct exec *x, const char *what, uint64_t memory, uint64_t offset,
                 const VkMemoryRequirements *needed)
{
    uint64_t size = exec_memory_size(x, memory);
    if (!memory || (offset <= size && needed->size <= size - offset &&
                    (!needed->alignment || offset % needed->alignment == 0)))
        return true;
    exec_fail(x, STREAM_LOST_PROTOCOL, "%s: %llu bytes at %llu of a memory of %llu", what,
              (unsigned long long)needed->size, (unsigned long long)offset,
              (unsigned long long)size);
    return false;
}

VkResult exec_BindBufferMemory2(struct exec *x, const struct args_BindBufferMemory2 *a)
{
    for (uint32_t i = 0; i < a->bindInfoCount; i++) {
        const VkBindBufferMemoryInfo *info = &a->pBindInfos[i];
        VkMemoryRequirements needed;
        x->vk->GetBufferMemoryRequirements(x->device, info->buffer, &needed);
        if (!fits(x, "vkBindBufferMemory2", a->pBindInfos_memory_ids[i], info->memoryOffset,
                  &needed))
            return VK_SUCCESS;
    }
    return x->vk->BindBufferMemory2(x->device, a->bindInfoCount, a->pBindInfos);
}

static void image_needs(struct exec *x, const VkBindImageMemoryInfo *bind,
                        VkMemoryRequirements *needed)
{
    VkImagePlaneMemoryRequirementsInfo plane = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_PLANE_MEMORY_REQUIREMENTS_INFO};
    VkImageMemoryRequirementsInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2, .image = bind->image};
    VkMemoryRequirements2 answer = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
    for (const VkBaseInStructure *next = bind->pNext; next; next = next->pNext) {
        if (next->sType != VK_STRUCTURE_TYPE_BIND_IMAGE_PLANE_MEMORY_INFO)
            continue;
        plane.planeAspect = ((const VkBindImagePlaneMemoryInfo *)(const void *)next)->planeAspect;
        info.pNext = &plane;
    }
    x->vk->GetImageMemoryRequirements2(x->device, &info, &answer);
    *needed = answer.memoryRequirements;
}

VkResult exec_BindImageMemory2(struct exec *x, const struct args_BindImageMemory2 *a)
{
    for (uint32_t i = 0; i < a->bindInfoCount; i++) {
        const VkBindImageMemoryInfo *info = &a->pBindInfos[i];
        VkMemoryRequirements needed;
        image_needs(x, info, &needed);
        if (!fits(x, "vkBindImageMemory2", a->pBindInfos_memory_ids[i], info->memoryOffset,
                  &needed))
            return VK_SUCCESS;
    }
    return x->vk->BindImageMemory2(x->device, a->bindInfoCount, a->pBindInfos);
}
