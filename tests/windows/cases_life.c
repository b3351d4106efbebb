/* SPDX-License-Identifier: MIT */
#include "cases.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDTH 150
#define HEIGHT 90

static const VkPresentModeKHR all_modes[] = {VK_PRESENT_MODE_IMMEDIATE_KHR,
                                             VK_PRESENT_MODE_MAILBOX_KHR, VK_PRESENT_MODE_FIFO_KHR,
                                             VK_PRESENT_MODE_FIFO_RELAXED_KHR};

static VkFence make_fence(struct app *app)
{
    const VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence;
    must(app, vkCreateFence(app->device, &info, NULL, &fence), "a fence");
    return fence;
}

/* When all images are acquired there is no other. */
void case_timeouts(struct app *app)
{
    struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
    VkFence fence = make_fence(app);
    for (uint32_t i = 0; i < 4; i++) {
        struct chain chain = chain_open(app, &window, all_modes[i]);
        uint32_t index;
        for (uint32_t j = 0; j < chain.count; j++) {
            must(app,
                 vkAcquireNextImageKHR(app->device, chain.handle, 10000000000u, VK_NULL_HANDLE,
                                       fence, &index),
                 "acquiring");
            must(app, vkWaitForFences(app->device, 1, &fence, true, FOR_EVER), "the fence");
            must(app, vkResetFences(app->device, 1, &fence), "the fence");
        }
        expect_result(
            app, vkAcquireNextImageKHR(app->device, chain.handle, 0, VK_NULL_HANDLE, fence, &index),
            VK_NOT_READY, "no image, timeout 0");
        expect_result(app,
                      vkAcquireNextImageKHR(app->device, chain.handle, 2000000, VK_NULL_HANDLE,
                                            fence, &index),
                      app->native ? VK_NOT_READY : VK_TIMEOUT, "no image, timeout 2 ms");
        expect_result(app, vkGetFenceStatus(app->device, fence), VK_NOT_READY,
                      "the fence of an image that there is not");
        chain_close(&chain);
    }
    vkDestroyFence(app->device, fence, NULL);
    window_close(app, &window);
}

/* Images that are acquired with a fence alone, with both, and with neither used. */
void case_fences(struct app *app)
{
    struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
    struct chain chain = chain_open(app, &window, VK_PRESENT_MODE_MAILBOX_KHR);
    VkFence fence = make_fence(app);
    for (uint32_t seed = 0; seed < 8; seed++) {
        bool both = seed % 2;
        uint32_t index;
        vkQueueWaitIdle(app->queue);
        must(app,
             vkAcquireNextImageKHR(app->device, chain.handle, FOR_EVER,
                                   both ? chain.acquired : VK_NULL_HANDLE, fence, &index),
             "acquiring");
        must(app, vkWaitForFences(app->device, 1, &fence, true, FOR_EVER), "the fence");
        must(app, vkResetFences(app->device, 1, &fence), "the fence");
        must(app, chain_draw(&chain, index, seed, both), "drawing");
        must(app, chain_present(&chain, index, NULL), "presenting");
        if (!window_shows(app, &window, seed))
            wrong(app, "the window does not show the frame %u", seed);
    }
    vkDestroyFence(app->device, fence, NULL);
    chain_close(&chain);
    window_close(app, &window);
}

/* A window that changes its size says so, and its next swapchain fits. */
void case_resize(struct app *app)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
        struct chain chain = chain_open(app, &window, all_modes[i]);
        must(app, chain_frame(&chain, 1), "a frame");
        for (uint16_t step = 1; step < 4; step++) {
            window_resize(app, &window, (uint16_t)(WIDTH - 31 * step),
                          (uint16_t)(HEIGHT + 7 * step));
            VkResult result = chain_until(&chain);
            expect_result(app, result, VK_SUBOPTIMAL_KHR, "frames after the size has changed");
            struct chain next =
                chain_open_as(app, &window,
                              (VkSwapchainCreateInfoKHR){.presentMode = all_modes[i],
                                                         .oldSwapchain = chain.handle});
            if (next.extent.width != window.width || next.extent.height != window.height)
                wrong(app, "the new swapchain has %u x %u", next.extent.width, next.extent.height);
            chain_close(&chain);
            chain = next;
            must(app, chain_frame(&chain, step), "a frame of the new size");
            if (!window_shows(app, &window, step))
                wrong(app, "present mode %u: the new size is not shown", all_modes[i]);
        }
        chain_close(&chain);
        window_close(app, &window);
    }
}

