/* SPDX-License-Identifier: MIT */
/* Instance extensions and versions. */
#ifndef GPUPV_UMD_INSTANCE_H
#define GPUPV_UMD_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "umd/umd.h"

/* Whether the driver has an instance extension, by its index in vkwire_extensions. */
bool umd_instance_extension_offered(uint32_t index);

/* Vulkan's protocol for lists of extensions: the number, or as many as there is room for. */
struct umd_extension_list {
    VkExtensionProperties *properties; /* or NULL */
    uint32_t room, count;
};
void umd_extension_list_add(struct umd_extension_list *list, uint32_t index, uint32_t spec_version);
VkResult umd_extension_list_end(const struct umd_extension_list *list, uint32_t *count);

/* Turns names on in `enabled`, of which offered(index, data) knows. VK_ERROR_EXTENSION_NOT_PRESENT.
 */
VkResult umd_enable_extensions(const char *const *names, uint32_t count,
                               bool (*offered)(uint32_t index, const void *data), const void *data,
                               bool *enabled);

/* The version without its patch and variant. */
static inline uint32_t umd_minor_version(uint32_t version)
{
    return VK_MAKE_API_VERSION(0, VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version), 0);
}

#endif
