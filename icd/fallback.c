/* SPDX-License-Identifier: MIT */
/* Newer queries of physical devices for a driver that has the older commands only. They are
 * reached when another driver of the instance has the newer ones. */
#include <stdlib.h>

#include "icd/icd.h"

void icd_fallback_queue_families(const struct icd_physical_device *device, uint32_t *count,
                                 VkQueueFamilyProperties2 *properties)
{
    const struct icd_commands *commands = &device->umd->commands;
    VkQueueFamilyProperties *families;

    if (!properties || !*count) {
        commands->GetPhysicalDeviceQueueFamilyProperties(device->real, count, NULL);
        return;
    }
    families = calloc(*count, sizeof(*families));
    if (!families) { /* the command cannot fail: no family is an answer that it can give */
        *count = 0;
        return;
    }
    commands->GetPhysicalDeviceQueueFamilyProperties(device->real, count, families);
    for (uint32_t i = 0; i < *count; i++)
        properties[i].queueFamilyProperties = families[i];
    free(families);
}

VkResult icd_fallback_image_format(const struct icd_physical_device *device,
                                   const VkPhysicalDeviceImageFormatInfo2 *info,
                                   VkImageFormatProperties2 *properties)
{
    return device->umd->commands.GetPhysicalDeviceImageFormatProperties(
        device->real, info->format, info->type, info->tiling, info->usage, info->flags,
        &properties->imageFormatProperties);
}
