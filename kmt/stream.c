/* SPDX-License-Identifier: MIT */
#include "kmt/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "util/rights.h"

int64_t stream_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int wait_for(int fd, short events, int64_t deadline_ms, struct error *err)
{
    for (;;) {
        int64_t left = deadline_ms - stream_now_ms();
        struct pollfd item = {.fd = fd, .events = events};
        int ready = poll(&item, 1, left > 0 ? (int)left : 0);
        if (ready > 0)
            return 0; /* or a hang-up, which the next send or recv tells */
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return error_set(err, -errno, "poll failed: %s", strerror(errno));
        return error_set(err, -ETIMEDOUT, "the host did not %s in time",
                         events == POLLIN ? "answer" : "read");
    }
}

static void skip(struct iovec **parts, int *count, size_t size)
{
    while (*count && size >= (*parts)->iov_len) {
        size -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count) {
        (*parts)->iov_base = (uint8_t *)(*parts)->iov_base + size;
        (*parts)->iov_len -= size;
    }
}

int stream_send(int fd, struct iovec *parts, int count, int descriptor, int64_t deadline_ms,
                struct error *err)
{
    skip(&parts, &count, 0); /* empty parts at the front */
    while (count) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        union rights_control control;
        rights_attach(&message, &control, &descriptor, descriptor >= 0);
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            skip(&parts, &count, (size_t)sent);
            descriptor = -1;
        } else if (errno == EAGAIN) {
            int result = wait_for(fd, POLLOUT, deadline_ms, err);
            if (result)
                return result;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return error_set(err, -EPIPE, "the host closed the connection");
        } else if (errno != EINTR) {
            return error_set(err, -errno, "cannot send: %s", strerror(errno));
        }
    }
    return 0;
}

static int receive_more(int fd, struct frame_reader *reader, int64_t deadline_ms, int *descriptor,
                        struct error *err)
{
    uint8_t *space;
    size_t size;
    int result = frame_reader_space(reader, &space, &size);
    if (result)
        return error_set(err, result, "no room for a message: %s", strerror(-result));
    result = wait_for(fd, POLLIN, deadline_ms, err);
    if (result)
        return result;
    union rights_control control;
    struct iovec part = {space, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    rights_expect(&message, &control, 1);
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got > 0) {
        /* The first, if there is none yet. */
        size_t count = *descriptor >= 0;
        rights_take(&message, descriptor, 1, &count);
        frame_reader_filled(reader, (size_t)got);
        return 0;
    }
    if (got == 0 || errno == ECONNRESET)
        return error_set(err, -ECONNRESET, "the host closed the connection%s",
                         reader->used ? " in the middle of a message" : "");
    if (errno == EINTR || errno == EAGAIN)
        return 0;
    return error_set(err, -errno, "cannot receive: %s", strerror(errno));
}

int stream_receive(int fd, struct frame_reader *reader, int64_t deadline_ms,
                   struct wire_header *header, const uint8_t **payload, int *descriptor,
                   struct error *err)
{
    *descriptor = -1;
    for (;;) {
        int result = frame_reader_next(reader, header, payload, err);
        if (result)
            return result > 0 ? 0 : result;
        result = receive_more(fd, reader, deadline_ms, descriptor, err);
        if (result)
            return result;
    }
}
