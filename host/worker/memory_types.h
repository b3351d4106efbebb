/* SPDX-License-Identifier: MIT */
/*
 * What a guest may do with each memory type of a host device. The guest's numbers are the host's.
 * Memory that the guest's CPU sees lies in the aperture, and the driver imports it; or it is the
 * driver's, which exports it as a file that the guest maps; of a driver that can do neither, the
 * contents travel in messages. Types of other memory are not visible to the guest's CPU. Constant
 * once classified.
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
    MEMORY_WAY_AUTO,     /* imported; else exported as DMA-BUF; else by messages */
    MEMORY_WAY_IMPORT,   /* imported, or not at all */
    MEMORY_WAY_EXPORT,   /* exported as whatever can be mapped, or not at all */
    MEMORY_WAY_MESSAGES, /* by messages, whatever the driver can do */
};

/* What a driver can do. */
struct memory_abilities {
    uint32_t importable;       /* bit i: memory of type i can be imported from the aperture … */
    uint32_t import_alignment; /* … at places and with sizes that are multiples of this */
    uint32_t exportable;       /* bit i: memory of type i can be exported as `export_type` … */
    VkExternalMemoryHandleTypeFlagBits export_type;
    uint64_t export_offset; /* … and lies there in its file */
};

struct memory_types {
    VkPhysicalDeviceMemoryProperties host;  /* as the driver says */
    VkPhysicalDeviceMemoryProperties guest; /* as the guest is told */
    uint32_t visible;                       /* bit i: type i is host-visible to the guest */
    /* Of visible memory, one of: */
    uint32_t import_alignment;                      /* not 0: it is imported */
    VkExternalMemoryHandleTypeFlagBits export_type; /* not 0: it is exported, and lies … */
    uint64_t export_offset;                         /* … there in its file */
    bool mirrored;                                  /* its contents travel in messages */
};

void memory_types_classify(const VkPhysicalDeviceMemoryProperties *host, enum memory_way way,
                           const struct memory_abilities *abilities, struct memory_types *types);

/* Asks the driver: makes a device for a moment, to learn what memory like the aperture's (shared,
 * of the CPU) may be imported as; if that is nothing, or not wanted, what can be exported
 * (memory_export.h). Any failure means that nothing can; it is logged. */
void memory_types_probe(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice device,
                        enum memory_way way, struct memory_types *types);

/* A device to try things on, with one queue. VK_NULL_HANDLE: the driver lacks one of the
 * extensions, or fails, which is logged. */
VkDevice memory_types_create_device(const struct vkwire_instance_dispatch *vki,
                                    VkPhysicalDevice physical, const char *const *extensions,
                                    uint32_t extension_count);

/* "auto", "import", "export", "messages". -EINVAL. */
int memory_way_parse(const char *text, enum memory_way *way);

static inline bool memory_types_visible(const struct memory_types *types, uint32_t type)
{
    return type < types->guest.memoryTypeCount && (types->visible >> type & 1);
}

#endif
