/* SPDX-License-Identifier: MIT */
#include "app.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_FRAMES 100000
#define PATIENCE_MS 30000

static int failures;

/* --- Results --- */

void wrong(const struct app *app, const char *format, ...)
{
    va_list arguments;
    printf("%s: WRONG: ", app->name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    failures++;
}

_Noreturn void die(const struct app *app, const char *format, ...)
{
    va_list arguments;
    printf("%s: FAILED: ", app->name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    exit(1);
}

const char *result_name(VkResult result)
{
    static char number[32];
    switch ((int)result) {
    case VK_SUCCESS:
        return "VK_SUCCESS";
    case VK_NOT_READY:
        return "VK_NOT_READY";
    case VK_TIMEOUT:
        return "VK_TIMEOUT";
    case VK_SUBOPTIMAL_KHR:
        return "VK_SUBOPTIMAL_KHR";
    case VK_ERROR_OUT_OF_DATE_KHR:
        return "VK_ERROR_OUT_OF_DATE_KHR";
    case VK_ERROR_SURFACE_LOST_KHR:
        return "VK_ERROR_SURFACE_LOST_KHR";
    case VK_ERROR_DEVICE_LOST:
        return "VK_ERROR_DEVICE_LOST";
    case VK_ERROR_NATIVE_WINDOW_IN_USE_KHR:
        return "VK_ERROR_NATIVE_WINDOW_IN_USE_KHR";
    }
    snprintf(number, sizeof(number), "VkResult %d", (int)result);
    return number;
}

void must(const struct app *app, VkResult result, const char *what)
{
    if (result)
        die(app, "%s: %s", what, result_name(result));
}

void expect_result(const struct app *app, VkResult result, VkResult wanted, const char *what)
{
    if (result != wanted)
        wrong(app, "%s: %s", what, result_name(result));
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* --- Device --- */

static void open_x(struct app *app)
{
    app->x = xcb_connect(NULL, NULL);
    if (xcb_connection_has_error(app->x))
        die(app, "no X server");
    app->screen = xcb_setup_roots_iterator(xcb_get_setup(app->x)).data;
    app->windows = 0;
}

static bool has(const VkExtensionProperties *all, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(all[i].extensionName, name))
            return true;
    return false;
}

static void open_device(struct app *app)
{
    const float priority = 1;
    const char *names[8];
    VkExtensionProperties all[512];
    uint32_t count = 512, name_count = 0;
    must(app, vkEnumerateDeviceExtensionProperties(app->physical, NULL, &count, all), "extensions");
    app->has_present_wait = has(all, count, VK_KHR_PRESENT_ID_EXTENSION_NAME) &&
                            has(all, count, VK_KHR_PRESENT_WAIT_EXTENSION_NAME);
    app->has_incremental = has(all, count, VK_KHR_INCREMENTAL_PRESENT_EXTENSION_NAME);
    app->has_mutable = has(all, count, VK_KHR_SWAPCHAIN_MUTABLE_FORMAT_EXTENSION_NAME);
    names[name_count++] = VK_KHR_SWAPCHAIN_EXTENSION_NAME;
    if (app->has_present_wait) {
        names[name_count++] = VK_KHR_PRESENT_ID_EXTENSION_NAME;
        names[name_count++] = VK_KHR_PRESENT_WAIT_EXTENSION_NAME;
    }
    if (app->has_incremental)
        names[name_count++] = VK_KHR_INCREMENTAL_PRESENT_EXTENSION_NAME;
    if (app->has_mutable)
        names[name_count++] = VK_KHR_SWAPCHAIN_MUTABLE_FORMAT_EXTENSION_NAME;
    VkPhysicalDevicePresentWaitFeaturesKHR wait = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR, .presentWait = true};
    VkPhysicalDevicePresentIdFeaturesKHR id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR,
        .pNext = &wait,
        .presentId = true};
    VkPhysicalDeviceVulkan13Features core = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
        .pNext = app->has_present_wait ? &id : NULL,
        .dynamicRendering = true};
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = &core,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &queue,
                                     .enabledExtensionCount = name_count,
                                     .ppEnabledExtensionNames = names};
    must(app, vkCreateDevice(app->physical, &info, NULL, &app->device), "vkCreateDevice");
    vkGetDeviceQueue(app->device, 0, 0, &app->queue);
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT};
    must(app, vkCreateCommandPool(app->device, &pool, NULL, &app->pool), "a command pool");
}

void app_open(struct app *app)
{
    static const char *const names[] = {VK_KHR_SURFACE_EXTENSION_NAME,
                                        VK_KHR_XCB_SURFACE_EXTENSION_NAME};
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .apiVersion = VK_API_VERSION_1_3};
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pApplicationInfo = &application,
                                       .enabledExtensionCount = 2,
                                       .ppEnabledExtensionNames = names};
    uint32_t count = 1;
    open_x(app);
    must(app, vkCreateInstance(&info, NULL, &app->instance), "vkCreateInstance");
    VkResult result = vkEnumeratePhysicalDevices(app->instance, &count, &app->physical);
    if (result < 0 || !count)
        die(app, "no device");
    open_device(app);
}

