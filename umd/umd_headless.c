/* SPDX-License-Identifier: MIT */
/* VK_EXT_headless_surface: a window that nobody sees. What is presented counts as shown at once. */
#include <poll.h>

#include "umd/umd_wsi.h"
#include "umd_commands.h"

#define LEAST_IMAGES 2u

static VkResult get_limits(struct umd_surface *surface, struct umd_window_limits *limits)
{
    (void)surface;
    *limits = (struct umd_window_limits){
        .current = {UINT32_MAX, UINT32_MAX},
        .least = {1, 1},
        .most = {UINT32_MAX, UINT32_MAX},
        .least_images = LEAST_IMAGES,
        .alpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR | VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR,
    };
    return VK_SUCCESS;
}

static VkResult get_formats(struct umd_surface *surface, VkFormat *formats, uint32_t *count)
{
    static const VkFormat all[] = {
        VK_FORMAT_B8G8R8A8_SRGB,
        VK_FORMAT_B8G8R8A8_UNORM,
        VK_FORMAT_R8G8B8A8_SRGB,
        VK_FORMAT_R8G8B8A8_UNORM,
        VK_FORMAT_A2R10G10B10_UNORM_PACK32,
        VK_FORMAT_A2B10G10R10_UNORM_PACK32,
    };
    (void)surface;
    *count = sizeof(all) / sizeof(all[0]);
    for (uint32_t i = 0; i < *count; i++)
        formats[i] = all[i];
    return VK_SUCCESS;
}

static VkResult create_swapchain(struct umd_swapchain *swapchain)
{
    (void)swapchain;
    return VK_SUCCESS;
}

static void destroy_swapchain(struct umd_swapchain *swapchain)
{
    (void)swapchain;
}

static VkResult present(struct umd_swapchain *swapchain, const struct umd_present *present)
{
    umd_swapchain_shown(swapchain, present->present_id);
    umd_swapchain_idle(swapchain, present->image);
    return VK_SUCCESS;
}

static VkResult dispatch(struct umd_swapchain *swapchain, bool expects, int timeout)
{
    struct pollfd wake = {.fd = swapchain->wake, .events = POLLIN};
    (void)expects;
    poll(&wake, 1, timeout);
    return VK_SUCCESS;
}

const struct umd_window_system umd_headless = {
    .name = "headless",
    .present_modes = 1u << VK_PRESENT_MODE_IMMEDIATE_KHR | 1u << VK_PRESENT_MODE_MAILBOX_KHR |
                     1u << VK_PRESENT_MODE_FIFO_KHR | 1u << VK_PRESENT_MODE_FIFO_RELAXED_KHR,
    .get_limits = get_limits,
    .get_formats = get_formats,
    .create_swapchain = create_swapchain,
    .destroy_swapchain = destroy_swapchain,
    .present = present,
    .dispatch = dispatch,
};

VKAPI_ATTR VkResult VKAPI_CALL
umd_CreateHeadlessSurfaceEXT(VkInstance instance, const VkHeadlessSurfaceCreateInfoEXT *pCreateInfo,
                             const VkAllocationCallbacks *pAllocator, VkSurfaceKHR *pSurface)
{
    (void)pCreateInfo;
    struct umd_surface *surface =
        umd_surface_create(instance, pAllocator, sizeof(*surface), &umd_headless);
    if (!surface)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    *pSurface = umd_surface_handle(surface);
    return VK_SUCCESS;
}
