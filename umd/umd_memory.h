/* SPDX-License-Identifier: MIT */
/*
 * Device memory. Small allocations are pieces of blocks, which the host has promised: a
 * VkDeviceMemory of the host's, and a D3DKMT allocation that its ledger counts and that, for
 * CPU-visible types, is the memory. Others ("wholes") have a VkDeviceMemory and an allocation of
 * their own.
 * Thread-safe.
 */
#ifndef GPUPV_UMD_MEMORY_H
#define GPUPV_UMD_MEMORY_H

#include "umd/umd.h"

struct umd_block;
struct umd_mirror;

/* The guest's state of a VkDeviceMemory. Constant while it lives. */
struct umd_memory {
    struct umd_block *block;   /* that it is a piece of, or NULL */
    uint64_t id;               /* that the host knows: the block's, or that of the whole */
    VkDeviceSize offset;       /* in that */
    VkDeviceSize size;         /* as the program asked */
    VkDeviceSize host_size;    /* of a whole, as the host knows it */
    uint8_t *map;              /* NULL: not CPU-visible */
    struct umd_mirror *mirror; /* NULL: the memory is shared, or not CPU-visible */
    D3DKMT_HANDLE allocation;  /* its own, or 0 */
    uint32_t type;
    uint8_t order; /* of a piece */
    bool kept;     /* a whole that is kept when it is freed: `id` is not the program's handle */
    bool device_address;
};

/* Names memory as the host knows it: another handle, another offset. VK_NULL_HANDLE and handles
 * that are none stay as they are. */
void umd_memory_resolve(const struct umd_device *device, VkDeviceMemory *memory,
                        VkDeviceSize *offset);

/* The program learns that a resource has this size and alignment: pieces must suit it. */
void umd_memory_note_alignment(struct umd_device *device, VkDeviceSize size,
                               VkDeviceSize alignment);

#endif
