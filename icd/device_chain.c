/* SPDX-License-Identifier: MIT */
#include "icd/device_chain.h"

#include <stdlib.h>
#include <string.h>

#include "util/log.h"

/* Every copy starts where any structure may start. */
static size_t rounded(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

static const VkDeviceGroupDeviceCreateInfo *find_group(const void *chain)
{
    for (const VkBaseInStructure *s = chain; s; s = s->pNext)
        if (s->sType == VK_STRUCTURE_TYPE_DEVICE_GROUP_DEVICE_CREATE_INFO)
            return (const void *)s;
    return NULL;
}

/* The Vulkan loader's own link structure, which is meant for layers. */
static bool is_for_layers(const VkBaseInStructure *s)
{
    return s->sType == VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO;
}

/* A structure of unknown size cannot be copied. Leaving it out could switch off, without a word,
 * what the program asked for, so that is said. */
static size_t size_before(const void *chain, const void *group)
{
    size_t size = 0;

    for (const VkBaseInStructure *s = chain; (const void *)s != group; s = s->pNext) {
        size_t one = icd_device_chain_size(s->sType);

        if (!one && !is_for_layers(s))
            log_warning("icd",
                        "vkCreateDevice: a structure of the unknown type %d before "
                        "VkDeviceGroupDeviceCreateInfo is left out",
                        (int)s->sType);
        size += rounded(one);
    }
    return size;
}

static VkResult unwrap_devices(const struct icd_physical_device *device,
                               const VkDeviceGroupDeviceCreateInfo *group, VkPhysicalDevice *real)
{
    for (uint32_t i = 0; i < group->physicalDeviceCount; i++) {
        const struct icd_physical_device *one =
            icd_physical_device_from(group->pPhysicalDevices[i]);

        if (one->umd != device->umd) {
            log_error("icd", "vkCreateDevice: a device group of two drivers' physical devices is "
                             "not possible; use the groups that are enumerated");
            return VK_ERROR_INITIALIZATION_FAILED;
        }
        real[i] = one->real;
    }
    return VK_SUCCESS;
}

VkResult device_chain_unwrap(struct device_chain *chain, const struct icd_physical_device *device,
                             VkDeviceCreateInfo *info)
{
    const VkDeviceGroupDeviceCreateInfo *group = find_group(info->pNext);
    VkDeviceGroupDeviceCreateInfo *own;
    const void **link = &info->pNext;
    size_t before;
    char *next;
    VkResult result;

    chain->copies = NULL;
    if (!group || !group->physicalDeviceCount)
        return VK_SUCCESS;
    before = size_before(info->pNext, group);
    next = chain->copies = malloc(before + rounded(sizeof(*own)) +
                                  group->physicalDeviceCount * sizeof(VkPhysicalDevice));
    if (!next)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    for (const VkBaseInStructure *s = info->pNext; (const void *)s != group; s = s->pNext) {
        size_t size = icd_device_chain_size(s->sType);

        if (!size)
            continue;
        memcpy(next, s, size);
        *link = next;
        link = (const void **)&((VkBaseInStructure *)next)->pNext;
        next += rounded(size);
    }
    own = (void *)next;
    *own = *group;
    own->pPhysicalDevices = (void *)(next + rounded(sizeof(*own)));
    *link = own;
    result = unwrap_devices(device, group, (VkPhysicalDevice *)own->pPhysicalDevices);
    if (result != VK_SUCCESS)
        device_chain_finish(chain);
    return result;
}

void device_chain_finish(struct device_chain *chain)
{
    free(chain->copies);
    chain->copies = NULL;
}