void app_close(struct app *app)
{
    vkDestroyCommandPool(app->device, app->pool, NULL);
    vkDestroyDevice(app->device, NULL);
    vkDestroyInstance(app->instance, NULL);
    app_check_events(app);
    xcb_disconnect(app->x);
}

bool app_failed(void)
{
    return failures != 0;
}

void app_check_events(struct app *app)
{
    free(xcb_get_input_focus_reply(app->x, xcb_get_input_focus(app->x), NULL));
    xcb_generic_event_t *event;
    while ((event = xcb_poll_for_event(app->x))) {
        const xcb_generic_error_t *error = (const xcb_generic_error_t *)event;
        if (!event->response_type)
            wrong(app, "the X error %u of the request %u.%u came to the program", error->error_code,
                  error->major_code, error->minor_code);
        else if ((event->response_type & 0x7f) == XCB_GE_GENERIC)
            wrong(app, "an event of an extension came to the program");
        free(event);
    }
}

PFN_vkVoidFunction app_load(const struct app *app, const char *name)
{
    PFN_vkVoidFunction function = vkGetDeviceProcAddr(app->device, name);
    if (!function)
        die(app, "there is no %s", name);
    return function;
}

/* --- Windows --- */

static xcb_visualid_t find_visual(const struct app *app, uint8_t depth)
{
    xcb_depth_iterator_t at = xcb_screen_allowed_depths_iterator(app->screen);
    for (; at.rem; xcb_depth_next(&at))
        if (at.data->depth == depth && xcb_depth_visuals_length(at.data))
            return xcb_depth_visuals(at.data)->visual_id;
    return 0;
}

struct window window_open(struct app *app, uint16_t width, uint16_t height, uint8_t depth,
                          bool hidden)
{
    struct window w = {.x = app->x, .width = width, .height = height, .depth = depth};
    bool usual = depth == app->screen->root_depth;
    xcb_visualid_t visual = usual ? app->screen->root_visual : find_visual(app, depth);
    if (!visual)
        die(app, "the X server has no visual of %u bits", depth);
    w.id = xcb_generate_id(w.x);
    xcb_colormap_t colors = xcb_generate_id(w.x);
    xcb_create_colormap(w.x, XCB_COLORMAP_ALLOC_NONE, colors, app->screen->root, visual);
    const uint32_t values[] = {0, 0, 1, XCB_EVENT_MASK_STRUCTURE_NOTIFY, colors};
    int16_t place = (int16_t)(app->windows++ % 4 * 160);
    xcb_create_window(w.x, depth, w.id, app->screen->root, place, 0, width, height, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, visual,
                      XCB_CW_BACK_PIXEL | XCB_CW_BORDER_PIXEL | XCB_CW_OVERRIDE_REDIRECT |
                          XCB_CW_EVENT_MASK | XCB_CW_COLORMAP,
                      values);
    if (!hidden)
        xcb_map_window(w.x, w.id);
    xcb_flush(w.x);
    const VkXcbSurfaceCreateInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_XCB_SURFACE_CREATE_INFO_KHR, .connection = w.x, .window = w.id};
    must(app, vkCreateXcbSurfaceKHR(app->instance, &info, NULL, &w.surface), "a surface");
    VkBool32 supported = false;
    must(app, vkGetPhysicalDeviceSurfaceSupportKHR(app->physical, 0, w.surface, &supported),
         "support");
    if (!supported)
        die(app, "the window cannot be presented to");
    return w;
}

void window_close(struct app *app, struct window *window)
{
    vkDestroySurfaceKHR(app->instance, window->surface, NULL);
    xcb_discard_reply(window->x, xcb_destroy_window_checked(window->x, window->id).sequence);
    xcb_flush(window->x);
}

void window_resize(struct app *app, struct window *window, uint16_t width, uint16_t height)
{
    const uint32_t values[] = {width, height};
    xcb_configure_window(window->x, window->id, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT,
                         values);
    free(xcb_get_input_focus_reply(app->x, xcb_get_input_focus(app->x), NULL));
    window->width = width;
    window->height = height;
}

VkSurfaceCapabilitiesKHR window_capabilities(struct app *app, const struct window *window)
{
    VkSurfaceCapabilitiesKHR capabilities;
    must(app,
         vkGetPhysicalDeviceSurfaceCapabilitiesKHR(app->physical, window->surface, &capabilities),
         "capabilities");
    return capabilities;
}

/* --- What a window shows --- */

