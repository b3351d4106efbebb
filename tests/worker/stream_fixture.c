/* SPDX-License-Identifier: MIT */
#include "tests/worker/stream_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "vkwire.h"

int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    pair_init(&f->pair);
    assert_int_equal(umd_stream_create(&f->pair.adapter, &f->stream), VK_SUCCESS);
    *state = f;
    return 0;
}

int set_up_messages(void **state)
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

int tear_down(void **state)
{
    struct fixture *f = *state;
    umd_stream_destroy(f->stream);
    pair_finish(&f->pair);
    free(f);
    return 0;
}

/* --- Commands --- */

void put_note(struct wire_encoder *encoder, uint16_t opcode, uint32_t number)
{
    size_t at = encoder->used;
    struct pair_note *note = wire_put(encoder, sizeof(*note));
    assert_non_null(note);
    *note = (struct pair_note){{.opcode = opcode}, number};
    wire_end_command(encoder, at);
}

void put_blob(struct wire_encoder *encoder, uint32_t number, size_t size)
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

VkResult send_note(struct umd_stream *stream, uint16_t opcode, uint32_t number, bool kick)
{
    put_note(umd_stream_begin(stream), opcode, number);
    return umd_stream_end(stream, kick);
}

VkResult echo(struct umd_stream *stream, uint32_t size, uint32_t number)
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

VkResult barrier(struct umd_stream *stream)
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

uint64_t add_command_buffer(struct fixture *f, uint32_t slot, uint64_t handle)
{
    uint64_t id = STREAM_ID(slot, 1, VKWIRE_OBJECT_COMMAND_BUFFER);
    assert_true(
        exec_object_add(&f->pair.streams[0]->exec, id, VKWIRE_OBJECT_COMMAND_BUFFER, handle));
    return id;
}

/* --- What tests look at --- */

bool has_completed(void *data)
{
    return umd_stream_completed(data, 0) >= 5;
}

void expect_lost(struct fixture *f)
{
    assert_int_equal(barrier(f->stream), VK_ERROR_DEVICE_LOST);
    assert_int_equal(echo(f->stream, 8, 1), VK_ERROR_DEVICE_LOST);
    assert_int_equal(umd_stream_status(f->stream), VK_ERROR_DEVICE_LOST);
    assert_int_equal(send_note(f->stream, PAIR_NOTE, 1, true), VK_ERROR_DEVICE_LOST);
    assert_int_equal(umd_stream_wait(f->stream, has_completed, f->stream, UINT64_MAX),
                     VK_ERROR_DEVICE_LOST);
    assert_non_null(strstr(f->pair.logged, "lost"));
}
