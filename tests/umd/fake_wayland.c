/* SPDX-License-Identifier: MIT */
#include "fake_wayland.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_PROXIES 64
#define MAX_EVENTS 64

struct wl_interface {
    const char *name;
};

static const struct wl_interface registry_interface = {"wl_registry"}, shm_interface = {"wl_shm"},
                                 pool_interface = {"wl_shm_pool"}, buffer_interface = {"wl_buffer"},
                                 callback_interface = {"wl_callback"},
                                 display_interface = {"wl_display"},
                                 surface_interface = {"wl_surface"};

struct wl_event_queue {
    int proxies; /* that send their events here */
};

struct wl_proxy {
    bool live;
    bool wrapper;
    const struct wl_interface *interface;
    const struct wl_proxy *wrapped;
    uint32_t version;
    struct wl_event_queue *queue; /* NULL: the display's own */
    void (**functions)(void);
    void *data;
};

/* An object is never used twice, so that a late use is seen. */
static struct wl_proxy proxies[MAX_PROXIES];
static uint32_t proxy_count;

struct event {
    struct wl_proxy *proxy;
    uint32_t opcode, number;
    bool read; /* off the wire */
};

static struct event events[MAX_EVENTS];
static uint32_t event_count;
static int wire = -1; /* readable while something lies on it */
static bool reading;  /* between prepare and read or cancel */

struct fake_wayland fake_wayland;

/* --- Objects --- */

static struct wl_proxy *make_proxy(const struct wl_interface *interface, uint32_t version,
                                   struct wl_event_queue *queue)
{
    assert_true(proxy_count < MAX_PROXIES);
    struct wl_proxy *proxy = &proxies[proxy_count++];
    *proxy = (struct wl_proxy){.live = true, .interface = interface, .version = version};
    proxy->queue = queue;
    if (queue)
        queue->proxies++;
    fake_wayland.objects++;
    return proxy;
}

static void free_proxy(struct wl_proxy *proxy)
{
    assert_true(proxy->live);
    proxy->live = false;
    if (proxy->queue)
        proxy->queue->proxies--;
    fake_wayland.objects--;
}

static void proxy_destroy(struct wl_proxy *proxy)
{
    assert_false(proxy->wrapper);
    free_proxy(proxy);
}

static void wrapper_destroy(void *wrapper)
{
    assert_true(((struct wl_proxy *)wrapper)->wrapper);
    free_proxy(wrapper);
}

static void *create_wrapper(void *object)
{
    struct wl_proxy *proxy = object;
    assert_true(proxy->live && !proxy->wrapper);
    struct wl_proxy *wrapper = make_proxy(proxy->interface, proxy->version, proxy->queue);
    wrapper->wrapper = true;
    wrapper->wrapped = proxy;
    return wrapper;
}

static void set_queue(struct wl_proxy *proxy, struct wl_event_queue *queue)
{
    assert_true(proxy->live);
    if (proxy->queue)
        proxy->queue->proxies--;
    proxy->queue = queue;
    queue->proxies++;
}

static uint32_t get_version(struct wl_proxy *proxy)
{
    assert_true(proxy->live);
    return proxy->version;
}

static int add_listener(struct wl_proxy *proxy, void (**functions)(void), void *data)
{
    assert_true(proxy->live && !proxy->wrapper && !proxy->functions);
    proxy->functions = functions;
    proxy->data = data;
    return 0;
}

static struct wl_event_queue *create_queue(struct wl_display *display)
{
    assert_true(((struct wl_proxy *)display)->live);
    struct wl_event_queue *queue = calloc(1, sizeof(*queue));
    assert_non_null(queue);
    fake_wayland.objects++;
    return queue;
}

static void queue_destroy(struct wl_event_queue *queue)
{
    assert_int_equal(queue->proxies, 0);
    free(queue);
    fake_wayland.objects--;
}

/* --- Events --- */

static void put_event(struct wl_proxy *proxy, uint32_t opcode, uint32_t number)
{
    const uint64_t one = 1;
    assert_true(event_count < MAX_EVENTS);
    events[event_count++] = (struct event){proxy, opcode, number, false};
    assert_int_equal(write(wire, &one, sizeof(one)), sizeof(one));
}

static void call(const struct event *event)
{
    struct wl_proxy *proxy = event->proxy;
    void (*function)(void) = proxy->functions[event->opcode];
    if (proxy->interface == &registry_interface)
        ((void (*)(void *, struct wl_proxy *, uint32_t, const char *, uint32_t))function)(
            proxy->data, proxy, event->number, event->number == 1 ? "wl_shm" : "wl_other", 1);
    else if (proxy->interface == &buffer_interface)
        ((void (*)(void *, struct wl_proxy *))function)(proxy->data, proxy);
    else
        ((void (*)(void *, struct wl_proxy *, uint32_t))function)(proxy->data, proxy,
                                                                  event->number);
}

