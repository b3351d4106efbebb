/* SPDX-License-Identifier: MIT */
/*
 * CPU-visible memory without an aperture: the program's memory is this process' own, and what it or
 * the device changes is sent (wire/mirror.h). Mapped memory is all that counts. All of it is
 * coherent for the program, so that what it has changed goes to the host before the device can be
 * told of it, by a submission or a signal, and what the device has changed comes before the program
 * learns that something has finished. A program that watches memory which the device writes
 * meanwhile sees the changes when it asks for a state, waits, or calls
 * vkInvalidateMappedMemoryRanges.
 *
 * Thread-safe. umd_device.mirrors is NULL where memory is shared: then there is nothing to be done.
 */
#ifndef GPUPV_UMD_MIRROR_H
#define GPUPV_UMD_MIRROR_H

#include "umd/umd.h"

/* A VkDeviceMemory of the host's, as the program sees it. */
struct umd_mirror {
    uint64_t id;
    uint8_t *memory; /* whole pages */
    uint8_t *shadow;
    size_t size;
};

struct umd_mirrors;

/* Sets device->mirrors. VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult umd_mirrors_init(struct umd_device *device);
void umd_mirrors_finish(struct umd_device *device);

/* Zeroed memory for new memory of the host's. NULL when memory is short. */
struct umd_mirror *umd_mirror_create(uint64_t id, VkDeviceSize size);
/* Nothing of it is mapped. NULL is accepted. */
void umd_mirror_destroy(struct umd_mirror *mirror);

/* The program maps a range; what the device has written there until now is in it then. `handle`
 * names the mapping. VK_ERROR_MEMORY_MAP_FAILED. */
VkResult umd_mirror_map(struct umd_device *device, uint64_t handle, struct umd_mirror *mirror,
                        VkDeviceSize offset, VkDeviceSize size);
/* What the program has written is sent. Without a mapping of that name nothing is done. */
void umd_mirror_unmap(struct umd_device *device, uint64_t handle);

VkResult umd_mirrors_send(struct umd_device *device);
/* With `again` also when no submission has finished since the last time. */
VkResult umd_mirrors_receive(struct umd_device *device, bool again);

/* Before the device may be told: sends what the program has changed. VK_SUCCESS;
 * VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_DEVICE_LOST. */
static inline VkResult umd_memory_send(struct umd_device *device)
{
    return __builtin_expect(device->mirrors != NULL, 0) ? umd_mirrors_send(device) : VK_SUCCESS;
}

/* Before the program may be told: `result` says how a wait or a question ended. What the device has
 * changed is there then. Gives the result, or VK_ERROR_DEVICE_LOST. */
static inline VkResult umd_memory_receive(struct umd_device *device, VkResult result)
{
    if (__builtin_expect(device->mirrors == NULL, 1) || result < 0)
        return result;
    VkResult received = umd_mirrors_receive(device, false);
    return received ? received : result;
}

#endif
