/* SPDX-License-Identifier: MIT */
/* VK_KHR_xcb_surface and VK_KHR_xlib_surface: windows of an X server, by its protocol alone. */
#include "umd/umd_x11.h"

#include <stdlib.h>

#include <X11/Xlib.h>
#include <vulkan/vulkan_core.h>
/* After those: they include nothing. */
#include <vulkan/vulkan_xcb.h>
#include <vulkan/vulkan_xlib.h>

#include "umd_commands.h"

/* One on the screen, one that the X server will show, one to draw on. */
#define LEAST_IMAGES 3u

/* --- Visuals --- */

/* The visual and its depth; NULL: the server has none of that id. */
static const xcb_visualtype_t *find_visual(xcb_connection_t *connection, xcb_visualid_t id,
                                           uint8_t *depth)
{
    xcb_screen_iterator_t screen = xcb_setup_roots_iterator(xcb_get_setup(connection));
    for (; screen.rem; xcb_screen_next(&screen)) {
        xcb_depth_iterator_t of_depth = xcb_screen_allowed_depths_iterator(screen.data);
        for (; of_depth.rem; xcb_depth_next(&of_depth)) {
            xcb_visualtype_iterator_t visual = xcb_depth_visuals_iterator(of_depth.data);
            for (; visual.rem; xcb_visualtype_next(&visual)) {
                if (visual.data->visual_id == id) {
                    *depth = of_depth.data->depth;
                    return visual.data;
                }
            }
        }
    }
    return NULL;
}

/* Whether pixels of B8G8R8A8 are the visual's: blue in the lowest byte, as most are. */
static bool is_bgra(xcb_connection_t *connection, const xcb_visualtype_t *visual, uint8_t depth)
{
    return visual && (depth == 24 || depth == 32) &&
           (visual->_class == XCB_VISUAL_CLASS_TRUE_COLOR ||
            visual->_class == XCB_VISUAL_CLASS_DIRECT_COLOR) &&
           visual->red_mask == 0xff0000 && visual->green_mask == 0xff00 &&
           visual->blue_mask == 0xff &&
           xcb_get_setup(connection)->image_byte_order == XCB_IMAGE_ORDER_LSB_FIRST;
}

static bool has_extension(xcb_connection_t *connection, xcb_extension_t *extension)
{
    const xcb_query_extension_reply_t *reply = xcb_get_extension_data(connection, extension);
    return reply && reply->present;
}

/* What presenting needs of the server. */
static bool can_present(xcb_connection_t *connection)
{
    return !xcb_connection_has_error(connection) && has_extension(connection, &xcb_present_id) &&
           has_extension(connection, &xcb_xfixes_id);
}

static bool shows_visual(xcb_connection_t *connection, xcb_visualid_t id)
{
    uint8_t depth = 0;
    const xcb_visualtype_t *visual = find_visual(connection, id, &depth);
    return is_bgra(connection, visual, depth);
}

/* --- Surfaces --- */

static VkResult get_formats(struct umd_surface *base, VkFormat *formats, uint32_t *count)
{
    const struct umd_x11_surface *surface = (const struct umd_x11_surface *)base;
    xcb_connection_t *connection = surface->connection;
    *count = 0;
    if (xcb_connection_has_error(connection))
        return VK_ERROR_SURFACE_LOST_KHR;
    xcb_get_window_attributes_reply_t *attributes = xcb_get_window_attributes_reply(
        connection, xcb_get_window_attributes(connection, surface->window), NULL);
    if (!attributes)
        return VK_ERROR_SURFACE_LOST_KHR;
    if (can_present(connection) && shows_visual(connection, attributes->visual)) {
        formats[(*count)++] = VK_FORMAT_B8G8R8A8_SRGB;
        formats[(*count)++] = VK_FORMAT_B8G8R8A8_UNORM;
    }
    free(attributes);
    return VK_SUCCESS;
}