static void take_off_the_wire(void)
{
    uint64_t count;
    for (uint32_t i = 0; i < event_count; i++)
        events[i].read = true;
    (void)!read(wire, &count, sizeof(count));
}

/* Events of objects that were destroyed meanwhile are dropped, as the library does. */
static int dispatch_queue(struct wl_display *display, struct wl_event_queue *queue)
{
    int dispatched = 0;
    (void)display;
    if (fake_wayland.error)
        return -1;
    for (uint32_t i = 0; i < event_count; i++) {
        struct event event = events[i];
        if (!event.read || !event.proxy || event.proxy->queue != queue)
            continue;
        events[i].proxy = NULL;
        if (event.proxy->live && event.proxy->functions) {
            call(&event);
            dispatched++;
        }
    }
    return dispatched;
}

static int roundtrip(struct wl_display *display, struct wl_event_queue *queue)
{
    fake_wayland.roundtrips++;
    take_off_the_wire();
    return dispatch_queue(display, queue);
}

static int prepare_read(struct wl_display *display, struct wl_event_queue *queue)
{
    (void)display;
    assert_false(reading);
    for (uint32_t i = 0; i < event_count; i++)
        if (events[i].read && events[i].proxy && events[i].proxy->queue == queue)
            return -1;
    reading = true;
    return 0;
}

static int read_events(struct wl_display *display)
{
    (void)display;
    assert_true(reading);
    reading = false;
    if (fake_wayland.error)
        return -1;
    take_off_the_wire();
    return 0;
}

static void cancel_read(struct wl_display *display)
{
    (void)display;
    assert_true(reading);
    reading = false;
}

static int get_fd(struct wl_display *display)
{
    (void)display;
    return wire;
}

static int get_error(struct wl_display *display)
{
    (void)display;
    return fake_wayland.error;
}

static int flush(struct wl_display *display)
{
    (void)display;
    fake_wayland.flushes++;
    if (!fake_wayland.error && !fake_wayland.flush_is_full)
        return 0;
    errno = fake_wayland.error ? EPIPE : EAGAIN;
    return -1;
}

/* --- Requests --- */

