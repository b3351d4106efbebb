/* SPDX-License-Identifier: MIT */
/*
 * A Vulkan program with windows on Wayland: surfaces without a role, which no compositor shows, but
 * wl_capture looks at. Each frame is of one colour, which follows from its number.
 *
 *   wayland CASE [fifo|mailbox]
 *     frames    60 frames, in swapchains of several sizes, each the old one of the next
 *     threads   two windows on one connection, 40 frames each from a thread of its own, while the
 *               main thread reads the connection's events, too
 *     ids       20 frames, each waited for by its VkPresentIdKHR
 *     hidden    frames until the compositor says no more: nothing hangs, and another swapchain of
 * the window ends as well retired   an image that was acquired before its swapchain was replaced
 *
 * Exit status: 0, or 1 with a line that says what was wrong.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wayland-client.h>

#define VK_USE_PLATFORM_WAYLAND_KHR
#include <vulkan/vulkan.h>

#define SECOND UINT64_C(1000000000)
#define MAX_IMAGES 16

static struct wl_display *display;
static struct wl_compositor *compositor;
static VkInstance instance;
static VkPhysicalDevice physical;
static VkDevice device;
static VkQueue queue;
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER; /* as Vulkan demands */
static bool has_present_wait;
static VkPresentModeKHR mode = VK_PRESENT_MODE_FIFO_KHR;

#define DIE(...)                                                                                   \
    do {                                                                                           \
        printf("FAILED: " __VA_ARGS__);                                                            \
        printf(" (line %d)\n", __LINE__);                                                          \
        exit(1);                                                                                   \
    } while (0)
#define MUST(call)                                                                                 \
    do {                                                                                           \
        VkResult must_result = (call);                                                             \
        if (must_result)                                                                           \
            DIE("%s: %d", #call, (int)must_result);                                                \
    } while (0)

/* --- The connection and the device --- */

static void on_global(void *data, struct wl_registry *registry, uint32_t name,
                      const char *interface, uint32_t version)
{
    (void)data;
    if (!strcmp(interface, "wl_compositor"))
        compositor =
            wl_registry_bind(registry, name, &wl_compositor_interface, version < 4 ? version : 4);
}

static void on_global_remove(void *data, struct wl_registry *registry, uint32_t name)
{
    (void)data, (void)registry, (void)name;
}

static struct wl_registry *open_display(void)
{
    static const struct wl_registry_listener listener = {on_global, on_global_remove};
    display = wl_display_connect(NULL);
    if (!display)
        DIE("no Wayland display");
    struct wl_registry *registry = wl_display_get_registry(display);
    wl_registry_add_listener(registry, &listener, NULL);
    wl_display_roundtrip(display);
    if (!compositor)
        DIE("no wl_compositor");
    return registry;
}

static void find_present_wait(void)
{
    VkExtensionProperties all[512];
    uint32_t count = 512, found = 0;
    MUST(vkEnumerateDeviceExtensionProperties(physical, NULL, &count, all));
    for (uint32_t i = 0; i < count; i++)
        found += !strcmp(all[i].extensionName, VK_KHR_PRESENT_ID_EXTENSION_NAME) ||
                 !strcmp(all[i].extensionName, VK_KHR_PRESENT_WAIT_EXTENSION_NAME);
    has_present_wait = found == 2;
}

static void open_device(void)
{
    static const char *const of_instance[] = {VK_KHR_SURFACE_EXTENSION_NAME,
                                              VK_KHR_WAYLAND_SURFACE_EXTENSION_NAME};
    static const char *const of_device[] = {VK_KHR_SWAPCHAIN_EXTENSION_NAME,
                                            VK_KHR_PRESENT_ID_EXTENSION_NAME,
                                            VK_KHR_PRESENT_WAIT_EXTENSION_NAME};
    const float priority = 1;
    const VkInstanceCreateInfo for_instance = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                               .enabledExtensionCount = 2,
                                               .ppEnabledExtensionNames = of_instance};
    uint32_t count = 1;
    MUST(vkCreateInstance(&for_instance, NULL, &instance));
    if (vkEnumeratePhysicalDevices(instance, &count, &physical) < 0 || !count)
        DIE("no device");
    if (!vkGetPhysicalDeviceWaylandPresentationSupportKHR(physical, 0, display))
        DIE("the device cannot present on the display");
    find_present_wait();
    VkPhysicalDevicePresentWaitFeaturesKHR wait = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR,
        .presentWait = VK_TRUE};
    VkPhysicalDevicePresentIdFeaturesKHR id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR,
        .pNext = &wait,
        .presentId = VK_TRUE};
    const VkDeviceQueueCreateInfo queues = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                            .queueCount = 1,
                                            .pQueuePriorities = &priority};
    const VkDeviceCreateInfo for_device = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                           .pNext = has_present_wait ? &id : NULL,
                                           .queueCreateInfoCount = 1,
                                           .pQueueCreateInfos = &queues,
                                           .enabledExtensionCount = has_present_wait ? 3 : 1,
                                           .ppEnabledExtensionNames = of_device};
    MUST(vkCreateDevice(physical, &for_device, NULL, &device));
    vkGetDeviceQueue(device, 0, 0, &queue);
}

