/* SPDX-License-Identifier: MIT */
/* Surfaces, and what a physical device can show on one. See umd_wsi.h. */
#include "umd/umd_wsi.h"

#include <string.h>

#include "umd/umd_adapter.h"
#include "umd/umd_facts.h"
#include "umd_commands.h"
#include "vkwire_extensions.h"

/* Images of swapchains are images like others. */
#define IMAGE_USAGE                                                                                \
    (VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT |                           \
     VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT |                                     \
     VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT)
#define MAX_PRESENT_MODES 8u

/* --- Surfaces --- */

void *umd_surface_create(VkInstance instance, const VkAllocationCallbacks *allocator, size_t size,
                         const struct umd_window_system *system)
{
    struct umd_surface *surface = umd_alloc(allocator, &umd_instance_from(instance)->allocator,
                                            size, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (surface)
        surface->system = system;
    return surface;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroySurfaceKHR(VkInstance instance, VkSurfaceKHR handle,
                                                 const VkAllocationCallbacks *pAllocator)
{
    struct umd_surface *surface = umd_surface_from(handle);
    if (!surface)
        return;
    if (surface->system->finish_surface)
        surface->system->finish_surface(surface);
    umd_free(pAllocator, &umd_instance_from(instance)->allocator, surface);
}

/* --- What can be presented --- */

bool umd_window_extension_offered(uint32_t index)
{
    if (!umd_window_callbacks())
        return false;
    switch (index) {
    case VKWIRE_EXT_KHR_SURFACE:
    case VKWIRE_EXT_KHR_GET_SURFACE_CAPABILITIES2:
    case VKWIRE_EXT_KHR_SURFACE_PROTECTED_CAPABILITIES:
    case VKWIRE_EXT_EXT_HEADLESS_SURFACE:
        return true;
    case VKWIRE_EXT_KHR_XCB_SURFACE:
        return umd_xcb_available();
    case VKWIRE_EXT_KHR_XLIB_SURFACE:
        return umd_xlib_available();
    case VKWIRE_EXT_KHR_WAYLAND_SURFACE:
        return umd_wayland_available();
    default:
        return false;
    }
}

bool umd_family_presents(const struct umd_physical_device *device, uint32_t family)
{
    VkQueueFamilyProperties2 properties = {.sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2};
    return umd_facts_fill(device->facts, family, (VkBaseOutStructure *)&properties) &&
           (properties.queueFamilyProperties.queueFlags &
            (VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT));
}

VKAPI_ATTR VkResult VKAPI_CALL
umd_GetPhysicalDeviceSurfaceSupportKHR(VkPhysicalDevice physicalDevice, uint32_t queueFamilyIndex,
                                       VkSurfaceKHR handle, VkBool32 *pSupported)
{
    const struct umd_physical_device *device = umd_physical_device_from(physicalDevice);
    struct umd_surface *surface = umd_surface_from(handle);
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    uint32_t count = 0;
    VkResult result = surface->system->get_formats(surface, formats, &count);
    *pSupported = result == VK_SUCCESS && count && umd_family_presents(device, queueFamilyIndex);
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetPhysicalDeviceSurfaceCapabilitiesKHR(
    VkPhysicalDevice physicalDevice, VkSurfaceKHR handle, VkSurfaceCapabilitiesKHR *pCapabilities)
{
    const struct umd_physical_device *device = umd_physical_device_from(physicalDevice);
    struct umd_surface *surface = umd_surface_from(handle);
    struct umd_window_limits limits = {0};
    VkResult result = surface->system->get_limits(surface, &limits);
    if (result)
        return result;
    uint32_t largest = device->facts->properties.limits.maxImageDimension2D;
    if (limits.most.width > largest)
        limits.most.width = largest;
    if (limits.most.height > largest)
        limits.most.height = largest;
    *pCapabilities = (VkSurfaceCapabilitiesKHR){
        .minImageCount = limits.least_images,
        .maxImageCount = UMD_MAX_SWAPCHAIN_IMAGES,
        .currentExtent = limits.current,
        .minImageExtent = limits.least,
        .maxImageExtent = limits.most,
        .maxImageArrayLayers = 1,
        .supportedTransforms = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR,
        .currentTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR,
        .supportedCompositeAlpha = limits.alpha,
        .supportedUsageFlags = IMAGE_USAGE,
    };
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetPhysicalDeviceSurfaceCapabilities2KHR(
    VkPhysicalDevice physicalDevice, const VkPhysicalDeviceSurfaceInfo2KHR *pSurfaceInfo,
    VkSurfaceCapabilities2KHR *pSurfaceCapabilities)
{
    for (VkBaseOutStructure *s = pSurfaceCapabilities->pNext; s; s = s->pNext)
        if (s->sType == VK_STRUCTURE_TYPE_SURFACE_PROTECTED_CAPABILITIES_KHR)
            ((VkSurfaceProtectedCapabilitiesKHR *)(void *)s)->supportsProtected = VK_FALSE;
    return umd_GetPhysicalDeviceSurfaceCapabilitiesKHR(physicalDevice, pSurfaceInfo->surface,
                                                       &pSurfaceCapabilities->surfaceCapabilities);
}

/* The window's formats that the device can draw. */
static VkResult get_formats(const struct umd_physical_device *device, VkSurfaceKHR handle,
                            VkFormat *formats, uint32_t *count)
{
    struct umd_surface *surface = umd_surface_from(handle);
    VkFormat all[UMD_MAX_WINDOW_FORMATS];
    uint32_t of_window = 0;
    VkResult result = surface->system->get_formats(surface, all, &of_window);
    *count = 0;
    for (uint32_t i = 0; i < of_window && result == VK_SUCCESS; i++) {
        const struct facts_format *format = umd_facts_format(device->facts, all[i]);
        if (format && (format->optimal & VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT))
            formats[(*count)++] = all[i];
    }
    return result;
}

/* The answer of a two-call enumeration: how many of `count` go into the program's room. */
static VkResult fit(uint32_t count, const void *array, uint32_t *room)
{
    VkResult result = array && *room < count ? VK_INCOMPLETE : VK_SUCCESS;
    if (!array || *room > count)
        *room = count;
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetPhysicalDeviceSurfaceFormatsKHR(
    VkPhysicalDevice physicalDevice, VkSurfaceKHR surface, uint32_t *pSurfaceFormatCount,
    VkSurfaceFormatKHR *pSurfaceFormats)
{
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    uint32_t count;
    VkResult result =
        get_formats(umd_physical_device_from(physicalDevice), surface, formats, &count);
    if (result)
        return result;
    result = fit(count, pSurfaceFormats, pSurfaceFormatCount);
    for (uint32_t i = 0; pSurfaceFormats && i < *pSurfaceFormatCount; i++)
        pSurfaceFormats[i] = (VkSurfaceFormatKHR){formats[i], VK_COLOR_SPACE_SRGB_NONLINEAR_KHR};
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetPhysicalDeviceSurfaceFormats2KHR(
    VkPhysicalDevice physicalDevice, const VkPhysicalDeviceSurfaceInfo2KHR *pSurfaceInfo,
    uint32_t *pSurfaceFormatCount, VkSurfaceFormat2KHR *pSurfaceFormats)
{
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    uint32_t count;
    VkResult result = get_formats(umd_physical_device_from(physicalDevice), pSurfaceInfo->surface,
                                  formats, &count);
    if (result)
        return result;
    result = fit(count, pSurfaceFormats, pSurfaceFormatCount);
    for (uint32_t i = 0; pSurfaceFormats && i < *pSurfaceFormatCount; i++)
        pSurfaceFormats[i].surfaceFormat =
            (VkSurfaceFormatKHR){formats[i], VK_COLOR_SPACE_SRGB_NONLINEAR_KHR};
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetPhysicalDeviceSurfacePresentModesKHR(
    VkPhysicalDevice physicalDevice, VkSurfaceKHR surface, uint32_t *pPresentModeCount,
    VkPresentModeKHR *pPresentModes)
{
    (void)physicalDevice;
    uint32_t modes = umd_surface_from(surface)->system->present_modes, count = 0;
    VkPresentModeKHR list[MAX_PRESENT_MODES];
    for (uint32_t mode = 0; mode < MAX_PRESENT_MODES; mode++)
        if (modes & 1u << mode)
            list[count++] = (VkPresentModeKHR)mode;
    VkResult result = fit(count, pPresentModes, pPresentModeCount);
    if (pPresentModes)
        memcpy(pPresentModes, list, *pPresentModeCount * sizeof(*list));
    return result;
}

/* --- Device groups: of one --- */

VKAPI_ATTR VkResult VKAPI_CALL umd_GetPhysicalDevicePresentRectanglesKHR(
    VkPhysicalDevice physicalDevice, VkSurfaceKHR handle, uint32_t *pRectCount, VkRect2D *pRects)
{
    (void)physicalDevice;
    struct umd_surface *surface = umd_surface_from(handle);
    struct umd_window_limits limits = {0};
    VkResult result = surface->system->get_limits(surface, &limits);
    if (result)
        return result;
    result = fit(1, pRects, pRectCount);
    if (pRects && *pRectCount)
        pRects[0] = (VkRect2D){.extent = limits.current};
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetDeviceGroupPresentCapabilitiesKHR(
    VkDevice device, VkDeviceGroupPresentCapabilitiesKHR *pCapabilities)
{
    (void)device;
    memset(pCapabilities->presentMask, 0, sizeof(pCapabilities->presentMask));
    pCapabilities->presentMask[0] = 1;
    pCapabilities->modes = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_GetDeviceGroupSurfacePresentModesKHR(
    VkDevice device, VkSurfaceKHR surface, VkDeviceGroupPresentModeFlagsKHR *pModes)
{
    (void)device;
    (void)surface;
    *pModes = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR;
    return VK_SUCCESS;
}
