/* SPDX-License-Identifier: MIT */
/*
 * A listening unix socket that belongs to one service at a time. PATH.lock is locked for as long as
 * the socket is used, so that a second service is refused, and what a dead one left is taken over.
 */
#ifndef GPUPV_HOST_LISTENER_H
#define GPUPV_HOST_LISTENER_H

#include <sys/types.h>

#include "util/error.h"

struct listener {
    int fd;      /* non-blocking; -1: not open */
    int lock_fd; /* -1: an adopted socket */
    char *path;  /* NULL: an adopted socket */
};

void listener_init(struct listener *listener);

/* Makes the folder if it is missing, then the socket, with `mode`. -EADDRINUSE when another service
 * uses it or another program listens there; -EEXIST when the path is something else than a socket.
 */
int listener_open(struct listener *listener, const char *path, mode_t mode, struct error *err);

/* Takes a listening socket that somebody else made and will remove. */
int listener_adopt(struct listener *listener, int fd, struct error *err);

/* Closes it; removes what listener_open made. */
void listener_finish(struct listener *listener);

#endif
