/* SPDX-License-Identifier: MIT */
/* A libxcb without a server: the test says what that can do, and what is requested is kept. */
#ifndef TESTS_UMD_FAKE_XCB_H
#define TESTS_UMD_FAKE_XCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xcb/present.h>
#include <xcb/xcb.h>

#define FAKE_MAX_REQUESTS 64

struct fake_x_request {
    const char *extension; /* NULL: the core protocol */
    uint8_t opcode;
    _Alignas(8) uint8_t bytes[96];
};

struct fake_xcb {
    bool no_library, old_library;
    bool error; /* of the connection */
    bool no_present, no_xfixes, no_shm, no_shared_pixmaps, no_events, no_versions;
    bool refuses_attach, refuses_pixmap;
    bool no_window;
    uint16_t width, height; /* of the window */
    uint8_t depth;
    uint16_t image_width; /* of all that is put */
    xcb_setup_t setup;
    xcb_screen_t screen;
    xcb_depth_t allowed;
    xcb_visualtype_t visual;
    int socket;
    uint32_t ids, longest; /* request, in words */
    /* What came. */
    uint32_t count;
    struct fake_x_request requests[FAKE_MAX_REQUESTS];
    uint32_t put_images, rows, checked_after_select;
    bool selected, registered;
    xcb_generic_event_t *events[8]; /* special ones that wait */
    uint32_t event_count;
};

extern struct fake_xcb fake_xcb;

/* A server with all that the driver uses; the sizes are the test's. */
void fake_xcb_begin(int socket);
void fake_xcb_end(void);

/* The shim's functions that open this library. */
void *fake_open_xcb(const char *name);
void *fake_xcb_symbol(void *library, const char *name);

/* The last request of a kind; NULL: none came. */
const void *fake_last(const char *extension, uint8_t opcode);

/* Events of Present. */
void fake_add_idle(uint32_t serial, xcb_pixmap_t pixmap);
void fake_add_complete(uint32_t serial, uint64_t msc);
void fake_add_configure(uint16_t width, uint16_t height, uint32_t flags);

#endif
