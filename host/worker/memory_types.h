/* SPDX-License-Identifier: MIT */
/*
 * What a guest may do with each memory type of a host device. The guest's numbers are the host's; a
 * type whose memory cannot lie in the aperture is not visible to the guest's CPU. Constant once
 * classified.
 */
#ifndef GPUPV_HOST_WORKER_MEMORY_TYPES_H
#define GPUPV_HOST_WORKER_MEMORY_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

struct vkwire_instance_dispatch;

/* Flags that a type loses when the guest's CPU cannot reach its memory. */
#define MEMORY_TYPES_CPU_FLAGS                                                                     \
    (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |                  \
     VK_MEMORY_PROPERTY_HOST_CACHED_BIT)

struct memory_types {
    VkPhysicalDeviceMemoryProperties host;  /* as the driver says */
    VkPhysicalDeviceMemoryProperties guest; /* as the guest is told */
    uint32_t visible; /* bit i: type i is host-visible to the guest: its memory is imported */
    uint32_t
        import_alignment; /* of imported memory's addresses and sizes; 0: nothing is imported */
};

/* Bit i of `importable`: memory of type i can be imported from the aperture. */
void memory_types_classify(const VkPhysicalDeviceMemoryProperties *host, uint32_t importable,
                           uint32_t import_alignment, struct memory_types *types);

/* Asks the driver: makes a device for a moment, to learn what memory like the aperture's (shared,
 * of the CPU) may be imported as. Any failure means that nothing may be imported; it is logged. */
void memory_types_probe(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice device,
                        struct memory_types *types);

static inline bool memory_types_visible(const struct memory_types *types, uint32_t type)
{
    return type < types->guest.memoryTypeCount && (types->visible >> type & 1);
}

#endif