/* Nobody sees the window: frames go on. */
void case_hidden(struct app *app)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct window window = window_open(app, WIDTH, HEIGHT, 24, true);
        struct chain chain = chain_open(app, &window, all_modes[i]);
        for (uint32_t seed = 0; seed < 4; seed++)
            must(app, chain_frame(&chain, seed), "a frame that nobody sees");
        xcb_map_window(app->x, window.id);
        for (uint32_t seed = 4; seed < 8; seed++)
            must(app, chain_frame(&chain, seed), "a frame");
        if (!window_shows(app, &window, 7))
            wrong(app, "present mode %u: the frame is not shown", all_modes[i]);
        xcb_unmap_window(app->x, window.id);
        for (uint32_t seed = 0; seed < 4; seed++)
            must(app, chain_frame(&chain, seed), "a frame of a minimised window");
        chain_close(&chain);
        window_close(app, &window);
    }
}

/* Swapchains that end with images acquired, queued and shown. */
void case_leftovers(struct app *app)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
        struct chain chain = chain_open(app, &window, all_modes[i]);
        uint32_t index;
        must(app, chain_frame(&chain, 1), "a frame");
        must(app, chain_frame(&chain, 2), "a frame");
        must(app, chain_acquire(&chain, 10000000000u, &index), "acquiring");
        chain_close(&chain);
        chain = chain_open(app, &window, all_modes[i]);
        must(app, chain_frame(&chain, 3), "a frame");
        if (!window_shows(app, &window, 3))
            wrong(app, "present mode %u: the frame is not shown", all_modes[i]);
        chain_close(&chain);
        window_close(app, &window);
    }
}

void case_again(struct app *app)
{
    struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
    for (uint32_t i = 0; i < 24; i++) {
        struct chain chain = chain_open(app, &window, all_modes[i % 4]);
        if (i % 3)
            must(app, chain_frame(&chain, i), "a frame");
        chain_close(&chain);
    }
    window_close(app, &window);
}

struct painter {
    struct app app; /* its own device */
    struct window window;
    VkPresentModeKHR mode;
    uint32_t frames;
    VkResult result;
};

static void *paint(void *data)
{
    struct painter *painter = data;
    struct chain chain = chain_open(&painter->app, &painter->window, painter->mode);
    for (uint32_t seed = 0; seed <= painter->frames && !painter->result; seed++)
        painter->result = chain_frame(&chain, seed);
    if (!painter->result && !window_shows(&painter->app, &painter->window, painter->frames))
        wrong(&painter->app, "a thread's last frame is not shown");
    chain_close(&chain);
    return NULL;
}

/* Two threads, each with an instance, a device and a window of its own. */
void case_threads(struct app *app)
{
    struct painter painters[2];
    pthread_t threads[2];
    for (uint32_t i = 0; i < 2; i++) {
        painters[i] = (struct painter){.app = {.name = app->name, .native = app->native},
                                       .mode = all_modes[i * 2],
                                       .frames = 30};
        app_open(&painters[i].app);
        painters[i].app.windows = i; /* not over the other one */
        painters[i].window = window_open(&painters[i].app, WIDTH, HEIGHT, 24, false);
        if (pthread_create(&threads[i], NULL, paint, &painters[i]))
            die(app, "a thread");
    }
    for (uint32_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        must(app, painters[i].result, "a thread's frames");
        window_close(&painters[i].app, &painters[i].window);
        app_close(&painters[i].app);
    }
}

static bool is_ours(const xcb_generic_event_t *event)
{
    return (event->response_type & 0x7f) == XCB_CLIENT_MESSAGE;
}

/* Reads all events until a message comes. */
static void *read_events(void *data)
{
    struct app *app = data;
    xcb_generic_event_t *event;
    for (bool more = true; more && (event = xcb_wait_for_event(app->x)); free(event)) {
        more = !is_ours(event);
        if (!event->response_type || (event->response_type & 0x7f) == XCB_GE_GENERIC)
            wrong(app, "an error or an event of an extension came to the program");
    }
    return NULL;
}

