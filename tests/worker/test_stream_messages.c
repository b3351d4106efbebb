/* SPDX-License-Identifier: MIT */
/* What is of streams without shared memory alone: messages, and answers to questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/worker/stream_fixture.h"

/* --- Without shared memory --- */

static bool never(void *data)
{
    (void)data;
    return false;
}

static void what_is_sent_is_bounded_by_the_ring(void **state)
{
    struct fixture *f = *state;
    uint64_t id = add_command_buffer(f, 1, 0x1000);
    struct wire_encoder recording;
    wire_encoder_init(&recording);
    assert_int_equal(send_note(f->stream, PAIR_SLOW, 50000, true), VK_SUCCESS);
    for (uint32_t i = 0; i < 200; i++) {
        put_blob(&recording, i, 40000);
        assert_int_equal(umd_stream_record(f->stream, id, &recording), VK_SUCCESS);
        const struct stream_shared *shared = f->pair.streams[0]->io.shared;
        uint32_t tail = __atomic_load_n(&shared->tail, __ATOMIC_SEQ_CST);
        uint32_t head = __atomic_load_n(&shared->head, __ATOMIC_SEQ_CST);
        assert_true((int32_t)(tail - head) <= (int32_t)f->stream->ring.size);
    }
    wire_encoder_finish(&recording);
    assert_int_equal(barrier(f->stream), VK_SUCCESS);
    assert_int_equal(pair_notes.count, 201);
    assert_int_equal(pair_notes.bad_bytes, 0);
}

static void many_small_messages_are_few_at_a_time(void **state)
{
    struct fixture *f = *state;
    uint64_t start = spin_now();
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(send_note(f->stream, PAIR_NOTE, i, true), VK_SUCCESS);
    assert_int_equal(barrier(f->stream), VK_SUCCESS);
    assert_int_equal(pair_notes.count, 5000);
    /* One each, and what asks for the answer. */
    assert_in_range(f->pair.messages_sent, 5001, 5100 + (spin_now() - start) / 1000000);
}

/* Nothing to tell: each question waits a while for its answer. */
static void a_wait_does_not_ask_all_the_time(void **state)
{
    struct fixture *f = *state;
    uint32_t before = pair_escapes();
    uint64_t start = spin_now();
    assert_int_equal(umd_stream_wait(f->stream, never, NULL, 100000000), VK_TIMEOUT);
    assert_in_range(pair_escapes() - before, 2, 20 + (spin_now() - start) / 1000000);
}

static void *wait_for_completion(void *data)
{
    struct fixture *f = data;
    assert_int_equal(umd_stream_wait(f->stream, has_completed, f->stream, UINT64_MAX), VK_SUCCESS);
    return NULL;
}

static void many_threads_wait_and_one_asks(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[8];
    uint32_t before = pair_escapes();
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_completion, f), 0);
    uint64_t start = spin_now();
    usleep(100000);
    while (pair_escapes() - before < 2)
        usleep(1000);
    uint32_t asked = pair_escapes() - before;
    uint64_t passed_ms = (spin_now() - start) / 1000000;
    assert_int_equal(send_note(f->stream, PAIR_COMPLETE, 5, true), VK_SUCCESS);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(asked, 2, 50 + passed_ms);
}

static void a_state_that_is_asked_for_is_new(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_note(f->stream, PAIR_COMPLETE, 5, true), VK_SUCCESS);
    while (pair_notes.count == 0)
        usleep(100);
    umd_stream_refresh(f->stream);
    assert_int_equal(umd_stream_completed(f->stream, 0), 5);
}

/* --- A guest that misbehaves, in messages --- */

static void send_raw(struct fixture *f, uint32_t position, uint32_t size, uint32_t tail,
                     uint32_t bytes)
{
    uint8_t *message = calloc(1, sizeof(struct stream_message) + bytes);
    assert_non_null(message);
    struct stream_message head = {STREAM_MESSAGE_MAGIC, position, size, tail};
    memcpy(message, &head, sizeof(head));
    stream_messages_take(f->pair.streams[0], message, sizeof(head) + bytes);
    free(message);
}

static void expect_worker_lost(struct fixture *f)
{
    for (int i = 0; i < 5000 && !f->pair.streams[0]->ended; i++)
        usleep(1000);
    assert_true(f->pair.streams[0]->ended);
    assert_int_equal(f->pair.losses, 1);
    expect_lost(f);
}

static void a_message_at_another_place_is_refused(void **state)
{
    send_raw(*state, 64, 64, 128, 64);
    expect_worker_lost(*state);
}

static void a_message_of_another_size_is_refused(void **state)
{
    send_raw(*state, 0, 128, 128, 64);
    expect_worker_lost(*state);
}

static void a_message_that_shows_more_than_came_is_refused(void **state)
{
    send_raw(*state, 0, 64, 72, 64);
    expect_worker_lost(*state);
}

