/* SPDX-License-Identifier: MIT */
/*
 * Streams without shared memory: what a stream's shared memory would hold lies in the worker alone.
 * The guest's messages fill the ring, and its polls are answered with what has changed
 * (wire/stream.h). The main thread calls all of this; a thread of the stream's answers the polls
 * that have to wait.
 */
#ifndef GPUPV_HOST_WORKER_STREAM_MESSAGE_H
#define GPUPV_HOST_WORKER_STREAM_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

struct stream;
struct stream_messages;
struct stream_open;
struct wire_fence_cell;

/* The memory for what `open` describes, and its size; a fence cell with it. NULL: it is more than a
 * stream may have, or memory is short. */
struct stream_messages *stream_messages_create(const struct stream_open *open, void **memory,
                                               uint64_t *size, struct wire_fence_cell **fence);
/* Answers what is still to be answered, and frees. NULL is accepted. */
void stream_messages_destroy(struct stream_messages *messages);

/* A message of the guest's, whose bytes go into the ring. One that cannot be ends the stream. */
void stream_messages_take(struct stream *stream, const void *data, size_t size);
/* A poll, which is answered now or later by a LINK_REPLY with that sequence. */
void stream_messages_poll(struct stream *stream, uint32_t sequence, const void *data, size_t size);

#endif
