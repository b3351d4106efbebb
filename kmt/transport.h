/* SPDX-License-Identifier: MIT */
/*
 * Transports: how a stream to the host comes about, by URI ("unix:PATH", "embedded:"). A transport
 * only makes the stream; what runs over it is channel.h's. Functions are thread-safe.
 */
#ifndef GPUPV_KMT_TRANSPORT_H
#define GPUPV_KMT_TRANSPORT_H

#include "util/error.h"

#define KMT_DEFAULT_URI "unix:/run/gpupv/host.sock"

struct kmt_transport {
    const char *name; /* the URI's part before the colon */
    /* Makes the stream's socket: close-on-exec, owned by the caller. `address` is the URI's part
     * behind the colon. Runs with forks of other threads held off, so it must be quick. */
    int (*open)(const char *address, int *fd, struct error *err);
    /* Connects the socket, waiting at most `timeout_ms`. NULL where open() leaves it connected. */
    int (*connect)(int fd, const char *address, int timeout_ms, struct error *err);
};

extern const struct kmt_transport kmt_transport_unix;
extern const struct kmt_transport kmt_transport_embedded;

/* The transport of a URI, and in *address the part behind the colon (inside `uri`). NULL with the
 * cause in *err when there is none. */
const struct kmt_transport *kmt_transport_find(const char *uri, const char **address,
                                               struct error *err);

#endif
