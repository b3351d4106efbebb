/* SPDX-License-Identifier: MIT */
#include "fake_xcb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umd/umd_xcb.h"

struct fake_xcb fake_xcb;

/* --- libxcb --- */

static const char *name_of(const xcb_extension_t *extension)
{
    return extension ? extension->name : NULL;
}

static bool is(const struct fake_x_request *request, const char *extension, uint8_t opcode)
{
    return request->extension && !strcmp(request->extension, extension) &&
           request->opcode == opcode;
}

const void *fake_last(const char *extension, uint8_t opcode)
{
    for (uint32_t i = fake_xcb.count; i-- > 0;)
        if (is(&fake_xcb.requests[i], extension, opcode))
            return fake_xcb.requests[i].bytes;
    return NULL;
}

static int has_error(xcb_connection_t *c)
{
    (void)c;
    return fake_xcb.error;
}

static int flush(xcb_connection_t *c)
{
    (void)c;
    return 1;
}

static int get_file_descriptor(xcb_connection_t *c)
{
    (void)c;
    return fake_xcb.socket;
}

static uint32_t generate_id(xcb_connection_t *c)
{
    (void)c;
    return 1000 + ++fake_xcb.ids;
}

static uint32_t get_maximum_request_length(xcb_connection_t *c)
{
    (void)c;
    return fake_xcb.longest;
}

static const struct xcb_setup_t *get_setup(xcb_connection_t *c)
{
    (void)c;
    return &fake_xcb.setup;
}

static const xcb_query_extension_reply_t *get_extension_data(xcb_connection_t *c,
                                                             xcb_extension_t *extension)
{
    static xcb_query_extension_reply_t there = {.present = 1}, missing;
    (void)c;
    bool lacks = (fake_xcb.no_present && extension == &xcb_present_id) ||
                 (fake_xcb.no_xfixes && extension == &xcb_xfixes_id) ||
                 (fake_xcb.no_shm && extension == &xcb_shm_id);
    return lacks ? &missing : &there;
}

static unsigned send_request(xcb_connection_t *c, int flags, struct iovec *vector,
                             const xcb_protocol_request_t *request)
{
    (void)c, (void)flags;
    assert_true(fake_xcb.count < FAKE_MAX_REQUESTS);
    struct fake_x_request *noted = &fake_xcb.requests[fake_xcb.count++];
    noted->extension = name_of(request->ext);
    noted->opcode = request->opcode;
    size_t at = 0;
    for (size_t i = 0; i < request->count && at < sizeof(noted->bytes); i++) {
        size_t size = vector[i].iov_len, room = sizeof(noted->bytes) - at;
        if (vector[i].iov_base)
            memcpy(noted->bytes + at, vector[i].iov_base, size < room ? size : room);
        at += size;
    }
    if (is(noted, "Present", XCB_PRESENT_SELECT_INPUT))
        fake_xcb.selected =
            ((const xcb_present_select_input_request_t *)(const void *)noted->bytes)->event_mask;
    return fake_xcb.count;
}

static unsigned send_request_with_fds(xcb_connection_t *c, int flags, struct iovec *vector,
                                      const xcb_protocol_request_t *request, unsigned count,
                                      int *fds)
{
    while (count > 0)
        close(fds[--count]);
    return send_request(c, flags, vector, request);
}

static void *wait_for_reply(xcb_connection_t *c, unsigned sequence, xcb_generic_error_t **error)
{
    (void)c;
    const struct fake_x_request *request = &fake_xcb.requests[sequence - 1];
    if (error)
        *error = NULL;
    if (fake_xcb.error || fake_xcb.no_versions)
        return NULL;
    if (is(request, "Present", XCB_PRESENT_QUERY_VERSION))
        return calloc(1, sizeof(xcb_present_query_version_reply_t));
    if (is(request, "XFIXES", XCB_XFIXES_QUERY_VERSION)) {
        xcb_xfixes_query_version_reply_t *reply = calloc(1, sizeof(*reply));
        assert_non_null(reply);
        reply->major_version = 5;
        return reply;
    }
    assert_true(is(request, "MIT-SHM", XCB_SHM_QUERY_VERSION));
    xcb_shm_query_version_reply_t *reply = calloc(1, sizeof(*reply));
    assert_non_null(reply);
    reply->major_version = 1;
    reply->minor_version = 2;
    reply->shared_pixmaps = !fake_xcb.no_shared_pixmaps;
    reply->pixmap_format = XCB_IMAGE_FORMAT_Z_PIXMAP;
    return reply;
}

static int *get_reply_fds(xcb_connection_t *c, void *reply, size_t size)
{
    (void)c, (void)reply, (void)size;
    return NULL;
}

static void discard_reply(xcb_connection_t *c, unsigned sequence)
{
    (void)c, (void)sequence;
}