/* The places of numbers and objects, of the requests that the driver makes. */
static const char *signature(const char *interface, uint32_t opcode)
{
    static const struct {
        const char *interface, *of[10];
    } all[] = {
        {"wl_display", {"", "n"}},
        {"wl_registry", {"usun"}},
        {"wl_shm", {"nhi"}},
        {"wl_shm_pool", {"niiiiu", ""}},
        {"wl_buffer", {""}},
        {"wl_surface", {"", "oii", "iiii", "n", NULL, NULL, "", NULL, NULL, "iiii"}},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (!strcmp(all[i].interface, interface) && opcode < 10 && all[i].of[opcode])
            return all[i].of[opcode];
    fail_msg("%s has no request %u", interface, opcode);
    return "";
}

static struct fake_request *note(const struct wl_proxy *proxy, uint32_t opcode,
                                 const union wayland_argument *arguments)
{
    assert_true(proxy->live);
    assert_true(fake_wayland.request_count < FAKE_MAX_REQUESTS);
    struct fake_request *request = &fake_wayland.requests[fake_wayland.request_count++];
    const char *kinds = signature(proxy->interface->name, opcode);
    *request = (struct fake_request){.opcode = opcode, .fd = -1};
    strncpy(request->interface, proxy->interface->name, sizeof(request->interface) - 1);
    for (uint32_t i = 0; kinds[i]; i++) {
        struct stat status;
        if (kinds[i] == 'i' || kinds[i] == 'u')
            request->number[i] = arguments[i].i;
        if (kinds[i] == 'o')
            request->object[i] = arguments[i].o;
        if (kinds[i] == 'n')
            assert_null(arguments[i].o);
        if (kinds[i] == 'h') {
            assert_int_equal(fstat(arguments[i].i, &status), 0);
            request->ino = status.st_ino;
            request->fd = dup(arguments[i].i);
            assert_true(status.st_size >= arguments[i + 1].i); /* else the compositor gets SIGBUS */
        }
    }
    return request;
}

static void marshal(struct wl_proxy *proxy, uint32_t opcode, union wayland_argument *arguments)
{
    assert_null(strchr(signature(proxy->interface->name, opcode), 'n'));
    note(proxy, opcode, arguments);
}

static struct wl_proxy *marshal_constructor(struct wl_proxy *proxy, uint32_t opcode,
                                            union wayland_argument *arguments,
                                            const struct wl_interface *interface, uint32_t version)
{
    const char *new_id = strchr(signature(proxy->interface->name, opcode), 'n');
    assert_non_null(new_id);
    struct fake_request *request = note(proxy, opcode, arguments);
    struct wl_proxy *made = make_proxy(interface, version, proxy->queue);
    request->object[new_id - signature(proxy->interface->name, opcode)] = made;
    if (interface == &registry_interface) {
        put_event(made, 0, 0);
        if (!fake_wayland.no_shm)
            put_event(made, 0, 1);
    }
    for (uint32_t i = 0; interface == &shm_interface && i < fake_wayland.format_count; i++)
        put_event(made, 0, fake_wayland.formats[i]);
    return made;
}

/* --- The library --- */

static const struct {
    const char *name;
    void *symbol;
} symbols[] = {
    {"wl_display_create_queue", create_queue},
    {"wl_event_queue_destroy", queue_destroy},
    {"wl_display_get_fd", get_fd},
    {"wl_display_get_error", get_error},
    {"wl_display_flush", flush},
    {"wl_display_roundtrip_queue", roundtrip},
    {"wl_display_dispatch_queue_pending", dispatch_queue},
    {"wl_display_prepare_read_queue", prepare_read},
    {"wl_display_read_events", read_events},
    {"wl_display_cancel_read", cancel_read},
    {"wl_proxy_create_wrapper", create_wrapper},
    {"wl_proxy_wrapper_destroy", wrapper_destroy},
    {"wl_proxy_set_queue", set_queue},
    {"wl_proxy_get_version", get_version},
    {"wl_proxy_add_listener", add_listener},
    {"wl_proxy_destroy", proxy_destroy},
    {"wl_proxy_marshal_array", marshal},
    {"wl_proxy_marshal_array_constructor_versioned", marshal_constructor},
    {"wl_registry_interface", (void *)(uintptr_t)&registry_interface},
    {"wl_shm_interface", (void *)(uintptr_t)&shm_interface},
    {"wl_shm_pool_interface", (void *)(uintptr_t)&pool_interface},
    {"wl_buffer_interface", (void *)(uintptr_t)&buffer_interface},
    {"wl_callback_interface", (void *)(uintptr_t)&callback_interface},
};

static void *open_library(const char *name)
{
    assert_string_equal(name, "libwayland-client.so.0");
    return fake_wayland.no_library ? NULL : &fake_wayland;
}

static void *library_symbol(void *library, const char *name)
{
    assert_ptr_equal(library, &fake_wayland);
    if (fake_wayland.missing && !strcmp(fake_wayland.missing, name))
        return NULL;
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
        if (!strcmp(symbols[i].name, name))
            return symbols[i].symbol;
    fail_msg("what is %s?", name);
    return NULL;
}

const struct gpupv_umd_callbacks *fake_wayland_callbacks(void)
{
    static const struct gpupv_umd_callbacks callbacks = {
        .size = sizeof(callbacks),
        .OpenLibrary = open_library,
        .LibrarySymbol = library_symbol,
    };
    return &callbacks;
}

/* --- The test's side --- */

void fake_wayland_begin(uint32_t surface_version, struct wl_display **display,
                        struct wl_proxy **surface)
{
    memset(proxies, 0, sizeof(proxies));
    proxy_count = event_count = 0;
    reading = false;
    wire = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(wire >= 0);
    fake_wayland = (struct fake_wayland){0};
    *display = (struct wl_display *)make_proxy(&display_interface, 0, NULL);
    *surface = make_proxy(&surface_interface, surface_version, NULL);
    fake_wayland.objects = 0; /* those are the program's */
}

void fake_wayland_end(void)
{
    assert_int_equal(fake_wayland.objects, 0);
    assert_false(reading);
    for (uint32_t i = 0; i < fake_wayland.request_count; i++)
        if (fake_wayland.requests[i].fd >= 0)
            close(fake_wayland.requests[i].fd);
    close(wire);
}

const struct fake_request *fake_request(const char *interface, uint32_t opcode, uint32_t n)
{
    for (uint32_t i = 0; i < fake_wayland.request_count; i++) {
        const struct fake_request *request = &fake_wayland.requests[i];
        if (!strcmp(request->interface, interface) && request->opcode == opcode && n-- == 0)
            return request;
    }
    return NULL;
}

uint32_t fake_request_count(const char *interface, uint32_t opcode)
{
    uint32_t count = 0;
    while (fake_request(interface, opcode, count))
        count++;
    return count;
}

void fake_send_release(const void *buffer)
{
    put_event((struct wl_proxy *)(uintptr_t)buffer, 0, 0);
}

void fake_send_frames(void)
{
    for (uint32_t i = 0; i < proxy_count; i++)
        if (proxies[i].live && proxies[i].interface == &callback_interface)
            put_event(&proxies[i], 0, 17);
}

void fake_hang_up(int error)
{
    const uint64_t one = 1;
    fake_wayland.error = error;
    assert_int_equal(write(wire, &one, sizeof(one)), sizeof(one));
}
