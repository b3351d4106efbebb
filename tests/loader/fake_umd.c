/* SPDX-License-Identifier: MIT */
#include "fake_umd.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vulkan/vk_icd.h>

#include "gpupv/ntstatus.h"
#include "gpupv/umd.h"

#ifndef FAKE_DEVICES
#define FAKE_DEVICES 1
#endif
#ifndef FAKE_INTERFACE
#define FAKE_INTERFACE 5
#endif
#ifndef FAKE_API_VERSION
#define FAKE_API_VERSION VK_API_VERSION_1_3
#endif

#define EXPORT __attribute__((visibility("default")))
#define HAS_1_1 (FAKE_API_VERSION >= VK_API_VERSION_1_1)

extern EXPORT struct fake_umd_state fake_umd_state;
struct fake_umd_state fake_umd_state;

/* --- Objects: each says whose it is --- */

enum kind { INSTANCE = 1, PHYSICAL_DEVICE, DEVICE, QUEUE, SURFACE, MESSENGER };

struct object {
    VK_LOADER_DATA loader_data;
    const void *driver; /* &fake_umd_state */
    enum kind kind;
};

struct fake_instance {
    struct object base;
    struct object devices[FAKE_DEVICES];
    size_t device_count;
    bool debug_utils, surface;
};

struct fake_device {
    struct object base;
    struct object queue;
    bool swapchain;
};

static void init(struct object *object, enum kind kind)
{
    set_loader_magic_value(object);
    object->driver = &fake_umd_state;
    object->kind = kind;
}

static void *check(const void *handle, enum kind kind)
{
    const struct object *object = handle;

    if (!object || object->driver != &fake_umd_state || object->kind != kind) {
        fprintf(stderr, "fake driver %s: not my object of kind %d\n", FAKE_NAME, kind);
        abort();
    }
    return (void *)object;
}

static struct object *object_create(enum kind kind, int *counter)
{
    struct object *object = calloc(1, sizeof(*object));

    if (!object)
        abort();
    init(object, kind);
    ++*counter;
    return object;
}

static VkResult return_list(const void *items, size_t size, uint32_t available, uint32_t *count,
                            void *to)
{
    uint32_t room = *count;

    *count = available;
    if (!to)
        return VK_SUCCESS;
    if (room < available)
        *count = room;
    memcpy(to, items, size * *count);
    return room < available ? VK_INCOMPLETE : VK_SUCCESS;
}

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