static uint32_t frame_pixel(uint32_t seed, uint32_t x, uint32_t y)
{
    uint32_t value = (x * 73u + y * 149u + seed * 40503u) * 2654435761u;
    return (value ^ value >> 15) | 0xff000000u;
}

/* The window's pixels, to be freed; NULL: there is no such window, or it is not on the screen. */
static xcb_get_image_reply_t *read_window(struct app *app, const struct window *window)
{
    return xcb_get_image_reply(app->x,
                               xcb_get_image(app->x, XCB_IMAGE_FORMAT_Z_PIXMAP, window->id, 0, 0,
                                             window->width, window->height, UINT32_MAX),
                               NULL);
}

static bool same(const uint32_t *pixels, const struct window *window, uint32_t seed)
{
    uint32_t mask = window->depth == 32 ? 0xffffffffu : 0xffffffu;
    for (uint32_t y = 0; y < window->height; y++)
        for (uint32_t x = 0; x < window->width; x++)
            if ((pixels[y * window->width + x] ^ frame_pixel(seed, x, y)) & mask)
                return false;
    return true;
}

bool window_shows(struct app *app, const struct window *window, uint32_t seed)
{
    for (uint64_t start = now_ms(); now_ms() - start < PATIENCE_MS; nap()) {
        xcb_get_image_reply_t *image = read_window(app, window);
        bool is_same = image && same((const uint32_t *)xcb_get_image_data(image), window, seed);
        free(image);
        if (is_same)
            return true;
    }
    return false;
}

uint32_t window_pixel(struct app *app, const struct window *window, int16_t x, int16_t y)
{
    xcb_get_image_reply_t *image = read_window(app, window);
    uint32_t pixel =
        image ? ((const uint32_t *)xcb_get_image_data(image))[y * window->width + x] : 0;
    free(image);
    return pixel & 0xffffffu;
}

bool window_shows_color(struct app *app, const struct window *window, uint32_t color)
{
    for (uint64_t start = now_ms(); now_ms() - start < PATIENCE_MS; nap())
        if (window_pixel(app, window, (int16_t)(window->width / 2),
                         (int16_t)(window->height / 2)) == color)
            return true;
    return false;
}

/* --- Swapchains --- */

static void make_buffer(struct chain *chain)
{
    const struct app *app = chain->app;
    const VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                     .size = 4ull * chain->extent.width * chain->extent.height,
                                     .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT};
    must(app, vkCreateBuffer(app->device, &info, NULL, &chain->buffer), "a buffer");
    VkMemoryRequirements needs;
    VkPhysicalDeviceMemoryProperties memory;
    vkGetBufferMemoryRequirements(app->device, chain->buffer, &needs);
    vkGetPhysicalDeviceMemoryProperties(app->physical, &memory);
    const VkMemoryPropertyFlags flags =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .allocationSize = needs.size};
    for (uint32_t i = memory.memoryTypeCount; i-- > 0;)
        if ((needs.memoryTypeBits & 1u << i) &&
            (memory.memoryTypes[i].propertyFlags & flags) == flags)
            allocate.memoryTypeIndex = i;
    must(app, vkAllocateMemory(app->device, &allocate, NULL, &chain->memory), "memory");
    must(app, vkBindBufferMemory(app->device, chain->buffer, chain->memory, 0), "binding");
    must(app, vkMapMemory(app->device, chain->memory, 0, VK_WHOLE_SIZE, 0, (void **)&chain->pixels),
         "mapping");
}

struct chain chain_open_as(struct app *app, const struct window *window,
                           VkSwapchainCreateInfoKHR info)
{
    VkSurfaceCapabilitiesKHR capabilities = window_capabilities(app, window);
    struct chain chain = {.app = app, .count = MAX_IMAGES};
    info.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR;
    info.surface = window->surface;
    if (!info.minImageCount)
        info.minImageCount = capabilities.minImageCount;
    if (!info.imageFormat)
        info.imageFormat = VK_FORMAT_B8G8R8A8_UNORM;
    if (!info.imageExtent.width)
        info.imageExtent = capabilities.currentExtent;
    info.imageArrayLayers = 1;
    if (!info.imageUsage)
        info.imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    info.preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR;
    info.compositeAlpha = capabilities.supportedCompositeAlpha & VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                              ? VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                              : VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR;
    must(app, vkCreateSwapchainKHR(app->device, &info, NULL, &chain.handle), "a swapchain");
    chain.format = info.imageFormat;
    chain.extent = info.imageExtent;
    must(app, vkGetSwapchainImagesKHR(app->device, chain.handle, &chain.count, chain.images),
         "images");
    if (chain.count < info.minImageCount)
        die(app, "%u images, not %u", chain.count, info.minImageCount);
    const VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    must(app, vkCreateSemaphore(app->device, &semaphore, NULL, &chain.acquired), "a semaphore");
    for (uint32_t i = 0; i < chain.count; i++)
        must(app, vkCreateSemaphore(app->device, &semaphore, NULL, &chain.done[i]), "a semaphore");
    const VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = app->pool,
        .commandBufferCount = 1};
    must(app, vkAllocateCommandBuffers(app->device, &commands, &chain.commands), "commands");
    make_buffer(&chain);
    return chain;
}

