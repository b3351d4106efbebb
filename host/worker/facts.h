/* SPDX-License-Identifier: MIT */
/* Collects what a guest is told of a host device (wire/facts.h). Any thread. */
#ifndef GPUPV_HOST_WORKER_FACTS_H
#define GPUPV_HOST_WORKER_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "host/worker/memory_types.h"
#include "util/error.h"

struct vkwire_instance_dispatch;

/* The facts of one physical device, malloc'ed. `api_version` is that of the worker's instance.
 * -ENOMEM, -EIO (the driver fails to answer). */
int facts_collect(const struct vkwire_instance_dispatch *vki, VkPhysicalDevice device,
                  uint32_t api_version, const struct memory_types *types, void **data, size_t *size,
                  struct error *err);

/* Whether facts that facts_collect gave have every feature that a device is to be created with. */
bool facts_have_features(const void *data, size_t size, const VkDeviceCreateInfo *info);

#endif
