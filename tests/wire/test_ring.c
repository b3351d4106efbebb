/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "wire/ring.h"

#define SIZE RING_MIN_SIZE

struct fixture {
    struct stream_shared shared;
    uint8_t *bytes;
    struct ring_producer producer;
    struct ring_consumer consumer;
    uint8_t payload[STREAM_MAX_BATCH];
};

static int set_up(void **state)
{
    struct fixture *f = aligned_alloc(64, sizeof(*f));
    assert_non_null(f);
    memset(f, 0, sizeof(*f));
    f->bytes = calloc(1, SIZE);
    assert_non_null(f->bytes);
    ring_producer_init(&f->producer, &f->shared, f->bytes, SIZE);
    ring_consumer_init(&f->consumer, &f->shared, f->bytes, SIZE);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    free(f->bytes);
    free(f);
    return 0;
}

/* A batch whose every byte follows from its number. */
static void put(struct ring_producer *producer, uint32_t number, uint32_t size)
{
    uint8_t bytes[4096];
    struct stream_batch batch = {.size = size, .kind = STREAM_BATCH_COMMANDS, .target = number};
    ring_producer_begin(producer, &batch);
    memset(bytes, (int)(number % 251), sizeof(bytes));
    for (uint32_t at = 0; at < size; at += (uint32_t)sizeof(bytes)) {
        uint32_t left = size - at;
        ring_producer_put(producer, bytes, left < sizeof(bytes) ? left : (uint32_t)sizeof(bytes));
    }
}

static void check(const struct stream_batch *batch, const uint8_t *payload, uint32_t number,
                  uint32_t size)
{
    assert_int_equal(batch->target, number);
    assert_int_equal(batch->size, size);
    for (uint32_t i = 0; i < size; i++)
        assert_int_equal(payload[i], number % 251);
}

static int take(struct fixture *f, struct stream_batch *batch)
{
    uint32_t was_used;
    return ring_consumer_take(&f->consumer, batch, f->payload, &was_used);
}

static void batches_come_out_as_they_went_in_around_the_end(void **state)
{
    struct fixture *f = *state;
    struct stream_batch batch;
    assert_int_equal(take(f, &batch), 0);
    /* Sizes that put headers and payloads across the ring's end, many times around. */
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t size = 8 + i * 1016 % 100000 / 8 * 8;
        assert_int_equal(ring_producer_fits(&f->producer, size), 1);
        put(&f->producer, i, size);
        assert_int_equal(take(f, &batch), 0); /* nothing is seen before it is published */
        ring_producer_publish(&f->producer);
        assert_int_equal(take(f, &batch), 1);
        check(&batch, f->payload, i, size);
    }
}

static void indices_wrap_at_32_bits(void **state)
{
    struct fixture *f = *state;
    struct stream_batch batch;
    uint32_t near_end = UINT32_MAX - 99;
    near_end -= near_end % 8;
    f->producer.head = f->producer.tail = f->consumer.head = f->consumer.tail = near_end;
    f->shared.head = f->shared.tail = near_end;
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(ring_producer_fits(&f->producer, 4000), 1);
        put(&f->producer, i, 4000);
        ring_producer_publish(&f->producer);
        assert_int_equal(take(f, &batch), 1);
        check(&batch, f->payload, i, 4000);
    }
    assert_true(f->shared.tail < near_end);
}

static void a_full_ring_has_room_when_one_is_taken(void **state)
{
    struct fixture *f = *state;
    struct stream_batch batch;
    uint32_t size = SIZE / 4 - (uint32_t)sizeof(batch);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(ring_producer_fits(&f->producer, size), 1);
        put(&f->producer, i, size);
    }
    ring_producer_publish(&f->producer);
    assert_int_equal(ring_producer_fits(&f->producer, 8), 0);
    uint32_t was_used;
    assert_int_equal(ring_consumer_take(&f->consumer, &batch, f->payload, &was_used), 1);
    assert_int_equal(was_used, SIZE);
    assert_int_equal(ring_producer_fits(&f->producer, size), 1);
    assert_int_equal(ring_producer_fits(&f->producer, size + 8), 0);
}

static void the_doorbell_is_for_a_sleeper(void **state)
{
    struct fixture *f = *state;
    struct stream_batch batch;
    uint32_t seen;
    put(&f->producer, 1, 8);
    assert_false(ring_producer_ring(&f->producer)); /* awake */
    assert_int_equal(ring_producer_unrung(&f->producer), 0);
    assert_false(ring_consumer_sleep(&f->consumer, &seen)); /* there is something */
    ring_consumer_woken(&f->consumer);
    assert_int_equal(take(f, &batch), 1);
    assert_true(ring_consumer_sleep(&f->consumer, &seen));
    put(&f->producer, 2, 8);
    ring_producer_publish(&f->producer);
    assert_int_equal(f->shared.doorbell, seen);
    assert_int_equal(ring_producer_unrung(&f->producer), 24);
    assert_true(ring_producer_ring(&f->producer));
    assert_int_not_equal(f->shared.doorbell, seen);
    put(&f->producer, 3, 8);
    assert_false(ring_producer_ring(&f->producer)); /* once is enough */
}

