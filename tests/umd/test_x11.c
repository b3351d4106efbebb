/* SPDX-License-Identifier: MIT */
/* Surfaces and swapchains on X11 with a libxcb of the test's own: what other servers say and lack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpupv/ntstatus.h"
#include "umd/umd_instance.h"
#include "umd/umd_x11.h"
#include "umd_commands.h"
#include "vkwire_extensions.h"

#include <vulkan/vulkan_xcb.h>

#define IMAGES 3
#define WIDTH 10
#define HEIGHT 4
#define STRIDE 64 /* more than a row */
#define MAX_REQUESTS 64

/* --- The server --- */

struct request {
    const char *extension; /* NULL: the core protocol */
    uint8_t opcode;
    _Alignas(8) uint8_t bytes[96];
};

static struct {
    bool error; /* of the connection */
    bool no_present, no_xfixes, no_shm, no_shared_pixmaps, no_events, no_versions;
    bool refuses_attach, refuses_pixmap;
    bool no_window;
    uint16_t width, height;
    uint8_t depth;
    xcb_setup_t setup;
    xcb_screen_t screen;
    xcb_depth_t allowed;
    xcb_visualtype_t visual;
    int socket;
    uint32_t ids, longest; /* request, in words */
    /* What came. */
    uint32_t count;
    struct request requests[MAX_REQUESTS];
    uint32_t put_images, rows, checked_after_select;
    bool selected, registered;
    xcb_generic_event_t *events[8]; /* special ones that wait */
    uint32_t event_count;
} server;

static const char *name_of(const xcb_extension_t *extension)
{
    return extension ? extension->name : NULL;
}

static bool is(const struct request *request, const char *extension, uint8_t opcode)
{
    return request->extension && !strcmp(request->extension, extension) &&
           request->opcode == opcode;
}

/* The last of a kind; NULL: none came. */
static const void *last(const char *extension, uint8_t opcode)
{
    for (uint32_t i = server.count; i-- > 0;)
        if (is(&server.requests[i], extension, opcode))
            return server.requests[i].bytes;
    return NULL;
}

static int has_error(xcb_connection_t *c)
{
    (void)c;
    return server.error;
}

static int flush(xcb_connection_t *c)
{
    (void)c;
    return 1;
}

static int get_file_descriptor(xcb_connection_t *c)
{
    (void)c;
    return server.socket;
}

static uint32_t generate_id(xcb_connection_t *c)
{
    (void)c;
    return 1000 + ++server.ids;
}

static uint32_t get_maximum_request_length(xcb_connection_t *c)
{
    (void)c;
    return server.longest;
}

static const struct xcb_setup_t *get_setup(xcb_connection_t *c)
{
    (void)c;
    return &server.setup;
}

static const xcb_query_extension_reply_t *get_extension_data(xcb_connection_t *c,
                                                             xcb_extension_t *extension)
{
    static xcb_query_extension_reply_t there = {.present = 1}, missing;
    (void)c;
    bool lacks = (server.no_present && extension == &xcb_present_id) ||
                 (server.no_xfixes && extension == &xcb_xfixes_id) ||
                 (server.no_shm && extension == &xcb_shm_id);
    return lacks ? &missing : &there;
}

static unsigned send_request(xcb_connection_t *c, int flags, struct iovec *vector,
                             const xcb_protocol_request_t *request)
{
    (void)c, (void)flags;
    assert_true(server.count < MAX_REQUESTS);
    struct request *noted = &server.requests[server.count++];
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
        server.selected =
            ((const xcb_present_select_input_request_t *)(const void *)noted->bytes)->event_mask;
    return server.count;
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
    const struct request *request = &server.requests[sequence - 1];
    if (error)
        *error = NULL;
    if (server.error || server.no_versions)
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
    reply->shared_pixmaps = !server.no_shared_pixmaps;
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
    static const struct request core;
    const struct request *request = cookie.sequence ? &server.requests[cookie.sequence - 1] : &core;
    bool refused = (server.refuses_attach && is(request, "MIT-SHM", XCB_SHM_ATTACH_FD)) ||
                   (server.refuses_pixmap && is(request, "MIT-SHM", XCB_SHM_CREATE_PIXMAP));
    if (is(request, "Present", XCB_PRESENT_SELECT_INPUT) && server.registered)
        server.checked_after_select++;
    return refused ? calloc(1, sizeof(xcb_generic_error_t)) : NULL;
}

