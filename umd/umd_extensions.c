/* SPDX-License-Identifier: MIT */
/* Which extensions there are. */
#include <string.h>

#include "umd/umd_facts.h"
#include "umd/umd_instance.h"
#include "umd/umd_wsi.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_extensions.h"

/* Instance extensions whose commands and structures this driver deals with. */
static const char *const instance_extensions[] = {
    VK_EXT_DEBUG_REPORT_EXTENSION_NAME,
    VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
    VK_KHR_DEVICE_GROUP_CREATION_EXTENSION_NAME,
    VK_KHR_EXTERNAL_FENCE_CAPABILITIES_EXTENSION_NAME,
    VK_KHR_EXTERNAL_MEMORY_CAPABILITIES_EXTENSION_NAME,
    VK_KHR_EXTERNAL_SEMAPHORE_CAPABILITIES_EXTENSION_NAME,
    VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME,
};

bool umd_instance_extension_offered(uint32_t index)
{
    const struct vkwire_extension *extension = &vkwire_extensions[index];

    if (extension->device || extension->refused)
        return false;
    if (extension->window)
        return umd_window_extension_offered(index);
    for (size_t i = 0; i < sizeof(instance_extensions) / sizeof(instance_extensions[0]); i++)
        if (!strcmp(extension->name, instance_extensions[i]))
            return true;
    return false;
}

void umd_extension_list_add(struct umd_extension_list *list, uint32_t index, uint32_t spec_version)
{
    if (list->properties && list->count < list->room) {
        VkExtensionProperties *to = &list->properties[list->count];

        memset(to, 0, sizeof(*to));
        strncpy(to->extensionName, vkwire_extensions[index].name, sizeof(to->extensionName) - 1);
        to->specVersion = spec_version;
    }
    list->count++;
}

VkResult umd_extension_list_end(const struct umd_extension_list *list, uint32_t *count)
{
    if (list->properties && list->room < list->count) {
        *count = list->room;
        return VK_INCOMPLETE;
    }
    *count = list->count;
    return VK_SUCCESS;
}

VkResult umd_enable_extensions(const char *const *names, uint32_t count,
                               bool (*offered)(uint32_t index, const void *data), const void *data,
                               bool *enabled)
{
    for (uint32_t i = 0; i < count; i++) {
        int index = vkwire_extension_find(names[i]);

        if (index < 0 || !offered((uint32_t)index, data)) {
            umd_debug("the extension %s is not there", names[i]);
            return VK_ERROR_EXTENSION_NOT_PRESENT;
        }
        enabled[index] = true;
    }
    return VK_SUCCESS;
}

/* --- Commands --- */

VKAPI_ATTR VkResult VKAPI_CALL umd_EnumerateInstanceVersion(uint32_t *pApiVersion)
{
    *pApiVersion = VKWIRE_API_VERSION;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_EnumerateInstanceExtensionProperties(
    const char *pLayerName, uint32_t *pPropertyCount, VkExtensionProperties *pProperties)
{
    struct umd_extension_list list = {pProperties, *pPropertyCount, 0};

    if (pLayerName)
        return VK_ERROR_LAYER_NOT_PRESENT;
    for (uint32_t i = 0; i < vkwire_extension_count; i++)
        if (umd_instance_extension_offered(i))
            umd_extension_list_add(&list, i, vkwire_extensions[i].spec_version);
    return umd_extension_list_end(&list, pPropertyCount);
}

VKAPI_ATTR VkResult VKAPI_CALL umd_EnumerateInstanceLayerProperties(uint32_t *pPropertyCount,
                                                                    VkLayerProperties *pProperties)
{
    (void)pProperties;
    *pPropertyCount = 0;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
umd_EnumerateDeviceExtensionProperties(VkPhysicalDevice physicalDevice, const char *pLayerName,
                                       uint32_t *pPropertyCount, VkExtensionProperties *pProperties)
{
    const struct umd_facts *facts = umd_physical_device_from(physicalDevice)->facts;
    struct umd_extension_list list = {pProperties, *pPropertyCount, 0};

    if (pLayerName)
        return VK_ERROR_LAYER_NOT_PRESENT;
    for (uint32_t i = 0; i < facts->extension_count; i++)
        umd_extension_list_add(&list, facts->extensions[i].index,
                               facts->extensions[i].spec_version);
    return umd_extension_list_end(&list, pPropertyCount);
}

VKAPI_ATTR VkResult VKAPI_CALL umd_EnumerateDeviceLayerProperties(VkPhysicalDevice physicalDevice,
                                                                  uint32_t *pPropertyCount,
                                                                  VkLayerProperties *pProperties)
{
    (void)physicalDevice;
    return umd_EnumerateInstanceLayerProperties(pPropertyCount, pProperties);
}
