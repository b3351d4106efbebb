// SPDX-License-Identifier: MIT
// Watches the one window that a program opens on an X server and keeps what it showed last, also
// after the window is gone.
//
//   x_capture [--picture FILE.png] [--settle MS] [--at N ACTION]... > LOG
//
// N counts times that the window's contents were seen to change. ACTION: `resize WxH`, `hide MS`
// (unmaps the window for so long), `destroy`, `key CODE`. LOG gets "ready" once a program may
// start, a line for each action, and last "window WxH DIGEST". It ends when the window is gone or,
// with --settle, has not changed for so long. The window gets the property GPUPV_WATCHED as soon as
// what it shows is kept.
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xcb/composite.h>
#include <xcb/damage.h>
#include <xcb/xcb.h>

#include "picture.h"

enum action_kind { ACTION_RESIZE, ACTION_HIDE, ACTION_DESTROY, ACTION_KEY };

struct action {
    enum action_kind kind;
    uint32_t changes; // before it
    uint32_t width, height, number;
    bool done;
};

struct capture {
    xcb_connection_t *x;
    xcb_screen_t *screen;
    xcb_atom_t watched;
    uint8_t damage_event;
    const char *picture_file;
    int settle_ms;
    struct action actions[8];
    uint32_t action_count;

    xcb_window_t window;
    xcb_damage_damage_t damage;
    uint16_t width, height;
    xcb_pixmap_t pixmap; // what the window shows; outlives it
    uint32_t changes;
    int64_t show_at;          // ms; 0: it is not hidden
    uint64_t settling_digest; // what it has shown since settling_since (0: one colour)
    int64_t settling_since, looked_at;

    xcb_get_image_reply_t *last; // of a window that is not shown any more
    uint16_t last_width, last_height;
};

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("x_capture: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool parse_size(const char *text, uint32_t *width, uint32_t *height)
{
    char end;
    return sscanf(text, "%ux%u%c", width, height, &end) == 2 && *width > 0 && *height > 0 &&
           *width <= 16384 && *height <= 16384;
}

static void parse_arguments(struct capture *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--picture") == 0 && i + 1 < argc) {
            c->picture_file = argv[++i];
        } else if (strcmp(argv[i], "--settle") == 0 && i + 1 < argc) {
            c->settle_ms = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--at") == 0 && i + 2 < argc && c->action_count < 8) {
            struct action *action = &c->actions[c->action_count++];
            action->changes = (uint32_t)atoi(argv[++i]);
            const char *kind = argv[++i];
            if (strcmp(kind, "destroy") == 0) {
                action->kind = ACTION_DESTROY;
            } else if (strcmp(kind, "resize") == 0 && i + 1 < argc &&
                       parse_size(argv[++i], &action->width, &action->height)) {
                action->kind = ACTION_RESIZE;
            } else if (strcmp(kind, "hide") == 0 && i + 1 < argc) {
                action->kind = ACTION_HIDE;
                action->number = (uint32_t)atoi(argv[++i]);
            } else if (strcmp(kind, "key") == 0 && i + 1 < argc) {
                action->kind = ACTION_KEY;
                action->number = (uint32_t)atoi(argv[++i]);
            } else {
                die("no such action: %s", kind);
            }
        } else {
            die("what is %s?", argv[i]);
        }
    }
}

