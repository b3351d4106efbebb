/* SPDX-License-Identifier: MIT */
/*
 * Large memory that the program has freed and the host still has, kept for a moment: who allocates
 * the like of it again need not ask the host. It is the program's share that it counts in, so it is
 * bounded, and goes back to the host when there is no more to be had and when it was not wanted for
 * a second (which is looked at with each submission, allocation and freeing). Thread-safe.
 */
#ifndef GPUPV_UMD_MEMORY_CACHE_H
#define GPUPV_UMD_MEMORY_CACHE_H

#include "umd/umd_memory_block.h"

/* Memory of at least `size` bytes, and little more. False: there is none. */
bool umd_cache_take(struct umd_device *device, uint32_t type, bool device_address,
                    VkDeviceSize size, struct umd_host_memory *memory);
/* Memory that nothing of the program's lies in any more; it was allocated with the same words.
 * Takes it over. */
void umd_cache_give(struct umd_device *device, uint32_t type, bool device_address,
                    const struct umd_host_memory *memory);
/* Gives all back to the host. */
void umd_cache_drop(struct umd_device *device);
/* Gives back what nobody wanted. */
void umd_cache_age(struct umd_device *device);

/* For whoever does something often. */
static inline void umd_cache_look(struct umd_device *device)
{
    if (atomic_load_explicit(&device->memory->cache.count, memory_order_relaxed))
        umd_cache_age(device);
}

#endif
