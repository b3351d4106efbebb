/* SPDX-License-Identifier: MIT */
#include "umd/umd_xcb.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "umd/umd_adapter.h"
#include "umd/umd_wsi.h"

/* What is used of libxcb: result, name, parameters, arguments. */
#define FUNCTIONS(F)                                                                               \
    F(int, xcb_connection_has_error, (xcb_connection_t * c), (c))                                  \
    F(int, xcb_flush, (xcb_connection_t * c), (c))                                                 \
    F(int, xcb_get_file_descriptor, (xcb_connection_t * c), (c))                                   \
    F(uint32_t, xcb_generate_id, (xcb_connection_t * c), (c))                                      \
    F(uint32_t, xcb_get_maximum_request_length, (xcb_connection_t * c), (c))                       \
    F(const struct xcb_setup_t *, xcb_get_setup, (xcb_connection_t * c), (c))                      \
    F(const struct xcb_query_extension_reply_t *, xcb_get_extension_data,                          \
      (xcb_connection_t * c, xcb_extension_t * extension), (c, extension))                         \
    F(unsigned int, xcb_send_request,                                                              \
      (xcb_connection_t * c, int flags, struct iovec *vector,                                      \
       const xcb_protocol_request_t *request),                                                     \
      (c, flags, vector, request))                                                                 \
    F(unsigned int, xcb_send_request_with_fds,                                                     \
      (xcb_connection_t * c, int flags, struct iovec *vector,                                      \
       const xcb_protocol_request_t *request, unsigned int count, int *fds),                       \
      (c, flags, vector, request, count, fds))                                                     \
    F(void *, xcb_wait_for_reply,                                                                  \
      (xcb_connection_t * c, unsigned int request, xcb_generic_error_t **error),                   \
      (c, request, error))                                                                         \
    F(int *, xcb_get_reply_fds, (xcb_connection_t * c, void *reply, size_t size),                  \
      (c, reply, size))                                                                            \
    F(void, xcb_discard_reply, (xcb_connection_t * c, unsigned int sequence), (c, sequence))       \
    F(xcb_generic_error_t *, xcb_request_check, (xcb_connection_t * c, xcb_void_cookie_t cookie),  \
      (c, cookie))                                                                                 \
    F(xcb_special_event_t *, xcb_register_for_special_xge,                                         \
      (xcb_connection_t * c, xcb_extension_t * extension, uint32_t id, uint32_t * stamp),          \
      (c, extension, id, stamp))                                                                   \
    F(void, xcb_unregister_for_special_event,                                                      \
      (xcb_connection_t * c, xcb_special_event_t * events), (c, events))                           \
    F(xcb_generic_event_t *, xcb_poll_for_special_event,                                           \
      (xcb_connection_t * c, xcb_special_event_t * events), (c, events))                           \
    F(xcb_get_geometry_cookie_t, xcb_get_geometry,                                                 \
      (xcb_connection_t * c, xcb_drawable_t drawable), (c, drawable))                              \
    F(xcb_get_geometry_reply_t *, xcb_get_geometry_reply,                                          \
      (xcb_connection_t * c, xcb_get_geometry_cookie_t cookie, xcb_generic_error_t * *error),      \
      (c, cookie, error))                                                                          \
    F(xcb_get_window_attributes_cookie_t, xcb_get_window_attributes,                               \
      (xcb_connection_t * c, xcb_window_t window), (c, window))                                    \
    F(xcb_get_window_attributes_reply_t *, xcb_get_window_attributes_reply,                        \
      (xcb_connection_t * c, xcb_get_window_attributes_cookie_t cookie,                            \
       xcb_generic_error_t * *error),                                                              \
      (c, cookie, error))                                                                          \
    F(xcb_screen_iterator_t, xcb_setup_roots_iterator, (const xcb_setup_t *setup), (setup))        \
    F(void, xcb_screen_next, (xcb_screen_iterator_t * i), (i))                                     \
    F(xcb_depth_iterator_t, xcb_screen_allowed_depths_iterator, (const xcb_screen_t *screen),      \
      (screen))                                                                                    \
    F(void, xcb_depth_next, (xcb_depth_iterator_t * i), (i))                                       \
    F(xcb_visualtype_iterator_t, xcb_depth_visuals_iterator, (const xcb_depth_t *depth), (depth))  \
    F(void, xcb_visualtype_next, (xcb_visualtype_iterator_t * i), (i))                             \
    F(xcb_void_cookie_t, xcb_create_pixmap_checked,                                                \
      (xcb_connection_t * c, uint8_t depth, xcb_pixmap_t id, xcb_drawable_t drawable,              \
       uint16_t width, uint16_t height),                                                           \
      (c, depth, id, drawable, width, height))                                                     \
    F(xcb_void_cookie_t, xcb_free_pixmap_checked, (xcb_connection_t * c, xcb_pixmap_t pixmap),     \
      (c, pixmap))                                                                                 \
    F(xcb_void_cookie_t, xcb_create_gc_checked,                                                    \
      (xcb_connection_t * c, xcb_gcontext_t id, xcb_drawable_t drawable, uint32_t mask,            \
       const void *values),                                                                        \
      (c, id, drawable, mask, values))                                                             \
    F(xcb_void_cookie_t, xcb_free_gc_checked, (xcb_connection_t * c, xcb_gcontext_t gc), (c, gc))  \
    F(xcb_void_cookie_t, xcb_put_image_checked,                                                    \
      (xcb_connection_t * c, uint8_t format, xcb_drawable_t drawable, xcb_gcontext_t gc,           \
       uint16_t width, uint16_t height, int16_t x, int16_t y, uint8_t left_pad, uint8_t depth,     \
       uint32_t size, const uint8_t *data),                                                        \
      (c, format, drawable, gc, width, height, x, y, left_pad, depth, size, data))

