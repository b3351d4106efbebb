/* SPDX-License-Identifier: MIT */
#include "tools/guest_display.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define X11_SOCKETS "/tmp/.X11-unix/X"

static bool is_socket(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISSOCK(info.st_mode);
}

static int find_x11_cookie(struct guest_display *display)
{
    const char *named = getenv("XAUTHORITY"), *home = getenv("HOME");
    char *path = NULL;

    if (named && *named)
        path = strdup(named);
    else if (home && asprintf(&path, "%s/.Xauthority", home) < 0)
        path = NULL;
    if (!path)
        return named || home ? -ENOMEM : 0;
    if (access(path, R_OK) == 0)
        display->x11_cookie = realpath(path, NULL);
    free(path);
    return 0;
}

/* ":1", ":1.0" and "unix:1" are this machine's; other names are reached over the network. */
static int find_x11(struct guest_display *display)
{
    const char *name = getenv("DISPLAY");
    const char *number = name ? strrchr(name, ':') : NULL;
    size_t digits = number ? strspn(number + 1, "0123456789") : 0;
    char *socket;

    if (!digits)
        return 0;
    if (number == name || strncmp(name, "unix:", 5) == 0) {
        if (asprintf(&socket, X11_SOCKETS "%.*s", (int)digits, number + 1) < 0)
            return -ENOMEM;
        if (!is_socket(socket)) {
            free(socket);
            return 0;
        }
        display->x11_socket = socket;
    }
    display->x11 = strdup(name);
    return display->x11 ? find_x11_cookie(display) : -ENOMEM;
}

static int find_wayland(struct guest_display *display)
{
    const char *name = getenv("WAYLAND_DISPLAY"), *folder = getenv("XDG_RUNTIME_DIR");
    char *path = NULL;

    if (!name || !*name || (name[0] != '/' && (!folder || folder[0] != '/')))
        return 0;
    if (asprintf(&path, "%s%s%s", name[0] == '/' ? "" : folder, name[0] == '/' ? "" : "/", name) <
        0)
        return -ENOMEM;
    if (is_socket(path))
        display->wayland = path;
    else
        free(path);
    return 0;
}

int guest_display_find(struct guest_display *display, struct error *err)
{
    *display = (struct guest_display){0};
    if (find_x11(display) == 0 && find_wayland(display) == 0)
        return 0;
    guest_display_finish(display);
    return error_set(err, -ENOMEM, "out of memory");
}

bool guest_display_exists(const struct guest_display *display)
{
    return display->x11 || display->wayland;
}

void guest_display_finish(struct guest_display *display)
{
    free(display->x11);
    free(display->x11_socket);
    free(display->x11_cookie);
    free(display->wayland);
    *display = (struct guest_display){0};
}
