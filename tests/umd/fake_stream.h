/* SPDX-License-Identifier: MIT */
/*
 * A stream (umd/stream.h) without a worker: keeps what is sent, and reports what the test tells it
 * to. Thread-safe. The encoders of single commands are the test's own, too.
 */
#ifndef TESTS_UMD_FAKE_STREAM_H
#define TESTS_UMD_FAKE_STREAM_H

#include <pthread.h>
#include <stdatomic.h>

#include "umd/umd.h"

struct umd_stream {
    pthread_mutex_t lock; /* of the encoder, as between umd_stream_begin and _end */
    struct wire_encoder encoder, recorded;
    uint32_t sent, kicked, records; /* calls of umd_stream_end, of these with a kick, of _record */
    uint64_t recorded_id;           /* of the last umd_stream_record */
    VkResult record_result;         /* that umd_stream_record is to return */
    pthread_mutex_t wait_lock;
    pthread_cond_t changed;
    uint32_t waiters, sleeps, wakes; /* with wait_lock */
    _Atomic bool lost;
    _Atomic uint64_t completed[STREAM_MAX_QUEUES];
};

/* A device with two queues on a fake stream. */
void fake_device_init(struct umd_device *device, struct umd_stream *stream);
void fake_device_finish(struct umd_device *device);

/* As the worker would: so many submissions of a queue have finished. */
void fake_complete(struct umd_stream *stream, uint32_t queue, uint64_t count);
void fake_lose(struct umd_stream *stream);
/* Returns when so many threads sleep in umd_stream_wait. */
void fake_await_sleepers(struct umd_stream *stream, uint32_t count);

#endif
