/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "umd/umd.h"

/* Suits everything that we allocate. */
#define ALIGNMENT 16u

static const VkAllocationCallbacks *chosen(const VkAllocationCallbacks *allocator,
                                           const VkAllocationCallbacks *parent)
{
    if (!allocator)
        allocator = parent;
    return allocator && allocator->pfnAllocation ? allocator : NULL;
}

void *umd_alloc(const VkAllocationCallbacks *allocator, const VkAllocationCallbacks *parent,
                size_t size, VkSystemAllocationScope scope)
{
    const VkAllocationCallbacks *callbacks = chosen(allocator, parent);
    /* Not calloc, for which glibc does not look at what the thread has freed lately. */
    void *memory = callbacks
                       ? callbacks->pfnAllocation(callbacks->pUserData, size, ALIGNMENT, scope)
                       : malloc(size);
    if (memory)
        memset(memory, 0, size);
    return memory;
}

void umd_free(const VkAllocationCallbacks *allocator, const VkAllocationCallbacks *parent,
              void *memory)
{
    const VkAllocationCallbacks *callbacks = chosen(allocator, parent);

    if (!callbacks)
        free(memory);
    else if (memory)
        callbacks->pfnFree(callbacks->pUserData, memory);
}
