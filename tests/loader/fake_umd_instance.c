/* SPDX-License-Identifier: MIT */
#include "fake_umd_parts.h"

#include <stdlib.h>
#include <string.h>

#include "gpupv/ntstatus.h"
#include "gpupv/umd.h"

/* --- Global --- */

static const VkExtensionProperties instance_extensions[] = {
    {VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME, 2},
    {"VK_KHR_display", 23},
    {"VK_GPUPV_newer_than_vk_xml", 1},
#ifndef FAKE_NO_SURFACE
    {VK_KHR_SURFACE_EXTENSION_NAME, 25},
    {VK_EXT_HEADLESS_SURFACE_EXTENSION_NAME, 1},
    {VK_KHR_GET_SURFACE_CAPABILITIES_2_EXTENSION_NAME, 1},
#endif
#ifndef FAKE_NO_DEBUG
    {VK_EXT_DEBUG_UTILS_EXTENSION_NAME, 2},
#endif
};
#define INSTANCE_EXTENSIONS (sizeof(instance_extensions) / sizeof(instance_extensions[0]))

static VKAPI_ATTR VkResult VKAPI_CALL
EnumerateInstanceExtensionProperties(const char *layer, uint32_t *count, VkExtensionProperties *to)
{
    (void)layer;
    return return_list(instance_extensions, sizeof(*to), INSTANCE_EXTENSIONS, count, to);
}

static VKAPI_ATTR VkResult VKAPI_CALL EnumerateInstanceVersion(uint32_t *version)
{
    *version = FAKE_API_VERSION;
    return VK_SUCCESS;
}

static bool is_enabled(const VkInstanceCreateInfo *info, const char *name)
{
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++)
        if (!strcmp(info->ppEnabledExtensionNames[i], name))
            return true;
    return false;
}

static bool all_known(const VkInstanceCreateInfo *info)
{
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++) {
        bool known = false;
        for (size_t j = 0; j < INSTANCE_EXTENSIONS; j++)
            known |=
                !strcmp(info->ppEnabledExtensionNames[i], instance_extensions[j].extensionName);
        if (!known)
            return false;
    }
    return true;
}

/* --- Adapters --- */

struct fake_adapter_context {
    uint32_t luid;
};

/* How many devices the instance has: what an instance of a plain driver always has. */
static VkResult take_adapters(const VkInstanceCreateInfo *info, size_t *devices)
{
    *devices = FAKE_DEVICES;
#ifdef FAKE_GPUPV
    const struct gpupv_umd_instance_adapters *adapters = info->pNext;

    if (!adapters || adapters->sType != GPUPV_STRUCTURE_TYPE_UMD_INSTANCE_ADAPTERS)
        return VK_ERROR_INCOMPATIBLE_DRIVER;
    *devices = 0;
    for (uint32_t i = 0; i < adapters->adapter_count; i++) {
        const struct fake_adapter_context *context = adapters->adapter_contexts[i];
        bool served = context->luid != fake_umd_state.unserved_luid;

        adapters->results[i] = served ? VK_SUCCESS : VK_ERROR_DEVICE_LOST;
        *devices += served;
    }
    if (*devices > FAKE_DEVICES)
        return VK_ERROR_TOO_MANY_OBJECTS;
#else
    (void)info;
#endif
    return VK_SUCCESS;
}

#ifdef FAKE_GPUPV
EXPORT NTSTATUS APIENTRY gpupv_umd_open_adapter(const struct gpupv_umd_adapter *adapter,
                                                struct gpupv_umd_info *info, void **context);
EXPORT NTSTATUS APIENTRY gpupv_umd_open_adapter(const struct gpupv_umd_adapter *adapter,
                                                struct gpupv_umd_info *info, void **context)
{
    struct fake_adapter_context *own;

    if (fake_umd_state.open_adapter_status)
        return fake_umd_state.open_adapter_status;
    if (adapter->callbacks->size != sizeof(*adapter->callbacks) || !adapter->callbacks->Log ||
        info->size != sizeof(*info))
        return STATUS_INVALID_PARAMETER;
    own = malloc(sizeof(*own));
    if (!own)
        return STATUS_NO_MEMORY;
    own->luid = adapter->luid.LowPart;
    fake_umd_state.node_mask = adapter->node_mask;
    fake_umd_state.open_adapters++;
    info->interface_version = GPUPV_UMD_INTERFACE_VERSION;
    info->node_count = adapter->physical_adapters;
    info->cross_node_sharing_tier = 2;
    *context = own;
    return STATUS_SUCCESS;
}

EXPORT void APIENTRY gpupv_umd_close_adapter(void *context);
EXPORT void APIENTRY gpupv_umd_close_adapter(void *context)
{
    fake_umd_state.open_adapters--;
    free(context);
}
#endif

