/* SPDX-License-Identifier: MIT */
/*
 * Swapchains on Wayland. vkQueuePresentKHR attaches and commits an image's buffer; the swapchain's
 * thread alone dispatches its event queue. An image is idle again when the compositor releases its
 * buffer. In FIFO mode the next image waits for the frame callback of the last one.
 */
#include "umd/umd_wayland.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHM_CREATE_POOL 0
#define POOL_CREATE_BUFFER 0
#define POOL_DESTROY 1
#define BUFFER_DESTROY 0
#define SURFACE_ATTACH 1
#define SURFACE_DAMAGE 2
#define SURFACE_FRAME 3
#define SURFACE_COMMIT 6
#define SURFACE_DAMAGE_BUFFER 9
#define DAMAGE_BUFFER_SINCE 4
#define PIXEL_BYTES 4u

/* Of a swapchain. */
struct window {
    const struct wayland_client *client;
    struct wl_display *display;
    struct wl_event_queue *queue;
    struct wl_proxy *surface; /* a wrapper: the events of its callbacks go to the queue */
    struct wl_proxy *shm;     /* a wrapper */
    bool has_damage_buffer;
    bool fifo;
    pthread_mutex_t lock;
    const struct buffer *last; /* with lock: presented */
};

/* Of an image. */
struct buffer {
    struct umd_swapchain *swapchain;
    struct umd_swapchain_image *image;
    struct wl_proxy *buffer;
    struct wl_proxy *frame; /* with lock: the callback of its last presentation, or NULL */
    uint64_t present_id;    /* with lock: of that presentation */
    uint8_t *copy;          /* NULL: the compositor reads the image itself */
    uint32_t copy_stride;
    size_t copy_size;
};

static const struct wayland_client *client_of(const struct umd_swapchain *swapchain)
{
    const struct window *window = swapchain->window;
    return window->client;
}

/* --- Buffers --- */

static void on_release(void *data, struct wl_proxy *proxy)
{
    struct buffer *buffer = data;
    (void)proxy;
    umd_swapchain_idle(buffer->swapchain, buffer->image);
}

static VkResult make_buffer(struct buffer *buffer, int fd, uint64_t offset, uint64_t end,
                            uint32_t stride)
{
    static void (*const listener[])(void) = {(void (*)(void))on_release};
    struct umd_swapchain *swapchain = buffer->swapchain;
    const struct window *window = swapchain->window;
    const struct wayland_client *client = window->client;
    const bool opaque = swapchain->alpha == VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
    union wayland_argument of_pool[] = {{.o = NULL}, {.i = fd}, {.i = (int32_t)end}};
    struct wl_proxy *pool = client->wl_proxy_marshal_array_constructor_versioned(
        window->shm, SHM_CREATE_POOL, of_pool, client->wl_shm_pool_interface,
        client->wl_proxy_get_version(window->shm));
    if (!pool)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    union wayland_argument of_buffer[] = {
        {.o = NULL},
        {.i = (int32_t)offset},
        {.i = (int32_t)swapchain->extent.width},
        {.i = (int32_t)swapchain->extent.height},
        {.i = (int32_t)stride},
        {.u = umd_wayland_code(swapchain->format, opaque)},
    };
    buffer->buffer = client->wl_proxy_marshal_array_constructor_versioned(
        pool, POOL_CREATE_BUFFER, of_buffer, client->wl_buffer_interface,
        client->wl_proxy_get_version(pool));
    /* The buffer keeps the memory. */
    client->wl_proxy_marshal_array(pool, POOL_DESTROY, NULL);
    client->wl_proxy_destroy(pool);
    if (!buffer->buffer)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    client->wl_proxy_add_listener(buffer->buffer, (void (**)(void))(uintptr_t)listener, buffer);
    return VK_SUCCESS;
}

/* The image's own memory. *shared is false where the compositor cannot have it: wl_shm counts bytes
 * in 31 bits. */
