/* SPDX-License-Identifier: MIT */
/* Surfaces of Wayland, and what a display can show. */
#include "umd/umd_wayland.h"

#include <string.h>

#include <vulkan/vulkan_wayland.h>

#include "umd_commands.h"

#define LEAST_IMAGES 4u /* shown, next to be shown, ready to replace that, being drawn */

#define DISPLAY_GET_REGISTRY 1
#define REGISTRY_BIND 0
#define SHM_VERSION 1

/* --- Formats --- */

/* The formats of wl_shm that a VkFormat has a name for: the two that every display has, then DRM's.
 */
enum { ARGB8888, XRGB8888, ABGR8888, XBGR8888, ARGB30, XRGB30, ABGR30, XBGR30, CODE_COUNT };

static const uint32_t codes[CODE_COUNT] = {
    [ARGB8888] = 0,        [XRGB8888] = 1,        [ABGR8888] = 0x34324241, [XBGR8888] = 0x34324258,
    [ARGB30] = 0x30335241, [XRGB30] = 0x30335258, [ABGR30] = 0x30334241,   [XBGR30] = 0x30334258,
};

/* The best first. */
static const struct {
    VkFormat format;
    int with_alpha, opaque;
} window_formats[] = {
    {VK_FORMAT_B8G8R8A8_SRGB, ARGB8888, XRGB8888},
    {VK_FORMAT_B8G8R8A8_UNORM, ARGB8888, XRGB8888},
    {VK_FORMAT_R8G8B8A8_SRGB, ABGR8888, XBGR8888},
    {VK_FORMAT_R8G8B8A8_UNORM, ABGR8888, XBGR8888},
    {VK_FORMAT_A2R10G10B10_UNORM_PACK32, ARGB30, XRGB30},
    {VK_FORMAT_A2B10G10R10_UNORM_PACK32, ABGR30, XBGR30},
};
#define FORMAT_COUNT (sizeof(window_formats) / sizeof(window_formats[0]))

uint32_t umd_wayland_code(VkFormat format, bool opaque)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (window_formats[i].format == format)
            return codes[opaque ? window_formats[i].opaque : window_formats[i].with_alpha];
    return codes[opaque ? XRGB8888 : ARGB8888];
}

/* --- Asking a display for its shared memory --- */

static void on_format(void *data, struct wl_proxy *proxy, uint32_t code)
{
    struct wayland_shm *shm = data;
    (void)proxy;
    for (uint32_t i = 0; i < CODE_COUNT; i++)
        if (codes[i] == code)
            shm->codes |= 1u << i;
}

static void on_global(void *data, struct wl_proxy *registry, uint32_t name, const char *interface,
                      uint32_t version)
{
    static void (*const listener[])(void) = {(void (*)(void))on_format};
    struct wayland_shm *shm = data;
    (void)version;
    if (shm->shm || strcmp(interface, "wl_shm") != 0)
        return;
    union wayland_argument arguments[] = {
        {.u = name}, {.s = interface}, {.u = SHM_VERSION}, {.o = NULL}};
    shm->shm = shm->client->wl_proxy_marshal_array_constructor_versioned(
        registry, REGISTRY_BIND, arguments, shm->client->wl_shm_interface, SHM_VERSION);
    if (shm->shm)
        shm->client->wl_proxy_add_listener(shm->shm, (void (**)(void))(uintptr_t)listener, shm);
}

static void on_global_remove(void *data, struct wl_proxy *registry, uint32_t name)
{
    (void)data;
    (void)registry;
    (void)name;
}

static void finish_shm(struct wayland_shm *shm)
{
    if (shm->shm)
        shm->client->wl_proxy_destroy(shm->shm);
    if (shm->queue)
        shm->client->wl_event_queue_destroy(shm->queue);
    shm->shm = NULL;
    shm->queue = NULL;
}

/* Two round trips: one for the list of globals, one for wl_shm's formats. */
static VkResult ask_registry(struct wayland_shm *shm)
{
    static void (*const listener[])(void) = {(void (*)(void))on_global,
                                             (void (*)(void))on_global_remove};
    const struct wayland_client *client = shm->client;
    struct wl_proxy *wrapper = umd_wayland_wrap(client, shm->display, shm->queue);
    if (!wrapper)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    union wayland_argument arguments[] = {{.o = NULL}};
    VkResult result = VK_SUCCESS;
    struct wl_proxy *registry = client->wl_proxy_marshal_array_constructor_versioned(
        wrapper, DISPLAY_GET_REGISTRY, arguments, client->wl_registry_interface,
        client->wl_proxy_get_version(wrapper));
    if (!registry) {
        result = VK_ERROR_OUT_OF_HOST_MEMORY;
        goto destroy_wrapper;
    }
    client->wl_proxy_add_listener(registry, (void (**)(void))(uintptr_t)listener, shm);
    for (int trip = 0; trip < 2 && result == VK_SUCCESS; trip++)
        if (client->wl_display_roundtrip_queue(shm->display, shm->queue) < 0)
            result = VK_ERROR_SURFACE_LOST_KHR;
    client->wl_proxy_destroy(registry);
destroy_wrapper:
    client->wl_proxy_wrapper_destroy(wrapper);
    return result;
}

