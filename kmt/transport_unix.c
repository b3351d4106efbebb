/* SPDX-License-Identifier: MIT */
/* unix:PATH, the socket of a service on this machine, or mapped into this container. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "kmt/transport.h"

static int unix_open(const char *address, int *fd, struct error *err)
{
    if (address[0] != '/')
        return error_set(err, -EINVAL,
                         "GPUPV_HOST=unix:%s names no absolute path; write unix:/PATH", address);
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0)
        return error_set(err, -errno, "cannot make a socket: %s", strerror(errno));
    *fd = made;
    return 0;
}

static const char *remedy(int cause)
{
    switch (cause) {
    case ENOENT:
        return "start gpupvd on the host, map its socket into this container, or name another "
               "one in GPUPV_HOST";
    case ECONNREFUSED:
        return "the socket is a leftover of a service that is gone: start gpupvd on the host";
    case EACCES:
    case EPERM:
        return "ask the host's administrator for access (socket-mode in gpupv.ini)";
    case EAGAIN:
        return "the host accepts no connection in time: look at gpupvd's log";
    default:
        return "look at gpupvd's log";
    }
}

static int unix_connect(int fd, const char *address, int timeout_ms, struct error *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(address) >= sizeof(name.sun_path))
        return error_set(err, -ENAMETOOLONG, "the socket path %s is longer than %zu bytes", address,
                         sizeof(name.sun_path) - 1);
    memcpy(name.sun_path, address, strlen(address) + 1);

    /* connect(2) waits for a place in the listener's queue as long as the send timeout says. */
    struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    int result;
    do
        result = connect(fd, (const struct sockaddr *)&name, sizeof(name));
    while (result < 0 && errno == EINTR);
    if (result < 0) {
        int cause = errno;
        return error_set(err, -cause, "no gpupv host on %s: %s; %s", address, strerror(cause),
                         remedy(cause));
    }
    return 0;
}

const struct kmt_transport kmt_transport_unix = {
    .name = "unix",
    .open = unix_open,
    .connect = unix_connect,
};