/* The program waits for events on the same connection all the time. */
void case_events(struct app *app)
{
    pthread_t reader;
    struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
    if (pthread_create(&reader, NULL, read_events, app))
        die(app, "a thread");
    for (uint32_t i = 0; i < 4; i++) {
        struct chain chain = chain_open(app, &window, all_modes[i]);
        for (uint32_t seed = 0; seed < 10; seed++)
            must(app, chain_frame(&chain, seed), "a frame");
        if (!window_shows(app, &window, 9))
            wrong(app, "present mode %u: the frame is not shown", all_modes[i]);
        chain_close(&chain);
    }
    xcb_client_message_event_t message = {
        .response_type = XCB_CLIENT_MESSAGE, .format = 32, .window = window.id, .type = 1};
    xcb_send_event(app->x, false, window.id, 0, (const char *)&message);
    xcb_flush(app->x);
    pthread_join(reader, NULL);
    window_close(app, &window);
}

/* A retired swapchain gives no images; those that the program has can still be presented. */
void case_retired(struct app *app)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
        struct chain old = chain_open(app, &window, all_modes[i]);
        uint32_t index, other;
        must(app, chain_frame(&old, 1), "a frame");
        must(app, chain_acquire(&old, FOR_EVER, &index), "acquiring");
        must(app, chain_draw(&old, index, 2, true), "drawing");
        struct chain next = chain_open_as(
            app, &window,
            (VkSwapchainCreateInfoKHR){.presentMode = all_modes[i], .oldSwapchain = old.handle});
        expect_result(app, chain_acquire(&old, 0, &other), VK_ERROR_OUT_OF_DATE_KHR,
                      "acquiring of a retired swapchain");
        must(app, chain_present(&old, index, NULL), "presenting to a retired swapchain");
        if (!window_shows(app, &window, 2))
            wrong(app, "present mode %u: the retired swapchain's frame is not shown", all_modes[i]);
        must(app, chain_frame(&next, 3), "a frame");
        if (!window_shows(app, &window, 3))
            wrong(app, "present mode %u: the frame is not shown", all_modes[i]);
        chain_close(&old);
        must(app, chain_frame(&next, 4), "a frame");
        chain_close(&next);
        window_close(app, &window);
    }
}

void case_in_use(struct app *app)
{
    struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
    struct window other = window_open(app, WIDTH, HEIGHT, 24, false);
    struct chain chain = chain_open(app, &window, VK_PRESENT_MODE_FIFO_KHR);
    VkSwapchainKHR second;
    VkSwapchainCreateInfoKHR info = {.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
                                     .surface = window.surface,
                                     .minImageCount = 3,
                                     .imageFormat = VK_FORMAT_B8G8R8A8_UNORM,
                                     .imageExtent = {WIDTH, HEIGHT},
                                     .imageArrayLayers = 1,
                                     .imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                                     .preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR,
                                     .compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
                                     .presentMode = VK_PRESENT_MODE_FIFO_KHR};
    expect_result(app, vkCreateSwapchainKHR(app->device, &info, NULL, &second),
                  VK_ERROR_NATIVE_WINDOW_IN_USE_KHR, "a second swapchain of the window");
    must(app, chain_frame(&chain, 1), "a frame");
    struct chain beside = chain_open(app, &other, VK_PRESENT_MODE_FIFO_KHR);
    must(app, chain_frame(&beside, 2), "a frame");
    if (!window_shows(app, &window, 1) || !window_shows(app, &other, 2))
        wrong(app, "a frame is not shown");
    chain_close(&beside);
    chain_close(&chain);
    window_close(app, &other);
    window_close(app, &window);
}

static bool ends(VkResult result)
{
    return result == VK_ERROR_SURFACE_LOST_KHR || result == VK_ERROR_OUT_OF_DATE_KHR;
}