static xcb_special_event_t *register_for_special_xge(xcb_connection_t *c,
                                                     xcb_extension_t *extension, uint32_t id,
                                                     uint32_t *stamp)
{
    (void)c, (void)extension, (void)id, (void)stamp;
    server.registered = !server.no_events;
    return server.no_events ? NULL : (xcb_special_event_t *)&server;
}

static void unregister_for_special_event(xcb_connection_t *c, xcb_special_event_t *events)
{
    (void)c, (void)events;
    assert_false(server.selected);
    server.registered = false;
}

static xcb_generic_event_t *poll_for_special_event(xcb_connection_t *c, xcb_special_event_t *events)
{
    (void)c, (void)events;
    if (!server.event_count)
        return NULL;
    xcb_generic_event_t *event = server.events[0];
    memmove(server.events, server.events + 1, --server.event_count * sizeof(event));
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
    xcb_get_geometry_reply_t *reply = server.no_window ? NULL : calloc(1, sizeof(*reply));
    if (reply) {
        reply->width = server.width;
        reply->height = server.height;
        reply->depth = server.depth;
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
    xcb_get_window_attributes_reply_t *reply = server.no_window ? NULL : calloc(1, sizeof(*reply));
    if (reply)
        reply->visual = 33;
    return reply;
}

static xcb_screen_iterator_t setup_roots_iterator(const xcb_setup_t *setup)
{
    (void)setup;
    return (xcb_screen_iterator_t){.data = &server.screen, .rem = 1};
}

static void screen_next(xcb_screen_iterator_t *i)
{
    i->rem--;
}

static xcb_depth_iterator_t screen_allowed_depths_iterator(const xcb_screen_t *screen)
{
    (void)screen;
    return (xcb_depth_iterator_t){.data = &server.allowed, .rem = 1};
}

static void depth_next(xcb_depth_iterator_t *i)
{
    i->rem--;
}

static xcb_visualtype_iterator_t depth_visuals_iterator(const xcb_depth_t *depth)
{
    (void)depth;
    return (xcb_visualtype_iterator_t){.data = &server.visual, .rem = 1};
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
    assert_int_equal(width, WIDTH);
    assert_int_equal(size, WIDTH * 4 * height);
    assert_true(size <= server.longest * 4 - 24);
    assert_int_equal(y, server.rows);
    for (uint32_t i = 0; i < size; i++)
        assert_int_equal(data[i], data[0]);
    assert_int_not_equal(data[0], 0xff);
    server.put_images++;
    server.rows += height;
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

/* --- The shim --- */

static bool no_library, old_library, no_sharing, far_away;
static uint8_t aperture[IMAGES * STRIDE * HEIGHT];

static void *open_library(const char *name)
{
    return no_library || strcmp(name, "libxcb.so.1") ? NULL : &server;
}

static void *library_symbol(void *library, const char *name)
{
    assert_ptr_equal(library, &server);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *function;
        memcpy(&function, &functions[i].function, sizeof(function));
        if (!strcmp(functions[i].name, name))
            return old_library && !strcmp(name, "xcb_register_for_special_xge") ? NULL : function;
    }
    return NULL;
}

static NTSTATUS share_memory(const void *address, size_t size, int *fd, uint64_t *offset,
                             uint64_t *file_size)
{
    if (no_sharing)
        return STATUS_NOT_SUPPORTED;
    *offset = (uint64_t)((const uint8_t *)address - aperture);
    assert_true(*offset + size <= sizeof(aperture));
    *file_size = sizeof(aperture);
    if (far_away && *offset) /* only the first image is within MIT-SHM's reach */
        *offset += UINT64_C(1) << 32;
    *fd = dup(server.socket);
    return STATUS_SUCCESS;
}

static void wake(uint32_t *word)
{
    (void)word;
}

static void log_line(enum gpupv_umd_log_level level, const char *message)
{
    (void)level, (void)message;
}

/* As the shim does; umd_adapter.c. */
NTSTATUS APIENTRY gpupv_umd_open_adapter(const struct gpupv_umd_adapter *adapter,
                                         struct gpupv_umd_info *info, void **adapter_context);
void APIENTRY gpupv_umd_close_adapter(void *adapter_context);

/* --- Fixture --- */

struct fixture {
    void *adapter;
    struct umd_instance instance;
    struct umd_swapchain swapchain;
    struct umd_swapchain_image images[IMAGES];
    VkSurfaceKHR surface;
    int sockets[2];
};

static void lay_out_images(struct fixture *f, uint32_t stride)
{
    memset(aperture, 0xff, sizeof(aperture));
    for (uint32_t i = 0; i < IMAGES; i++) {
        f->images[i].pixels = aperture + i * stride * HEIGHT;
        f->images[i].stride = stride;
        for (uint32_t y = 0; y < HEIGHT; y++)
            memset(aperture + (i * HEIGHT + y) * stride, (int)i, WIDTH * 4);
    }
}

static int set_up(void **state)
{
    static const struct gpupv_umd_callbacks callbacks = {
        .size = sizeof(callbacks),
        .Wake = wake,
        .Log = log_line,
        .OpenLibrary = open_library,
        .LibrarySymbol = library_symbol,
        .ShareMemory = share_memory,
    };
    const struct gpupv_umd_adapter adapter = {.interface_version = GPUPV_UMD_INTERFACE_VERSION,
                                              .callbacks = &callbacks};
    struct gpupv_umd_info info = {.size = sizeof(info)};
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f || gpupv_umd_open_adapter(&adapter, &info, &f->adapter) ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, f->sockets))
        return -1;
    memset(&server, 0, sizeof(server));
    no_library = old_library = no_sharing = far_away = false;
    server.socket = f->sockets[0];
    server.width = WIDTH;
    server.height = HEIGHT;
    server.depth = 24;
    server.longest = 65535;
    server.setup.image_byte_order = XCB_IMAGE_ORDER_LSB_FIRST;
    server.allowed.depth = 24;
    server.visual = (xcb_visualtype_t){.visual_id = 33,
                                       ._class = XCB_VISUAL_CLASS_TRUE_COLOR,
                                       .red_mask = 0xff0000,
                                       .green_mask = 0xff00,
                                       .blue_mask = 0xff};
    struct umd_swapchain *s = &f->swapchain;
    s->images = f->images;
    s->image_count = IMAGES;
    s->extent = (VkExtent2D){WIDTH, HEIGHT};
    s->mode = VK_PRESENT_MODE_FIFO_KHR;
    s->wake = eventfd(0, 0);
    pthread_mutex_init(&s->lock, NULL);
    lay_out_images(f, WIDTH * 4);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    while (server.event_count)
        free(server.events[--server.event_count]);
    umd_DestroySurfaceKHR((VkInstance)&f->instance, f->surface, NULL);
    pthread_mutex_destroy(&f->swapchain.lock);
    close(f->swapchain.wake);
    close(f->sockets[0]);
    close(f->sockets[1]);
    gpupv_umd_close_adapter(f->adapter);
    free(f);
    return 0;
}

