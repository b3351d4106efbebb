/* SPDX-License-Identifier: MIT */
/*
 * Memory, and what may be bound to it. CPU-visible memory is imported from the aperture
 * (VK_EXT_external_memory_host), or exported from the driver (VK_KHR_external_memory_fd), and
 * Vulkan wants to know of a buffer or an image beforehand that it will lie in such memory. Where the guest shares no memory, or the driver imports none
 * (exec.mirrors), it is the driver's own. On the stream's thread.
 */
#ifndef GPUPV_HOST_WORKER_EXEC_MEMORY_H
#define GPUPV_HOST_WORKER_EXEC_MEMORY_H

#include "host/worker/exec.h"

struct exec_mirror;

/* A create info that says so, where it is needed and the driver allows it. */
struct exec_buffer_plan {
    VkBufferCreateInfo info;
    VkExternalMemoryBufferCreateInfo external;
    bool importable; /* may lie in imported memory */
};
void exec_plan_buffer(struct exec *x, const VkBufferCreateInfo *source,
                      struct exec_buffer_plan *plan);

struct exec_image_plan {
    VkImageCreateInfo info;
    VkExternalMemoryImageCreateInfo external;
    bool importable;
};
void exec_plan_image(struct exec *x, const VkImageCreateInfo *source, struct exec_image_plan *plan);

/* Takes the types of imported memory away from what the guest is told, if others remain. */
void exec_exclude_imported(const struct exec *x, VkMemoryRequirements *requirements);

/* The mirror of a VkDeviceMemory; NULL: it has none, or the id is of no memory. */
struct exec_mirror *exec_memory_mirror(struct exec *x, uint64_t id);

/* Bytes of a VkDeviceMemory; 0 for an id that is of none. */
uint64_t exec_memory_size(struct exec *x, uint64_t id);

/* The same by the driver's handle. Looks through all memory. */
uint64_t exec_memory_size_of(const struct exec *x, VkDeviceMemory memory);

/* Marks an object, just added, that is not importable. */
void exec_mark_not_importable(struct exec *x, uint64_t id, uint8_t type);
bool exec_is_importable(const struct exec_object *object);

#endif