static xcb_generic_error_t *request_check(xcb_connection_t *c, xcb_void_cookie_t cookie)
{
    (void)c;
    static const struct fake_x_request core;
    const struct fake_x_request *request =
        cookie.sequence ? &fake_xcb.requests[cookie.sequence - 1] : &core;
    bool refused = (fake_xcb.refuses_attach && is(request, "MIT-SHM", XCB_SHM_ATTACH_FD)) ||
                   (fake_xcb.refuses_pixmap && is(request, "MIT-SHM", XCB_SHM_CREATE_PIXMAP));
    if (is(request, "Present", XCB_PRESENT_SELECT_INPUT) && fake_xcb.registered)
        fake_xcb.checked_after_select++;
    return refused ? calloc(1, sizeof(xcb_generic_error_t)) : NULL;
}

static xcb_special_event_t *register_for_special_xge(xcb_connection_t *c,
                                                     xcb_extension_t *extension, uint32_t id,
                                                     uint32_t *stamp)
{
    (void)c, (void)extension, (void)id, (void)stamp;
    fake_xcb.registered = !fake_xcb.no_events;
    return fake_xcb.no_events ? NULL : (xcb_special_event_t *)&fake_xcb;
}

static void unregister_for_special_event(xcb_connection_t *c, xcb_special_event_t *events)
{
    (void)c, (void)events;
    assert_false(fake_xcb.selected);
    fake_xcb.registered = false;
}

static xcb_generic_event_t *poll_for_special_event(xcb_connection_t *c, xcb_special_event_t *events)
{
    (void)c, (void)events;
    if (!fake_xcb.event_count)
        return NULL;
    xcb_generic_event_t *event = fake_xcb.events[0];
    memmove(fake_xcb.events, fake_xcb.events + 1, --fake_xcb.event_count * sizeof(event));
    return event;
}

static xcb_get_geometry_cookie_t get_geometry(xcb_connection_t *c, xcb_drawable_t drawable)
{
    (void)c, (void)drawable;
    return (xcb_get_geometry_cookie_t){0};
}

static xcb_get_geometry_reply_t *get_geometry_reply(xcb_connection_t *c,
                                                    xcb_get_geometry_cookie_t cookie,
                                                    xcb_generic_error_t **error)
{
    (void)c, (void)cookie, (void)error;
    xcb_get_geometry_reply_t *reply = fake_xcb.no_window ? NULL : calloc(1, sizeof(*reply));
    if (reply) {
        reply->width = fake_xcb.width;
        reply->height = fake_xcb.height;
        reply->depth = fake_xcb.depth;
    }
    return reply;
}

static xcb_get_window_attributes_cookie_t get_window_attributes(xcb_connection_t *c,
                                                                xcb_window_t window)
{
    (void)c, (void)window;
    return (xcb_get_window_attributes_cookie_t){0};
}

static xcb_get_window_attributes_reply_t *
get_window_attributes_reply(xcb_connection_t *c, xcb_get_window_attributes_cookie_t cookie,
                            xcb_generic_error_t **error)
{
    (void)c, (void)cookie, (void)error;
    xcb_get_window_attributes_reply_t *reply =
        fake_xcb.no_window ? NULL : calloc(1, sizeof(*reply));
    if (reply)
        reply->visual = 33;
    return reply;
}

static xcb_screen_iterator_t setup_roots_iterator(const xcb_setup_t *setup)
{
    (void)setup;
    return (xcb_screen_iterator_t){.data = &fake_xcb.screen, .rem = 1};
}

static void screen_next(xcb_screen_iterator_t *i)
{
    i->rem--;
}

static xcb_depth_iterator_t screen_allowed_depths_iterator(const xcb_screen_t *screen)
{
    (void)screen;
    return (xcb_depth_iterator_t){.data = &fake_xcb.allowed, .rem = 1};
}

static void depth_next(xcb_depth_iterator_t *i)
{
    i->rem--;
}

static xcb_visualtype_iterator_t depth_visuals_iterator(const xcb_depth_t *depth)
{
    (void)depth;
    return (xcb_visualtype_iterator_t){.data = &fake_xcb.visual, .rem = 1};
}

static void visualtype_next(xcb_visualtype_iterator_t *i)
{
    i->rem--;
}

static xcb_void_cookie_t create_pixmap_checked(xcb_connection_t *c, uint8_t depth, xcb_pixmap_t id,
                                               xcb_drawable_t drawable, uint16_t width,
                                               uint16_t height)
{
    (void)c, (void)depth, (void)id, (void)drawable, (void)width, (void)height;
    return (xcb_void_cookie_t){0};
}

static xcb_void_cookie_t free_checked(xcb_connection_t *c, uint32_t id)
{
    (void)c, (void)id;
    return (xcb_void_cookie_t){0};
}

static xcb_void_cookie_t create_gc_checked(xcb_connection_t *c, xcb_gcontext_t id,
                                           xcb_drawable_t drawable, uint32_t mask,
                                           const void *values)
{
    (void)c, (void)id, (void)drawable, (void)mask, (void)values;
    return (xcb_void_cookie_t){0};
}

