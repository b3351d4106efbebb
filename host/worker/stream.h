/* SPDX-License-Identifier: MIT */
/*
 * A stream in the worker: its shared memory, its executor, its thread. The main thread makes, stops
 * and frees streams; everything else belongs to the stream's thread.
 */
#ifndef GPUPV_HOST_WORKER_STREAM_H
#define GPUPV_HOST_WORKER_STREAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpupv/ntstatus.h"
#include "host/worker/exec.h"
#include "host/worker/stream_io.h"
#include "host/worker/stream_message.h"
#include "host/worker/worker.h"
#include "util/error.h"
#include "wire/protocol.h"
#include "wire/ring.h"
#include "wire/spin.h"

/* --- Shared memory (stream_io.c) --- */

/* A reply that did not fit into its slot. */
struct kept_reply {
    void *data;
    size_t size;
    int32_t result;
};

struct stream_io {
    struct stream_shared *shared;
    struct wire_fence_cell *fence;
    struct ring_consumer ring;
    uint8_t *slots;
    uint32_t slot_size, slot_count;
    struct kept_reply kept[STREAM_MAX_REPLY_SLOTS];
    _Atomic uint32_t lost; /* enum stream_lost, as told to the guest */
    char why[256];         /* that exec_fail gave */
};

/* Checks what the guest says of `memory`, `size` bytes of an allocation, and begins. -EPROTO with
 * the cause in *err. */
int stream_io_init(struct stream_io *io, const struct stream_open *open, void *memory,
                   uint64_t size, struct wire_fence_cell *fence, struct error *err);
void stream_io_finish(struct stream_io *io);
/* Writes a reply, the first part of it if it is long. -EPROTO: no such slot, or no ticket. -ENOMEM.
 */
int stream_io_reply(struct stream_io *io, uint32_t word, int32_t result, const void *data,
                    size_t size);
/* Writes the part from `offset` on of the slot's last reply. -EPROTO: there is none, or no such
 * part. */
int stream_io_fetch(struct stream_io *io, uint32_t word, uint32_t offset);
/* The guest sees that batches up to `position` have run. */
void stream_io_executed(struct stream_io *io, uint32_t position);
/* The reason, or STREAM_ALIVE. */
enum stream_lost stream_io_lost(const struct stream_io *io);
/* Wakes the stream's thread. Any thread. */
void stream_io_wake_worker(struct stream_io *io);
/* Sleeps until then, if nothing is to be taken from the ring. */
void stream_io_sleep(struct stream_io *io, const atomic_bool *stop);

/* --- The stream (stream_thread.c) --- */

static inline enum stream_lost exec_lost(const struct exec *x)
{
    return (enum stream_lost)__atomic_load_n((const uint32_t *)&x->lost, __ATOMIC_ACQUIRE);
}

/* A command that comes in parts. */
struct stream_parts {
    uint8_t *data;
    size_t size, used;
    uint64_t command_buffer;
};

struct stream {
    struct exec exec;
    struct stream_io io;
    struct worker *worker;
    uint32_t queue, allocation;       /* D3DKMT handles; allocation 0: memory is not shared */
    struct stream_messages *messages; /* in place of shared memory, or NULL */
    struct stream_parts parts;
    struct spin_estimate idle_time; /* between batches */
    uint64_t looked_ns;             /* when it last looked at what has finished between batches */
    uint64_t signalled_ns;          /* and when it last called exec_signal_queues there */
    uint8_t *batch;                 /* STREAM_MAX_BATCH bytes: the private copy */
    pthread_t thread;
    atomic_bool stop, ended;
    struct stream *next; /* the main thread's list */
};

/* Opens a stream and starts its thread. STATUS_INVALID_PARAMETER, STATUS_REVISION_MISMATCH (of
 * another build), STATUS_NO_MEMORY, STATUS_NOT_SUPPORTED, each logged. */
NTSTATUS stream_create(struct worker *worker, const struct link_open_stream *args,
                       const struct stream_open *open, struct stream **stream);
/* Asks the thread to end, without waiting. What has not run is dropped. */
void stream_stop(struct stream *stream);
/* Waits for the thread and frees. After stream_stop, or when `ended`. */
void stream_destroy(struct stream *stream);

/* What the thread does, but for its end: takes one batch and runs it. 1; 0: there was none;
 * negative: the stream is lost. Here for tests. */
int stream_run_batch(struct stream *stream);
/* Until it is stopped or lost. */
void stream_loop(struct stream *stream);

#endif
