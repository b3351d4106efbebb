/* SPDX-License-Identifier: MIT */
/*
 * What a guest may do with each memory type of a host device. The guest's numbers are the host's.
 * Memory that the guest's CPU sees lies in the aperture, and the driver imports it; of a driver
 * that cannot, the contents travel in messages. Types of other memory are not visible to the
 * guest's CPU. Constant once classified.
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

/* How the guest's CPU is to see memory. */
enum memory_way {
    MEMORY_WAY_AUTO,     /* imported, or by messages if the driver imports none */
    MEMORY_WAY_IMPORT,   /* imported or not at all */
    MEMORY_WAY_MESSAGES, /* by messages, whatever the driver can do */
};

struct memory_types {
    VkPhysicalDeviceMemoryProperties host;  /* as the driver says */
    VkPhysicalDeviceMemoryProperties guest; /* as the guest is told */
    uint32_t visible;                       /* bit i: type i is host-visible to the guest */
    uint32_t import_alignment; /* of imported memory's addresses and sizes; 0: none is imported */
    bool mirrored;             /* the contents of visible memory travel in messages */
};

/* Bit i of `importable`: memory of type i can be imported from the aperture, whose places and sizes
 * are then multiples of `import_alignment`. */
void memory_types_classify(const VkPhysicalDeviceMemoryProperties *host, enum memory_way way,
                           uint32_t importable, uint32_t import_alignment,
                           struct memory_types *types);

/* Asks the driver: makes a device for a moment, to learn what memory like the aperture's (shared,
 * of the CPU) may be imported as. Any failure means that nothing may be imported; it is logged. */
void memory_types_probe(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice device,
                        enum memory_way way, struct memory_types *types);

/* "auto", "import", "messages". -EINVAL. */
int memory_way_parse(const char *text, enum memory_way *way);

static inline bool memory_types_visible(const struct memory_types *types, uint32_t type)
{
    return type < types->guest.memoryTypeCount && (types->visible >> type & 1);
}

#endif