static VkResult share_image(struct buffer *buffer, bool *shared)
{
    const struct umd_swapchain_image *image = buffer->image;
    uint64_t size = (uint64_t)image->stride * buffer->swapchain->extent.height;
    uint64_t offset, file_size;
    int fd;

    *shared = size <= INT32_MAX && umd_window_share(image->pixels, size, &fd, &offset, &file_size);
    if (!*shared)
        return VK_SUCCESS;
    VkResult result = VK_SUCCESS;
    if (offset <= INT32_MAX - size)
        result = make_buffer(buffer, fd, offset, offset + size, image->stride);
    else
        *shared = false;
    close(fd);
    return result;
}

static int make_file(size_t size)
{
    int fd = (int)syscall(SYS_memfd_create, "gpupv-window", 1u /* close on exec */);
    if (fd >= 0 && ftruncate(fd, (off_t)size) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static VkResult make_copy(struct buffer *buffer)
{
    const VkExtent2D extent = buffer->swapchain->extent;
    uint64_t stride = (uint64_t)extent.width * PIXEL_BYTES, size = stride * extent.height;
    if (size > INT32_MAX)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    int fd = make_file((size_t)size);
    if (fd < 0)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    void *copy = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (copy != MAP_FAILED) {
        buffer->copy = copy;
        buffer->copy_stride = (uint32_t)stride;
        buffer->copy_size = (size_t)size;
        result = make_buffer(buffer, fd, 0, size, buffer->copy_stride);
    }
    close(fd);
    return result;
}

static void fill_copy(const struct buffer *buffer)
{
    const struct umd_swapchain_image *image = buffer->image;
    for (uint32_t y = 0; y < buffer->swapchain->extent.height; y++)
        memcpy(buffer->copy + (size_t)y * buffer->copy_stride,
               image->pixels + (size_t)y * image->stride, buffer->copy_stride);
}

static void drop_frame_locked(struct buffer *buffer)
{
    if (buffer->frame)
        client_of(buffer->swapchain)->wl_proxy_destroy(buffer->frame);
    buffer->frame = NULL;
}

static void destroy_buffer(struct buffer *buffer)
{
    const struct wayland_client *client = client_of(buffer->swapchain);
    drop_frame_locked(buffer); /* the thread has ended */
    if (buffer->buffer) {
        client->wl_proxy_marshal_array(buffer->buffer, BUFFER_DESTROY, NULL);
        client->wl_proxy_destroy(buffer->buffer);
    }
    if (buffer->copy)
        munmap(buffer->copy, buffer->copy_size);
    free(buffer);
}

static VkResult create_buffer(struct umd_swapchain *swapchain, struct umd_swapchain_image *image)
{
    struct buffer *buffer = calloc(1, sizeof(*buffer));
    if (!buffer)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    buffer->swapchain = swapchain;
    buffer->image = image;
    image->window = buffer;
    bool shared;
    VkResult result = share_image(buffer, &shared);
    return shared ? result : make_copy(buffer);
}

/* --- Swapchains --- */

static VkResult open_window(struct window *window, const struct wayland_surface *surface)
{
    const struct wayland_client *client = window->client;
    window->queue = client->wl_display_create_queue(window->display);
    if (!window->queue)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    window->surface = umd_wayland_wrap(client, surface->surface, window->queue);
    window->shm = umd_wayland_wrap(client, surface->shm.shm, window->queue);
    if (!window->surface || !window->shm)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    window->has_damage_buffer =
        client->wl_proxy_get_version(window->surface) >= DAMAGE_BUFFER_SINCE;
    return VK_SUCCESS;
}

VkResult umd_wayland_create_swapchain(struct umd_swapchain *swapchain)
{
    struct wayland_surface *surface = (struct wayland_surface *)swapchain->surface;
    VkResult result = umd_wayland_ask(surface);
    if (result)
        return result;
    struct window *window = calloc(1, sizeof(*window));
    if (!window)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    window->client = surface->shm.client;
    window->display = surface->shm.display;
    window->fifo = swapchain->mode == VK_PRESENT_MODE_FIFO_KHR;
    pthread_mutex_init(&window->lock, NULL);
    swapchain->window = window;
    result = open_window(window, surface);
    for (uint32_t i = 0; i < swapchain->image_count && result == VK_SUCCESS; i++)
        result = create_buffer(swapchain, &swapchain->images[i]);
    return result;
}

void umd_wayland_destroy_swapchain(struct umd_swapchain *swapchain)
{
    struct window *window = swapchain->window;
    if (!window)
        return;
    for (uint32_t i = 0; i < swapchain->image_count; i++) {
        if (swapchain->images[i].window)
            destroy_buffer(swapchain->images[i].window);
        swapchain->images[i].window = NULL;
    }
    if (window->shm)
        window->client->wl_proxy_wrapper_destroy(window->shm);
    if (window->surface)
        window->client->wl_proxy_wrapper_destroy(window->surface);
    if (window->queue)
        window->client->wl_event_queue_destroy(window->queue);
    window->client->wl_display_flush(window->display);
    pthread_mutex_destroy(&window->lock);
    free(window);
    swapchain->window = NULL;
}

/* --- Presenting --- */

static void on_frame(void *data, struct wl_proxy *callback, uint32_t time)
{
    struct buffer *buffer = data;
    struct window *window = buffer->swapchain->window;
    (void)time;
    pthread_mutex_lock(&window->lock);
    bool current = buffer->frame == callback; /* else it has just been dropped */
    bool unthrottles = current && window->fifo && window->last == buffer;
    uint64_t present_id = buffer->present_id;
    if (current)
        drop_frame_locked(buffer);
    pthread_mutex_unlock(&window->lock);
    if (current)
        umd_swapchain_shown(buffer->swapchain, present_id);
    if (unthrottles)
        umd_swapchain_unthrottle(buffer->swapchain);
}

static VkResult request_frame_locked(const struct window *window, struct buffer *buffer)
{
    static void (*const listener[])(void) = {(void (*)(void))on_frame};
    union wayland_argument arguments[] = {{.o = NULL}};
    buffer->frame = window->client->wl_proxy_marshal_array_constructor_versioned(
        window->surface, SURFACE_FRAME, arguments, window->client->wl_callback_interface,
        window->client->wl_proxy_get_version(window->surface));
    if (!buffer->frame)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    window->client->wl_proxy_add_listener(buffer->frame, (void (**)(void))(uintptr_t)listener,
                                          buffer);
    return VK_SUCCESS;
}

static int32_t clamp(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

static void damage(const struct window *window, uint32_t opcode, int32_t x, int32_t y,
                   int32_t width, int32_t height)
{
    union wayland_argument arguments[] = {{.i = x}, {.i = y}, {.i = width}, {.i = height}};
    window->client->wl_proxy_marshal_array(window->surface, opcode, arguments);
}

/* Rectangles are the buffer's; wl_surface.damage would take them for the surface's, which may be
 * scaled. */
static void damage_all(const struct window *window, const struct umd_present *present)
{
    if (!window->has_damage_buffer || !present->rect_count) {
        damage(window, SURFACE_DAMAGE, 0, 0, INT32_MAX, INT32_MAX);
        return;
    }
    for (uint32_t i = 0; i < present->rect_count; i++) {
        const VkRectLayerKHR *rect = &present->rects[i];
        damage(window, SURFACE_DAMAGE_BUFFER, rect->offset.x, rect->offset.y,
               clamp(rect->extent.width), clamp(rect->extent.height));
    }
}

static VkResult lost(const struct window *window)
{
    int error = window->client->wl_display_get_error(window->display);
    umd_warning("the connection to the Wayland display was lost: %s",
                error ? strerror(error) : "it was closed");
    return VK_ERROR_SURFACE_LOST_KHR;
}

/* False: the connection is gone. *full: the compositor does not read now, the rest goes later. */
static bool flush(const struct window *window, bool *full)
{
    *full = false;
    if (window->client->wl_display_flush(window->display) >= 0)
        return true;
    *full = errno == EAGAIN;
    /* What the compositor said before it closed is still to be read. */
    return *full || errno == EPIPE;
}

/* Makes the present known to the thread, before the compositor can answer. */
static VkResult expect(struct umd_swapchain *swapchain, const struct umd_present *present)
{
    struct window *window = swapchain->window;
    struct buffer *buffer = present->image->window;
    VkResult result = VK_SUCCESS;
    pthread_mutex_lock(&window->lock);
    /* One that has not come yet would come together with the new one. */
    drop_frame_locked(buffer);
    window->last = buffer;
    buffer->present_id = present->present_id;
    /* Without FIFO a callback only tells who waits for a present id; no others pile up while the
     * window cannot be seen. */
    if (window->fifo || present->present_id)
        result = request_frame_locked(window, buffer);
    pthread_mutex_unlock(&window->lock);
    if (window->fifo && !result) {
        pthread_mutex_lock(&swapchain->lock);
        swapchain->throttled = true;
        pthread_mutex_unlock(&swapchain->lock);
    }
    return result;
}

VkResult umd_wayland_present(struct umd_swapchain *swapchain, const struct umd_present *present)
{
    const struct window *window = swapchain->window;
    const struct buffer *buffer = present->image->window;
    bool full;

    if (window->client->wl_display_get_error(window->display))
        return lost(window);
    if (buffer->copy)
        fill_copy(buffer);
    union wayland_argument attach[] = {{.o = buffer->buffer}, {.i = 0}, {.i = 0}};
    window->client->wl_proxy_marshal_array(window->surface, SURFACE_ATTACH, attach);
    damage_all(window, present);
    VkResult result = expect(swapchain, present);
    if (result)
        return result;
    window->client->wl_proxy_marshal_array(window->surface, SURFACE_COMMIT, NULL);
    return flush(window, &full) ? VK_SUCCESS : lost(window);
}

/* --- Listening --- */

/* The window keeps what it shows; nothing that it may still say matters. */
static void let_go(struct umd_swapchain *swapchain)
{
    for (uint32_t i = 0; i < swapchain->image_count; i++) {
        struct umd_swapchain_image *image = &swapchain->images[i];
        pthread_mutex_lock(&swapchain->lock);
        bool shown = image->state == UMD_IMAGE_SHOWN;
        pthread_mutex_unlock(&swapchain->lock);
        if (shown)
            umd_swapchain_idle(swapchain, image);
    }
    umd_swapchain_unthrottle(swapchain);
}

/* Reads what has come within the time. The program's threads may read from the display, too. */
static VkResult read_display(struct umd_swapchain *swapchain, int timeout)
{
    const struct window *window = swapchain->window;
    const struct wayland_client *client = window->client;
    struct pollfd ends[] = {
        {.fd = client->wl_display_get_fd(window->display), .events = POLLIN},
        {.fd = swapchain->wake, .events = POLLIN},
    };
    bool full;

    if (client->wl_display_prepare_read_queue(window->display, window->queue) < 0)
        return VK_SUCCESS; /* there is something in the queue already */
    if (!flush(window, &full)) {
        client->wl_display_cancel_read(window->display);
        return lost(window);
    }
    if (full)
        ends[0].events |= POLLOUT;
    poll(ends, 2, timeout);
    if (ends[0].revents & (POLLIN | POLLHUP | POLLERR)) {
        if (client->wl_display_read_events(window->display) < 0)
            return lost(window);
    } else {
        client->wl_display_cancel_read(window->display);
    }
    return VK_SUCCESS;
}

VkResult umd_wayland_dispatch(struct umd_swapchain *swapchain, bool expects, int timeout)
{
    const struct window *window = swapchain->window;
    pthread_mutex_lock(&swapchain->lock);
    bool stop = swapchain->stop;
    pthread_mutex_unlock(&swapchain->lock);
    if (stop) {
        let_go(swapchain);
        return VK_SUCCESS;
    }
    if (!expects) {
        struct pollfd wake = {.fd = swapchain->wake, .events = POLLIN};
        poll(&wake, 1, timeout);
        return VK_SUCCESS;
    }
    VkResult result = read_display(swapchain, timeout);
    if (window->client->wl_display_dispatch_queue_pending(window->display, window->queue) < 0 &&
        result == VK_SUCCESS)
        result = lost(window);
    return result;
}
