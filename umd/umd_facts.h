/* SPDX-License-Identifier: MIT */
/*
 * What is known of a physical device (wire/facts.h), parsed and checked. Constant once made: any
 * thread may read.
 */
#ifndef GPUPV_UMD_FACTS_H
#define GPUPV_UMD_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "wire/facts.h"

struct umd_facts {
    enum facts_memory cpu_memory;          /* how the CPU sees memory */
    VkPhysicalDeviceProperties properties; /* apiVersion is what the guest has */
    VkPhysicalDeviceFeatures features;
    VkPhysicalDeviceMemoryProperties memory;
    uint32_t queue_family_count;
    uint32_t extension_count;
    uint32_t format_count;
    struct facts_extension *extensions; /* those of the guest's window system among them */
    const struct facts_format *formats;
    const uint8_t **structures; /* packed, by index in facts_structures; NULL where not known */
    uint8_t *data;              /* the message, that all this points into */
};

/* Copies the message. VK_ERROR_OUT_OF_HOST_MEMORY; VK_ERROR_INITIALIZATION_FAILED (logged) when it
 * is not well-formed. */
VkResult umd_facts_create(const void *data, size_t size, struct umd_facts **facts);
void umd_facts_destroy(struct umd_facts *facts); /* takes NULL */

/* Whether the device has an extension, by its index in vkwire_extensions. */
bool umd_facts_has_extension(const struct umd_facts *facts, uint32_t index);

/* Fills one structure behind its sType and pNext, `element` being the queue family where it is part
 * of one. False, and nothing is written, when it is not known. */
bool umd_facts_fill(const struct umd_facts *facts, uint32_t element, VkBaseOutStructure *structure);
/* Fills all structures of a chain that are part of `chain`; leaves the others alone. */
void umd_facts_fill_chain(const struct umd_facts *facts, enum facts_chain chain, uint32_t element,
                          void *structures);

/* NULL for a format that the facts do not tell of. */
const struct facts_format *umd_facts_format(const struct umd_facts *facts, VkFormat format);

/* Whether every feature that the chain of VkDeviceCreateInfo and pEnabledFeatures turn on is there.
 */
bool umd_facts_have_features(const struct umd_facts *facts, const VkDeviceCreateInfo *info);

#endif
