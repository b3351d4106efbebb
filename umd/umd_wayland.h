/* SPDX-License-Identifier: MIT */
/*
 * Windows of Wayland. Each surface has its wl_shm, and each swapchain an event queue of its own,
 * which its thread alone dispatches. Images lie in the aperture and are made wl_buffers where they
 * are; where that cannot be, each has a copy that the compositor maps.
 *
 * libwayland-client is the guest's and opened at run time. What is called of it is in 1.11 already.
 */
#ifndef GPUPV_UMD_WAYLAND_H
#define GPUPV_UMD_WAYLAND_H

#include "umd/umd_wsi.h"

/* --- The library (umd_wayland_client.c): types and functions of its ABI, by its names --- */

struct wl_display;
struct wl_proxy;
struct wl_event_queue;
struct wl_interface;

union wayland_argument {
    int32_t i; /* also a descriptor */
    uint32_t u;
    const char *s;
    void *o; /* an object; NULL also for a new one */
};

struct wayland_client {
    struct wl_event_queue *(*wl_display_create_queue)(struct wl_display *display);
    void (*wl_event_queue_destroy)(struct wl_event_queue *queue);
    int (*wl_display_get_fd)(struct wl_display *display);
    int (*wl_display_get_error)(struct wl_display *display);
    int (*wl_display_flush)(struct wl_display *display);
    int (*wl_display_roundtrip_queue)(struct wl_display *display, struct wl_event_queue *queue);
    int (*wl_display_dispatch_queue_pending)(struct wl_display *display,
                                             struct wl_event_queue *queue);
    int (*wl_display_prepare_read_queue)(struct wl_display *display, struct wl_event_queue *queue);
    int (*wl_display_read_events)(struct wl_display *display);
    void (*wl_display_cancel_read)(struct wl_display *display);
    void *(*wl_proxy_create_wrapper)(void *proxy);
    void (*wl_proxy_wrapper_destroy)(void *wrapper);
    void (*wl_proxy_set_queue)(struct wl_proxy *proxy, struct wl_event_queue *queue);
    uint32_t (*wl_proxy_get_version)(struct wl_proxy *proxy);
    int (*wl_proxy_add_listener)(struct wl_proxy *proxy, void (**functions)(void), void *data);
    void (*wl_proxy_destroy)(struct wl_proxy *proxy);
    void (*wl_proxy_marshal_array)(struct wl_proxy *proxy, uint32_t opcode,
                                   union wayland_argument *arguments);
    struct wl_proxy *(*wl_proxy_marshal_array_constructor_versioned)(
        struct wl_proxy *proxy, uint32_t opcode, union wayland_argument *arguments,
        const struct wl_interface *interface, uint32_t version);
    const struct wl_interface *wl_registry_interface, *wl_shm_interface, *wl_shm_pool_interface,
        *wl_buffer_interface, *wl_callback_interface;
};

/* NULL: the guest does not have it, or an older one. */
const struct wayland_client *umd_wayland_client(void);

/* A wrapper of an object whose children's events go to `queue`; NULL: no memory. */
struct wl_proxy *umd_wayland_wrap(const struct wayland_client *client, void *object,
                                  struct wl_event_queue *queue);

/* --- Surfaces (umd_wayland.c) --- */

/* What a display says of its shared memory. */
struct wayland_shm {
    const struct wayland_client *client;
    struct wl_display *display;
    struct wl_event_queue *queue;
    struct wl_proxy *shm;
    uint32_t codes; /* 1 << the index in a list of known formats */
};

struct wayland_surface {
    struct umd_surface base;
    struct wl_proxy *surface; /* the program's */
    pthread_mutex_t lock;     /* for asking; what was answered is constant */
    bool asked;
    VkResult answer;
    struct wayland_shm shm;
};

/* Asks the display, once. Any thread. */
VkResult umd_wayland_ask(struct wayland_surface *surface);
/* The code by which wl_shm knows a format that get_formats has told. */
uint32_t umd_wayland_code(VkFormat format, bool opaque);

/* --- Swapchains (umd_wayland_swapchain.c) --- */

VkResult umd_wayland_create_swapchain(struct umd_swapchain *swapchain);
void umd_wayland_destroy_swapchain(struct umd_swapchain *swapchain);
VkResult umd_wayland_present(struct umd_swapchain *swapchain, const struct umd_present *present);
VkResult umd_wayland_dispatch(struct umd_swapchain *swapchain, bool expects, int timeout);

#endif
