/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"

static struct wire_header request_header(uint32_t payload, uint32_t sequence)
{
    return (struct wire_header){
        .size = (uint32_t)sizeof(struct wire_header) + payload,
        .command = WIRE_ESCAPE,
        .kind = WIRE_REQUEST,
        .sequence = sequence,
    };
}

/* Puts bytes in as a read(2) of at most `step` bytes would. */
static void feed(struct frame_reader *reader, const void *data, size_t size, size_t step)
{
    const uint8_t *bytes = data;
    while (size) {
        uint8_t *space;
        size_t room;
        assert_int_equal(frame_reader_space(reader, &space, &room), 0);
        assert_true(room > 0);
        size_t part = step < room ? step : room;
        if (part > size)
            part = size;
        memcpy(space, bytes, part);
        frame_reader_filled(reader, part);
        bytes += part;
        size -= part;
    }
}

/* --- Headers -------------------------------------------------------------------------------- */

static void refuse(struct wire_header header, const char *cause)
{
    struct error err = {""};
    assert_int_equal(frame_check_header(&header, &err), -EPROTO);
    if (!strstr(err.text, cause))
        fail_msg("\"%s\" does not tell of \"%s\"", err.text, cause);

    struct frame_reader reader;
    frame_reader_init(&reader);
    feed(&reader, &header, sizeof(header), sizeof(header));
    struct wire_header out;
    const uint8_t *payload;
    assert_int_equal(frame_reader_next(&reader, &out, &payload, NULL), -EPROTO);
    assert_int_equal(frame_reader_next(&reader, &out, &payload, NULL), -EPROTO);
    frame_reader_finish(&reader);
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
    struct wire_header good = request_header(0, 1), bad;
    assert_int_equal(frame_check_header(&good, NULL), 0);

    bad = good, bad.size = 15;
    refuse(bad, "15 bytes");
    bad = good, bad.size = 0;
    refuse(bad, "0 bytes");
    bad = good, bad.size = WIRE_MAX_MESSAGE + 1;
    refuse(bad, "131073 bytes");
    bad = good, bad.size = UINT32_MAX;
    refuse(bad, "4294967295 bytes");
    bad = good, bad.command = 0;
    refuse(bad, "command 0");
    bad = good, bad.command = WIRE_COMMAND_END;
    refuse(bad, "unknown command");
    bad = good, bad.kind = 0;
    refuse(bad, "kind 0");
    bad = good, bad.kind = WIRE_REPLY + 1;
    refuse(bad, "kind 4");
    bad = good, bad.reserved = 0x80;
    refuse(bad, "128 in its reserved byte");
    bad = good, bad.status = -1;
    refuse(bad, "status 0xffffffff");
    bad = good, bad.sequence = 0;
    refuse(bad, "sequence 0");
    bad = good, bad.kind = WIRE_ASYNC;
    refuse(bad, "sequence 1");
    bad = good, bad.kind = WIRE_REPLY, bad.sequence = 0;
    refuse(bad, "sequence 0");
}

static void kinds_have_their_fields(void **state)
{
    (void)state;
    struct wire_header header = request_header(0, 0);
    header.kind = WIRE_ASYNC;
    assert_int_equal(frame_check_header(&header, NULL), 0);
    header.kind = WIRE_REPLY;
    header.sequence = 7;
    header.status = INT32_MIN;
    assert_int_equal(frame_check_header(&header, NULL), 0);
    header.size = WIRE_MAX_MESSAGE;
    assert_int_equal(frame_check_header(&header, NULL), 0);
}

/* --- The reader ----------------------------------------------------------------------------- */

