/* SPDX-License-Identifier: MIT */
/* Streams that share memory and, as far as it is the same there, those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/worker/stream_fixture.h"
#include "vkwire.h"

/* --- Tests --- */

static void commands_run_in_order(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(send_note(f->stream, PAIR_NOTE, i, i % 1000 == 0), VK_SUCCESS);
    assert_int_equal(barrier(f->stream), VK_SUCCESS);
    assert_int_equal(pair_notes.count, 100000);
    for (uint32_t i = 0; i < 100000; i++)
        assert_true(pair_notes.notes[i] == ((uint64_t)PAIR_NOTE << 32 | i));
}

static void replies_of_all_sizes_come_back(void **state)
{
    struct fixture *f = *state;
    static const uint32_t sizes[] = {0,     1,     8,     512,    513,     16000,   16368,
                                     16369, 32736, 32737, 100000, 1 << 20, 3000001, 16};
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_int_equal(echo(f->stream, sizes[i], i), VK_SUCCESS);
}

static void *echo_often(void *data)
{
    struct umd_stream *stream = data;
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(echo(stream, i % 7 == 0 ? 20000 : i, i), VK_SUCCESS);
    return NULL;
}

static void more_threads_than_slots_wait_at_once(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[24];
    for (int i = 0; i < 24; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, echo_often, f->stream), 0);
    for (int i = 0; i < 24; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(umd_stream_status(f->stream), VK_SUCCESS);
    assert_int_equal(f->stream->free_slots, (1u << f->stream->slot_count) - 1);
}

static void recordings_name_their_command_buffer(void **state)
{
    struct fixture *f = *state;
    uint64_t first = add_command_buffer(f, 5, 0x1000), second = add_command_buffer(f, 300, 0x2000);
    struct wire_encoder recording;
    wire_encoder_init(&recording);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(send_note(f->stream, PAIR_NOTE, i, false), VK_SUCCESS);
        put_note(&recording, PAIR_RECORD, i);
        assert_int_equal(umd_stream_record(f->stream, i % 2 ? first : second, &recording),
                         VK_SUCCESS);
        assert_int_equal(recording.used, 0);
    }
    wire_encoder_finish(&recording);
    assert_int_equal(barrier(f->stream), VK_SUCCESS);
    assert_int_equal(pair_notes.count, 200);
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(pair_notes.notes[2 * i] == ((uint64_t)PAIR_NOTE << 32 | i));
        assert_true(pair_notes.notes[2 * i + 1] == ((uint64_t)PAIR_RECORD << 32 | i));
        assert_int_equal(pair_notes.targets[2 * i], 0);
        assert_int_equal(pair_notes.targets[2 * i + 1], i % 2 ? 0x1000 : 0x2000);
    }
}

static void commands_larger_than_a_batch_come_in_parts(void **state)
{
    struct fixture *f = *state;
    uint64_t id = add_command_buffer(f, 1, 0x1000);
    static const size_t sizes[] = {8,      131064 - 16, 131072 - 8, 131072, 131072 + 8, 524272,
                                   524280, 600000,      5000000,    40,     70000};
    struct wire_encoder recording;
    wire_encoder_init(&recording);
    uint32_t expected = 0;
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        /* Small ones before it, so that what is sent has to be cut. */
        put_note(&recording, PAIR_RECORD, 1000 + i);
        put_blob(&recording, i, sizes[i]);
        assert_int_equal(umd_stream_record(f->stream, id, &recording), VK_SUCCESS);
        expected += 2;
    }
    for (uint32_t i = 0; i < 8; i++)
        put_blob(&recording, 100 + i, 60000);
    assert_int_equal(umd_stream_record(f->stream, id, &recording), VK_SUCCESS);
    expected += 8;
    wire_encoder_finish(&recording);
    assert_int_equal(barrier(f->stream), VK_SUCCESS);
    assert_int_equal(pair_notes.count, expected);
    assert_int_equal(pair_notes.bad_bytes, 0);
    for (uint32_t i = 0; i < expected; i++)
        assert_int_equal(pair_notes.targets[i], 0x1000);
}

/* An address is 0xadd2e55, a handle 0x4a4d1e. */
static int search(const void *data, size_t size, int with_handles, size_t *offset)
{
    uint32_t word, wanted = with_handles ? 0x4a4d1e : 0xadd2e55;
    for (*offset = 0; *offset + sizeof(word) <= size; *offset += sizeof(word)) {
        memcpy(&word, (const uint8_t *)data + *offset, sizeof(word));
        if (word == wanted)
            return with_handles ? 3 : 2;
    }
    return 1;
}