static VKAPI_ATTR VkResult VKAPI_CALL CreateInstance(const VkInstanceCreateInfo *info,
                                                     const VkAllocationCallbacks *allocator,
                                                     VkInstance *to)
{
    struct fake_instance *instance;
    size_t devices;
    VkResult result;
    uint32_t version = info->pApplicationInfo ? info->pApplicationInfo->apiVersion : 0;

    (void)allocator;
    fake_umd_state.api_version = version;
    fake_umd_state.extension_count = info->enabledExtensionCount;
    fake_umd_state.instance_flags = info->flags;
    if (fake_umd_state.create_instance_result != VK_SUCCESS)
        return fake_umd_state.create_instance_result;
    if (!all_known(info))
        return VK_ERROR_EXTENSION_NOT_PRESENT;
    if (!HAS_1_1 && VK_API_VERSION_MINOR(version))
        return VK_ERROR_INCOMPATIBLE_DRIVER;
    result = take_adapters(info, &devices);
    if (result != VK_SUCCESS)
        return result;
    instance = calloc(1, sizeof(*instance));
    if (!instance)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    instance->device_count = devices;
    init(&instance->base, INSTANCE);
    for (size_t i = 0; i < FAKE_DEVICES; i++)
        init(&instance->devices[i], PHYSICAL_DEVICE);
    instance->debug_utils = is_enabled(info, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    instance->surface = is_enabled(info, VK_KHR_SURFACE_EXTENSION_NAME);
    fake_umd_state.instances++;
    *to = (VkInstance)instance;
    return VK_SUCCESS;
}

/* --- Instance --- */

static VKAPI_ATTR void VKAPI_CALL DestroyInstance(VkInstance instance,
                                                  const VkAllocationCallbacks *allocator)
{
    (void)allocator;
    free(check(instance, INSTANCE));
    fake_umd_state.instances--;
}

static VKAPI_ATTR VkResult VKAPI_CALL EnumeratePhysicalDevices(VkInstance instance, uint32_t *count,
                                                               VkPhysicalDevice *to)
{
    struct fake_instance *own = check(instance, INSTANCE);
    VkPhysicalDevice devices[FAKE_DEVICES];

    for (size_t i = 0; i < FAKE_DEVICES; i++)
        devices[i] = (VkPhysicalDevice)&own->devices[i];
    return return_list(devices, sizeof(*to), (uint32_t)own->device_count, count, to);
}

/* One group of all devices. */
static VKAPI_ATTR VkResult VKAPI_CALL EnumeratePhysicalDeviceGroups(
    VkInstance instance, uint32_t *count, VkPhysicalDeviceGroupProperties *to)
{
    struct fake_instance *own = check(instance, INSTANCE);

    if (to && *count) {
        to->physicalDeviceCount = FAKE_DEVICES;
        for (size_t i = 0; i < FAKE_DEVICES; i++)
            to->physicalDevices[i] = (VkPhysicalDevice)&own->devices[i];
        to->subsetAllocation = VK_TRUE;
    }
    *count = 1;
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL
CreateHeadlessSurfaceEXT(VkInstance instance, const VkHeadlessSurfaceCreateInfoEXT *info,
                         const VkAllocationCallbacks *allocator, VkSurfaceKHR *to)
{
    (void)info;
    (void)allocator;
    check(instance, INSTANCE);
    if (fake_umd_state.create_surface_result != VK_SUCCESS)
        return fake_umd_state.create_surface_result;
    *to = (VkSurfaceKHR)(uintptr_t)object_create(SURFACE, &fake_umd_state.surfaces);
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL DestroySurfaceKHR(VkInstance instance, VkSurfaceKHR surface,
                                                    const VkAllocationCallbacks *allocator)
{
    (void)allocator;
    check(instance, INSTANCE);
    free(check((void *)(uintptr_t)surface, SURFACE));
    fake_umd_state.surfaces--;
}

static VKAPI_ATTR VkResult VKAPI_CALL
CreateDebugUtilsMessengerEXT(VkInstance instance, const VkDebugUtilsMessengerCreateInfoEXT *info,
                             const VkAllocationCallbacks *allocator, VkDebugUtilsMessengerEXT *to)
{
    (void)info;
    (void)allocator;
    check(instance, INSTANCE);
    *to = (VkDebugUtilsMessengerEXT)(uintptr_t)object_create(MESSENGER, &fake_umd_state.messengers);
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL DestroyDebugUtilsMessengerEXT(
    VkInstance instance, VkDebugUtilsMessengerEXT messenger, const VkAllocationCallbacks *allocator)
{
    (void)allocator;
    check(instance, INSTANCE);
    free(check((void *)(uintptr_t)messenger, MESSENGER));
    fake_umd_state.messengers--;
}

static VKAPI_ATTR void VKAPI_CALL SubmitDebugUtilsMessageEXT(
    VkInstance instance, VkDebugUtilsMessageSeverityFlagBitsEXT severity,
    VkDebugUtilsMessageTypeFlagsEXT types, const VkDebugUtilsMessengerCallbackDataEXT *data)
{
    (void)severity;
    (void)types;
    (void)data;
    check(instance, INSTANCE);
    fake_umd_state.messages++;
}

/* --- All of them --- */

static const struct function functions[] = {
    F(0, ALWAYS, EnumerateInstanceExtensionProperties),
    F(0, WITH_1_1, EnumerateInstanceVersion),
    F(0, ALWAYS, CreateInstance),
    F(INSTANCE, ALWAYS, DestroyInstance),
    F(INSTANCE, ALWAYS, EnumeratePhysicalDevices),
    F(INSTANCE, WITH_1_1, EnumeratePhysicalDeviceGroups),
    F(INSTANCE, WITH_SURFACE, CreateHeadlessSurfaceEXT),
    F(INSTANCE, WITH_SURFACE, DestroySurfaceKHR),
    F(INSTANCE, WITH_DEBUG, CreateDebugUtilsMessengerEXT),
    F(INSTANCE, WITH_DEBUG, DestroyDebugUtilsMessengerEXT),
    F(INSTANCE, WITH_DEBUG, SubmitDebugUtilsMessageEXT),
};
const struct functions fake_instance_functions = FUNCTIONS(functions);
