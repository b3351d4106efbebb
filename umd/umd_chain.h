/* SPDX-License-Identifier: MIT */
/* Structures in the pNext chains that the program gives. */
#ifndef GPUPV_UMD_CHAIN_H
#define GPUPV_UMD_CHAIN_H

#include <stddef.h>

#include <vulkan/vulkan_core.h>

/* The first structure of a type in the chain that begins at `next`, or NULL. */
static inline const void *umd_chain_find(const void *next, VkStructureType type)
{
    for (const VkBaseInStructure *structure = next; structure; structure = structure->pNext) {
        if (structure->sType == type)
            return structure;
    }
    return NULL;
}

#endif