static void what_a_guard_finds_does_not_cross(void **state)
{
    struct fixture *f = *state;
    struct umd_stream *guarded;
    /* The stream of before is not searched. */
    f->pair.callbacks.Guard = search;
    assert_int_equal(send_note(f->stream, PAIR_NOTE, 0xadd2e55, true), VK_SUCCESS);
    assert_int_equal(umd_stream_create(&f->pair.adapter, &guarded), VK_SUCCESS);
    /* Among data, any number may be equal to a handle. */
    assert_int_equal(send_note(guarded, PAIR_NOTE, 0x4a4d1e, true), VK_SUCCESS);
    assert_int_equal(barrier(guarded), VK_SUCCESS);
    assert_int_equal(barrier(f->stream), VK_SUCCESS);
    size_t before = pair_notes.count;
    put_note(umd_stream_begin(guarded), PAIR_NOTE, 1);
    assert_int_equal(umd_stream_end(guarded, false), VK_SUCCESS);
    assert_int_equal(send_note(guarded, PAIR_NOTE, 0xadd2e55, true), VK_ERROR_DEVICE_LOST);
    assert_non_null(strstr(f->pair.logged, "at offset 4, an address of this process"));
    assert_int_equal(umd_stream_status(guarded), VK_ERROR_DEVICE_LOST);
    assert_int_equal(barrier(f->stream), VK_SUCCESS);
    assert_int_equal(pair_notes.count, before);
    umd_stream_destroy(guarded);

    assert_int_equal(umd_stream_create(&f->pair.adapter, &guarded), VK_SUCCESS);
    struct stream_object *command = wire_put(umd_stream_begin(guarded), sizeof(*command));
    *command = (struct stream_object){.head = {STREAM_FREE_MEMORY, 2}, .id = 0x4a4d1e};
    assert_int_equal(umd_stream_end(guarded, true), VK_ERROR_DEVICE_LOST);
    assert_non_null(strstr(f->pair.logged, "at offset 8, a handle of this process"));
    umd_stream_destroy(guarded);
}

static void completion_is_seen_without_a_message(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(umd_stream_completed(f->stream, 0), 0);
    assert_int_equal(umd_stream_wait(f->stream, has_completed, f->stream, 0), VK_TIMEOUT);
    assert_int_equal(umd_stream_wait(f->stream, has_completed, f->stream, 3000000), VK_TIMEOUT);
    assert_int_equal(send_note(f->stream, PAIR_SLOW, 20000, false), VK_SUCCESS);
    assert_int_equal(send_note(f->stream, PAIR_COMPLETE, 5, false), VK_SUCCESS);
    assert_int_equal(umd_stream_wait(f->stream, has_completed, f->stream, UINT64_MAX), VK_SUCCESS);
}

static bool has_executed(void *data)
{
    struct umd_stream *stream = data;
    uint32_t end = stream->ring.tail;
    return (int32_t)(umd_stream_executed(stream) - end) >= 0;
}

static void a_position_is_waited_for(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(send_note(f->stream, PAIR_SLOW, i * 20, false), VK_SUCCESS);
        (void)umd_stream_position(f->stream);
        assert_int_equal(umd_stream_wait(f->stream, has_executed, f->stream, UINT64_MAX),
                         VK_SUCCESS);
        assert_int_equal(pair_notes.count, i + 1);
    }
}

static void *wake_later(void *data)
{
    struct fixture *f = data;
    usleep(30000);
    pair_notes.bad_bytes = 1;
    umd_stream_wake(f->stream);
    return NULL;
}

static bool was_changed(void *data)
{
    (void)data;
    return pair_notes.bad_bytes == 1;
}

static void this_process_wakes_its_own_sleepers(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_later, f), 0);
    assert_int_equal(umd_stream_wait(f->stream, was_changed, NULL, UINT64_MAX), VK_SUCCESS);
    pthread_join(thread, NULL);
}

