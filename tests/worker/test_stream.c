/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/worker/pair.h"
#include "umd/stream_internal.h"
#include "vkwire.h"

struct fixture {
    struct pair pair;
    struct umd_stream *stream;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    pair_init(&f->pair);
    assert_int_equal(umd_stream_create(&f->pair.adapter, &f->stream), VK_SUCCESS);
    *state = f;
    return 0;
}

static int set_up_messages(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    pair_init(&f->pair);
    f->pair.messages = true;
    assert_int_equal(umd_stream_create(&f->pair.adapter, &f->stream), VK_SUCCESS);
    assert_false(umd_stream_shares_memory(f->stream));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    umd_stream_destroy(f->stream);
    pair_finish(&f->pair);
    free(f);
    return 0;
}

/* --- Commands --- */

static void put_note(struct wire_encoder *encoder, uint16_t opcode, uint32_t number)
{
    size_t at = encoder->used;
    struct pair_note *note = wire_put(encoder, sizeof(*note));
    assert_non_null(note);
    *note = (struct pair_note){{.opcode = opcode}, number};
    wire_end_command(encoder, at);
}

static void put_blob(struct wire_encoder *encoder, uint32_t number, size_t size)
{
    size_t at = encoder->used;
    struct pair_note *note = wire_put(encoder, sizeof(*note) + size);
    assert_non_null(note);
    *note = (struct pair_note){{.opcode = PAIR_BLOB}, number};
    uint8_t *bytes = (uint8_t *)(note + 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + number);
    wire_end_command(encoder, at);
}

static VkResult send_note(struct umd_stream *stream, uint16_t opcode, uint32_t number, bool kick)
{
    put_note(umd_stream_begin(stream), opcode, number);
    return umd_stream_end(stream, kick);
}

static VkResult echo(struct umd_stream *stream, uint32_t size, uint32_t number)
{
    struct umd_call call;
    struct wire_encoder *encoder = umd_call_begin(stream, &call);
    if (encoder) {
        size_t at = encoder->used;
        struct pair_echo *command = wire_put(encoder, (sizeof(*command) + 7) / 8 * 8);
        assert_non_null(command);
        *command = (struct pair_echo){{.opcode = PAIR_ECHO}, call.word, size, number};
        wire_end_command(encoder, at);
    }
    VkResult result = umd_call_wait(&call);
    if (result == VK_SUCCESS) {
        assert_int_equal(call.result, (VkResult)number);
        assert_int_equal(call.size, size);
        for (uint32_t i = 0; i < size; i++)
            assert_int_equal(call.data[i], (uint8_t)(i * 7 + number));
    }
    umd_call_end(&call);
    return result;
}

static VkResult barrier(struct umd_stream *stream)
{
    struct umd_call call;
    struct wire_encoder *encoder = umd_call_begin(stream, &call);
    if (encoder) {
        size_t at = encoder->used;
        struct stream_ask *ask = wire_put(encoder, sizeof(*ask));
        assert_non_null(ask);
        *ask = (struct stream_ask){{.opcode = STREAM_BARRIER}, call.word};
        wire_end_command(encoder, at);
    }
    VkResult result = umd_call_wait(&call);
    umd_call_end(&call);
    return result;
}

/* A command buffer that the worker knows, made before anything is sent. */
static uint64_t add_command_buffer(struct fixture *f, uint32_t slot, uint64_t handle)
{
    uint64_t id = STREAM_ID(slot, 1, VKWIRE_OBJECT_COMMAND_BUFFER);
    assert_true(
        exec_object_add(&f->pair.streams[0]->exec, id, VKWIRE_OBJECT_COMMAND_BUFFER, handle));
    return id;
}

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

static bool has_completed(void *data)
{
    return umd_stream_completed(data, 0) >= 5;
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

static void expect_lost(struct fixture *f)
{
    assert_int_equal(barrier(f->stream), VK_ERROR_DEVICE_LOST);
    assert_int_equal(echo(f->stream, 8, 1), VK_ERROR_DEVICE_LOST);
    assert_int_equal(umd_stream_status(f->stream), VK_ERROR_DEVICE_LOST);
    assert_int_equal(send_note(f->stream, PAIR_NOTE, 1, true), VK_ERROR_DEVICE_LOST);
    assert_int_equal(umd_stream_wait(f->stream, has_completed, f->stream, UINT64_MAX),
                     VK_ERROR_DEVICE_LOST);
    assert_non_null(strstr(f->pair.logged, "lost"));
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
        MESSAGES(what_is_sent_is_bounded_by_the_ring),
        MESSAGES(many_small_messages_are_few_at_a_time),
        MESSAGES(a_wait_does_not_ask_all_the_time),
        MESSAGES(many_threads_wait_and_one_asks),
        MESSAGES(a_state_that_is_asked_for_is_new),
        MESSAGES(a_message_at_another_place_is_refused),
        MESSAGES(a_message_of_another_size_is_refused),
        MESSAGES(a_message_that_shows_more_than_came_is_refused),
        MESSAGES(a_message_of_odd_size_is_refused),
        MESSAGES(messages_beyond_the_ring_are_refused),
        MESSAGES(half_a_batch_is_refused),
        MESSAGES(answers_that_cannot_be_lose_the_stream),
        MESSAGES(a_head_that_jumps_in_an_answer_loses_the_stream),
        MESSAGES(a_host_that_refuses_escapes_is_named),
    };
    int failed = cmocka_run_group_tests_name("shared", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("messages", messages, NULL, NULL);
}
