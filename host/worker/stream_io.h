/* SPDX-License-Identifier: MIT */
/*
 * The worker's end of a stream's shared memory (wire/stream.h). Offsets and sizes were checked when the
 * stream was opened and are private copies.
 */
#ifndef GPUPV_HOST_WORKER_STREAM_IO_H
#define GPUPV_HOST_WORKER_STREAM_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/stream.h"

struct stream_io;

/* Tells the guest that `count` submissions of a queue have finished, and wakes its sleepers. Any
 * thread. */
void stream_io_complete(struct stream_io *io, uint32_t queue, uint64_t count);
/* Wakes sleepers: something that they wait for has been written. Any thread. */
void stream_io_notify(struct stream_io *io);
/* Whether the guest has sent more that is not taken yet. On the stream's thread. */
bool stream_io_more(struct stream_io *io);
/* Marks the stream dead. Any thread. */
void stream_io_lose(struct stream_io *io, enum stream_lost reason);

#endif
