/* SPDX-License-Identifier: MIT */
#include "wire/ring.h"

#include <errno.h>
#include <string.h>

#define HEADER ((uint32_t)sizeof(struct stream_batch))

/* --- The guest's end --- */

void ring_producer_init(struct ring_producer *producer, struct stream_shared *shared, void *bytes,
                        uint32_t size)
{
    *producer = (struct ring_producer){.shared = shared, .bytes = bytes, .size = size};
}

int ring_producer_fits(struct ring_producer *producer, uint32_t payload)
{
    uint32_t need = HEADER + payload;
    if (producer->size - (producer->tail - producer->head) >= need)
        return 1;
    uint32_t head = __atomic_load_n(&producer->shared->head, __ATOMIC_ACQUIRE);
    /* It moves from where it was towards the tail, and nowhere else. */
    if (head - producer->head > producer->tail - producer->head)
        return -EPROTO;
    producer->head = head;
    return producer->size - (producer->tail - head) >= need;
}

static void put(struct ring_producer *producer, const void *data, uint32_t size)
{
    uint32_t at = producer->tail & (producer->size - 1);
    uint32_t to_end = producer->size - at;
    if (size <= to_end) {
        memcpy(producer->bytes + at, data, size);
    } else {
        memcpy(producer->bytes + at, data, to_end);
        memcpy(producer->bytes, (const uint8_t *)data + to_end, size - to_end);
    }
    producer->tail += size;
}

void ring_producer_begin(struct ring_producer *producer, const struct stream_batch *batch)
{
    put(producer, batch, HEADER);
}

void ring_producer_put(struct ring_producer *producer, const void *data, uint32_t size)
{
    put(producer, data, size);
}

void ring_producer_publish(struct ring_producer *producer)
{
    __atomic_store_n(&producer->shared->tail, producer->tail, __ATOMIC_RELEASE);
}

bool ring_producer_ring(struct ring_producer *producer)
{
    struct stream_shared *shared = producer->shared;
    producer->rung = producer->tail;
    /* The worker writes `sleeping` and then reads `tail`; here it is the other way round. With a
     * full barrier on both sides, one of the two sees what the other wrote. An exchange is one. */
    __atomic_exchange_n(&shared->tail, producer->tail, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&shared->sleeping, __ATOMIC_SEQ_CST) == 0 ||
        __atomic_exchange_n(&shared->sleeping, 0, __ATOMIC_SEQ_CST) == 0)
        return false;
    __atomic_fetch_add(&shared->doorbell, 1, __ATOMIC_SEQ_CST);
    return true;
}

/* --- The worker's end --- */

void ring_consumer_init(struct ring_consumer *consumer, struct stream_shared *shared,
                        const void *bytes, uint32_t size)
{
    *consumer = (struct ring_consumer){.shared = shared, .bytes = bytes, .size = size};
}

bool ring_consumer_ready(struct ring_consumer *consumer)
{
    if (consumer->tail == consumer->head)
        consumer->tail = __atomic_load_n(&consumer->shared->tail, __ATOMIC_ACQUIRE);
    return consumer->tail != consumer->head;
}

/* The guest may write there meanwhile: what is copied is whatever lies there at that moment. */
static void copy_out(const struct ring_consumer *consumer, uint32_t position, void *to,
                     uint32_t size)
{
    uint32_t at = position & (consumer->size - 1);
    uint32_t to_end = consumer->size - at;
    if (size <= to_end) {
        memcpy(to, consumer->bytes + at, size);
    } else {
        memcpy(to, consumer->bytes + at, to_end);
        memcpy((uint8_t *)to + to_end, consumer->bytes, size - to_end);
    }
}

int ring_consumer_take(struct ring_consumer *consumer, struct stream_batch *batch, void *payload,
                       uint32_t *was_used)
{
    if (!ring_consumer_ready(consumer))
        return 0;
    uint32_t used = consumer->tail - consumer->head;
    if (used > consumer->size || used < HEADER)
        return -EPROTO;
    copy_out(consumer, consumer->head, batch, HEADER);
    if (batch->size == 0 || batch->size % 8 || batch->size > STREAM_MAX_BATCH ||
        batch->size > used - HEADER || batch->kind < STREAM_BATCH_COMMANDS ||
        batch->kind > STREAM_BATCH_PART || batch->reserved != 0)
        return -EPROTO;
    copy_out(consumer, consumer->head + HEADER, payload, batch->size);
    consumer->head += HEADER + batch->size;
    __atomic_store_n(&consumer->shared->head, consumer->head, __ATOMIC_RELEASE);
    *was_used = used;
    return 1;
}

bool ring_consumer_sleep(struct ring_consumer *consumer, uint32_t *seen)
{
    struct stream_shared *shared = consumer->shared;
    *seen = __atomic_load_n(&shared->doorbell, __ATOMIC_SEQ_CST);
    __atomic_exchange_n(&shared->sleeping, 1, __ATOMIC_SEQ_CST);
    consumer->tail = __atomic_load_n(&shared->tail, __ATOMIC_SEQ_CST);
    return consumer->tail == consumer->head;
}

void ring_consumer_woken(struct ring_consumer *consumer)
{
    __atomic_store_n(&consumer->shared->sleeping, 0, __ATOMIC_RELAXED);
}