static void a_truncated_message_is_waited_for(void **state)
{
    (void)state;
    struct frame_reader reader;
    frame_reader_init(&reader);
    struct {
        struct wire_header header;
        uint8_t payload[5];
    } message = {request_header(5, 1), {1, 2, 3, 4, 5}};
    struct wire_header header;
    const uint8_t *payload;
    const uint8_t *bytes = (const uint8_t *)&message;
    for (size_t i = 0; i < sizeof(struct wire_header) + 5; i++) {
        assert_int_equal(frame_reader_next(&reader, &header, &payload, NULL), 0);
        feed(&reader, bytes + i, 1, 1);
    }
    assert_int_equal(frame_reader_next(&reader, &header, &payload, NULL), 1);
    assert_int_equal(frame_payload_size(&header), 5);
    assert_memory_equal(payload, message.payload, 5);
    assert_int_equal(frame_reader_next(&reader, &header, &payload, NULL), 0);
    frame_reader_finish(&reader);
}

static void a_promise_costs_no_memory(void **state)
{
    (void)state;
    struct frame_reader reader;
    frame_reader_init(&reader);
    struct wire_header header = request_header(WIRE_MAX_PAYLOAD, 1);
    feed(&reader, &header, sizeof(header), sizeof(header));
    const uint8_t *payload;
    assert_int_equal(frame_reader_next(&reader, &header, &payload, NULL), 0);
    uint8_t *space;
    size_t room;
    assert_int_equal(frame_reader_space(&reader, &space, &room), 0);
    assert_true(reader.capacity <= 4096);
    frame_reader_finish(&reader);
}

static void the_largest_message_fits_and_memory_is_given_back(void **state)
{
    (void)state;
    uint8_t *message = malloc(WIRE_MAX_MESSAGE);
    assert_non_null(message);
    struct wire_header header = request_header(WIRE_MAX_PAYLOAD, 9);
    for (size_t i = 0; i < WIRE_MAX_MESSAGE; i++)
        message[i] = (uint8_t)(i * 7);
    memcpy(message, &header, sizeof(header));

    struct frame_reader reader;
    frame_reader_init(&reader);
    feed(&reader, message, WIRE_MAX_MESSAGE, SIZE_MAX);
    const uint8_t *payload;
    assert_int_equal(frame_reader_next(&reader, &header, &payload, NULL), 1);
    assert_int_equal(frame_payload_size(&header), WIRE_MAX_PAYLOAD);
    assert_memory_equal(payload, message + sizeof(header), WIRE_MAX_PAYLOAD);
    assert_true(reader.capacity <= WIRE_MAX_MESSAGE);

    uint8_t *space;
    size_t room;
    assert_int_equal(frame_reader_space(&reader, &space, &room), 0);
    assert_true(reader.capacity <= 4096);
    frame_reader_finish(&reader);
    free(message);
}

static void a_full_buffer_that_nobody_empties_is_an_error(void **state)
{
    (void)state;
    uint8_t *message = calloc(1, WIRE_MAX_MESSAGE);
    struct wire_header header = request_header(WIRE_MAX_PAYLOAD, 9);
    memcpy(message, &header, sizeof(header));
    struct frame_reader reader;
    frame_reader_init(&reader);
    feed(&reader, message, WIRE_MAX_MESSAGE, SIZE_MAX);
    uint8_t *space;
    size_t room;
    assert_int_equal(frame_reader_space(&reader, &space, &room), -ENOBUFS);
    frame_reader_finish(&reader);
    free(message);
}

