/* SPDX-License-Identifier: MIT */
#include "fake_umd_parts.h"

#include <string.h>

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

static const struct function functions[] = {
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
};
const struct functions fake_physical_device_functions = FUNCTIONS(functions);
