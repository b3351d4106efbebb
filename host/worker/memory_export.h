/* SPDX-License-Identifier: MIT */
/*
 * Memory of the driver's that others can map: exported as a file (VK_KHR_external_memory_fd). What
 * lies in such a file, and where, Vulkan says of no kind of handle; so it is tried out: a kind is
 * taken if what is written on either side is seen on the other, at one place in all files.
 */
#ifndef GPUPV_HOST_WORKER_MEMORY_EXPORT_H
#define GPUPV_HOST_WORKER_MEMORY_EXPORT_H

#include "host/worker/memory_types.h"

/* Sets what `abilities` says of exporting. DMA-BUF is tried first; with `opaque` also
 * VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT, in whose file the driver may keep things of its own
 * that the guest sees, too. */
void memory_export_probe(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice physical,
                         const VkPhysicalDeviceMemoryProperties *host, bool opaque,
                         struct memory_abilities *abilities);

/* The device extensions that exporting such handles needs, at most 2; how many. */
uint32_t memory_export_extensions(VkExternalMemoryHandleTypeFlagBits type, const char *names[2]);

#endif