/* --- Physical device --- */

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceProperties(VkPhysicalDevice device,
                                                              VkPhysicalDeviceProperties *to)
{
    check(device, PHYSICAL_DEVICE);
    memset(to, 0, sizeof(*to));
    to->apiVersion = FAKE_API_VERSION;
    to->driverVersion = 1;
    to->vendorID = FAKE_VENDOR;
    to->deviceID = FAKE_DEVICE;
    to->deviceType = VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU;
    strncpy(to->deviceName, FAKE_NAME, sizeof(to->deviceName) - 1);
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceProperties2(VkPhysicalDevice device,
                                                               VkPhysicalDeviceProperties2 *to)
{
    GetPhysicalDeviceProperties(device, &to->properties);
    for (VkBaseOutStructure *s = to->pNext; s; s = s->pNext) {
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES) {
            VkPhysicalDeviceIDProperties *id = (void *)s;
            memset(id->deviceUUID, 0x11, sizeof(id->deviceUUID));
            id->deviceLUIDValid = VK_FALSE;
        }
    }
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceFeatures(VkPhysicalDevice device,
                                                            VkPhysicalDeviceFeatures *to)
{
    check(device, PHYSICAL_DEVICE);
    memset(to, 0, sizeof(*to));
    to->robustBufferAccess = VK_TRUE;
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceFeatures2(VkPhysicalDevice device,
                                                             VkPhysicalDeviceFeatures2 *to)
{
    GetPhysicalDeviceFeatures(device, &to->features);
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceQueueFamilyProperties(
    VkPhysicalDevice device, uint32_t *count, VkQueueFamilyProperties *to)
{
    static const VkQueueFamilyProperties family = {
        .queueFlags = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT,
        .queueCount = 1,
        .timestampValidBits = 64,
        .minImageTransferGranularity = {1, 1, 1},
    };

    check(device, PHYSICAL_DEVICE);
    return_list(&family, sizeof(family), 1, count, to);
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceQueueFamilyProperties2(
    VkPhysicalDevice device, uint32_t *count, VkQueueFamilyProperties2 *to)
{
    GetPhysicalDeviceQueueFamilyProperties(device, count,
                                           to && *count ? &to->queueFamilyProperties : NULL);
}

static VKAPI_ATTR void VKAPI_CALL
GetPhysicalDeviceMemoryProperties(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties *to)
{
    check(device, PHYSICAL_DEVICE);
    memset(to, 0, sizeof(*to));
    to->memoryTypeCount = 1;
    to->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    to->memoryHeapCount = 1;
    to->memoryHeaps[0].size = 256u << 20;
    to->memoryHeaps[0].flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
}

static VKAPI_ATTR void VKAPI_CALL
GetPhysicalDeviceMemoryProperties2(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2 *to)
{
    GetPhysicalDeviceMemoryProperties(device, &to->memoryProperties);
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceFormatProperties(VkPhysicalDevice device,
                                                                    VkFormat format,
                                                                    VkFormatProperties *to)
{
    (void)format;
    check(device, PHYSICAL_DEVICE);
    memset(to, 0, sizeof(*to));
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceFormatProperties2(VkPhysicalDevice device,
                                                                     VkFormat format,
                                                                     VkFormatProperties2 *to)
{
    GetPhysicalDeviceFormatProperties(device, format, &to->formatProperties);
}

static VKAPI_ATTR VkResult VKAPI_CALL GetPhysicalDeviceImageFormatProperties(
    VkPhysicalDevice device, VkFormat format, VkImageType type, VkImageTiling tiling,
    VkImageUsageFlags usage, VkImageCreateFlags flags, VkImageFormatProperties *to)
{
    (void)format, (void)type, (void)tiling, (void)usage, (void)flags;
    check(device, PHYSICAL_DEVICE);
    memset(to, 0, sizeof(*to));
    return VK_ERROR_FORMAT_NOT_SUPPORTED;
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceSparseImageFormatProperties(
    VkPhysicalDevice device, VkFormat format, VkImageType type, VkSampleCountFlagBits samples,
    VkImageUsageFlags usage, VkImageTiling tiling, uint32_t *count,
    VkSparseImageFormatProperties *to)
{
    (void)format, (void)type, (void)samples, (void)usage, (void)tiling, (void)to;
    check(device, PHYSICAL_DEVICE);
    *count = 0;
}

static VKAPI_ATTR VkResult VKAPI_CALL EnumerateDeviceExtensionProperties(VkPhysicalDevice device,
                                                                         const char *layer,
                                                                         uint32_t *count,
                                                                         VkExtensionProperties *to)
{
    static const VkExtensionProperties extensions[] = {
        {VK_KHR_SWAPCHAIN_EXTENSION_NAME, 70},
        {"VK_KHR_display_swapchain", 10},
    };

    (void)layer;
    check(device, PHYSICAL_DEVICE);
    return return_list(extensions, sizeof(*to), 2, count, to);
}

static VKAPI_ATTR VkResult VKAPI_CALL GetPhysicalDeviceSurfaceSupportKHR(VkPhysicalDevice device,
                                                                         uint32_t family,
                                                                         VkSurfaceKHR surface,
                                                                         VkBool32 *supported)
{
    (void)family;
    check(device, PHYSICAL_DEVICE);
    check((void *)(uintptr_t)surface, SURFACE);
    *supported = VK_TRUE;
    return VK_SUCCESS;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL GetPhysicalDeviceWaylandPresentationSupportKHR(
    VkPhysicalDevice device, uint32_t family, void *display)
{
    (void)family;
    (void)display;
    check(device, PHYSICAL_DEVICE);
    return VK_TRUE;
}

static VKAPI_ATTR VkResult VKAPI_CALL GetPhysicalDeviceSurfaceFormats2KHR(
    VkPhysicalDevice device, const VkPhysicalDeviceSurfaceInfo2KHR *info, uint32_t *count,
    VkSurfaceFormat2KHR *to)
{
    check(device, PHYSICAL_DEVICE);
    check((void *)(uintptr_t)info->surface, SURFACE);
    if (to && *count)
        to->surfaceFormat.format = VK_FORMAT_B8G8R8A8_UNORM;
    *count = 1;
    return VK_SUCCESS;
}

static VKAPI_ATTR uint64_t VKAPI_CALL GetPhysicalDeviceFakeSumGPUPV(VkPhysicalDevice device,
                                                                    uint64_t a, uint32_t b,
                                                                    double c, uint64_t d,
                                                                    uint64_t e, uint64_t f,
                                                                    uint64_t g, double *sum)
{
    check(device, PHYSICAL_DEVICE);
    *sum = c;
    return a + 2 * b + 3 * d + 4 * e + 5 * f + 6 * g + FAKE_VENDOR;
}

/* --- Device --- */

static VKAPI_ATTR VkResult VKAPI_CALL CreateDevice(VkPhysicalDevice physical,
                                                   const VkDeviceCreateInfo *info,
                                                   const VkAllocationCallbacks *allocator,
                                                   VkDevice *to)
{
    struct fake_device *device = calloc(1, sizeof(*device));

    (void)allocator;
    check(physical, PHYSICAL_DEVICE);
    if (!device)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    uint32_t group_size = 0, chain_length = 0;
    for (const VkBaseInStructure *s = info->pNext; s; s = s->pNext) {
        const VkDeviceGroupDeviceCreateInfo *group = (const void *)s;

        chain_length++;
        if (s->sType != VK_STRUCTURE_TYPE_DEVICE_GROUP_DEVICE_CREATE_INFO)
            continue;
        group_size = group->physicalDeviceCount;
        for (uint32_t i = 0; i < group->physicalDeviceCount; i++)
            check(group->pPhysicalDevices[i], PHYSICAL_DEVICE);
    }
    __atomic_store_n(&fake_umd_state.group_size, group_size, __ATOMIC_RELAXED);
    __atomic_store_n(&fake_umd_state.chain_length, chain_length, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++)
        device->swapchain |=
            !strcmp(info->ppEnabledExtensionNames[i], VK_KHR_SWAPCHAIN_EXTENSION_NAME);
    init(&device->base, DEVICE);
    init(&device->queue, QUEUE);
    __atomic_add_fetch(&fake_umd_state.devices, 1, __ATOMIC_RELAXED);
    *to = (VkDevice)device;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL DestroyDevice(VkDevice device,
                                                const VkAllocationCallbacks *allocator)
{
    (void)allocator;
    free(check(device, DEVICE));
    __atomic_sub_fetch(&fake_umd_state.devices, 1, __ATOMIC_RELAXED);
}

static VKAPI_ATTR void VKAPI_CALL GetDeviceQueue(VkDevice device, uint32_t family, uint32_t index,
                                                 VkQueue *to)
{
    struct fake_device *own = check(device, DEVICE);

    (void)family;
    (void)index;
    *to = (VkQueue)&own->queue;
}

static VKAPI_ATTR VkResult VKAPI_CALL DeviceWaitIdle(VkDevice device)
{
    check(device, DEVICE);
    __atomic_add_fetch(&fake_umd_state.wait_idle_calls, 1, __ATOMIC_RELAXED);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL QueueWaitIdle(VkQueue queue)
{
    check(queue, QUEUE);
    __atomic_add_fetch(&fake_umd_state.wait_idle_calls, 1, __ATOMIC_RELAXED);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL CreateSwapchainKHR(VkDevice device,
                                                         const VkSwapchainCreateInfoKHR *info,
                                                         const VkAllocationCallbacks *allocator,
                                                         VkSwapchainKHR *to)
{
    (void)allocator;
    check(device, DEVICE);
    check((void *)(uintptr_t)info->surface, SURFACE);
    fake_umd_state.swapchains++;
    *to = (VkSwapchainKHR)(uintptr_t)device;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL DestroySwapchainKHR(VkDevice device, VkSwapchainKHR swapchain,
                                                      const VkAllocationCallbacks *allocator)
{
    (void)swapchain;
    (void)allocator;
    check(device, DEVICE);
    fake_umd_state.swapchains--;
}

static VKAPI_ATTR VkResult VKAPI_CALL
SetDebugUtilsObjectNameEXT(VkDevice device, const VkDebugUtilsObjectNameInfoEXT *info)
{
    static const struct {
        VkObjectType type;
        enum kind kind;
    } kinds[] = {
        {VK_OBJECT_TYPE_INSTANCE, INSTANCE},   {VK_OBJECT_TYPE_PHYSICAL_DEVICE, PHYSICAL_DEVICE},
        {VK_OBJECT_TYPE_DEVICE, DEVICE},       {VK_OBJECT_TYPE_QUEUE, QUEUE},
        {VK_OBJECT_TYPE_SURFACE_KHR, SURFACE},
    };

    check(device, DEVICE);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].type == info->objectType)
            check((void *)(uintptr_t)info->objectHandle, kinds[i].kind);
    fake_umd_state.named_objects++;
    fake_umd_state.last_object = info->objectHandle;
    return VK_SUCCESS;
}

/* --- Lookup --- */

enum when { ALWAYS, WITH_1_1, WITH_SURFACE, WITH_DEBUG, WITH_SWAPCHAIN };

struct function {
    const char *name;
    enum kind level; /* INSTANCE, PHYSICAL_DEVICE or DEVICE; 0 for global */
    enum when when;
    PFN_vkVoidFunction pointer;
};

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetDeviceProcAddr(VkDevice device,
                                                                  const char *name);
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetInstanceProcAddr(VkInstance instance,
                                                                    const char *name);

#define F(level, when, name)                                                                       \
    {                                                                                              \
        "vk" #name, level, when, (PFN_vkVoidFunction)name                                          \
    }

static const struct function functions[] = {
    F(0, ALWAYS, EnumerateInstanceExtensionProperties),
    F(0, WITH_1_1, EnumerateInstanceVersion),
    F(0, ALWAYS, CreateInstance),
    F(INSTANCE, ALWAYS, GetInstanceProcAddr),
    F(INSTANCE, ALWAYS, DestroyInstance),
    F(INSTANCE, ALWAYS, EnumeratePhysicalDevices),
    F(INSTANCE, WITH_1_1, EnumeratePhysicalDeviceGroups),
    F(INSTANCE, WITH_SURFACE, CreateHeadlessSurfaceEXT),
    F(INSTANCE, WITH_SURFACE, DestroySurfaceKHR),
    F(INSTANCE, WITH_DEBUG, CreateDebugUtilsMessengerEXT),
    F(INSTANCE, WITH_DEBUG, DestroyDebugUtilsMessengerEXT),
    F(INSTANCE, WITH_DEBUG, SubmitDebugUtilsMessageEXT),
    F(PHYSICAL_DEVICE, ALWAYS, GetPhysicalDeviceProperties),
    F(PHYSICAL_DEVICE, WITH_1_1, GetPhysicalDeviceProperties2),
    F(PHYSICAL_DEVICE, ALWAYS, GetPhysicalDeviceFeatures),
    F(PHYSICAL_DEVICE, WITH_1_1, GetPhysicalDeviceFeatures2),
    F(PHYSICAL_DEVICE, ALWAYS, GetPhysicalDeviceQueueFamilyProperties),
    F(PHYSICAL_DEVICE, WITH_1_1, GetPhysicalDeviceQueueFamilyProperties2),
    F(PHYSICAL_DEVICE, ALWAYS, GetPhysicalDeviceMemoryProperties),
    F(PHYSICAL_DEVICE, WITH_1_1, GetPhysicalDeviceMemoryProperties2),
    F(PHYSICAL_DEVICE, ALWAYS, GetPhysicalDeviceFormatProperties),
    F(PHYSICAL_DEVICE, WITH_1_1, GetPhysicalDeviceFormatProperties2),
    F(PHYSICAL_DEVICE, ALWAYS, GetPhysicalDeviceImageFormatProperties),
    F(PHYSICAL_DEVICE, ALWAYS, GetPhysicalDeviceSparseImageFormatProperties),
    F(PHYSICAL_DEVICE, ALWAYS, EnumerateDeviceExtensionProperties),
    F(PHYSICAL_DEVICE, WITH_SURFACE, GetPhysicalDeviceSurfaceSupportKHR),
    F(PHYSICAL_DEVICE, WITH_SURFACE, GetPhysicalDeviceWaylandPresentationSupportKHR),
    F(PHYSICAL_DEVICE, WITH_SURFACE, GetPhysicalDeviceSurfaceFormats2KHR),
    F(PHYSICAL_DEVICE, ALWAYS, GetPhysicalDeviceFakeSumGPUPV),
    F(PHYSICAL_DEVICE, ALWAYS, CreateDevice),
    F(DEVICE, ALWAYS, GetDeviceProcAddr),
    F(DEVICE, ALWAYS, DestroyDevice),
    F(DEVICE, ALWAYS, GetDeviceQueue),
    F(DEVICE, ALWAYS, DeviceWaitIdle),
    F(DEVICE, ALWAYS, QueueWaitIdle),
    F(DEVICE, WITH_SWAPCHAIN, CreateSwapchainKHR),
    F(DEVICE, WITH_SWAPCHAIN, DestroySwapchainKHR),
    F(DEVICE, WITH_DEBUG, SetDebugUtilsObjectNameEXT),
};

static const struct function *find(const char *name)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (!strcmp(functions[i].name, name))
            return &functions[i];
    return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetDeviceProcAddr(VkDevice device, const char *name)
{
    struct fake_device *own = check(device, DEVICE);
    const struct function *function = find(name);

    if (!function || function->level != DEVICE)
        return NULL;
    return function->when == WITH_SWAPCHAIN && !own->swapchain ? NULL : function->pointer;
}

static bool is_there(const struct fake_instance *instance, const struct function *function)
{
    switch (function->when) {
    case WITH_1_1:
        return HAS_1_1;
    case WITH_SURFACE:
        return instance && instance->surface;
    case WITH_DEBUG:
        return instance && instance->debug_utils;
    default:
        return true;
    }
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetInstanceProcAddr(VkInstance instance,
                                                                    const char *name)
{
    const struct fake_instance *own = instance ? check(instance, INSTANCE) : NULL;
    const struct function *function = find(name);

    if (!function || (!own && function->level != 0))
        return NULL;
    return is_there(own, function) ? function->pointer : NULL;
}

/* --- The driver interface --- */

/* vk_icd.h declares them; without EXPORT they are hidden, as everything else here. */
#ifdef FAKE_NO_EXPORTS
#define INTERFACE
#else
#define INTERFACE EXPORT
#endif

INTERFACE VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version)
{
#ifdef FAKE_INSIST
    *version = FAKE_INTERFACE;
#else
    if (*version > FAKE_INTERFACE)
        *version = FAKE_INTERFACE;
#endif
    return VK_SUCCESS;
}

INTERFACE VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL
vk_icdGetPhysicalDeviceProcAddr(VkInstance instance, const char *name)
{
    const struct function *function = find(name);

    if (!function || function->level != PHYSICAL_DEVICE)
        return NULL;
    return is_there(check(instance, INSTANCE), function) ? function->pointer : NULL;
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance,
                                                                          const char *name)
{
#ifdef FAKE_NO_EXPORTS
    if (!strcmp(name, "vk_icdNegotiateLoaderICDInterfaceVersion"))
        return (PFN_vkVoidFunction)vk_icdNegotiateLoaderICDInterfaceVersion;
    if (!strcmp(name, "vk_icdGetPhysicalDeviceProcAddr"))
        return (PFN_vkVoidFunction)vk_icdGetPhysicalDeviceProcAddr;
#endif
    return GetInstanceProcAddr(instance, name);
}
