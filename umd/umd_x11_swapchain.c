/* SPDX-License-Identifier: MIT */
/*
 * Swapchains on X11. Each image has a pixmap, which the Present extension shows in the window when
 * its time has come and then says to be idle. Where the server takes the aperture's descriptor
 * (MIT-SHM), the pixmap *is* the image's memory, or the server copies from there; another server is
 * sent the pixels.
 *
 * The program reads events from the same connection: what another thread has taken off the socket
 * waits in the special queue of our event id, so that waiting for the socket alone could miss it.
 * Acquire and present look into that queue, too, and the thread does every few milliseconds.
 */
#include "umd/umd_x11.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_MS 4
#define PIXEL_BYTES 4u
#define MAX_PENDING 64u
#define CHECK_EVERY 64u /* looks: about a quarter of a second */

enum x11_way {
    X11_SEND,   /* the pixels are sent */
    X11_COPY,   /* the server copies them from the aperture */
    X11_SHARED, /* the pixmap lies in the aperture */
};

struct x11_swapchain {
    xcb_connection_t *connection;
    xcb_window_t window;
    uint8_t depth;
    enum x11_way way;
    uint32_t event_id;
    xcb_special_event_t *events;
    xcb_shm_seg_t segment; /* the aperture, or 0 */
    xcb_gcontext_t gc;     /* for pixmaps that are filled, or 0 */
    uint8_t *rows;         /* X11_SEND: room for rows without what lies between them */
    uint32_t looks;        /* the thread's, while something is expected */
    uint64_t last_msc;     /* with the swapchain's lock: when the last one was shown */
    uint32_t throttled_by; /* with lock: the serial that unthrottles */
    /* With lock, by serial: presentations that the server may still tell of. An image can be
     * presented again before that. */
    struct x11_pending {
        uint32_t serial;
        uint64_t present_id;
    } pending[MAX_PENDING];
};

struct x11_image {
    xcb_pixmap_t pixmap;
    uint32_t offset; /* in the aperture */
};

/* --- Creation --- */

