/* SPDX-License-Identifier: MIT */
#include "fake_window.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gpupv/kmt.h"
#include "kmt/process.h"
#include "loader/umd_threads.h"
#include "umd/umd_adapter.h"
#include "umd/umd_sync.h"
#include "umd_commands.h"

_Atomic VkResult fake_images_result, fake_submit_result;
atomic_bool fake_no_threads, fake_old_shim;
_Atomic uint32_t fake_live_images;

/* --- The shim --- */

/* Of the thunks (kmt/process.h); those that sleep ask it. */
bool kmt_process_is_connected(void)
{
    return true;
}

static void *create_thread(void (*run)(void *data), void *data)
{
    return fake_no_threads ? NULL : umd_thread_create(run, data);
}

static const struct gpupv_umd_callbacks callbacks = {
    .size = sizeof(callbacks),
    .Wait = gpupv_kmt_wait,
    .Wake = gpupv_kmt_wake,
    .CreateThread = create_thread,
    .JoinThread = umd_thread_join,
};

const struct gpupv_umd_callbacks *umd_callbacks(void)
{
    return &callbacks;
}

const struct gpupv_umd_callbacks *umd_window_callbacks(void)
{
    return fake_old_shim ? NULL : &callbacks;
}

/* --- The driver --- */

VkResult umd_swapchain_make_images(struct umd_swapchain *swapchain,
                                   const VkSwapchainCreateInfoKHR *info)
{
    (void)info;
    if (fake_images_result)
        return fake_images_result;
    swapchain->images = calloc(swapchain->image_count, sizeof(*swapchain->images));
    assert_non_null(swapchain->images);
    for (uint32_t i = 0; i < swapchain->image_count; i++)
        swapchain->images[i].image = UMD_HANDLE(VkImage, 100 + i);
    fake_live_images += swapchain->image_count;
    return VK_SUCCESS;
}

void umd_swapchain_free_images(struct umd_swapchain *swapchain)
{
    if (swapchain->images)
        fake_live_images -= swapchain->image_count;
    free(swapchain->images);
    swapchain->images = NULL;
}

VkResult umd_swapchain_copy_commands(struct umd_swapchain *swapchain,
                                     struct umd_swapchain_image *image, uint32_t family,
                                     VkCommandBuffer *commands)
{
    (void)swapchain, (void)image, (void)family;
    *commands = VK_NULL_HANDLE;
    return VK_SUCCESS;
}

VkResult umd_queue_submit_watched(struct umd_queue *queue, const VkSubmitInfo *batch,
                                  umd_point *point)
{
    (void)batch;
    if (fake_submit_result)
        return fake_submit_result;
    if (umd_stream_status(queue->device->stream))
        return VK_ERROR_DEVICE_LOST;
    *point = umd_point_make(queue->number, atomic_fetch_add(&queue->submitted, 1) + 1);
    return VK_SUCCESS;
}

/* --- The window system --- */

static struct fake_window *window_of(const struct umd_swapchain *swapchain)
{
    return swapchain->window;
}

static VkResult get_limits(struct umd_surface *surface, struct umd_window_limits *limits)
{
    *limits = (struct umd_window_limits){
        .current = {64, 48}, .least = {1, 1}, .most = {640, 480}, .least_images = 3};
    return ((struct fake_window *)surface)->limits_result;
}

static VkResult get_formats(struct umd_surface *surface, VkFormat *formats, uint32_t *count)
{
    formats[0] = VK_FORMAT_B8G8R8A8_UNORM;
    *count = 1;
    return ((struct fake_window *)surface)->formats_result;
}

static VkResult create_swapchain(struct umd_swapchain *swapchain)
{
    struct fake_window *window = (struct fake_window *)swapchain->surface;
    window->creates++;
    swapchain->window = window;
    return window->create_result;
}

static void destroy_swapchain(struct umd_swapchain *swapchain)
{
    window_of(swapchain)->destroys++;
}

static VkResult present(struct umd_swapchain *swapchain, const struct umd_present *present)
{
    struct fake_window *window = window_of(swapchain);
    VkResult result = window->present_result;
    if (window->throttles) { /* before the test can know of it, and take it back */
        pthread_mutex_lock(&swapchain->lock);
        swapchain->throttled = !swapchain->stop;
        pthread_mutex_unlock(&swapchain->lock);
    }
    pthread_mutex_lock(&window->lock);
    assert_true(window->count < FAKE_MAX_SHOWN);
    window->shown[window->count].index = (uint32_t)(present->image - swapchain->images);
    window->shown[window->count].serial = present->serial;
    window->shown[window->count].rect_count = present->rect_count;
    window->shown[window->count++].present_id = present->present_id;
    pthread_mutex_unlock(&window->lock);
    if (window->idles && result >= 0) {
        if (!window->never_shows)
            umd_swapchain_shown(swapchain, present->present_id);
        umd_swapchain_idle(swapchain, present->image);
    }
    pthread_mutex_lock(&window->lock);
    pthread_cond_broadcast(&window->changed);
    pthread_mutex_unlock(&window->lock);
    return result;
}

static VkResult dispatch(struct umd_swapchain *swapchain, bool expects, int timeout)
{
    struct fake_window *window = window_of(swapchain);
    struct pollfd wake = {.fd = swapchain->wake, .events = POLLIN};
    window->dispatches++;
    window->expecting += expects;
    if (window->dispatch_result)
        return window->dispatch_result;
    poll(&wake, 1, timeout < 0 || timeout > 50 ? 50 : timeout);
    return window->dispatch_result;
}

static VkResult look(struct umd_swapchain *swapchain)
{
    struct fake_window *window = window_of(swapchain);
    window->looks++;
    return window->look_result;
}

#define SYSTEM                                                                                     \
    .name = "a fake",                                                                              \
    .present_modes = 1u << VK_PRESENT_MODE_FIFO_KHR | 1u << VK_PRESENT_MODE_MAILBOX_KHR,           \
    .get_limits = get_limits, .get_formats = get_formats, .create_swapchain = create_swapchain,    \
    .destroy_swapchain = destroy_swapchain, .present = present, .dispatch = dispatch, .look = look

const struct umd_window_system fake_windows = {SYSTEM};
const struct umd_window_system fake_windows_in_call = {SYSTEM, .presents_in_call = true};

void fake_window_init(struct fake_window *window)
{
    memset(window, 0, sizeof(*window));
    window->base.system = &fake_windows;
    pthread_mutex_init(&window->lock, NULL);
    pthread_cond_init(&window->changed, NULL);
    window->idles = true;
    fake_images_result = fake_submit_result = VK_SUCCESS;
    fake_no_threads = fake_old_shim = false;
}

void fake_window_finish(struct fake_window *window)
{
    assert_int_equal(window->creates, window->destroys);
    assert_int_equal(fake_live_images, 0);
    pthread_mutex_destroy(&window->lock);
    pthread_cond_destroy(&window->changed);
}

void fake_await_shown(struct fake_window *window, uint32_t count)
{
    pthread_mutex_lock(&window->lock);
    while (window->count < count)
        pthread_cond_wait(&window->changed, &window->lock);
    pthread_mutex_unlock(&window->lock);
}

void fake_poke(struct umd_device *device, VkSwapchainKHR swapchain)
{
    umd_swapchain_wake(umd_object(device, UMD_ID(swapchain)));
}