/* Many messages of odd sizes, cut at random places: each arrives once, whole, in order, aligned. */
static void random_cuts(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    srand(1);
    size_t total = 0, capacity = COUNT * (sizeof(struct wire_header) + 9000);
    uint8_t *stream = malloc(capacity);
    assert_non_null(stream);
    for (uint32_t i = 1; i <= COUNT; i++) {
        uint32_t payload = (uint32_t)rand() % (i % 10 ? 50 : 9000);
        struct wire_header header = request_header(payload, i);
        memcpy(stream + total, &header, sizeof(header));
        memset(stream + total + sizeof(header), (int)i, payload);
        total += header.size;
    }

    struct frame_reader reader;
    frame_reader_init(&reader);
    uint32_t expected = 1;
    for (size_t at = 0; at < total;) {
        size_t part = 1 + (size_t)rand() % (rand() % 4 ? 40 : 5000);
        if (part > total - at)
            part = total - at;
        uint8_t *space;
        size_t room;
        assert_int_equal(frame_reader_space(&reader, &space, &room), 0);
        if (part > room)
            part = room;
        memcpy(space, stream + at, part);
        frame_reader_filled(&reader, part);
        at += part;
        struct wire_header header;
        const uint8_t *payload;
        while (frame_reader_next(&reader, &header, &payload, NULL) == 1) {
            assert_int_equal(header.sequence, expected);
            assert_int_equal((uintptr_t)payload % 4, 0);
            for (size_t i = 0; i < frame_payload_size(&header); i++)
                assert_int_equal(payload[i], (uint8_t)expected);
            expected++;
        }
    }
    assert_int_equal(expected, COUNT + 1);
    frame_reader_finish(&reader);
    free(stream);
}

/* Two streams that share a thread do not disturb each other. */
static void interleaved_readers(void **state)
{
    (void)state;
    struct frame_reader one, two;
    frame_reader_init(&one);
    frame_reader_init(&two);
    struct wire_header first = request_header(0, 1), second = request_header(0, 2), out;
    const uint8_t *payload;
    feed(&one, &first, 10, 10);
    feed(&two, &second, 10, 10);
    feed(&one, (uint8_t *)&first + 10, sizeof(first) - 10, 6);
    assert_int_equal(frame_reader_next(&two, &out, &payload, NULL), 0);
    assert_int_equal(frame_reader_next(&one, &out, &payload, NULL), 1);
    assert_int_equal(out.sequence, 1);
    feed(&two, (uint8_t *)&second + 10, sizeof(second) - 10, 6);
    assert_int_equal(frame_reader_next(&two, &out, &payload, NULL), 1);
    assert_int_equal(out.sequence, 2);
    frame_reader_finish(&one);
    frame_reader_finish(&two);
}

/* --- The cursor ----------------------------------------------------------------------------- */

static void the_cursor_stays_inside(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3, 4, 5, 6};
    struct wire_cursor cursor = wire_cursor_make(data, sizeof(data));
    uint32_t number = 0;
    wire_cursor_copy(&cursor, &number, sizeof(number));
    assert_int_equal(number, 0x04030201);
    assert_false(wire_cursor_done(&cursor));
    assert_ptr_equal(wire_cursor_bytes(&cursor, 2), data + 4);
    assert_true(wire_cursor_done(&cursor));

    /* Failure sticks, and zeroes what it should have filled. */
    number = 77;
    wire_cursor_copy(&cursor, &number, sizeof(number));
    assert_int_equal(number, 0);
    assert_true(cursor.failed);
    cursor = wire_cursor_make(data, sizeof(data));
    assert_null(wire_cursor_bytes(&cursor, SIZE_MAX));
    assert_null(wire_cursor_bytes(&cursor, 1));
    assert_false(wire_cursor_done(&cursor));
}

static void the_cursor_takes_nothing(void **state)
{
    (void)state;
    struct wire_cursor cursor = wire_cursor_make(NULL, 0);
    wire_cursor_copy(&cursor, NULL, 0);
    (void)wire_cursor_bytes(&cursor, 0);
    assert_true(wire_cursor_done(&cursor));
    assert_null(wire_cursor_bytes(&cursor, 1));
    assert_false(wire_cursor_done(&cursor));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(kinds_have_their_fields),
        cmocka_unit_test(a_truncated_message_is_waited_for),
        cmocka_unit_test(a_promise_costs_no_memory),
        cmocka_unit_test(the_largest_message_fits_and_memory_is_given_back),
        cmocka_unit_test(a_full_buffer_that_nobody_empties_is_an_error),
        cmocka_unit_test(random_cuts),
        cmocka_unit_test(interleaved_readers),
        cmocka_unit_test(the_cursor_stays_inside),
        cmocka_unit_test(the_cursor_takes_nothing),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