static struct umd_surface *surface(struct fixture *f)
{
    const VkXcbSurfaceCreateInfoKHR info = {.sType = VK_STRUCTURE_TYPE_XCB_SURFACE_CREATE_INFO_KHR,
                                            .connection = (xcb_connection_t *)&server,
                                            .window = 77};
    if (!f->surface)
        assert_int_equal(
            umd_CreateXcbSurfaceKHR((VkInstance)&f->instance, &info, NULL, &f->surface),
            VK_SUCCESS);
    return umd_surface_from(f->surface);
}

static VkResult create(struct fixture *f)
{
    f->swapchain.surface = surface(f);
    f->swapchain.system = f->swapchain.surface->system;
    return umd_x11_create_swapchain(&f->swapchain);
}

static void must_create(struct fixture *f)
{
    assert_int_equal(create(f), VK_SUCCESS);
}

static void destroy(struct fixture *f)
{
    umd_x11_destroy_swapchain(&f->swapchain);
    assert_null(f->swapchain.window);
}

/* Hands image 0 over, as the swapchain's thread does. */
static VkResult present(struct fixture *f, uint32_t serial, uint64_t id, uint32_t rects)
{
    VkRectLayerKHR some[4] = {{{1, 2}, {3, 1}, 0}};
    const struct umd_present present = {.swapchain = &f->swapchain,
                                        .image = &f->images[0],
                                        .serial = serial,
                                        .present_id = id,
                                        .rect_count = rects,
                                        .rects = some};
    f->images[0].state = UMD_IMAGE_SHOWN;
    f->images[0].serial = serial;
    f->swapchain.shown = 1;
    return umd_x11_present(&f->swapchain, &present);
}

