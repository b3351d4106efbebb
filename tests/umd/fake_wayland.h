/* SPDX-License-Identifier: MIT */
/*
 * A libwayland-client without a compositor, for one thread: it keeps what is requested, and its
 * events are those that the test sends. What is sent lies on the wire until wl_display_read_events,
 * and then in the queues of its objects. Wrong uses fail the test.
 */
#ifndef TESTS_UMD_FAKE_WAYLAND_H
#define TESTS_UMD_FAKE_WAYLAND_H

#include "umd/umd_wayland.h"

#define FAKE_MAX_REQUESTS 256

struct fake_request {
    char interface[24];
    uint32_t opcode;
    int32_t number[6];      /* arguments that are numbers, by their place */
    const void *object[6];  /* the same of objects */
    unsigned long long ino; /* of the file of wl_shm.create_pool */
    int fd;                 /* of that file, or -1 */
};

struct fake_wayland {
    /* What the test sets. */
    const uint32_t *formats; /* that wl_shm announces */
    uint32_t format_count;
    bool no_shm;         /* the display has none */
    bool flush_is_full;  /* wl_display_flush gives EAGAIN */
    const char *missing; /* a symbol that the library lacks */
    bool no_library;

    /* What it keeps. */
    struct fake_request requests[FAKE_MAX_REQUESTS];
    uint32_t request_count;
    int error;   /* of the connection; fake_hang_up sets it */
    int objects; /* proxies, wrappers and queues that live */
    int roundtrips, flushes;
};

extern struct fake_wayland fake_wayland;

/* A fresh display, and a surface on it of a version of wl_surface. */
void fake_wayland_begin(uint32_t surface_version, struct wl_display **display,
                        struct wl_proxy **surface);
/* Fails when something of the driver's is left. */
void fake_wayland_end(void);

/* The shim's functions, which open this library. */
const struct gpupv_umd_callbacks *fake_wayland_callbacks(void);

/* The n-th request of an interface, or NULL. */
const struct fake_request *fake_request(const char *interface, uint32_t opcode, uint32_t n);
uint32_t fake_request_count(const char *interface, uint32_t opcode);

/* Events. A buffer and a callback are told by the object that a request named or made. */
void fake_send_release(const void *buffer);
void fake_send_frames(void); /* done, to all callbacks that live */
void fake_hang_up(int error);

#endif