struct chain chain_open(struct app *app, const struct window *window, VkPresentModeKHR mode)
{
    return chain_open_as(app, window, (VkSwapchainCreateInfoKHR){.presentMode = mode});
}

void chain_close(struct chain *chain)
{
    VkDevice device = chain->app->device;
    vkDeviceWaitIdle(device);
    vkDestroySwapchainKHR(device, chain->handle, NULL);
    vkDestroySemaphore(device, chain->acquired, NULL);
    for (uint32_t i = 0; i < chain->count; i++)
        vkDestroySemaphore(device, chain->done[i], NULL);
    vkFreeCommandBuffers(device, chain->app->pool, 1, &chain->commands);
    vkDestroyBuffer(device, chain->buffer, NULL);
    vkFreeMemory(device, chain->memory, NULL);
}

/* --- Frames --- */

static void change_layout(const struct chain *chain, uint32_t index, VkImageLayout from,
                          VkImageLayout to)
{
    const VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_MEMORY_READ_BIT,
        .oldLayout = from,
        .newLayout = to,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = chain->images[index],
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
    };
    vkCmdPipelineBarrier(chain->commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
}

VkCommandBuffer chain_begin(struct chain *chain, uint32_t index, VkImageLayout layout)
{
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    vkQueueWaitIdle(chain->app->queue); /* commands, pixels and the semaphore are used again */
    must(chain->app, vkBeginCommandBuffer(chain->commands, &begin), "recording");
    change_layout(chain, index, VK_IMAGE_LAYOUT_UNDEFINED, layout);
    return chain->commands;
}

VkResult chain_end(struct chain *chain, uint32_t index, VkImageLayout layout, bool wait_acquired)
{
    change_layout(chain, index, layout, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
    must(chain->app, vkEndCommandBuffer(chain->commands), "recording");
    const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    const VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                 .waitSemaphoreCount = wait_acquired,
                                 .pWaitSemaphores = &chain->acquired,
                                 .pWaitDstStageMask = &stage,
                                 .commandBufferCount = 1,
                                 .pCommandBuffers = &chain->commands,
                                 .signalSemaphoreCount = 1,
                                 .pSignalSemaphores = &chain->done[index]};
    return vkQueueSubmit(chain->app->queue, 1, &submit, VK_NULL_HANDLE);
}

VkResult chain_draw(struct chain *chain, uint32_t index, uint32_t seed, bool wait_acquired)
{
    VkCommandBuffer commands = chain_begin(chain, index, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    for (uint32_t y = 0; y < chain->extent.height; y++)
        for (uint32_t x = 0; x < chain->extent.width; x++)
            chain->pixels[y * chain->extent.width + x] = frame_pixel(seed, x, y);
    const VkBufferImageCopy region = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = {chain->extent.width, chain->extent.height, 1}};
    vkCmdCopyBufferToImage(commands, chain->buffer, chain->images[index],
                           VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &region);
    return chain_end(chain, index, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, wait_acquired);
}

VkResult chain_acquire(struct chain *chain, uint64_t timeout, uint32_t *index)
{
    vkQueueWaitIdle(chain->app->queue);
    return vkAcquireNextImageKHR(chain->app->device, chain->handle, timeout, chain->acquired,
                                 VK_NULL_HANDLE, index);
}

VkResult chain_present(struct chain *chain, uint32_t index, const void *next)
{
    const VkPresentInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                   .pNext = next,
                                   .waitSemaphoreCount = 1,
                                   .pWaitSemaphores = &chain->done[index],
                                   .swapchainCount = 1,
                                   .pSwapchains = &chain->handle,
                                   .pImageIndices = &index};
    return vkQueuePresentKHR(chain->app->queue, &info);
}

VkResult chain_frame(struct chain *chain, uint32_t seed)
{
    uint32_t index;
    VkResult acquired = chain_acquire(chain, FOR_EVER, &index);
    if (acquired < 0)
        return acquired;
    VkResult result = chain_draw(chain, index, seed, true);
    if (!result)
        result = chain_present(chain, index, NULL);
    return result ? result : acquired;
}

VkResult chain_until(struct chain *chain)
{
    VkResult result = VK_SUCCESS;
    uint64_t start = now_ms();
    for (uint32_t i = 0; !result && i < MAX_FRAMES && now_ms() - start < PATIENCE_MS; i++)
        result = chain_frame(chain, i);
    return result;
}