static VkResult get_limits(struct umd_surface *base, struct umd_window_limits *limits)
{
    const struct umd_x11_surface *surface = (const struct umd_x11_surface *)base;
    if (xcb_connection_has_error(surface->connection))
        return VK_ERROR_SURFACE_LOST_KHR;
    xcb_get_geometry_reply_t *geometry = xcb_get_geometry_reply(
        surface->connection, xcb_get_geometry(surface->connection, surface->window), NULL);
    if (!geometry)
        return VK_ERROR_SURFACE_LOST_KHR;
    const VkExtent2D extent = {geometry->width, geometry->height};
    *limits = (struct umd_window_limits){
        .current = extent,
        .least = extent,
        .most = extent,
        .least_images = LEAST_IMAGES,
        .alpha = VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR |
                 (geometry->depth == 32 ? VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR
                                        : VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR),
    };
    free(geometry);
    return VK_SUCCESS;
}

const struct umd_window_system umd_x11 = {
    .name = "X11",
    .present_modes = 1u << VK_PRESENT_MODE_IMMEDIATE_KHR | 1u << VK_PRESENT_MODE_MAILBOX_KHR |
                     1u << VK_PRESENT_MODE_FIFO_KHR | 1u << VK_PRESENT_MODE_FIFO_RELAXED_KHR,
    .get_limits = get_limits,
    .get_formats = get_formats,
    .create_swapchain = umd_x11_create_swapchain,
    .destroy_swapchain = umd_x11_destroy_swapchain,
    .present = umd_x11_present,
    .dispatch = umd_x11_dispatch,
    .look = umd_x11_look,
};

static VkResult create_surface(VkInstance instance, const VkAllocationCallbacks *allocator,
                               xcb_connection_t *connection, xcb_window_t window,
                               VkSurfaceKHR *handle)
{
    struct umd_x11_surface *surface =
        umd_surface_create(instance, allocator, sizeof(*surface), &umd_x11);
    if (!surface)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    surface->connection = connection;
    surface->window = window;
    *handle = umd_surface_handle(&surface->base);
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateXcbSurfaceKHR(VkInstance instance,
                                                       const VkXcbSurfaceCreateInfoKHR *pCreateInfo,
                                                       const VkAllocationCallbacks *pAllocator,
                                                       VkSurfaceKHR *pSurface)
{
    if (!umd_xcb_available())
        return VK_ERROR_OUT_OF_HOST_MEMORY; /* the extension was not offered */
    return create_surface(instance, pAllocator, pCreateInfo->connection, pCreateInfo->window,
                          pSurface);
}

VKAPI_ATTR VkResult VKAPI_CALL
umd_CreateXlibSurfaceKHR(VkInstance instance, const VkXlibSurfaceCreateInfoKHR *pCreateInfo,
                         const VkAllocationCallbacks *pAllocator, VkSurfaceKHR *pSurface)
{
    xcb_connection_t *connection = umd_xcb_of_display(pCreateInfo->dpy);
    if (!connection)
        return VK_ERROR_OUT_OF_HOST_MEMORY; /* the extension was not offered */
    return create_surface(instance, pAllocator, connection, (xcb_window_t)pCreateInfo->window,
                          pSurface);
}

VKAPI_ATTR VkBool32 VKAPI_CALL umd_GetPhysicalDeviceXcbPresentationSupportKHR(
    VkPhysicalDevice physicalDevice, uint32_t queueFamilyIndex, xcb_connection_t *connection,
    xcb_visualid_t visual_id)
{
    return umd_xcb_available() &&
           umd_family_presents(umd_physical_device_from(physicalDevice), queueFamilyIndex) &&
           can_present(connection) && shows_visual(connection, visual_id);
}

VKAPI_ATTR VkBool32 VKAPI_CALL umd_GetPhysicalDeviceXlibPresentationSupportKHR(
    VkPhysicalDevice physicalDevice, uint32_t queueFamilyIndex, Display *dpy, VisualID visualID)
{
    xcb_connection_t *connection = umd_xcb_of_display(dpy);
    return connection && umd_GetPhysicalDeviceXcbPresentationSupportKHR(
                             physicalDevice, queueFamilyIndex, connection, (uint32_t)visualID);
}