static void start(struct capture *c)
{
    int number;
    c->x = xcb_connect(NULL, &number);
    if (xcb_connection_has_error(c->x)) {
        die("no connection to the X server %s", getenv("DISPLAY") ? getenv("DISPLAY") : "");
    }
    xcb_screen_iterator_t screens = xcb_setup_roots_iterator(xcb_get_setup(c->x));
    c->screen = screens.data;
    if (c->screen->root_depth != 24 && c->screen->root_depth != 32) {
        die("the screen has a depth of %d bits", c->screen->root_depth);
    }
    const xcb_query_extension_reply_t *damage = xcb_get_extension_data(c->x, &xcb_damage_id);
    const xcb_query_extension_reply_t *composite = xcb_get_extension_data(c->x, &xcb_composite_id);
    if (!damage || !damage->present || !composite || !composite->present) {
        die("the X server has no Damage or no Composite extension");
    }
    c->damage_event = damage->first_event + XCB_DAMAGE_NOTIFY;
    free(xcb_damage_query_version_reply(c->x, xcb_damage_query_version(c->x, 1, 1), NULL));
    free(xcb_composite_query_version_reply(c->x, xcb_composite_query_version(c->x, 0, 4), NULL));

    xcb_intern_atom_reply_t *atom = xcb_intern_atom_reply(
        c->x, xcb_intern_atom(c->x, 0, strlen("GPUPV_WATCHED"), "GPUPV_WATCHED"), NULL);
    if (!atom) {
        die("the X server has no atoms");
    }
    c->watched = atom->atom;
    free(atom);
    uint32_t events = XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY;
    xcb_change_window_attributes(c->x, c->screen->root, XCB_CW_EVENT_MASK, &events);
    xcb_generic_error_t *error =
        xcb_request_check(c->x, xcb_composite_redirect_subwindows_checked(
                                    c->x, c->screen->root, XCB_COMPOSITE_REDIRECT_AUTOMATIC));
    if (error) {
        die("windows cannot be redirected: error %d", error->error_code);
    }
    puts("ready");
    fflush(stdout);
}

// The window has another pixmap after it was shown or resized.
static void name_pixmap(struct capture *c)
{
    if (c->pixmap) {
        xcb_free_pixmap(c->x, c->pixmap);
    }
    c->pixmap = xcb_generate_id(c->x);
    xcb_generic_error_t *error = xcb_request_check(
        c->x, xcb_composite_name_window_pixmap_checked(c->x, c->window, c->pixmap));
    if (error) {
        // It is gone or hidden already; the event that says so follows.
        free(error);
        c->pixmap = 0;
    }
}

static void read_pixmap(struct capture *c)
{
    if (!c->pixmap) {
        return;
    }
    // A size that was changed without our having heard of it yet: the pixmap's own counts.
    xcb_get_geometry_reply_t *size =
        xcb_get_geometry_reply(c->x, xcb_get_geometry(c->x, c->pixmap), NULL);
    xcb_get_image_reply_t *image =
        size ? xcb_get_image_reply(c->x,
                                   xcb_get_image(c->x, XCB_IMAGE_FORMAT_Z_PIXMAP, c->pixmap, 0, 0,
                                                 size->width, size->height, ~0u),
                                   NULL)
             : NULL;
    if (image) {
        free(c->last);
        c->last = image;
        c->last_width = size->width;
        c->last_height = size->height;
    }
    free(size);
}

static void shown(struct capture *c, xcb_window_t window)
{
    if (c->window && c->window != window) {
        return;
    }
    if (!c->window) {
        c->window = window;
        c->damage = xcb_generate_id(c->x);
        xcb_damage_create(c->x, c->damage, window, XCB_DAMAGE_REPORT_LEVEL_NON_EMPTY);
    }
    name_pixmap(c);
    xcb_change_property(c->x, XCB_PROP_MODE_REPLACE, window, c->watched, XCB_ATOM_INTEGER, 32, 0,
                        NULL);
    xcb_flush(c->x);
}

static void hidden(struct capture *c)
{
    read_pixmap(c);
    if (c->pixmap) {
        xcb_free_pixmap(c->x, c->pixmap);
    }
    c->pixmap = 0;
}

static void act(struct capture *c, struct action *action)
{
    action->done = true;
    switch (action->kind) {
    case ACTION_RESIZE: {
        uint32_t size[] = {action->width, action->height};
        xcb_configure_window(c->x, c->window, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT,
                             size);
        printf("resized %ux%u after %u\n", action->width, action->height, c->changes);
        break;
    }
    case ACTION_HIDE:
        xcb_unmap_window(c->x, c->window);
        c->show_at = now_ms() + action->number;
        printf("hidden after %u\n", c->changes);
        break;
    case ACTION_DESTROY:
        xcb_destroy_window(c->x, c->window);
        printf("destroyed after %u\n", c->changes);
        break;
    case ACTION_KEY: {
        xcb_key_press_event_t key = {
            .response_type = XCB_KEY_PRESS,
            .detail = (xcb_keycode_t)action->number,
            .root = c->screen->root,
            .event = c->window,
            .same_screen = 1,
        };
        xcb_send_event(c->x, 0, c->window, XCB_EVENT_MASK_KEY_PRESS, (const char *)&key);
        key.response_type = XCB_KEY_RELEASE;
        xcb_send_event(c->x, 0, c->window, XCB_EVENT_MASK_KEY_RELEASE, (const char *)&key);
        printf("pressed %u after %u\n", action->number, c->changes);
        break;
    }
    }
    fflush(stdout);
    xcb_flush(c->x);
}

