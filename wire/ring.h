/* SPDX-License-Identifier: MIT */
/*
 * The byte ring of batches of a stream (wire/stream.h): the guest's end puts batches in, the
 * worker's end takes them out. Each end keeps its own index in private memory and believes nothing
 * that lies in shared memory: what it reads there it reads once and checks.
 *
 * Positions count bytes modulo 2^32. Neither end allocates or makes a system call. An end belongs
 * to one thread at a time.
 */
#ifndef GPUPV_WIRE_RING_H
#define GPUPV_WIRE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/stream.h"

#define RING_MIN_SIZE (256u * 1024u)
#define RING_MAX_SIZE (64u * 1024u * 1024u)

static inline bool ring_size_valid(uint32_t size)
{
    return size >= RING_MIN_SIZE && size <= RING_MAX_SIZE && !(size & (size - 1));
}

/* --- The guest's end --- */

struct ring_producer {
    struct stream_shared *shared;
    uint8_t *bytes;
    uint32_t size;
    uint32_t tail; /* position behind all that was put */
    uint32_t head; /* as last seen */
    uint32_t rung; /* position up to which the worker is known to be awake */
};

/* `size` is valid, both indices in `shared` are 0. */
void ring_producer_init(struct ring_producer *producer, struct stream_shared *shared, void *bytes,
                        uint32_t size);
/* Whether a batch with `payload` bytes fits: 1, or 0 when the worker must take others first.
 * -EPROTO: the worker's index jumped. */
int ring_producer_fits(struct ring_producer *producer, uint32_t payload);
/* Begins a batch, whose payload must fit, follows in ring_producer_put calls and has exactly `size`
 * bytes. */
void ring_producer_begin(struct ring_producer *producer, const struct stream_batch *batch);
void ring_producer_put(struct ring_producer *producer, const void *data, uint32_t size);
/* Shows the worker all that was put. */
void ring_producer_publish(struct ring_producer *producer);
/* After publishing: true when the worker sleeps and the caller must wake it (the doorbell word has
 * been changed). */
bool ring_producer_ring(struct ring_producer *producer);

/* What will be put `ahead` bytes behind what was put last: fetches its place from the worker's cache,
 * which takes longer than encoding a command. */
static inline void ring_producer_prefetch(const struct ring_producer *producer, uint32_t ahead)
{
#ifdef __x86_64__
    const uint8_t *at = producer->bytes + ((producer->tail + ahead) & (producer->size - 1));
    __asm__ volatile("prefetchw %0" : : "m"(*at));
#else
    (void)producer;
    (void)ahead;
#endif
}

static inline uint32_t ring_producer_unrung(const struct ring_producer *producer)
{
    return producer->tail - producer->rung;
}

/* --- The worker's end --- */

struct ring_consumer {
    struct stream_shared *shared;
    const uint8_t *bytes;
    uint32_t size;
    uint32_t head; /* position of the next batch */
    uint32_t tail; /* as last seen */
};

void ring_consumer_init(struct ring_consumer *consumer, struct stream_shared *shared,
                        const void *bytes, uint32_t size);
/* Takes the next batch: its header, checked, and its payload into `payload` (STREAM_MAX_BATCH
 * bytes), and frees its room in the ring. *was_used is how many bytes lay in the ring before. 1; 0:
 * the ring is empty; -EPROTO: an index that jumped, a size, kind or flag that cannot be. Sizes and
 * kinds are checked here, `target` is not. */
int ring_consumer_take(struct ring_consumer *consumer, struct stream_batch *batch, void *payload,
                       uint32_t *was_used);
/* Whether there is something to take; cheap. */
bool ring_consumer_ready(struct ring_consumer *consumer);
/* Before sleeping on the doorbell: *seen is its value to sleep on. False: there is something to
 * take after all. Awake again, or not asleep after all: ring_consumer_woken. */
bool ring_consumer_sleep(struct ring_consumer *consumer, uint32_t *seen);
void ring_consumer_woken(struct ring_consumer *consumer);

#endif
