/* SPDX-License-Identifier: MIT */
/* The window system of the session that a guest of `gpupv run` is started from. */
#ifndef GPUPV_TOOLS_GUEST_DISPLAY_H
#define GPUPV_TOOLS_GUEST_DISPLAY_H

#include <stdbool.h>

#include "util/error.h"

struct guest_display {
    char *x11;        /* DISPLAY, or NULL */
    char *x11_socket; /* its socket's path; NULL when the display is on another machine */
    char *x11_cookie; /* the authority file, or NULL */
    char *wayland;    /* the compositor's socket, or NULL */
};

/* Looks at DISPLAY, XAUTHORITY, WAYLAND_DISPLAY and XDG_RUNTIME_DIR. Finding nothing is no error:
 * see guest_display_exists(). */
int guest_display_find(struct guest_display *display, struct error *err);
bool guest_display_exists(const struct guest_display *display);
void guest_display_finish(struct guest_display *display);

#endif