static void changed(struct capture *c)
{
    xcb_damage_subtract(c->x, c->damage, XCB_NONE, XCB_NONE);
    xcb_flush(c->x);
    c->changes++;
    for (uint32_t i = 0; i < c->action_count; i++) {
        if (!c->actions[i].done && c->changes >= c->actions[i].changes) {
            act(c, &c->actions[i]);
        }
    }
}

// False: the window is gone.
static bool handle(struct capture *c, const xcb_generic_event_t *event)
{
    uint8_t type = event->response_type & 0x7f;
    if (type == c->damage_event) {
        changed(c);
    } else if (type == XCB_MAP_NOTIFY) {
        shown(c, ((const xcb_map_notify_event_t *)event)->window);
    } else if (type == XCB_UNMAP_NOTIFY &&
               ((const xcb_unmap_notify_event_t *)event)->window == c->window) {
        hidden(c);
    } else if (type == XCB_CONFIGURE_NOTIFY) {
        const xcb_configure_notify_event_t *configure = (const void *)event;
        if (configure->window == c->window && c->pixmap &&
            (configure->width != c->width || configure->height != c->height)) {
            name_pixmap(c);
        }
        if (configure->window == c->window || !c->window) {
            c->width = configure->width;
            c->height = configure->height;
        }
    } else if (type == XCB_DESTROY_NOTIFY) {
        return !c->window || ((const xcb_destroy_notify_event_t *)event)->window != c->window;
    }
    return true;
}

static struct picture last_picture(const struct capture *c)
{
    return (struct picture){
        .pixels = xcb_get_image_data(c->last),
        .width = c->last_width,
        .height = c->last_height,
        .stride = c->last_width * 4u,
    };
}

static bool has_settled(struct capture *c)
{
    read_pixmap(c);
    if (!c->last || !c->changes) {
        return false;
    }
    struct picture picture = last_picture(c);
    uint64_t digest = picture_is_plain(&picture) ? 0 : picture_digest(&picture);
    if (digest == 0 || digest != c->settling_digest) {
        c->settling_digest = digest;
        c->settling_since = now_ms();
        return false;
    }
    return now_ms() - c->settling_since >= c->settle_ms;
}

// Until the window is gone, or has settled.
static void watch(struct capture *c)
{
    for (;;) {
        xcb_generic_event_t *event;
        while ((event = xcb_poll_for_event(c->x))) {
            bool there = handle(c, event);
            free(event);
            if (!there) {
                hidden(c);
                return;
            }
        }
        if (xcb_connection_has_error(c->x)) {
            die("the X server is gone");
        }
        struct pollfd ready = {.fd = xcb_get_file_descriptor(c->x), .events = POLLIN};
        if (poll(&ready, 1, c->show_at || c->settle_ms ? 100 : -1) < 0 && errno != EINTR) {
            die("poll: %s", strerror(errno));
        }
        if (c->show_at && now_ms() >= c->show_at) {
            c->show_at = 0;
            xcb_map_window(c->x, c->window);
            xcb_flush(c->x);
            puts("shown again");
        }
        if (c->settle_ms && !c->show_at && now_ms() - c->looked_at >= 100) {
            c->looked_at = now_ms();
            if (has_settled(c)) {
                return;
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct capture c = {0};
    parse_arguments(&c, argc, argv);
    start(&c);
    watch(&c);
    if (!c.last) {
        die("the window was gone before it could be looked at");
    }
    uint32_t bytes = (uint32_t)xcb_get_image_data_length(c.last);
    struct picture picture = last_picture(&c);
    if (bytes < (size_t)picture.stride * picture.height) {
        die("the X server's pixels do not have 32 bits");
    }
    printf("window %ux%u %016" PRIx64 "\n", picture.width, picture.height,
           picture_digest(&picture));
    fprintf(stderr, "x_capture: %u changes seen\n", c.changes);
    bool ok = !c.picture_file || picture_write_png(&picture, c.picture_file);
    free(c.last);
    xcb_disconnect(c.x);
    return ok ? 0 : 1;
}
