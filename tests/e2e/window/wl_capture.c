// SPDX-License-Identifier: MIT
// A Wayland compositor without a screen, for one client: it notes a digest of every frame that the
// client commits (wl_shm buffers), and keeps the last as a picture.
//
//   wl_capture --socket PATH [--picture FILE.png] [--refresh MS] [--hold N] [--settle MS]
//              [--at N ACTION]... > LOG
//
// --refresh: frame callbacks come every MS milliseconds (default 0: at once). --hold: the newest N
// buffers are not released (default 1). N of --at counts frames; ACTION: `resize WxH`, `close`
// (asks the program to close its window), `pause MS` (no frame callbacks and no releases for so
// long), `error` (a protocol error), `drop` (the connection is closed), `exit` (the compositor
// ends). LOG gets "ready" once a client may come, "frame WxH DIGEST" for each frame, a line for
// each action, and last "end". It ends when the client has left or, with --settle, has committed
// nothing for so long after its first frame.
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "picture.h"
#include "wl_capture.h"
#include "xdg-shell-server.h"

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("wl_capture: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    fflush(stdout);
}

// ---- What happens after so many frames

void server_answer_callbacks(struct server *server)
{
    if (server->paused) {
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint32_t ms = (uint32_t)((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    struct wl_resource *callback, *next;
    wl_resource_for_each_safe(callback, next, &server->callbacks)
    {
        wl_callback_send_done(callback, ms);
        wl_resource_destroy(callback);
    }
}

static int pause_over(void *data)
{
    struct server *server = data;
    server->paused = false;
    server_release_all_but(server, server->hold);
    server_answer_callbacks(server);
    say("goes on");
    return 0;
}

static void act(struct server *server, struct action *action)
{
    action->done = true;
    switch (action->kind) {
    case ACTION_RESIZE:
        say("resize to %ux%u", action->width, action->height);
        server_send_size(server, action->width, action->height);
        break;
    case ACTION_CLOSE:
        say("close");
        if (server->toplevel) {
            xdg_toplevel_send_close(server->toplevel);
        }
        break;
    case ACTION_PAUSE:
        say("pause");
        server->paused = true;
        wl_event_source_timer_update(server->pause_timer, (int)action->number);
        break;
    case ACTION_ERROR:
        say("error");
        wl_client_post_no_memory(server->client);
        break;
    case ACTION_DROP:
        say("drop");
        shutdown(wl_client_get_fd(server->client), SHUT_RDWR);
        break;
    case ACTION_EXIT:
        say("exit");
        _exit(0);
    }
}

void server_new_frame(struct server *server)
{
    struct picture picture = {server->pixels, server->width, server->height, server->width * 4};
    server->frames++;
    say("frame %ux%u %016" PRIx64, picture.width, picture.height, picture_digest(&picture));
    if (server->settle_ms) {
        wl_event_source_timer_update(server->settle_timer, server->settle_ms);
    }
    for (uint32_t i = 0; i < server->action_count; i++) {
        // An action may end the client.
        if (server->client && !server->actions[i].done &&
            server->frames >= server->actions[i].frames) {
            act(server, &server->actions[i]);
        }
    }
}

static int refresh(void *data)
{
    struct server *server = data;
    server_answer_callbacks(server);
    wl_event_source_timer_update(server->refresh_timer, server->refresh_ms);
    return 0;
}

static int settled(void *data)
{
    struct server *server = data;
    wl_display_terminate(server->display);
    return 0;
}

// ---- Start

static bool parse_action(struct action *action, int argc, char **argv, int *at)
{
    static const char *const names[] = {"resize", "close", "pause", "error", "drop", "exit"};
    int kind = 0;
    while (kind <= ACTION_EXIT && strcmp(argv[*at], names[kind]) != 0) {
        kind++;
    }
    action->kind = (enum action_kind)kind;
    if (kind == ACTION_PAUSE && *at + 1 < argc) {
        action->number = (uint32_t)atoi(argv[++*at]);
    } else if (kind == ACTION_RESIZE) {
        char end;
        return *at + 1 < argc &&
               sscanf(argv[++*at], "%ux%u%c", &action->width, &action->height, &end) == 2;
    }
    return kind <= ACTION_EXIT;
}

static void parse_arguments(struct server *server, int argc, char **argv)
{
    server->hold = 1;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--picture") == 0 && more) {
            server->picture_file = argv[++i];
        } else if (strcmp(argv[i], "--refresh") == 0 && more) {
            server->refresh_ms = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--settle") == 0 && more) {
            server->settle_ms = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--hold") == 0 && more) {
            server->hold = (uint32_t)atoi(argv[++i]);
        } else if (strcmp(argv[i], "--at") == 0 && i + 2 < argc &&
                   server->action_count < MAX_ACTIONS) {
            struct action *action = &server->actions[server->action_count++];
            action->frames = (uint32_t)atoi(argv[++i]);
            i++;
            if (!parse_action(action, argc, argv, &i)) {
                die("no such action: %s", argv[i]);
            }
        } else if (strcmp(argv[i], "--socket") == 0 && more) {
            server->socket = argv[++i];
        } else {
            die("what is %s?", argv[i]);
        }
    }
    if (!server->socket || server->hold > MAX_HELD || server->refresh_ms < 0) {
        die("a socket is missing, or more than %d buffers are to be held", MAX_HELD);
    }
}

// At any path, not in XDG_RUNTIME_DIR alone.
static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        die("the socket's path is too long: %s", path);
    }
    strcpy(address.sun_path, path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 8) != 0) {
        die("%s: %s", path, strerror(errno));
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct server server = {0};
    parse_arguments(&server, argc, argv);
    for (uint32_t i = 0; i <= MAX_HELD; i++) {
        wl_list_init(&server.held[i].destroyed.link);
    }
    wl_list_init(&server.callbacks);
    server.display = wl_display_create();
    if (!server.display ||
        wl_display_add_socket_fd(server.display, listen_at(server.socket)) != 0 ||
        !server_add_globals(&server)) {
        die("the compositor cannot be set up: %s", strerror(errno));
    }
    struct wl_event_loop *loop = wl_display_get_event_loop(server.display);
    server.refresh_timer = wl_event_loop_add_timer(loop, refresh, &server);
    server.settle_timer = wl_event_loop_add_timer(loop, settled, &server);
    server.pause_timer = wl_event_loop_add_timer(loop, pause_over, &server);
    if (server.refresh_ms) {
        wl_event_source_timer_update(server.refresh_timer, server.refresh_ms);
    }
    say("ready");
    wl_display_run(server.display);

    struct picture picture = {server.pixels, server.width, server.height, server.width * 4};
    bool ok =
        !server.picture_file || !server.pixels || picture_write_png(&picture, server.picture_file);
    wl_display_destroy_clients(server.display);
    wl_display_destroy(server.display);
    unlink(server.socket);
    free(server.pixels);
    say("end");
    return ok ? 0 : 1;
}