static void a_refused_command_loses_the_stream_alone(void **state)
{
    struct fixture *f = *state;
    struct umd_stream *other;
    assert_int_equal(umd_stream_create(&f->pair.adapter, &other), VK_SUCCESS);
    assert_int_equal(send_note(f->stream, PAIR_REFUSED, 1, true), VK_SUCCESS);
    expect_lost(f);
    assert_string_equal(f->pair.streams[0]->io.why, "refused as asked");
    assert_int_equal(echo(other, 100, 3), VK_SUCCESS);
    umd_stream_destroy(other);
    while (!f->pair.streams[0]->ended)
        usleep(1000);
    assert_int_equal(f->pair.losses, 1);
}

static void recorded_and_other_commands_keep_to_their_places(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_note(f->stream, PAIR_RECORD, 1, true), VK_SUCCESS);
    expect_lost(f);
}

static void what_is_no_recorded_command_is_refused_in_a_recording(void **state)
{
    struct fixture *f = *state;
    uint64_t id = add_command_buffer(f, 1, 0x1000);
    struct wire_encoder recording;
    wire_encoder_init(&recording);
    put_note(&recording, PAIR_NOTE, 1);
    assert_int_equal(umd_stream_record(f->stream, id, &recording), VK_SUCCESS);
    wire_encoder_finish(&recording);
    expect_lost(f);
    assert_int_equal(pair_notes.count, 0);
}

static void an_unknown_command_buffer_is_refused(void **state)
{
    struct fixture *f = *state;
    struct wire_encoder recording;
    wire_encoder_init(&recording);
    put_note(&recording, PAIR_RECORD, 1);
    assert_int_equal(
        umd_stream_record(f->stream, STREAM_ID(7, 1, VKWIRE_OBJECT_COMMAND_BUFFER), &recording),
        VK_SUCCESS);
    wire_encoder_finish(&recording);
    expect_lost(f);
}

/* --- A host that misbehaves or goes away --- */

static void *lose_host(void *data)
{
    struct fixture *f = data;
    usleep(30000);
    f->pair.refuse_escapes = STATUS_DEVICE_REMOVED;
    /* As the service does when the worker's process has ended. */
    struct wire_fence_cell *fence = f->pair.fences[0];
    __atomic_store_n(&fence->value, UINT64_MAX, __ATOMIC_SEQ_CST);
    f->pair.callbacks.Wake((uint32_t *)(void *)&fence->value);
    return NULL;
}

static void a_worker_that_dies_ends_all_waits(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, lose_host, f), 0);
    assert_int_equal(umd_stream_wait(f->stream, has_completed, f->stream, UINT64_MAX),
                     VK_ERROR_DEVICE_LOST);
    pthread_join(thread, NULL);
    expect_lost(f);
}

static void a_full_ring_does_not_outlive_the_worker(void **state)
{
    struct fixture *f = *state;
    stream_stop(f->pair.streams[0]); /* nobody takes anything any more */
    while (!f->pair.streams[0]->ended)
        usleep(1000);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, lose_host, f), 0);
    VkResult result = VK_SUCCESS;
    for (uint32_t i = 0; i < 1000000 && result == VK_SUCCESS; i++)
        result = send_note(f->stream, PAIR_NOTE, i, false);
    assert_int_equal(result, VK_ERROR_DEVICE_LOST);
    pthread_join(thread, NULL);
}

static void a_head_that_jumps_loses_the_stream(void **state)
{
    struct fixture *f = *state;
    stream_stop(f->pair.streams[0]);
    while (!f->pair.streams[0]->ended)
        usleep(1000);
    __atomic_store_n(&f->stream->shared->head, 0x40000000u, __ATOMIC_SEQ_CST);
    VkResult result = VK_SUCCESS;
    for (uint32_t i = 0; i < 1000000 && result == VK_SUCCESS; i++)
        result = send_note(f->stream, PAIR_NOTE, i, false);
    assert_int_equal(result, VK_ERROR_DEVICE_LOST);
    assert_non_null(strstr(f->pair.logged, "jumped"));
}

/* Answers in the worker's place: a reply that cannot be. */
static void *answer_badly(void *data)
{
    struct fixture *f = data;
    struct stream_reply *reply = (void *)f->stream->slots;
    usleep(20000);
    reply->total = UINT32_MAX;
    __atomic_store_n(&reply->state, STREAM_REPLY(0, 1), __ATOMIC_SEQ_CST);
    umd_stream_wake(f->stream);
    return NULL;
}

