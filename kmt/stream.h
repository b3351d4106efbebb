/* SPDX-License-Identifier: MIT */
/* Whole messages over a stream socket, with a deadline. No SIGPIPE, no state beside the reader. */
#ifndef GPUPV_KMT_STREAM_H
#define GPUPV_KMT_STREAM_H

#include <stdint.h>
#include <sys/uio.h>

#include "util/error.h"
#include "wire/frame.h"

/* CLOCK_MONOTONIC in milliseconds; a deadline is such a number. */
int64_t stream_now_ms(void);

/* Writes all bytes of `parts`, which it changes, and a descriptor with the first unless it is -1.
 * 0; -ETIMEDOUT; -EPIPE when the peer is gone; another negative errno. */
int stream_send(int fd, struct iovec *parts, int count, int descriptor, int64_t deadline_ms,
                struct error *err);

/* Waits for one whole message; as frame_reader_next, *payload lies in the reader's buffer.
 * *descriptor gets one that came with it, also on failure, or -1; the caller closes it. 0;
 * -ETIMEDOUT; -ECONNRESET when the peer is gone; -EPROTO; -ENOMEM; another negative errno. */
int stream_receive(int fd, struct frame_reader *reader, int64_t deadline_ms,
                   struct wire_header *header, const uint8_t **payload, int *descriptor,
                   struct error *err);

#endif