static bool is_unix_socket(int fd)
{
    int domain;
    socklen_t size = sizeof(domain);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

static bool succeeded(xcb_connection_t *connection, xcb_void_cookie_t checked)
{
    xcb_generic_error_t *error = xcb_request_check(connection, checked);
    bool success = !error && !xcb_connection_has_error(connection);
    free(error);
    return success;
}

/* X11_SEND when the server has no MIT-SHM that takes descriptors. */
static enum x11_way best_way(xcb_connection_t *connection)
{
    const xcb_query_extension_reply_t *extension = xcb_get_extension_data(connection, &xcb_shm_id);
    if (!extension || !extension->present || !is_unix_socket(xcb_get_file_descriptor(connection)))
        return X11_SEND;
    xcb_shm_query_version_reply_t *version =
        xcb_shm_query_version_reply(connection, xcb_shm_query_version(connection), NULL);
    enum x11_way way = X11_SEND;
    if (version && (version->major_version > 1 || version->minor_version >= 2))
        way = version->shared_pixmaps && version->pixmap_format == XCB_IMAGE_FORMAT_Z_PIXMAP
                  ? X11_SHARED
                  : X11_COPY;
    free(version);
    return way;
}

/* Where an image's pixels lie in the aperture; the descriptor is the caller's. */
static bool share(const struct umd_swapchain *swapchain, const struct umd_swapchain_image *image,
                  int *fd, uint32_t *offset)
{
    uint64_t at, size;
    if (!umd_window_share(image->pixels, (size_t)image->stride * swapchain->extent.height, fd, &at,
                          &size))
        return false;
    *offset = (uint32_t)at;
    if (at == *offset && image->stride / PIXEL_BYTES <= UINT16_MAX)
        return true;
    close(*fd);
    return false;
}

/* Where all images lie in the aperture, which the server maps. False: it cannot have them. */
static bool attach(struct umd_swapchain *swapchain, struct x11_swapchain *x11)
{
    int fd = -1;
    for (uint32_t i = 0; i < swapchain->image_count; i++) {
        struct x11_image *own = swapchain->images[i].window;
        if (fd >= 0)
            close(fd);
        if (!share(swapchain, &swapchain->images[i], &fd, &own->offset))
            return false;
    }
    x11->segment = xcb_generate_id(x11->connection);
    /* The server only reads; the descriptor is libxcb's now. */
    if (succeeded(x11->connection, xcb_shm_attach_fd_checked(x11->connection, x11->segment, fd, 1)))
        return true;
    x11->segment = 0;
    return false;
}

/* A pixmap that is the image's memory. */
static bool make_shared(struct umd_swapchain *swapchain, struct x11_swapchain *x11,
                        struct umd_swapchain_image *image)
{
    struct x11_image *own = image->window;
    xcb_pixmap_t pixmap = xcb_generate_id(x11->connection);
    if (!succeeded(x11->connection,
                   xcb_shm_create_pixmap_checked(
                       x11->connection, pixmap, x11->window, (uint16_t)swapchain->extent.width,
                       (uint16_t)swapchain->extent.height, x11->depth, x11->segment, own->offset)))
        return false;
    own->pixmap = pixmap;
    return true;
}

static VkResult make_own(struct umd_swapchain *swapchain, struct x11_swapchain *x11,
                         struct umd_swapchain_image *image)
{
    struct x11_image *own = image->window;
    xcb_pixmap_t pixmap = xcb_generate_id(x11->connection);
    if (!succeeded(x11->connection,
                   xcb_create_pixmap_checked(x11->connection, x11->depth, pixmap, x11->window,
                                             (uint16_t)swapchain->extent.width,
                                             (uint16_t)swapchain->extent.height)))
        return xcb_connection_has_error(x11->connection) ? VK_ERROR_SURFACE_LOST_KHR
                                                         : VK_ERROR_OUT_OF_DEVICE_MEMORY;
    own->pixmap = pixmap;
    if (!x11->gc) {
        x11->gc = xcb_generate_id(x11->connection);
        umd_xcb_ignore(x11->connection,
                       xcb_create_gc_checked(x11->connection, x11->gc, pixmap, 0, NULL));
    }
    return VK_SUCCESS;
}

static VkResult make_pixmaps(struct umd_swapchain *swapchain, struct x11_swapchain *x11)
{
    for (uint32_t i = 0; i < swapchain->image_count; i++) {
        swapchain->images[i].window = calloc(1, sizeof(struct x11_image));
        if (!swapchain->images[i].window)
            return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    const size_t row = (size_t)swapchain->extent.width * PIXEL_BYTES;
    const bool padded = swapchain->images[0].stride != row;
    if (x11->way != X11_SEND && !attach(swapchain, x11))
        x11->way = X11_SEND;
    if (x11->way == X11_SHARED && padded) /* a larger window would show what lies between rows */
        x11->way = X11_COPY;
    for (uint32_t i = 0; i < swapchain->image_count; i++) {
        struct umd_swapchain_image *image = &swapchain->images[i];
        if (x11->way == X11_SHARED) {
            if (make_shared(swapchain, x11, image))
                continue;
            if (i)
                return VK_ERROR_OUT_OF_DEVICE_MEMORY;
            x11->way = X11_COPY;
        }
        VkResult result = make_own(swapchain, x11, image);
        if (result)
            return result;
    }
    if (x11->way == X11_SEND && padded) {
        x11->rows = malloc(row * swapchain->extent.height);
        if (!x11->rows)
            return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    return VK_SUCCESS;
}

static bool select_events(struct x11_swapchain *x11)
{
    const uint32_t mask = XCB_PRESENT_EVENT_MASK_CONFIGURE_NOTIFY |
                          XCB_PRESENT_EVENT_MASK_COMPLETE_NOTIFY |
                          XCB_PRESENT_EVENT_MASK_IDLE_NOTIFY;
    x11->event_id = xcb_generate_id(x11->connection);
    x11->events =
        xcb_register_for_special_xge(x11->connection, &xcb_present_id, x11->event_id, NULL);
    if (!x11->events)
        return false;
    umd_xcb_ignore(x11->connection, xcb_present_select_input_checked(x11->connection, x11->event_id,
                                                                     x11->window, mask));
    return true;
}

/* Both extensions demand to be asked before they are used. */
static bool ask_versions(xcb_connection_t *connection)
{
    xcb_present_query_version_cookie_t of_present = xcb_present_query_version(connection, 1, 2);
    xcb_xfixes_query_version_reply_t *xfixes = xcb_xfixes_query_version_reply(
        connection, xcb_xfixes_query_version(connection, 2, 0), NULL);
    xcb_present_query_version_reply_t *present =
        xcb_present_query_version_reply(connection, of_present, NULL);
    bool both = xfixes && xfixes->major_version >= 2 && present;
    free(xfixes);
    free(present);
    return both;
}

/* Whether the window is there, and of the swapchain's size. A window that has gone need not say so.
 */
static VkResult check_window(const struct umd_swapchain *swapchain, uint8_t *depth)
{
    const struct x11_swapchain *x11 = swapchain->window;
    xcb_get_geometry_reply_t *geometry = xcb_get_geometry_reply(
        x11->connection, xcb_get_geometry(x11->connection, x11->window), NULL);
    if (!geometry)
        return VK_ERROR_SURFACE_LOST_KHR;
    bool fits =
        geometry->width == swapchain->extent.width && geometry->height == swapchain->extent.height;
    if (depth)
        *depth = geometry->depth;
    free(geometry);
    return fits ? VK_SUCCESS : VK_SUBOPTIMAL_KHR;
}

VkResult umd_x11_create_swapchain(struct umd_swapchain *swapchain)
{
    const struct umd_x11_surface *surface = (const struct umd_x11_surface *)swapchain->surface;
    xcb_connection_t *connection = surface->connection;
    struct x11_swapchain *x11 = calloc(1, sizeof(*x11));
    if (!x11)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    swapchain->window = x11;
    x11->connection = connection;
    x11->window = surface->window;
    if (!ask_versions(connection))
        return xcb_connection_has_error(connection) ? VK_ERROR_SURFACE_LOST_KHR
                                                    : VK_ERROR_INITIALIZATION_FAILED;
    if (!select_events(x11))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    /* Of what changes after this there are events. */
    VkResult fits = check_window(swapchain, &x11->depth);
    if (fits < 0)
        return fits;
    umd_swapchain_note(swapchain, fits);
    x11->way = best_way(connection);
    return make_pixmaps(swapchain, x11);
}

void umd_x11_destroy_swapchain(struct umd_swapchain *swapchain)
{
    struct x11_swapchain *x11 = swapchain->window;
    if (!x11)
        return;
    xcb_connection_t *connection = x11->connection;
    if (!xcb_connection_has_error(connection)) {
        if (x11->events) {
            /* When this is answered no more events come, which would be the program's then. */
            (void)succeeded(connection, xcb_present_select_input_checked(connection, x11->event_id,
                                                                         x11->window, 0));
            xcb_unregister_for_special_event(connection, x11->events);
        }
        for (uint32_t i = 0; i < swapchain->image_count; i++) {
            const struct x11_image *own = swapchain->images[i].window;
            if (own && own->pixmap)
                umd_xcb_ignore(connection, xcb_free_pixmap_checked(connection, own->pixmap));
        }
        if (x11->gc)
            umd_xcb_ignore(connection, xcb_free_gc_checked(connection, x11->gc));
        if (x11->segment)
            umd_xcb_ignore(connection, xcb_shm_detach_checked(connection, x11->segment));
        xcb_flush(connection);
    }
    for (uint32_t i = 0; i < swapchain->image_count; i++) {
        free(swapchain->images[i].window);
        swapchain->images[i].window = NULL;
    }
    free(x11->rows);
    free(x11);
    swapchain->window = NULL;
}

/* --- Events --- */

/* The image that is idle; NULL: one of another swapchain of the window. */
static struct umd_swapchain_image *image_of(struct umd_swapchain *swapchain,
                                            const xcb_present_idle_notify_event_t *event)
{
    struct umd_swapchain_image *found = NULL;
    pthread_mutex_lock(&swapchain->lock);
    for (uint32_t i = 0; i < swapchain->image_count && !found; i++) {
        const struct x11_image *own = swapchain->images[i].window;
        if (swapchain->images[i].serial == event->serial && own->pixmap == event->pixmap)
            found = &swapchain->images[i];
    }
    pthread_mutex_unlock(&swapchain->lock);
    return found;
}

static void completed(struct umd_swapchain *swapchain,
                      const xcb_present_complete_notify_event_t *event)
{
    struct x11_swapchain *x11 = swapchain->window;
    const struct x11_pending *pending = &x11->pending[event->serial % MAX_PENDING];
    if (event->kind != XCB_PRESENT_COMPLETE_KIND_PIXMAP)
        return;
    pthread_mutex_lock(&swapchain->lock);
    uint64_t present_id = pending->serial == event->serial ? pending->present_id : 0;
    if (event->msc > x11->last_msc)
        x11->last_msc = event->msc;
    bool unthrottles = swapchain->throttled && x11->throttled_by == event->serial;
    pthread_mutex_unlock(&swapchain->lock);
    umd_swapchain_shown(swapchain, present_id);
    if (unthrottles)
        umd_swapchain_unthrottle(swapchain);
}

static VkResult configured(const struct umd_swapchain *swapchain,
                           const xcb_present_configure_notify_event_t *event)
{
    if (event->pixmap_flags & 1) /* PresentWindowDestroyed */
        return VK_ERROR_SURFACE_LOST_KHR;
    return event->width == swapchain->extent.width && event->height == swapchain->extent.height
               ? VK_SUCCESS
               : VK_SUBOPTIMAL_KHR;
}

static VkResult handle(struct umd_swapchain *swapchain, const xcb_generic_event_t *generic)
{
    const void *event = generic;
    switch (((const xcb_present_generic_event_t *)event)->evtype) {
    case XCB_PRESENT_EVENT_COMPLETE_NOTIFY:
        completed(swapchain, event);
        break;
    case XCB_PRESENT_EVENT_IDLE_NOTIFY: {
        struct umd_swapchain_image *image = image_of(swapchain, event);
        if (image)
            umd_swapchain_idle(swapchain, image);
        break;
    }
    case XCB_PRESENT_EVENT_CONFIGURE_NOTIFY:
        return configured(swapchain, event);
    }
    return VK_SUCCESS;
}

VkResult umd_x11_look(struct umd_swapchain *swapchain)
{
    const struct x11_swapchain *x11 = swapchain->window;
    VkResult result = VK_SUCCESS;
    xcb_generic_event_t *event;
    while (result >= 0 && (event = xcb_poll_for_special_event(x11->connection, x11->events))) {
        VkResult one = handle(swapchain, event);
        if (one)
            result = one;
        free(event);
    }
    return xcb_connection_has_error(x11->connection) ? VK_ERROR_SURFACE_LOST_KHR : result;
}

VkResult umd_x11_dispatch(struct umd_swapchain *swapchain, bool expects, int timeout)
{
    struct x11_swapchain *x11 = swapchain->window;
    struct pollfd fds[2] = {{.fd = swapchain->wake, .events = POLLIN},
                            {.fd = -1, .events = POLLIN}};
    if (expects) {
        fds[1].fd = xcb_get_file_descriptor(x11->connection);
        if (timeout < 0 || timeout > LOOK_MS)
            timeout = LOOK_MS;
    }
    VkResult result = umd_x11_look(swapchain);
    if (result)
        return result;
    poll(fds, 2, timeout);
    if (!expects)
        return VK_SUCCESS;
    return ++x11->looks % CHECK_EVERY ? umd_x11_look(swapchain) : check_window(swapchain, NULL);
}

/* --- Presenting --- */

/* Sends the pixels, in as many requests as they need. */
static void send_pixels(const struct umd_swapchain *swapchain, struct x11_swapchain *x11,
                        const struct umd_swapchain_image *image, xcb_drawable_t drawable)
{
    const uint32_t width = swapchain->extent.width, height = swapchain->extent.height;
    const size_t row = (size_t)width * PIXEL_BYTES;
    const uint8_t *pixels = image->pixels;
    for (uint32_t y = 0; x11->rows && y < height; y++)
        memcpy(x11->rows + y * row, image->pixels + (size_t)y * image->stride, row);
    if (x11->rows)
        pixels = x11->rows;
    size_t room = (size_t)xcb_get_maximum_request_length(x11->connection) * 4 - 64;
    uint32_t most = (uint32_t)(room / row);
    for (uint32_t y = 0; most && y < height; y += most) {
        uint32_t rows = height - y < most ? height - y : most;
        umd_xcb_ignore(x11->connection,
                       xcb_put_image_checked(x11->connection, XCB_IMAGE_FORMAT_Z_PIXMAP, drawable,
                                             x11->gc, (uint16_t)width, (uint16_t)rows, 0,
                                             (int16_t)y, 0, x11->depth, (uint32_t)(rows * row),
                                             pixels + y * row));
    }
}

/* Puts the pixels into the image's pixmap, or into the window. */
static void fill(const struct umd_swapchain *swapchain, struct x11_swapchain *x11,
                 const struct umd_swapchain_image *image, xcb_drawable_t drawable)
{
    const struct x11_image *own = image->window;
    const uint16_t width = (uint16_t)swapchain->extent.width;
    const uint16_t height = (uint16_t)swapchain->extent.height;
    if (x11->way == X11_SEND)
        send_pixels(swapchain, x11, image, drawable);
    else if (x11->way == X11_COPY)
        umd_xcb_ignore(x11->connection,
                       xcb_shm_put_image_checked(
                           x11->connection, drawable, x11->gc,
                           (uint16_t)(image->stride / PIXEL_BYTES), height, 0, 0, width, height, 0,
                           0, x11->depth, XCB_IMAGE_FORMAT_Z_PIXMAP, 0, x11->segment, own->offset));
}

/* Without waiting for the screen: the pixels go straight into the window, which saves the server a
 * copy. When it answers it has them. */
static VkResult put_into_window(struct umd_swapchain *swapchain, const struct umd_present *present)
{
    struct x11_swapchain *x11 = swapchain->window;
    fill(swapchain, x11, present->image, x11->window);
    VkResult result = check_window(swapchain, NULL);
    if (result < 0)
        return result;
    umd_swapchain_shown(swapchain, present->present_id);
    umd_swapchain_idle(swapchain, present->image);
    return result;
}

/* A region of what has changed; 0: it cannot be had. */
static xcb_xfixes_region_t make_region(struct x11_swapchain *x11, const struct umd_present *present)
{
    xcb_rectangle_t *rects = malloc(present->rect_count * sizeof(*rects));
    if (!rects)
        return 0;
    for (uint32_t i = 0; i < present->rect_count; i++) {
        const VkRectLayerKHR *from = &present->rects[i];
        rects[i] = (xcb_rectangle_t){(int16_t)from->offset.x, (int16_t)from->offset.y,
                                     (uint16_t)from->extent.width, (uint16_t)from->extent.height};
    }
    xcb_xfixes_region_t region = xcb_generate_id(x11->connection);
    umd_xcb_ignore(x11->connection, xcb_xfixes_create_region_checked(x11->connection, region,
                                                                     present->rect_count, rects));
    free(rects);
    return region;
}

/* Notes what is about to be presented; with `throttle`, gives when the screen may show it. */
static uint64_t note(struct umd_swapchain *swapchain, struct x11_swapchain *x11,
                     const struct umd_present *present, bool throttle)
{
    uint64_t target = 0;
    pthread_mutex_lock(&swapchain->lock);
    x11->pending[present->serial % MAX_PENDING] =
        (struct x11_pending){present->serial, present->present_id};
    if (throttle && !swapchain->stop) {
        swapchain->throttled = true;
        x11->throttled_by = present->serial;
        target = x11->last_msc + 1;
    }
    pthread_mutex_unlock(&swapchain->lock);
    return target;
}

VkResult umd_x11_present(struct umd_swapchain *swapchain, const struct umd_present *present)
{
    struct x11_swapchain *x11 = swapchain->window;
    const struct x11_image *own = present->image->window;
    uint32_t options = XCB_PRESENT_OPTION_NONE;
    bool immediate = swapchain->mode == VK_PRESENT_MODE_IMMEDIATE_KHR;
    bool relaxed = swapchain->mode == VK_PRESENT_MODE_FIFO_RELAXED_KHR;
    if (immediate && x11->way != X11_SHARED)
        return put_into_window(swapchain, present);
    if (immediate || relaxed)
        options = XCB_PRESENT_OPTION_ASYNC;
    uint64_t target =
        note(swapchain, x11, present, relaxed || swapchain->mode == VK_PRESENT_MODE_FIFO_KHR);
    fill(swapchain, x11, present->image, own->pixmap);
    /* Only a presentation without a region replaces those that wait for the same moment. */
    bool replaces = swapchain->mode == VK_PRESENT_MODE_MAILBOX_KHR;
    xcb_xfixes_region_t changed = present->rect_count && !replaces ? make_region(x11, present) : 0;
    umd_xcb_ignore(x11->connection, xcb_present_pixmap_checked(
                                        x11->connection, x11->window, own->pixmap, present->serial,
                                        0, changed, 0, 0, 0, 0, 0, options, target, 0, 0, 0, NULL));
    if (changed)
        umd_xcb_ignore(x11->connection,
                       xcb_xfixes_destroy_region_checked(x11->connection, changed));
    xcb_flush(x11->connection);
    return xcb_connection_has_error(x11->connection) ? VK_ERROR_SURFACE_LOST_KHR : VK_SUCCESS;
}
