/* SPDX-License-Identifier: MIT */
/*
 * What the cases of windows.c share: an X connection, a Vulkan device, windows, swapchains, and
 * frames whose every pixel is known, so that what the window shows can be compared with them.
 */
#ifndef GPUPV_TESTS_WINDOWS_APP_H
#define GPUPV_TESTS_WINDOWS_APP_H

#include <stdbool.h>
#include <stdint.h>

#include <xcb/xcb.h>
#define VK_USE_PLATFORM_XCB_KHR
#include <vulkan/vulkan.h>

#define MAX_IMAGES 40u
#define FOR_EVER UINT64_MAX

struct app {
    const char *name; /* of the case */
    bool native;      /* not the paravirtual driver: what only that promises is left out */
    bool skipped;
    xcb_connection_t *x;
    const xcb_screen_t *screen;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    VkCommandPool pool;
    bool has_present_wait, has_incremental, has_mutable;
    uint32_t windows; /* made so far: where the next one goes */
};

struct window {
    xcb_connection_t *x;
    xcb_window_t id;
    uint16_t width, height;
    uint8_t depth;
    VkSurfaceKHR surface;
};

struct chain {
    struct app *app;
    VkSwapchainKHR handle;
    VkFormat format;
    VkExtent2D extent;
    uint32_t count;
    VkImage images[MAX_IMAGES];
    VkSemaphore acquired, done[MAX_IMAGES];
    VkCommandBuffer commands;
    VkBuffer buffer; /* the frame's pixels */
    VkDeviceMemory memory;
    uint32_t *pixels;
};

/* Says what is not as it should be; the program fails. */
void wrong(const struct app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void die(const struct app *app, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *result_name(VkResult result);
/* Ends the program unless it is VK_SUCCESS. */
void must(const struct app *app, VkResult result, const char *what);
void expect_result(const struct app *app, VkResult result, VkResult wanted, const char *what);

void app_open(struct app *app);
void app_close(struct app *app);
/* Something was wrong. */
bool app_failed(void);
/* Errors, and events of extensions, that the program has got on its connection are wrong. */
void app_check_events(struct app *app);
PFN_vkVoidFunction app_load(const struct app *app, const char *name);
#define LOAD(app, name) ((PFN_##name)app_load(app, #name))

/* On the screen unless `hidden`, beside the others. depth 24 or 32. */
struct window window_open(struct app *app, uint16_t width, uint16_t height, uint8_t depth,
                          bool hidden);
void window_close(struct app *app, struct window *window);
void window_resize(struct app *app, struct window *window, uint16_t width, uint16_t height);
VkSurfaceCapabilitiesKHR window_capabilities(struct app *app, const struct window *window);

/* A swapchain as `info` says, whose zero members get the usual; `old` may be VK_NULL_HANDLE. */
struct chain chain_open_as(struct app *app, const struct window *window,
                           VkSwapchainCreateInfoKHR info);
struct chain chain_open(struct app *app, const struct window *window, VkPresentModeKHR mode);
/* Waits until the device is idle first. */
void chain_close(struct chain *chain);

/* The frame `seed` of a swapchain: draws it on an acquired image, ready to be presented. Gives the
 * submission's result, as chain_end does. */
VkResult chain_draw(struct chain *chain, uint32_t index, uint32_t seed, bool wait_acquired);
/* Begins and ends commands that write the image: layouts, submission. */
VkCommandBuffer chain_begin(struct chain *chain, uint32_t index, VkImageLayout layout);
VkResult chain_end(struct chain *chain, uint32_t index, VkImageLayout layout, bool wait_acquired);
VkResult chain_acquire(struct chain *chain, uint64_t timeout, uint32_t *index);
VkResult chain_present(struct chain *chain, uint32_t index, const void *next);
/* Acquires, draws, presents; the worst of the results. */
VkResult chain_frame(struct chain *chain, uint32_t seed);
/* Frames until one is not VK_SUCCESS. */
VkResult chain_until(struct chain *chain);

/* Whether the window shows the frame before half a minute has passed. */
bool window_shows(struct app *app, const struct window *window, uint32_t seed);
/* The pixel that the window has at a place, 0xRRGGBB. */
uint32_t window_pixel(struct app *app, const struct window *window, int16_t x, int16_t y);
bool window_shows_color(struct app *app, const struct window *window, uint32_t color);

#endif