static void a_message_of_odd_size_is_refused(void **state)
{
    send_raw(*state, 0, 60, 0, 60);
    expect_worker_lost(*state);
}

/* Nothing is shown, so nothing is taken out. */
static void messages_beyond_the_ring_are_refused(void **state)
{
    struct fixture *f = *state;
    uint32_t piece = 64 * 1024;
    for (uint32_t at = 0; at < f->stream->ring.size; at += piece)
        send_raw(f, at, piece, 0, piece);
    assert_int_equal(stream_io_lost(&f->pair.streams[0]->io), STREAM_ALIVE);
    send_raw(f, f->stream->ring.size, 8, 0, 8);
    expect_worker_lost(f);
}

static void half_a_batch_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[sizeof(struct stream_message) + 24] = {0};
    struct stream_message head = {STREAM_MESSAGE_MAGIC, 0, 24, 24};
    struct stream_batch batch = {.size = 4096, .kind = STREAM_BATCH_COMMANDS};
    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + sizeof(head), &batch, sizeof(batch));
    stream_messages_take(f->pair.streams[0], bytes, sizeof(bytes));
    expect_worker_lost(f);
}

/* --- A host that misbehaves, in messages --- */

static void spoil_queues(struct stream_poll *poll)
{
    poll->queues = 65;
}

static void spoil_replies(struct stream_poll *poll)
{
    poll->replies = 1000;
}

static void spoil_room(struct stream_poll *poll)
{
    poll->room = 1u << 20;
}

static void spoil_slot(struct stream_poll *poll)
{
    struct stream_poll_reply *reply = (void *)((uint8_t *)(poll + 1) + 8u * poll->queues);
    poll->replies = 1;
    *reply = (struct stream_poll_reply){.slot = 31, .size = 16};
}

static void spoil_size(struct stream_poll *poll)
{
    struct stream_poll_reply *reply = (void *)((uint8_t *)(poll + 1) + 8u * poll->queues);
    poll->replies = 1;
    *reply = (struct stream_poll_reply){.slot = 0, .size = UINT32_MAX - 3};
}

static void spoil_head(struct stream_poll *poll)
{
    poll->head = 0x40000000;
}

static void answers_that_cannot_be_lose_the_stream(void **state)
{
    struct fixture *f = *state;
    static void (*const spoil[])(struct stream_poll *) = {spoil_queues, spoil_replies, spoil_room,
                                                          spoil_slot, spoil_size};
    for (uint32_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
        struct umd_stream *stream;
        assert_int_equal(umd_stream_create(&f->pair.adapter, &stream), VK_SUCCESS);
        f->pair.spoil = spoil[i];
        (void)barrier(stream); /* what came whole before has come */
        assert_int_equal(umd_stream_status(stream), VK_ERROR_DEVICE_LOST);
        f->pair.spoil = NULL;
        umd_stream_destroy(stream);
    }
    assert_int_equal(barrier(f->stream), VK_SUCCESS);
}

static void a_head_that_jumps_in_an_answer_loses_the_stream(void **state)
{
    struct fixture *f = *state;
    f->pair.spoil = spoil_head;
    VkResult result = VK_SUCCESS;
    for (uint32_t i = 0; i < 1000000 && result == VK_SUCCESS; i++)
        result = send_note(f->stream, PAIR_NOTE, i, false);
    assert_int_equal(result, VK_ERROR_DEVICE_LOST);
    assert_non_null(strstr(f->pair.logged, "jumped"));
}

static void a_host_that_refuses_escapes_is_named(void **state)
{
    struct fixture *f = *state;
    struct umd_stream *other = NULL;
    f->pair.refuse_escapes = STATUS_ACCESS_DENIED;
    assert_int_equal(umd_stream_create(&f->pair.adapter, &other), VK_ERROR_INITIALIZATION_FAILED);
    assert_non_null(strstr(f->pair.logged, "escapes"));
    f->pair.refuse_escapes = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_messages, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_sent_is_bounded_by_the_ring),
        TEST(many_small_messages_are_few_at_a_time),
        TEST(a_wait_does_not_ask_all_the_time),
        TEST(many_threads_wait_and_one_asks),
        TEST(a_state_that_is_asked_for_is_new),
        TEST(a_message_at_another_place_is_refused),
        TEST(a_message_of_another_size_is_refused),
        TEST(a_message_that_shows_more_than_came_is_refused),
        TEST(a_message_of_odd_size_is_refused),
        TEST(messages_beyond_the_ring_are_refused),
        TEST(half_a_batch_is_refused),
        TEST(answers_that_cannot_be_lose_the_stream),
        TEST(a_head_that_jumps_in_an_answer_loses_the_stream),
        TEST(a_host_that_refuses_escapes_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
