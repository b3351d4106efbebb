/* SPDX-License-Identifier: MIT */
/*
 * libxcb of the guest, opened when it is first needed. Its functions can be called under their own
 * names once umd_xcb_available (umd_wsi.h) was true, and those of libxcb-present, -shm and -xfixes
 * as well: guests need not have these, they are part of the driver.
 */
#ifndef GPUPV_UMD_XCB_H
#define GPUPV_UMD_XCB_H

#include <stdbool.h>

#include <xcb/present.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>
#include <xcb/xfixes.h>

/* The connection of a Display, by libX11-xcb; NULL: the guest does not have that. Thread-safe. */
xcb_connection_t *umd_xcb_of_display(void *display);

/* For requests that fail when the window has gone: a program's error handler is not to hear of it.
 */
static inline void umd_xcb_ignore(xcb_connection_t *connection, xcb_void_cookie_t checked)
{
    xcb_discard_reply(connection, checked.sequence);
}

#endif
