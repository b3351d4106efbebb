/* SPDX-License-Identifier: MIT */
/* Device groups: the drivers' lists joined; no group spans two drivers. */
#include <stdlib.h>

#include "icd/icd.h"
#include "util/log.h"

struct group {
    uint32_t count;
    VkPhysicalDevice devices[VK_MAX_DEVICE_GROUP_SIZE]; /* the shim's */
    VkBool32 subset_allocation;
};

struct group_list {
    struct group *items;
    uint32_t count;
};

static VkResult append(struct group_list *list, const struct group *group)
{
    struct group *grown = realloc(list->items, (list->count + 1) * sizeof(*grown));

    if (!grown)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    list->items = grown;
    list->items[list->count++] = *group;
    return VK_SUCCESS;
}

/* Devices that no adapter offers are left out; a group without any other is not offered. */
static VkResult add_group(struct group_list *list, struct icd_instance *instance,
                          const struct icd_umd *umd, const VkPhysicalDeviceGroupProperties *real)
{
    struct group group = {.subset_allocation = real->subsetAllocation};

    for (uint32_t i = 0; i < real->physicalDeviceCount && i < VK_MAX_DEVICE_GROUP_SIZE; i++) {
        struct icd_physical_device *device =
            icd_find_physical_device(instance, umd, real->physicalDevices[i]);

        if (device)
            group.devices[group.count++] = (VkPhysicalDevice)device;
    }
    return group.count ? append(list, &group) : VK_SUCCESS;
}

/* A driver that knows no groups has groups of one. */
static VkResult add_single_devices(struct group_list *list, struct icd_instance *instance,
                                   const struct icd_umd *umd)
{
    VkResult result = VK_SUCCESS;

    for (uint32_t i = 0; i < instance->device_count && result == VK_SUCCESS; i++) {
        struct group group = {.count = 1};

        if (instance->devices[i].umd != umd)
            continue;
        group.devices[0] = (VkPhysicalDevice)&instance->devices[i];
        result = append(list, &group);
    }
    return result;
}

static VkResult real_groups(const struct icd_umd *umd, VkPhysicalDeviceGroupProperties **groups,
                            uint32_t *count)
{
    VkResult result;

    *groups = NULL;
    do {
        result = umd->commands.EnumeratePhysicalDeviceGroups(umd->instance, count, NULL);
        if (result != VK_SUCCESS || !*count)
            break;
        free(*groups);
        *groups = calloc(*count, sizeof(**groups));
        if (!*groups) {
            result = VK_ERROR_OUT_OF_HOST_MEMORY;
            break;
        }
        for (uint32_t i = 0; i < *count; i++)
            (*groups)[i].sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GROUP_PROPERTIES;
        result = umd->commands.EnumeratePhysicalDeviceGroups(umd->instance, count, *groups);
    } while (result == VK_INCOMPLETE);
    return result;
}

static VkResult add_driver(struct group_list *list, struct icd_instance *instance,
                           const struct icd_umd *umd)
{
    VkPhysicalDeviceGroupProperties *groups;
    uint32_t count = 0;
    VkResult result;

    if (!umd->commands.EnumeratePhysicalDeviceGroups)
        return add_single_devices(list, instance, umd);
    result = real_groups(umd, &groups, &count);
    if (result == VK_SUCCESS) {
        for (uint32_t i = 0; i < count && result == VK_SUCCESS; i++)
            result = add_group(list, instance, umd, &groups[i]);
    } else if (result != VK_ERROR_OUT_OF_HOST_MEMORY) {
        log_warning("icd", "the driver %s does not list its device groups: VkResult %d",
                    umd->driver->library_path, (int)result);
        result = add_single_devices(list, instance, umd);
    }
    free(groups);
    return result;
}

static void write_group(const struct group *group, VkPhysicalDeviceGroupProperties *properties)
{
    properties->physicalDeviceCount = group->count;
    for (uint32_t i = 0; i < group->count; i++)
        properties->physicalDevices[i] = group->devices[i];
    properties->subsetAllocation = group->subset_allocation;
}

VKAPI_ATTR VkResult VKAPI_CALL
icd_EnumeratePhysicalDeviceGroups(VkInstance instance, uint32_t *pPhysicalDeviceGroupCount,
                                  VkPhysicalDeviceGroupProperties *pPhysicalDeviceGroupProperties)
{
    struct icd_instance *shim = icd_instance_from(instance);
    struct group_list list = {0};
    uint32_t room = *pPhysicalDeviceGroupCount;
    VkResult result = icd_list_physical_devices(shim);

    for (uint32_t i = 0; i < shim->umd_count && result == VK_SUCCESS; i++)
        result = add_driver(&list, shim, &shim->umds[i]);
    if (result != VK_SUCCESS)
        goto free_list;
    *pPhysicalDeviceGroupCount = list.count;
    if (pPhysicalDeviceGroupProperties) {
        if (room < list.count) {
            *pPhysicalDeviceGroupCount = room;
            result = VK_INCOMPLETE;
        }
        for (uint32_t i = 0; i < *pPhysicalDeviceGroupCount; i++)
            write_group(&list.items[i], &pPhysicalDeviceGroupProperties[i]);
    }

free_list:
    free(list.items);
    return result;
}