static void a_reply_of_an_impossible_size_loses_the_stream(void **state)
{
    struct fixture *f = *state;
    stream_stop(f->pair.streams[0]);
    while (!f->pair.streams[0]->ended)
        usleep(1000);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_badly, f), 0);
    assert_int_equal(echo(f->stream, 8, 0), VK_ERROR_DEVICE_LOST);
    pthread_join(thread, NULL);
    assert_int_equal(umd_stream_status(f->stream), VK_ERROR_DEVICE_LOST);
}

static void another_build_is_named(void **state)
{
    struct fixture *f = *state;
    struct umd_stream *other = NULL;
    f->pair.refuse = STATUS_REVISION_MISMATCH;
    assert_int_equal(umd_stream_create(&f->pair.adapter, &other), VK_ERROR_INITIALIZATION_FAILED);
    assert_non_null(strstr(f->pair.logged, "build"));
    f->pair.refuse = STATUS_NO_MEMORY;
    assert_int_equal(umd_stream_create(&f->pair.adapter, &other), VK_ERROR_OUT_OF_HOST_MEMORY);
    f->pair.refuse = STATUS_DEVICE_REMOVED;
    assert_int_equal(umd_stream_create(&f->pair.adapter, &other), VK_ERROR_DEVICE_LOST);
    assert_null(other);
}

static void a_child_has_dead_streams(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(echo(f->stream, 8, 1), VK_SUCCESS);
    uint32_t tail = __atomic_load_n(&f->stream->shared->tail, __ATOMIC_SEQ_CST);
    /* Another thread of the parent has the lock. */
    (void)umd_stream_begin(f->stream);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool good = umd_stream_status(f->stream) == VK_ERROR_DEVICE_LOST;
        good = good && send_note(f->stream, PAIR_NOTE, 1, true) == VK_ERROR_DEVICE_LOST;
        good = good && echo(f->stream, 8, 1) == VK_ERROR_DEVICE_LOST;
        good = good && umd_stream_wait(f->stream, has_completed, f->stream, UINT64_MAX) ==
                           VK_ERROR_DEVICE_LOST;
        umd_stream_wake(f->stream);
        umd_stream_destroy(f->stream);
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(umd_stream_end(f->stream, false), VK_SUCCESS);
    assert_int_equal(f->stream->shared->tail, tail);
    assert_int_equal(echo(f->stream, 8, 1), VK_SUCCESS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(commands_run_in_order),
        TEST(replies_of_all_sizes_come_back),
        TEST(more_threads_than_slots_wait_at_once),
        TEST(recordings_name_their_command_buffer),
        TEST(commands_larger_than_a_batch_come_in_parts),
        TEST(what_a_guard_finds_does_not_cross),
        TEST(completion_is_seen_without_a_message),
        TEST(a_position_is_waited_for),
        TEST(this_process_wakes_its_own_sleepers),
        TEST(a_refused_command_loses_the_stream_alone),
        TEST(recorded_and_other_commands_keep_to_their_places),
        TEST(what_is_no_recorded_command_is_refused_in_a_recording),
        TEST(an_unknown_command_buffer_is_refused),
        TEST(a_worker_that_dies_ends_all_waits),
        TEST(a_full_ring_does_not_outlive_the_worker),
        TEST(a_head_that_jumps_loses_the_stream),
        TEST(a_reply_of_an_impossible_size_loses_the_stream),
        TEST(another_build_is_named),
        TEST(a_child_has_dead_streams),
    };
#define MESSAGES(name) cmocka_unit_test_setup_teardown(name, set_up_messages, tear_down)
    const struct CMUnitTest messages[] = {
        MESSAGES(commands_run_in_order),
        MESSAGES(replies_of_all_sizes_come_back),
        MESSAGES(more_threads_than_slots_wait_at_once),
        MESSAGES(recordings_name_their_command_buffer),
        MESSAGES(commands_larger_than_a_batch_come_in_parts),
        MESSAGES(completion_is_seen_without_a_message),
        MESSAGES(a_position_is_waited_for),
        MESSAGES(this_process_wakes_its_own_sleepers),
        MESSAGES(a_refused_command_loses_the_stream_alone),
        MESSAGES(recorded_and_other_commands_keep_to_their_places),
        MESSAGES(an_unknown_command_buffer_is_refused),
        MESSAGES(a_worker_that_dies_ends_all_waits),
        MESSAGES(a_full_ring_does_not_outlive_the_worker),
        MESSAGES(a_child_has_dead_streams),
    };
    int failed = cmocka_run_group_tests_name("shared", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("messages", messages, NULL, NULL);
}