/* The window goes under the swapchain: no wait is for ever. */
void case_destroyed(struct app *app)
{
    for (uint32_t i = 0; i < 8; i++) {
        struct window window = window_open(app, WIDTH, HEIGHT, 24, i >= 4);
        struct chain chain = chain_open(app, &window, all_modes[i % 4]);
        for (uint32_t seed = 0; seed < 3; seed++)
            must(app, chain_frame(&chain, seed), "a frame");
        xcb_destroy_window(app->x, window.id);
        xcb_flush(app->x);
        VkResult result = chain_until(&chain);
        if (!ends(result))
            wrong(app, "present mode %u: frames after the window: %s", all_modes[i % 4],
                  result_name(result));
        VkSurfaceCapabilitiesKHR capabilities;
        expect_result(
            app,
            vkGetPhysicalDeviceSurfaceCapabilitiesKHR(app->physical, window.surface, &capabilities),
            VK_ERROR_SURFACE_LOST_KHR, "capabilities");
        chain_close(&chain);
        window_close(app, &window);
    }
}

/* The X server ends the connection. */
void case_disconnected(struct app *app)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct app other = {.name = app->name};
        app_open(&other);
        struct window window = window_open(&other, WIDTH, HEIGHT, 24, false);
        struct chain chain = chain_open(&other, &window, all_modes[i]);
        for (uint32_t seed = 0; seed < 3; seed++)
            must(&other, chain_frame(&chain, seed), "a frame");
        xcb_kill_client(app->x, window.id);
        xcb_flush(app->x);
        VkResult result = chain_until(&chain);
        if (!ends(result))
            wrong(app, "present mode %u: frames after the connection: %s", all_modes[i],
                  result_name(result));
        chain_close(&chain);
        window_close(&other, &window);
        app_close(&other);
    }
}

/* A child of fork(2) has a lost device; what it does is not felt in the parent. */
void case_fork(struct app *app)
{
    struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
    struct chain chain = chain_open(app, &window, VK_PRESENT_MODE_FIFO_KHR);
    for (uint32_t seed = 0; seed < 5; seed++) {
        must(app, chain_frame(&chain, seed), "a frame");
        pid_t child = fork();
        if (child == 0) {
            uint32_t index;
            alarm(20);
            VkResult result = vkAcquireNextImageKHR(app->device, chain.handle, FOR_EVER,
                                                    chain.acquired, VK_NULL_HANDLE, &index);
            vkDestroySwapchainKHR(app->device, chain.handle, NULL);
            vkDestroySurfaceKHR(app->instance, window.surface, NULL);
            _exit(result == VK_ERROR_DEVICE_LOST ? 0 : 1);
        }
        int status = -1;
        waitpid(child, &status, 0);
        if (status)
            wrong(app, "the child ended with the status 0x%x", status);
    }
    must(app, chain_frame(&chain, 9), "a frame after the children");
    if (!window_shows(app, &window, 9))
        wrong(app, "the frame is not shown");
    chain_close(&chain);
    window_close(app, &window);
}

/* Somebody kills the worker once it draws: the device is lost, and all ends well. */
void case_killed(struct app *app)
{
    struct window windows[2];
    struct chain chains[2];
    for (uint32_t i = 0; i < 2; i++) {
        windows[i] = window_open(app, WIDTH, HEIGHT, 24, false);
        chains[i] = chain_open(app, &windows[i], all_modes[2 * i]);
        must(app, chain_frame(&chains[i], 1), "a frame");
    }
    printf("%s: drawing\n", app->name);
    fflush(stdout);
    for (uint32_t i = 0; i < 2; i++)
        expect_result(app, chain_until(&chains[i]), VK_ERROR_DEVICE_LOST, "frames");
    for (uint32_t i = 0; i < 2; i++) {
        chain_close(&chains[i]);
        window_close(app, &windows[i]);
    }
}

/* The program ends while its windows are drawn: without a word to Vulkan, or to its device alone.
 */
void case_exits(struct app *app)
{
    for (uint32_t i = 0; i < 12; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct app own = {.name = app->name, .native = app->native};
            alarm(30);
            app_open(&own);
            struct window window = window_open(&own, WIDTH, HEIGHT, 24, false);
            struct chain chain = chain_open(&own, &window, all_modes[i % 4]);
            for (uint32_t seed = 0; seed < i; seed++)
                must(&own, chain_frame(&chain, seed), "a frame");
            if (i % 8 >= 4)
                vkDestroyDevice(own.device, NULL);
            exit(0);
        }
        int status = -1;
        waitpid(child, &status, 0);
        if (status)
            wrong(app, "program %u ended with the status 0x%x", i, status);
    }
}
