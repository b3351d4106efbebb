/* SPDX-License-Identifier: MIT */
#include "umd/umd_wayland.h"

#include <string.h>

#include "umd/umd_adapter.h"

#define LIBRARY "libwayland-client.so.0"

/* Functions and interfaces alike: what a member is called is what the library calls it. */
#define SYMBOL(name)                                                                               \
    {                                                                                              \
#name, offsetof(struct wayland_client, name)                                               \
    }

static const struct {
    const char *name;
    size_t offset;
} symbols[] = {
    SYMBOL(wl_display_create_queue),
    SYMBOL(wl_event_queue_destroy),
    SYMBOL(wl_display_get_fd),
    SYMBOL(wl_display_get_error),
    SYMBOL(wl_display_flush),
    SYMBOL(wl_display_roundtrip_queue),
    SYMBOL(wl_display_dispatch_queue_pending),
    SYMBOL(wl_display_prepare_read_queue),
    SYMBOL(wl_display_read_events),
    SYMBOL(wl_display_cancel_read),
    SYMBOL(wl_proxy_create_wrapper),
    SYMBOL(wl_proxy_wrapper_destroy),
    SYMBOL(wl_proxy_set_queue),
    SYMBOL(wl_proxy_get_version),
    SYMBOL(wl_proxy_add_listener),
    SYMBOL(wl_proxy_destroy),
    SYMBOL(wl_proxy_marshal_array),
    SYMBOL(wl_proxy_marshal_array_constructor_versioned),
    SYMBOL(wl_registry_interface),
    SYMBOL(wl_shm_interface),
    SYMBOL(wl_shm_pool_interface),
    SYMBOL(wl_buffer_interface),
    SYMBOL(wl_callback_interface),
};

static bool load(struct wayland_client *client)
{
    const struct gpupv_umd_callbacks *callbacks = umd_window_callbacks();
    void *library = callbacks ? callbacks->OpenLibrary(LIBRARY) : NULL;
    if (!library)
        return false;
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *symbol = callbacks->LibrarySymbol(library, symbols[i].name);
        if (!symbol) {
            umd_warning("no windows on Wayland: this guest's " LIBRARY " has no %s; 1.11 has it",
                        symbols[i].name);
            return false;
        }
        memcpy((char *)client + symbols[i].offset, &symbol, sizeof(symbol));
    }
    return true;
}

const struct wayland_client *umd_wayland_client(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct wayland_client client;
    static enum { UNKNOWN, THERE, MISSING } state;

    pthread_mutex_lock(&lock);
    if (state == UNKNOWN)
        state = load(&client) ? THERE : MISSING;
    bool there = state == THERE;
    pthread_mutex_unlock(&lock);
    return there ? &client : NULL;
}

struct wl_proxy *umd_wayland_wrap(const struct wayland_client *client, void *object,
                                  struct wl_event_queue *queue)
{
    struct wl_proxy *wrapper = client->wl_proxy_create_wrapper(object);
    if (wrapper)
        client->wl_proxy_set_queue(wrapper, queue);
    return wrapper;
}