/* --- Windows --- */

struct window {
    struct wl_surface *wayland;
    VkSurfaceKHR surface;
    VkSwapchainKHR swapchain;
    uint32_t count;
    VkImage images[MAX_IMAGES];
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkSemaphore drawn;
    VkFence fence;
};

static VkFence make_fence(void)
{
    const VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence;
    MUST(vkCreateFence(device, &info, NULL, &fence));
    return fence;
}

static void open_window(struct window *w)
{
    *w = (struct window){.wayland = wl_compositor_create_surface(compositor)};
    const VkWaylandSurfaceCreateInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_WAYLAND_SURFACE_CREATE_INFO_KHR,
        .display = display,
        .surface = w->wayland,
    };
    VkBool32 supported;
    MUST(vkCreateWaylandSurfaceKHR(instance, &info, NULL, &w->surface));
    MUST(vkGetPhysicalDeviceSurfaceSupportKHR(physical, 0, w->surface, &supported));
    if (!supported)
        DIE("the surface cannot be presented to");
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT};
    MUST(vkCreateCommandPool(device, &pool, NULL, &w->pool));
    const VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = w->pool,
        .commandBufferCount = 1};
    MUST(vkAllocateCommandBuffers(device, &commands, &w->commands));
    const VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    MUST(vkCreateSemaphore(device, &semaphore, NULL, &w->drawn));
    w->fence = make_fence();
}

/* The window's next swapchain; the old one is the caller's. */
static VkSwapchainKHR replace(struct window *w, uint32_t width, uint32_t height)
{
    const VkSwapchainCreateInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
        .surface = w->surface,
        .minImageCount = 4,
        .imageFormat = VK_FORMAT_B8G8R8A8_UNORM,
        .imageExtent = {width, height},
        .imageArrayLayers = 1,
        .imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
        .preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR,
        .compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
        .presentMode = mode,
        .oldSwapchain = w->swapchain,
    };
    VkSwapchainKHR old = w->swapchain;
    MUST(vkCreateSwapchainKHR(device, &info, NULL, &w->swapchain));
    w->count = MAX_IMAGES;
    MUST(vkGetSwapchainImagesKHR(device, w->swapchain, &w->count, w->images));
    return old;
}

static void close_window(struct window *w)
{
    pthread_mutex_lock(&queue_lock);
    MUST(vkQueueWaitIdle(queue));
    pthread_mutex_unlock(&queue_lock);
    vkDestroySwapchainKHR(device, w->swapchain, NULL);
    vkDestroySurfaceKHR(instance, w->surface, NULL);
    vkDestroyFence(device, w->fence, NULL);
    vkDestroySemaphore(device, w->drawn, NULL);
    vkDestroyCommandPool(device, w->pool, NULL);
    wl_surface_destroy(w->wayland);
    wl_display_flush(display);
}

/* --- Frames --- */

static void record(struct window *w, VkImage image, uint32_t number)
{
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    const VkClearColorValue color = {
        .float32 = {(float)(number % 16) / 15.0f, (float)(number / 16 % 16) / 15.0f, 0.5f, 1.0f}};
    const VkImageSubresourceRange range = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    VkImageMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
                                    .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                    .newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                                    .image = image,
                                    .subresourceRange = range};
    MUST(vkBeginCommandBuffer(w->commands, &begin));
    vkCmdPipelineBarrier(w->commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                         VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
    vkCmdClearColorImage(w->commands, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &color, 1,
                         &range);
    barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = 0;
    barrier.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
    barrier.newLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR;
    vkCmdPipelineBarrier(w->commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                         VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
    MUST(vkEndCommandBuffer(w->commands));
}

static VkResult acquire(const struct window *w, uint64_t timeout, uint32_t *index)
{
    VkFence fence = make_fence();
    VkResult result =
        vkAcquireNextImageKHR(device, w->swapchain, timeout, VK_NULL_HANDLE, fence, index);
    if (result == VK_SUCCESS)
        MUST(vkWaitForFences(device, 1, &fence, VK_TRUE, UINT64_MAX));
    vkDestroyFence(device, fence, NULL);
    return result;
}

static VkResult show(struct window *w, VkSwapchainKHR swapchain, VkImage image, uint32_t index,
                     uint32_t number, uint64_t id)
{
    const VkSubmitInfo batch = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                .commandBufferCount = 1,
                                .pCommandBuffers = &w->commands,
                                .signalSemaphoreCount = 1,
                                .pSignalSemaphores = &w->drawn};
    const VkPresentIdKHR named = {
        .sType = VK_STRUCTURE_TYPE_PRESENT_ID_KHR, .swapchainCount = 1, .pPresentIds = &id};
    const VkPresentInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                   .pNext = id ? &named : NULL,
                                   .waitSemaphoreCount = 1,
                                   .pWaitSemaphores = &w->drawn,
                                   .swapchainCount = 1,
                                   .pSwapchains = &swapchain,
                                   .pImageIndices = &index};
    record(w, image, number);
    pthread_mutex_lock(&queue_lock);
    MUST(vkQueueSubmit(queue, 1, &batch, w->fence));
    VkResult result = vkQueuePresentKHR(queue, &info);
    pthread_mutex_unlock(&queue_lock);
    MUST(vkWaitForFences(device, 1, &w->fence, VK_TRUE, UINT64_MAX));
    MUST(vkResetFences(device, 1, &w->fence));
    return result;
}

