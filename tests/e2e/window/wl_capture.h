// SPDX-License-Identifier: MIT
// The compositor of wl_capture.c: its state, and what its two files offer each other.
#ifndef TESTS_WL_CAPTURE_H
#define TESTS_WL_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <wayland-server-core.h>
#include <wayland-server-protocol.h>

enum { MAX_HELD = 8, MAX_ACTIONS = 8 };

enum action_kind {
    ACTION_RESIZE,
    ACTION_CLOSE,
    ACTION_PAUSE,
    ACTION_ERROR,
    ACTION_DROP,
    ACTION_EXIT,
};

struct action {
    enum action_kind kind;
    uint32_t frames; // before it
    uint32_t width, height, number;
    bool done;
};

// A buffer that the client gave us and that we have not released; one that it destroys is
// forgotten.
struct held_buffer {
    struct wl_resource *buffer;
    struct wl_listener destroyed;
};

struct server {
    struct wl_display *display;
    struct wl_client *client; // the first that made a surface
    struct wl_listener client_gone;
    struct wl_event_source *refresh_timer, *settle_timer, *pause_timer;
    const char *picture_file, *socket;
    int refresh_ms, settle_ms;
    uint32_t hold;
    struct action actions[MAX_ACTIONS];
    uint32_t action_count;

    uint32_t frames, serial;
    bool paused;
    struct wl_list callbacks; // of committed frames, not yet answered
    struct held_buffer held[MAX_HELD + 1];
    uint32_t held_count;
    uint32_t *pixels; // of the last frame
    uint32_t width, height;
    struct wl_resource *toplevel, *xdg_surface;
};

// To the log, one line.
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

// wl_capture.c
void server_new_frame(struct server *server);
void server_answer_callbacks(struct server *server);

// wl_objects.c
bool server_add_globals(struct server *server);
void server_send_size(struct server *server, uint32_t width, uint32_t height);
void server_release_all_but(struct server *server, uint32_t keep);

#endif
