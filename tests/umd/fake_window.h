/* SPDX-License-Identifier: MIT */
/*
 * A window system of the test's own, the shim's callbacks that swapchains need, and images that are
 * nothing but numbers. What the window gets is listed; the test says what becomes of it.
 */
#ifndef TESTS_UMD_FAKE_WINDOW_H
#define TESTS_UMD_FAKE_WINDOW_H

#include "fake_stream.h"
#include "umd/umd_wsi.h"

#define FAKE_MAX_SHOWN 4096

struct fake_window {
    struct umd_surface base;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* What the window system answers; set by the test. */
    _Atomic VkResult limits_result, formats_result, create_result, present_result, dispatch_result,
        look_result;
    atomic_bool throttles;   /* in FIFO modes */
    atomic_bool idles;       /* an image is idle again, and shown, as soon as the window has it */
    atomic_bool never_shows; /* … is idle, but not shown */
    /* Counted. */
    _Atomic uint32_t creates, destroys, dispatches, expecting, looks;
    /* With lock: what came, in order. */
    uint32_t count;
    struct {
        uint32_t index, serial, rect_count;
        uint64_t present_id;
    } shown[FAKE_MAX_SHOWN];
};

extern const struct umd_window_system fake_windows;
/* The same, presenting in vkQueuePresentKHR. */
extern const struct umd_window_system fake_windows_in_call;

/* What the driver's own parts that are not linked answer. */
extern _Atomic VkResult fake_images_result, fake_submit_result;
extern atomic_bool fake_no_threads, fake_old_shim;
extern _Atomic uint32_t fake_live_images; /* made and not freed */

void fake_window_init(struct fake_window *window);
void fake_window_finish(struct fake_window *window);
static inline VkSurfaceKHR fake_surface(struct fake_window *window)
{
    return umd_surface_handle(&window->base);
}
/* Returns when the window has got so many images. */
void fake_await_shown(struct fake_window *window, uint32_t count);
/* Makes the swapchain's thread ask the window system. */
void fake_poke(struct umd_device *device, VkSwapchainKHR swapchain);

#endif
