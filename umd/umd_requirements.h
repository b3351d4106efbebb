/* SPDX-License-Identifier: MIT */
/*
 * Memory requirements, remembered by what a resource was created with: the encoded create info.
 * Resources of the same bytes have the same requirements. Bounded; thread-safe.
 */
#ifndef GPUPV_UMD_REQUIREMENTS_H
#define GPUPV_UMD_REQUIREMENTS_H

#include "umd/umd.h"

/* A resource with a longer key is not remembered. */
#define UMD_KEY_MAX 512u
struct umd_requirements_key {
    uint32_t size; /* a multiple of 8; 0: no key */
    uint32_t kind; /* enum umd_requirements_kind */
    const uint8_t *data;
};
enum umd_requirements_kind {
    UMD_REQUIREMENTS_BUFFER = 0,
    UMD_REQUIREMENTS_IMAGE = 1,
    UMD_REQUIREMENTS_PLANE = 2, /* plus VkImageAspectFlagBits << 8 */
};

struct umd_requirements {
    VkMemoryRequirements memory;
    VkBool32 prefers_dedicated, requires_dedicated;
};

/* False: not known. */
bool umd_requirements_find(struct umd_device *device, const struct umd_requirements_key *key,
                           struct umd_requirements *requirements);
void umd_requirements_add(struct umd_device *device, const struct umd_requirements_key *key,
                          const struct umd_requirements *requirements);

/* Fills what the program handed in; structures of its chain that are not
 * VkMemoryDedicatedRequirements stay as they are. */
void umd_requirements_fill(const struct umd_requirements *requirements, VkMemoryRequirements2 *out);

#endif