static void *add_event(uint16_t type, size_t size)
{
    xcb_present_generic_event_t *event = calloc(1, size);
    assert_non_null(event);
    event->response_type = XCB_GE_GENERIC;
    event->evtype = type;
    server.events[server.event_count++] = (xcb_generic_event_t *)event;
    return event;
}

static void add_idle(uint32_t serial, xcb_pixmap_t pixmap)
{
    xcb_present_idle_notify_event_t *event =
        add_event(XCB_PRESENT_EVENT_IDLE_NOTIFY, sizeof(*event));
    event->serial = serial;
    event->pixmap = pixmap;
}

static void add_complete(uint32_t serial, uint64_t msc)
{
    xcb_present_complete_notify_event_t *event =
        add_event(XCB_PRESENT_EVENT_COMPLETE_NOTIFY, sizeof(*event));
    event->serial = serial;
    event->msc = msc;
}

static void add_configure(uint16_t width, uint16_t height, uint32_t flags)
{
    xcb_present_configure_notify_event_t *event =
        add_event(XCB_PRESENT_EVENT_CONFIGURE_NOTIFY, sizeof(*event));
    event->width = width;
    event->height = height;
    event->pixmap_flags = flags;
}

/* --- Surfaces --- */

/* What is found out once is kept: in processes of their own. */
static int offered(bool missing, bool old)
{
    pid_t child = fork();
    if (!child) {
        no_library = missing;
        old_library = old;
        _exit(umd_xcb_available() + 2 * umd_xlib_available());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

static void guests_without_libxcb(void **state)
{
    (void)state;
    assert_int_equal(offered(true, false), 0);
    assert_int_equal(offered(false, true), 0);
    assert_int_equal(offered(false, false), 1); /* there is no libX11-xcb */
}

static uint32_t format_count(struct fixture *f)
{
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    uint32_t count;
    assert_int_equal(umd_x11.get_formats(surface(f), formats, &count), VK_SUCCESS);
    return count;
}

static void what_a_window_shows(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(format_count(f), 2);
    server.no_present = true;
    assert_int_equal(format_count(f), 0);
    server.no_present = false;
    server.no_xfixes = true;
    assert_int_equal(format_count(f), 0);
    server.no_xfixes = false;
    server.setup.image_byte_order = XCB_IMAGE_ORDER_MSB_FIRST;
    assert_int_equal(format_count(f), 0);
    server.setup.image_byte_order = XCB_IMAGE_ORDER_LSB_FIRST;
    server.visual.red_mask = 0xff;
    assert_int_equal(format_count(f), 0);
    server.visual.red_mask = 0xff0000;
    server.visual._class = XCB_VISUAL_CLASS_PSEUDO_COLOR;
    assert_int_equal(format_count(f), 0);
    server.visual._class = XCB_VISUAL_CLASS_DIRECT_COLOR;
    server.allowed.depth = 16;
    assert_int_equal(format_count(f), 0);
    server.allowed.depth = 32;
    assert_int_equal(format_count(f), 2);
    server.visual.visual_id = 34;
    assert_int_equal(format_count(f), 0);
}

static void windows_that_have_gone(void **state)
{
    struct fixture *f = *state;
    VkFormat formats[UMD_MAX_WINDOW_FORMATS];
    struct umd_window_limits limits;
    uint32_t count;
    server.no_window = true;
    assert_int_equal(umd_x11.get_formats(surface(f), formats, &count), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(umd_x11.get_limits(surface(f), &limits), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(create(f), VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
    server.no_window = false;
    server.error = true;
    assert_int_equal(umd_x11.get_formats(surface(f), formats, &count), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(umd_x11.get_limits(surface(f), &limits), VK_ERROR_SURFACE_LOST_KHR);
    assert_int_equal(create(f), VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
}

/* --- Creation --- */

static void the_image_is_the_pixmap(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    const xcb_shm_create_pixmap_request_t *pixmap = last("MIT-SHM", XCB_SHM_CREATE_PIXMAP);
    assert_int_equal(pixmap->width, WIDTH);
    assert_int_equal(pixmap->height, HEIGHT);
    assert_int_equal(pixmap->offset, 2 * WIDTH * 4 * HEIGHT);
    assert_int_equal(
        ((const xcb_shm_attach_fd_request_t *)last("MIT-SHM", XCB_SHM_ATTACH_FD))->read_only, 1);
    assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
    assert_int_equal(server.put_images, 0);
    destroy(f);
}

static void the_server_copies(void **state)
{
    struct fixture *f = *state;
    /* With bytes between the rows: a pixmap of their width would show those in a larger window. */
    lay_out_images(f, STRIDE);
    must_create(f);
    assert_null(last("MIT-SHM", XCB_SHM_CREATE_PIXMAP));
    assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
    assert_non_null(last("MIT-SHM", XCB_SHM_PUT_IMAGE));
    destroy(f);
    server.count = 0;
    lay_out_images(f, WIDTH * 4);
    server.refuses_pixmap = true;
    must_create(f);
    assert_non_null(last("MIT-SHM", XCB_SHM_CREATE_PIXMAP));
    assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
    destroy(f);
    server.count = 0;
    lay_out_images(f, STRIDE);
    must_create(f);
    assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
    const xcb_shm_put_image_request_t *put = last("MIT-SHM", XCB_SHM_PUT_IMAGE);
    assert_int_equal(put->total_width, STRIDE / 4);
    assert_int_equal(put->src_width, WIDTH);
    destroy(f);
    server.count = 0;
    lay_out_images(f, WIDTH * 4);
    server.refuses_pixmap = false;
    server.no_shared_pixmaps = true;
    must_create(f);
    assert_null(last("MIT-SHM", XCB_SHM_CREATE_PIXMAP));
    f->swapchain.mode = VK_PRESENT_MODE_IMMEDIATE_KHR; /* into the window */
    assert_int_equal(present(f, 2, 5, 0), VK_SUCCESS);
    assert_null(last("Present", XCB_PRESENT_PIXMAP));
    assert_int_equal(f->images[0].state, UMD_IMAGE_IDLE);
    assert_int_equal(f->swapchain.presented, 5);
    server.width++;
    assert_int_equal(present(f, 3, 0, 0), VK_SUBOPTIMAL_KHR);
    server.no_window = true;
    assert_int_equal(present(f, 4, 0, 0), VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
}

static void pixels_are_sent(void **state)
{
    struct fixture *f = *state;
    server.refuses_attach = true;
    lay_out_images(f, STRIDE);
    for (int way = 0; way < 5; way++) {
        server.count = server.put_images = server.rows = 0;
        server.longest = way % 2 ? (64 + 3 * WIDTH * 4) / 4 : 65535; /* three rows at a time */
        must_create(f);
        assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
        assert_int_equal(server.rows, HEIGHT);
        assert_int_equal(server.put_images, way % 2 ? 2 : 1);
        assert_null(last("MIT-SHM", XCB_SHM_PUT_IMAGE));
        destroy(f);
        server.refuses_attach = false;
        server.no_shm = way < 1;
        no_sharing = way == 1 || way == 2;
        far_away = way == 3;
    }
}

static void creation_may_fail(void **state)
{
    struct fixture *f = *state;
    server.no_events = true;
    assert_int_equal(create(f), VK_ERROR_OUT_OF_HOST_MEMORY);
    destroy(f);
    server.no_events = false;
    server.no_versions = true;
    assert_int_equal(create(f), VK_ERROR_INITIALIZATION_FAILED);
    destroy(f);
}

/* The window has got another size before there were events of it. */
static void a_size_of_before(void **state)
{
    struct fixture *f = *state;
    server.height = HEIGHT + 1;
    must_create(f);
    assert_int_equal(f->swapchain.status, VK_SUBOPTIMAL_KHR);
    destroy(f);
}

/* --- Presenting --- */

static const xcb_present_pixmap_request_t *last_pixmap(void)
{
    return last("Present", XCB_PRESENT_PIXMAP);
}

static void modes(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    assert_int_equal(present(f, 1, 0, 0), VK_SUCCESS);
    assert_int_equal(last_pixmap()->target_msc, 1);
    assert_int_equal(last_pixmap()->options, XCB_PRESENT_OPTION_NONE);
    assert_int_equal(last_pixmap()->update, 0);
    assert_true(f->swapchain.throttled);
    add_complete(99, 40); /* somebody else's */
    add_complete(1, 50);
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUCCESS);
    assert_false(f->swapchain.throttled);
    assert_int_equal(present(f, 2, 0, 1), VK_SUCCESS);
    assert_int_equal(last_pixmap()->target_msc, 51);
    assert_int_not_equal(last_pixmap()->update, 0);
    assert_non_null(last("XFIXES", XCB_XFIXES_DESTROY_REGION));
    f->swapchain.mode = VK_PRESENT_MODE_FIFO_RELAXED_KHR;
    assert_int_equal(present(f, 3, 0, 0), VK_SUCCESS);
    assert_int_equal(last_pixmap()->options, XCB_PRESENT_OPTION_ASYNC);
    assert_int_equal(last_pixmap()->target_msc, 51);
    f->swapchain.throttled = false;
    f->swapchain.mode = VK_PRESENT_MODE_IMMEDIATE_KHR;
    assert_int_equal(present(f, 4, 0, 1), VK_SUCCESS);
    assert_int_equal(last_pixmap()->options, XCB_PRESENT_OPTION_ASYNC);
    assert_int_equal(last_pixmap()->target_msc, 0);
    assert_false(f->swapchain.throttled);
    /* One with a region would not replace another. */
    f->swapchain.mode = VK_PRESENT_MODE_MAILBOX_KHR;
    assert_int_equal(present(f, 5, 0, 1), VK_SUCCESS);
    assert_int_equal(last_pixmap()->options, XCB_PRESENT_OPTION_NONE);
    assert_int_equal(last_pixmap()->update, 0);
    server.error = true;
    assert_int_equal(present(f, 6, 0, 0), VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
}

static void events_of_images(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    assert_int_equal(present(f, 7, 3, 0), VK_SUCCESS);
    xcb_pixmap_t pixmap = last_pixmap()->pixmap;
    add_idle(6, pixmap);     /* of before */
    add_idle(7, pixmap + 1); /* of somebody who counts the same way */
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUCCESS);
    assert_int_equal(f->images[0].state, UMD_IMAGE_SHOWN);
    add_idle(7, pixmap);
    add_complete(7 + 64, 1); /* of another one, in the same place */
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUCCESS);
    assert_int_equal(f->images[0].state, UMD_IMAGE_IDLE);
    assert_int_equal(f->swapchain.presented, 0);
    add_complete(7, 1);
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUCCESS);
    assert_int_equal(f->swapchain.presented, 3);
    destroy(f);
}

static void events_of_windows(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    add_configure(WIDTH, HEIGHT, 0);
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUCCESS);
    add_configure(WIDTH + 1, HEIGHT, 0);
    add_configure(WIDTH, HEIGHT, 0);
    assert_int_equal(umd_x11_look(&f->swapchain), VK_SUBOPTIMAL_KHR);
    add_configure(WIDTH, HEIGHT, 1);
    assert_int_equal(umd_x11_look(&f->swapchain), VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
}

/* A window that goes without a word. */
static void a_window_is_looked_for(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    server.no_window = true;
    VkResult result = VK_SUCCESS;
    for (int i = 0; i < 1000 && !result; i++)
        result = umd_x11_dispatch(&f->swapchain, true, 0);
    assert_int_equal(result, VK_ERROR_SURFACE_LOST_KHR);
    destroy(f);
}

/* The server has answered that no more events come before they would be the program's. */
static void no_event_is_left(void **state)
{
    struct fixture *f = *state;
    must_create(f);
    assert_true(server.selected && server.registered);
    destroy(f);
    assert_false(server.selected || server.registered);
    assert_int_equal(server.checked_after_select, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(guests_without_libxcb), /* before libxcb is opened here */
        TEST(what_a_window_shows),     TEST(windows_that_have_gone),
        TEST(the_image_is_the_pixmap), TEST(the_server_copies),
        TEST(pixels_are_sent),         TEST(creation_may_fail),
        TEST(a_size_of_before),        TEST(modes),
        TEST(events_of_images),        TEST(events_of_windows),
        TEST(a_window_is_looked_for),  TEST(no_event_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