static void frame(struct window *w, uint32_t number, uint64_t id)
{
    uint32_t index;
    MUST(acquire(w, UINT64_MAX, &index));
    MUST(show(w, w->swapchain, w->images[index], index, number, id));
}

/* --- Cases --- */

static void frames(void)
{
    struct window w;
    open_window(&w);
    for (uint32_t number = 0; number < 60; number++) {
        if (number % 15 == 0)
            vkDestroySwapchainKHR(device, replace(&w, 64 + number, 48), NULL);
        frame(&w, number, 0);
    }
    close_window(&w);
}

static _Atomic int running;

static void *run_alone(void *data)
{
    struct window w;
    const uint32_t *first = data;
    open_window(&w);
    replace(&w, 32, 32);
    for (uint32_t number = 0; number < 40; number++)
        frame(&w, *first + number, 0);
    close_window(&w);
    running--;
    return NULL;
}

static void threads(void)
{
    static const uint32_t first[] = {0, 100};
    pthread_t ids[2];
    running = 2;
    for (uint32_t i = 0; i < 2; i++)
        if (pthread_create(&ids[i], NULL, run_alone, (void *)(uintptr_t)&first[i]))
            DIE("no thread");
    while (running)
        if (wl_display_roundtrip(display) < 0)
            DIE("the connection was lost");
    for (uint32_t i = 0; i < 2; i++)
        pthread_join(ids[i], NULL);
}

static void ids(void)
{
    PFN_vkWaitForPresentKHR wait =
        (PFN_vkWaitForPresentKHR)vkGetDeviceProcAddr(device, "vkWaitForPresentKHR");
    struct window w;
    if (!has_present_wait || !wait)
        DIE("no VK_KHR_present_wait");
    open_window(&w);
    replace(&w, 40, 40);
    for (uint32_t number = 0; number < 20; number++) {
        uint64_t id = 1 + number * 2;
        if (wait(device, w.swapchain, id, 0) != VK_TIMEOUT)
            DIE("%u is there already", (unsigned)id);
        frame(&w, number, id);
        MUST(wait(device, w.swapchain, id, 20 * SECOND));
    }
    close_window(&w);
}

/* The compositor pauses for longer than this takes. */
static void hidden(void)
{
    struct window w;
    VkResult result = VK_SUCCESS;
    uint32_t number = 0, index;
    open_window(&w);
    replace(&w, 40, 40);
    for (; number < 40; number++) {
        result = acquire(&w, SECOND / 5, &index);
        if (result)
            break;
        MUST(show(&w, w.swapchain, w.images[index], index, number, 0));
    }
    if (result != VK_TIMEOUT)
        DIE("acquire gave %d", (int)result);
    vkDestroySwapchainKHR(device, replace(&w, 50, 40), NULL);
    for (uint32_t i = 0; i < 2; i++)
        frame(&w, number + i, 0);
    close_window(&w);
}

static void retired(void)
{
    struct window w;
    VkImage images[MAX_IMAGES];
    uint32_t index;
    open_window(&w);
    replace(&w, 40, 40);
    frame(&w, 0, 0);
    MUST(acquire(&w, UINT64_MAX, &index));
    memcpy(images, w.images, sizeof(images));
    VkSwapchainKHR old = replace(&w, 60, 40);
    VkResult result = show(&w, old, images[index], index, 1, 0);
    if (result && result != VK_ERROR_OUT_OF_DATE_KHR)
        DIE("presenting gave %d", (int)result);
    frame(&w, 2, 0);
    vkDestroySwapchainKHR(device, old, NULL);
    frame(&w, 3, 0);
    close_window(&w);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {
        {"frames", frames}, {"threads", threads}, {"ids", ids},
        {"hidden", hidden}, {"retired", retired},
    };
    void (*run)(void) = NULL;
    for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++)
        if (!strcmp(argv[1], cases[i].name))
            run = cases[i].run;
    if (!run) {
        fprintf(stderr, "Usage: wayland CASE [fifo|mailbox]\n");
        return 2;
    }
    if (argc > 2 && !strcmp(argv[2], "mailbox"))
        mode = VK_PRESENT_MODE_MAILBOX_KHR;
    struct wl_registry *registry = open_display();
    open_device();
    run();
    vkDestroyDevice(device, NULL);
    vkDestroyInstance(instance, NULL);
    wl_display_roundtrip(display); /* so that all is seen that was shown */
    wl_compositor_destroy(compositor);
    wl_registry_destroy(registry);
    wl_display_disconnect(display);
    printf("ok\n");
    return 0;
}