static VkResult find_shm(struct wayland_shm *shm)
{
    shm->queue = shm->client->wl_display_create_queue(shm->display);
    if (!shm->queue)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = ask_registry(shm);
    if (result == VK_SUCCESS && !shm->shm) {
        umd_warning("the Wayland display has no wl_shm: nothing can be presented on it");
        result = VK_ERROR_SURFACE_LOST_KHR;
    }
    if (result)
        finish_shm(shm);
    return result;
}

VkResult umd_wayland_ask(struct wayland_surface *surface)
{
    pthread_mutex_lock(&surface->lock);
    if (!surface->asked)
        surface->answer = find_shm(&surface->shm);
    surface->asked = surface->answer != VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = surface->answer;
    pthread_mutex_unlock(&surface->lock);
    return result;
}

/* Whether a program that asks for it can have a format with alpha and without. */
static bool has_format(const struct wayland_shm *shm, size_t i)
{
    uint32_t both = 1u << window_formats[i].with_alpha | 1u << window_formats[i].opaque;
    return (shm->codes & both) == both;
}

/* --- The window system --- */

static VkResult get_limits(struct umd_surface *base, struct umd_window_limits *limits)
{
    struct wayland_surface *surface = (struct wayland_surface *)base;
    *limits = (struct umd_window_limits){
        .current = {UINT32_MAX, UINT32_MAX},
        .least = {1, 1},
        .most = {INT32_MAX, INT32_MAX},
        .least_images = LEAST_IMAGES,
        .alpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR | VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR,
    };
    return surface->shm.client->wl_display_get_error(surface->shm.display)
               ? VK_ERROR_SURFACE_LOST_KHR
               : VK_SUCCESS;
}

static VkResult get_formats(struct umd_surface *base, VkFormat *formats, uint32_t *count)
{
    struct wayland_surface *surface = (struct wayland_surface *)base;
    VkResult result = umd_wayland_ask(surface);
    *count = 0;
    for (size_t i = 0; i < FORMAT_COUNT && result == VK_SUCCESS; i++)
        if (has_format(&surface->shm, i))
            formats[(*count)++] = window_formats[i].format;
    return result;
}

static void finish_surface(struct umd_surface *base)
{
    struct wayland_surface *surface = (struct wayland_surface *)base;
    finish_shm(&surface->shm);
    pthread_mutex_destroy(&surface->lock);
}

const struct umd_window_system umd_wayland = {
    .name = "Wayland",
    .present_modes = 1u << VK_PRESENT_MODE_FIFO_KHR | 1u << VK_PRESENT_MODE_MAILBOX_KHR,
    .presents_in_call = true,
    .get_limits = get_limits,
    .get_formats = get_formats,
    .finish_surface = finish_surface,
    .create_swapchain = umd_wayland_create_swapchain,
    .destroy_swapchain = umd_wayland_destroy_swapchain,
    .present = umd_wayland_present,
    .dispatch = umd_wayland_dispatch,
};

bool umd_wayland_available(void)
{
    return umd_wayland_client() != NULL;
}

VKAPI_ATTR VkResult VKAPI_CALL
umd_CreateWaylandSurfaceKHR(VkInstance instance, const VkWaylandSurfaceCreateInfoKHR *pCreateInfo,
                            const VkAllocationCallbacks *pAllocator, VkSurfaceKHR *pSurface)
{
    const struct wayland_client *client = umd_wayland_client();
    if (!client)
        return VK_ERROR_EXTENSION_NOT_PRESENT;
    struct wayland_surface *surface =
        umd_surface_create(instance, pAllocator, sizeof(*surface), &umd_wayland);
    if (!surface)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    surface->surface = (struct wl_proxy *)pCreateInfo->surface;
    surface->shm.client = client;
    surface->shm.display = pCreateInfo->display;
    pthread_mutex_init(&surface->lock, NULL);
    *pSurface = umd_surface_handle(&surface->base);
    return VK_SUCCESS;
}

VKAPI_ATTR VkBool32 VKAPI_CALL umd_GetPhysicalDeviceWaylandPresentationSupportKHR(
    VkPhysicalDevice physicalDevice, uint32_t queueFamilyIndex, struct wl_display *display)
{
    struct wayland_shm shm = {.client = umd_wayland_client(), .display = display};
    if (!shm.client ||
        !umd_family_presents(umd_physical_device_from(physicalDevice), queueFamilyIndex) ||
        find_shm(&shm) != VK_SUCCESS)
        return VK_FALSE;
    bool supported = false;
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        supported = supported || has_format(&shm, i);
    finish_shm(&shm);
    return supported;
}
