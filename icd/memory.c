/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "icd/icd.h"

static const VkAllocationCallbacks *chosen(const VkAllocationCallbacks *allocator,
                                           const VkAllocationCallbacks *fallback)
{
    if (!allocator)
        allocator = fallback;
    return allocator && allocator->pfnAllocation ? allocator : NULL;
}

void *icd_allocate(const VkAllocationCallbacks *allocator, const VkAllocationCallbacks *fallback,
                   size_t size, VkSystemAllocationScope scope)
{
    const VkAllocationCallbacks *own = chosen(allocator, fallback);
    void *memory;

    if (!own)
        return calloc(1, size);
    memory = own->pfnAllocation(own->pUserData, size, _Alignof(max_align_t), scope);
    if (memory)
        memset(memory, 0, size);
    return memory;
}

void icd_free(const VkAllocationCallbacks *allocator, const VkAllocationCallbacks *fallback,
              void *memory)
{
    const VkAllocationCallbacks *own = chosen(allocator, fallback);

    if (!own)
        free(memory);
    else if (memory)
        own->pfnFree(own->pUserData, memory);
}