static void the_guest_distrusts_the_head(void **state)
{
    struct fixture *f = *state;
    /* Full, so that the head is looked at. */
    put(&f->producer, 1, STREAM_MAX_BATCH - 16);
    put(&f->producer, 2, STREAM_MAX_BATCH - 16);
    ring_producer_publish(&f->producer);
    static const uint32_t bad[] = {SIZE + 8, SIZE + 1, UINT32_MAX, 0x80000000u};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        f->shared.head = bad[i];
        assert_int_equal(ring_producer_fits(&f->producer, 8), -EPROTO);
    }
    f->shared.head = STREAM_MAX_BATCH;
    assert_int_equal(ring_producer_fits(&f->producer, 8), 1);
    put(&f->producer, 3, STREAM_MAX_BATCH - 16);
    f->shared.head = STREAM_MAX_BATCH - 8; /* backwards */
    assert_int_equal(ring_producer_fits(&f->producer, 8), -EPROTO);
}

static void expect_refused(struct fixture *f, struct stream_batch batch, uint32_t tail)
{
    struct stream_batch got;
    ring_consumer_init(&f->consumer, &f->shared, f->bytes, SIZE);
    memcpy(f->bytes, &batch, sizeof(batch));
    f->shared.tail = tail;
    assert_int_equal(take(f, &got), -EPROTO);
    assert_int_equal(f->shared.head, 0);
}

static void the_worker_distrusts_indices_and_headers(void **state)
{
    struct fixture *f = *state;
    struct stream_batch good = {.size = 64, .kind = STREAM_BATCH_COMMANDS};
    struct stream_batch bad;
    expect_refused(f, good, 8); /* less than a header */
    expect_refused(f, good, 15);
    expect_refused(f, good, 16 + 56);  /* less than the payload */
    expect_refused(f, good, SIZE + 8); /* more than the ring */
    expect_refused(f, good, UINT32_MAX);
    expect_refused(f, good, 0x80000000u);
    bad = good, bad.size = 0;
    expect_refused(f, bad, SIZE);
    bad = good, bad.size = 12;
    expect_refused(f, bad, SIZE);
    bad = good, bad.size = STREAM_MAX_BATCH + 8;
    expect_refused(f, bad, SIZE);
    bad = good, bad.size = UINT32_MAX - 7;
    expect_refused(f, bad, SIZE);
    bad = good, bad.kind = 0;
    expect_refused(f, bad, SIZE);
    bad = good, bad.kind = 4;
    expect_refused(f, bad, SIZE);
    bad = good, bad.reserved = 2;
    expect_refused(f, bad, SIZE);
    ring_consumer_init(&f->consumer, &f->shared, f->bytes, SIZE);
    memcpy(f->bytes, &good, sizeof(good));
    f->shared.tail = 80;
    assert_int_equal(take(f, &bad), 1);
}

#define MANY 20000u

static uint32_t size_of(uint32_t number)
{
    return 8 + number * 7919 % 3000 / 8 * 8;
}

static void *produce(void *data)
{
    struct fixture *f = data;
    for (uint32_t i = 0; i < MANY; i++) {
        while (ring_producer_fits(&f->producer, size_of(i)) == 0)
            sched_yield();
        put(&f->producer, i, size_of(i));
        if (i % 3 == 0)
            (void)ring_producer_ring(&f->producer);
        else
            ring_producer_publish(&f->producer);
    }
    ring_producer_publish(&f->producer);
    return NULL;
}

static void two_threads_agree(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, produce, f), 0);
    struct stream_batch batch;
    uint32_t seen, was_used;
    for (uint32_t i = 0; i < MANY;) {
        int code = ring_consumer_take(&f->consumer, &batch, f->payload, &was_used);
        assert_true(code >= 0);
        if (code == 0) {
            (void)ring_consumer_sleep(&f->consumer, &seen);
            ring_consumer_woken(&f->consumer);
            sched_yield();
            continue;
        }
        assert_int_equal(batch.target, i);
        assert_int_equal(batch.size, size_of(i));
        assert_int_equal(f->payload[0], i % 251);
        assert_int_equal(f->payload[batch.size - 1], i % 251);
        i++;
    }
    pthread_join(thread, NULL);
    assert_false(ring_consumer_ready(&f->consumer));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(batches_come_out_as_they_went_in_around_the_end),
        TEST(indices_wrap_at_32_bits),
        TEST(a_full_ring_has_room_when_one_is_taken),
        TEST(the_doorbell_is_for_a_sleeper),
        TEST(the_guest_distrusts_the_head),
        TEST(the_worker_distrusts_indices_and_headers),
        TEST(two_threads_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
