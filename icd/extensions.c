/* SPDX-License-Identifier: MIT */
/* Instance and device extensions: what the drivers have, what the shim can pass on. */
#include <stdlib.h>
#include <string.h>

#include "icd/icd.h"
#include "util/log.h"

/* An array that grows; `failed` sticks when memory is short. */
struct extension_list {
    VkExtensionProperties *items;
    uint32_t count, capacity;
    bool failed;
};

static VkExtensionProperties *list_find(struct extension_list *list, const char *name)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i].extensionName, name))
            return &list->items[i];
    return NULL;
}

static void list_add(struct extension_list *list, const VkExtensionProperties *item)
{
    VkExtensionProperties *known = list_find(list, item->extensionName);

    if (known) { /* a program may only rely on the revision that every driver has */
        if (item->specVersion < known->specVersion)
            known->specVersion = item->specVersion;
        return;
    }
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? 2 * list->capacity : 32;
        void *grown = realloc(list->items, capacity * sizeof(*list->items));

        list->failed |= !grown;
        if (!grown)
            return;
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = *item;
}

/* Vulkan's protocol for lists: the number, or as many elements as there is room for. */
static VkResult list_return(const struct extension_list *list, uint32_t *count,
                            VkExtensionProperties *properties)
{
    uint32_t room = *count;

    if (list->failed)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    *count = properties && room < list->count ? room : list->count;
    if (!properties)
        return VK_SUCCESS;
    if (*count)
        memcpy(properties, list->items, *count * sizeof(*properties));
    return *count < list->count ? VK_INCOMPLETE : VK_SUCCESS;
}

VkResult icd_umd_extensions(const struct loader_umd *driver, VkExtensionProperties **properties,
                            uint32_t *count)
{
    PFN_vkEnumerateInstanceExtensionProperties enumerate =
        (PFN_vkEnumerateInstanceExtensionProperties)driver->get_instance_proc_addr(
            VK_NULL_HANDLE, "vkEnumerateInstanceExtensionProperties");
    VkResult result = VK_SUCCESS;

    *properties = NULL;
    *count = 0;
    if (!enumerate)
        return VK_SUCCESS;
    do {
        result = enumerate(NULL, count, NULL);
        if (result != VK_SUCCESS || !*count)
            break;
        void *grown = realloc(*properties, *count * sizeof(**properties));
        if (!grown) {
            result = VK_ERROR_OUT_OF_HOST_MEMORY;
            break;
        }
        *properties = grown;
        result = enumerate(NULL, count, *properties);
    } while (result == VK_INCOMPLETE);
    if (result == VK_SUCCESS)
        return VK_SUCCESS;
    free(*properties);
    *properties = NULL;
    *count = 0;
    return result;
}

uint32_t icd_umd_version(const struct loader_umd *driver)
{
    PFN_vkEnumerateInstanceVersion enumerate =
        (PFN_vkEnumerateInstanceVersion)driver->get_instance_proc_addr(
            VK_NULL_HANDLE, "vkEnumerateInstanceVersion");
    uint32_t version = VK_API_VERSION_1_0;

    /* Before interface 5 a driver refuses every version that it does not know. */
    if (driver->interface_version < 5 || !enumerate || enumerate(&version) != VK_SUCCESS)
        return VK_API_VERSION_1_0;
    return version;
}

bool icd_extension_passed(const struct loader_umd *driver, const char *name)
{
    const struct icd_extension *extension = icd_extension_find(name);

    if (!extension || extension->refused)
        return false;
    /* A driver of interface 2 expects the Vulkan loader's surfaces, which the shim never sees. */
    return !extension->surface || (driver->interface_version >= 3 && icd_surfaces_offered());
}

static bool add_driver_extensions(const struct loader_umd *driver, void *data)
{
    struct extension_list *list = data;
    VkExtensionProperties *properties;
    uint32_t count;
    VkResult result = icd_umd_extensions(driver, &properties, &count);

    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        list->failed = true;
    else if (result != VK_SUCCESS)
        log_warning("icd", "%s does not list its instance extensions: VkResult %d",
                    driver->library_path, (int)result);
    for (uint32_t i = 0; i < count; i++)
        if (icd_extension_passed(driver, properties[i].extensionName))
            list_add(list, &properties[i]);
    free(properties);
    return !list->failed;
}

VKAPI_ATTR VkResult VKAPI_CALL icd_EnumerateInstanceExtensionProperties(
    const char *pLayerName, uint32_t *pPropertyCount, VkExtensionProperties *pProperties)
{
    struct extension_list list = {0};
    struct discovery *discovery;
    VkResult result;

    if (pLayerName)
        return VK_ERROR_LAYER_NOT_PRESENT;
    discovery = discovery_acquire(false, NULL);
    if (discovery)
        discovery_for_each_driver(discovery, add_driver_extensions, &list);
    result = list_return(&list, pPropertyCount, pProperties);
    free(list.items);
    discovery_release(discovery);
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL icd_EnumerateInstanceLayerProperties(uint32_t *pPropertyCount,
                                                                    VkLayerProperties *pProperties)
{
    (void)pProperties;
    *pPropertyCount = 0;
    return VK_SUCCESS;
}

static bool raise_version(const struct loader_umd *driver, void *data)
{
    uint32_t *highest = data, version = icd_umd_version(driver);

    if (version > *highest)
        *highest = version;
    return true;
}

VKAPI_ATTR VkResult VKAPI_CALL icd_EnumerateInstanceVersion(uint32_t *pApiVersion)
{
    struct discovery *discovery = discovery_acquire(false, NULL);

    *pApiVersion = VK_API_VERSION_1_0;
    if (discovery)
        discovery_for_each_driver(discovery, raise_version, pApiVersion);
    discovery_release(discovery);
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
icd_EnumerateDeviceExtensionProperties(VkPhysicalDevice physicalDevice, const char *pLayerName,
                                       uint32_t *pPropertyCount, VkExtensionProperties *pProperties)
{
    const struct icd_physical_device *device = icd_physical_device_from(physicalDevice);
    struct extension_list list = {0};
    VkExtensionProperties *all = NULL;
    uint32_t count;
    VkResult result;

    if (pLayerName)
        return VK_ERROR_LAYER_NOT_PRESENT;
    do {
        result = device->umd->commands.EnumerateDeviceExtensionProperties(device->real, NULL,
                                                                          &count, NULL);
        if (result != VK_SUCCESS)
            goto free_all;
        void *grown = realloc(all, (count ? count : 1) * sizeof(*all));
        if (!grown) {
            result = VK_ERROR_OUT_OF_HOST_MEMORY;
            goto free_all;
        }
        all = grown;
        result = device->umd->commands.EnumerateDeviceExtensionProperties(device->real, NULL,
                                                                          &count, all);
    } while (result == VK_INCOMPLETE);
    if (result != VK_SUCCESS)
        goto free_all;
    for (uint32_t i = 0; i < count; i++)
        if (!icd_device_extension_refused(all[i].extensionName))
            list_add(&list, &all[i]);
    result = list_return(&list, pPropertyCount, pProperties);
    free(list.items);

free_all:
    free(all);
    return result;
}