/* The pixels of image i are i, and what lies between the rows is 0xff. */
static xcb_void_cookie_t put_image_checked(xcb_connection_t *c, uint8_t format,
                                           xcb_drawable_t drawable, xcb_gcontext_t gc,
                                           uint16_t width, uint16_t height, int16_t x, int16_t y,
                                           uint8_t left_pad, uint8_t depth, uint32_t size,
                                           const uint8_t *data)
{
    (void)c, (void)format, (void)drawable, (void)gc, (void)x, (void)left_pad, (void)depth;
    assert_int_equal(width, fake_xcb.image_width);
    assert_int_equal(size, width * 4 * height);
    assert_true(size <= fake_xcb.longest * 4 - 24);
    assert_int_equal(y, fake_xcb.rows);
    for (uint32_t i = 0; i < size; i++)
        assert_int_equal(data[i], data[0]);
    assert_int_not_equal(data[0], 0xff);
    fake_xcb.put_images++;
    fake_xcb.rows += height;
    return (xcb_void_cookie_t){0};
}

static const struct {
    const char *name;
    void (*function)(void);
} functions[] = {
#define F(name)                                                                                    \
    {                                                                                              \
        "xcb_" #name, (void (*)(void))name                                                         \
    }
    {"xcb_connection_has_error", (void (*)(void))has_error},
    F(flush),
    F(get_file_descriptor),
    F(generate_id),
    F(get_maximum_request_length),
    F(get_setup),
    F(get_extension_data),
    F(send_request),
    F(send_request_with_fds),
    F(wait_for_reply),
    F(get_reply_fds),
    F(discard_reply),
    F(request_check),
    F(register_for_special_xge),
    F(unregister_for_special_event),
    F(poll_for_special_event),
    F(get_geometry),
    F(get_geometry_reply),
    F(get_window_attributes),
    F(get_window_attributes_reply),
    F(setup_roots_iterator),
    F(screen_next),
    F(screen_allowed_depths_iterator),
    F(depth_next),
    F(depth_visuals_iterator),
    F(visualtype_next),
    F(create_pixmap_checked),
    {"xcb_free_pixmap_checked", (void (*)(void))free_checked},
    F(create_gc_checked),
    {"xcb_free_gc_checked", (void (*)(void))free_checked},
    F(put_image_checked),
#undef F
};

void *fake_open_xcb(const char *name)
{
    return fake_xcb.no_library || strcmp(name, "libxcb.so.1") ? NULL : &fake_xcb;
}

void *fake_xcb_symbol(void *library, const char *name)
{
    assert_ptr_equal(library, &fake_xcb);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *function;
        memcpy(&function, &functions[i].function, sizeof(function));
        if (!strcmp(functions[i].name, name))
            return fake_xcb.old_library && !strcmp(name, "xcb_register_for_special_xge") ? NULL
                                                                                         : function;
    }
    return NULL;
}

/* --- The test's side --- */

void fake_xcb_begin(int socket)
{
    memset(&fake_xcb, 0, sizeof(fake_xcb));
    fake_xcb.socket = socket;
    fake_xcb.depth = 24;
    fake_xcb.longest = 65535;
    fake_xcb.setup.image_byte_order = XCB_IMAGE_ORDER_LSB_FIRST;
    fake_xcb.allowed.depth = 24;
    fake_xcb.visual = (xcb_visualtype_t){.visual_id = 33,
                                         ._class = XCB_VISUAL_CLASS_TRUE_COLOR,
                                         .red_mask = 0xff0000,
                                         .green_mask = 0xff00,
                                         .blue_mask = 0xff};
}

void fake_xcb_end(void)
{
    while (fake_xcb.event_count)
        free(fake_xcb.events[--fake_xcb.event_count]);
}

static void *add_event(uint16_t type, size_t size)
{
    xcb_present_generic_event_t *event = calloc(1, size);
    assert_non_null(event);
    event->response_type = XCB_GE_GENERIC;
    event->evtype = type;
    fake_xcb.events[fake_xcb.event_count++] = (xcb_generic_event_t *)event;
    return event;
}

void fake_add_idle(uint32_t serial, xcb_pixmap_t pixmap)
{
    xcb_present_idle_notify_event_t *event =
        add_event(XCB_PRESENT_EVENT_IDLE_NOTIFY, sizeof(*event));
    event->serial = serial;
    event->pixmap = pixmap;
}

void fake_add_complete(uint32_t serial, uint64_t msc)
{
    xcb_present_complete_notify_event_t *event =
        add_event(XCB_PRESENT_EVENT_COMPLETE_NOTIFY, sizeof(*event));
    event->serial = serial;
    event->msc = msc;
}

void fake_add_configure(uint16_t width, uint16_t height, uint32_t flags)
{
    xcb_present_configure_notify_event_t *event =
        add_event(XCB_PRESENT_EVENT_CONFIGURE_NOTIFY, sizeof(*event));
    event->width = width;
    event->height = height;
    event->pixmap_flags = flags;
}
