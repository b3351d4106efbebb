/* SPDX-License-Identifier: MIT */
/*
 * Memory as the host gives it: whole, and in blocks that are divided in the guest. Used by
 * umd_memory.c. Thread-safe, except where a lock is named.
 */
#ifndef GPUPV_UMD_MEMORY_BLOCK_H
#define GPUPV_UMD_MEMORY_BLOCK_H

#include "umd/umd.h"
#include "umd/umd_buddy.h"

/* Memory that the host knows. */
struct umd_host_memory {
    uint64_t id;
    VkDeviceSize size;
    D3DKMT_HANDLE allocation;
    uint8_t *map;              /* NULL: not CPU-visible */
    struct umd_mirror *mirror; /* that `map` is of, where memory is not shared */
};

/* Reserves memory and waits for the host's answer: allocation, and VkDeviceMemory under `id` with
 * the chain `next`. VK_ERROR_OUT_OF_DEVICE_MEMORY and whatever vkAllocateMemory may say, or
 * VK_ERROR_DEVICE_LOST. */
VkResult umd_host_memory_allocate(struct umd_device *device, uint32_t type, VkDeviceSize size,
                                  const void *next, uint64_t id, struct umd_host_memory *memory);
/* Gives it back once the host has executed all that was sent before. Waits for nothing. */
void umd_host_memory_free(struct umd_device *device, const struct umd_host_memory *memory);
/* Gives back to the host what it has executed the freeing of; all of it, with `wait`. */
void umd_host_memory_reap(struct umd_device *device, bool wait);

struct umd_pool;
struct umd_block {
    struct umd_block *next, *previous; /* in one of the pool's lists */
    struct umd_pool *pool;
    struct umd_host_memory memory;
    struct umd_buddy buddy;
    uint32_t pieces;
};

/* Blocks of one memory type, with or without device addresses. */
struct umd_pool {
    struct umd_block *open; /* with room, the last used first */
    struct umd_block *full;
    uint32_t empty; /* blocks of `open` without pieces */
};

struct umd_freed {
    uint32_t position; /* of the stream, when it was freed */
    D3DKMT_HANDLE allocation;
};

/* umd_memory_cache.h */
#define UMD_CACHE_BYTES ((VkDeviceSize)64 << 20)
#define UMD_CACHE_ENTRIES 32u
struct umd_cached {
    struct umd_host_memory memory;
    uint64_t freed_ns;
    uint32_t type;
    bool device_address;
};
struct umd_cache {
    struct umd_cached entries[UMD_CACHE_ENTRIES]; /* the oldest first */
    VkDeviceSize bytes;
    _Atomic uint32_t count; /* written with the lock */
};

struct umd_memory_state {
    pthread_mutex_t lock;
    struct umd_pool pools[VK_MAX_MEMORY_TYPES][2]; /* with lock; [1]: with device addresses */
    struct umd_cache cache;                        /* with lock */
    struct umd_freed *freed;                       /* with lock: a queue, the oldest first */
    uint32_t freed_count, freed_capacity;
    _Atomic uint32_t allocations; /* VkDeviceMemory objects of the program */
    _Atomic uint32_t alignment;   /* of pieces: the largest that a small resource asked for */
    uint8_t block_order[VK_MAX_MEMORY_TYPES]; /* 0: no blocks of this type */
};

/* Pieces are at most this large, and at least a page. */
#define UMD_MAX_PIECE (512u * 1024u)
#define UMD_MIN_PIECE_ORDER 12u

/* Takes a piece of a block, of a new one if there is no other way. VK_SUCCESS, or why there was no
 * new block. */
VkResult umd_block_take(struct umd_device *device, uint32_t type, bool device_address,
                        VkDeviceSize size, struct umd_block **block, VkDeviceSize *offset,
                        uint8_t *order);
void umd_block_give(struct umd_device *device, struct umd_block *block, VkDeviceSize offset,
                    uint8_t order);
/* Gives empty blocks back to the host. */
void umd_block_trim(struct umd_device *device);

#endif