static struct {
#define MEMBER(result, name, parameters, arguments) result(*name) parameters;
    FUNCTIONS(MEMBER)
#undef MEMBER
} xcb;

#define FORWARD(result, name, parameters, arguments)                                               \
    result name parameters                                                                         \
    {                                                                                              \
        return xcb.name arguments;                                                                 \
    }
FUNCTIONS(FORWARD)
#undef FORWARD

/* --- Loading --- */

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static enum { UNKNOWN, THERE, MISSING } loaded, loaded_xlib; /* with load_lock */
static xcb_connection_t *(*connection_of)(void *display);    /* constant once loaded_xlib */

static bool find_functions(const struct gpupv_umd_callbacks *callbacks)
{
    void *library = callbacks->OpenLibrary("libxcb.so.1");
    bool all = library != NULL;
#define FIND(result, name, parameters, arguments)                                                  \
    if (all) {                                                                                     \
        void *function = callbacks->LibrarySymbol(library, #name);                                 \
        __builtin_memcpy(&xcb.name, &function, sizeof(function));                                  \
        all = function != NULL;                                                                    \
    }
    FUNCTIONS(FIND)
#undef FIND
    return all;
}

static bool load_locked(void)
{
    const struct gpupv_umd_callbacks *callbacks = umd_window_callbacks();
    if (loaded == UNKNOWN && callbacks)
        loaded = find_functions(callbacks) ? THERE : MISSING;
    return loaded == THERE;
}

static bool load_xlib_locked(void)
{
    if (loaded_xlib == UNKNOWN && load_locked()) {
        const struct gpupv_umd_callbacks *callbacks = umd_window_callbacks();
        void *library = callbacks->OpenLibrary("libX11-xcb.so.1");
        void *function = library ? callbacks->LibrarySymbol(library, "XGetXCBConnection") : NULL;
        __builtin_memcpy(&connection_of, &function, sizeof(function));
        loaded_xlib = function ? THERE : MISSING;
    }
    return loaded_xlib == THERE;
}

bool umd_xcb_available(void)
{
    pthread_mutex_lock(&load_lock);
    bool there = load_locked();
    pthread_mutex_unlock(&load_lock);
    return there;
}

bool umd_xlib_available(void)
{
    pthread_mutex_lock(&load_lock);
    bool there = load_xlib_locked();
    pthread_mutex_unlock(&load_lock);
    return there;
}

xcb_connection_t *umd_xcb_of_display(void *display)
{
    return umd_xlib_available() ? connection_of(display) : NULL;
}
