/* SPDX-License-Identifier: MIT */
/*
 * The frame decoder and the payload cursor. The input is a stream; its first byte says how finely
 * it is cut into reads. Whatever comes, the reader's promises hold.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"

static void expect(int condition)
{
    if (!condition)
        abort();
}

/* Reads a payload as a list of pieces that name their own size, the worst that a payload can do. */
static void walk_payload(const uint8_t *payload, size_t size)
{
    struct wire_cursor cursor = wire_cursor_make(payload, size);
    size_t taken = 0;
    while (!cursor.failed && cursor.at != cursor.end) {
        uint16_t length;
        wire_cursor_copy(&cursor, &length, sizeof(length));
        if (cursor.failed) {
            expect(length == 0);
            break;
        }
        taken += sizeof(length);
        const uint8_t *bytes = wire_cursor_bytes(&cursor, length);
        expect(!bytes == cursor.failed);
        if (!bytes)
            break;
        expect(bytes == payload + taken);
        taken += length;
        volatile uint8_t sum = 0;
        for (size_t i = 0; i < length; i++)
            sum = (uint8_t)(sum + bytes[i]);
    }
    expect(taken <= size);
    expect(wire_cursor_done(&cursor) == (!cursor.failed && taken == size));
}

/* 1 while the stream may go on. */
static int take_messages(struct frame_reader *reader, size_t *total)
{
    struct wire_header header;
    const uint8_t *payload;
    struct error err;
    int result;
    while ((result = frame_reader_next(reader, &header, &payload, &err)) == 1) {
        expect(header.size >= sizeof(header) && header.size <= WIRE_MAX_MESSAGE);
        expect(header.command >= WIRE_HELLO && header.command < WIRE_COMMAND_END);
        expect((uintptr_t)payload % 4 == 0);
        walk_payload(payload, frame_payload_size(&header));
        *total += header.size;
    }
    expect(result == 0 || err.text[0]);
    return result == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    size_t step = 1 + data[0] * (size_t)data[0];
    data++, size--;
    struct frame_reader reader;
    frame_reader_init(&reader);
    size_t fed = 0, taken = 0;
    while (fed < size && take_messages(&reader, &taken)) {
        uint8_t *space;
        size_t room;
        if (frame_reader_space(&reader, &space, &room))
            abort();
        expect(room > 0 && reader.capacity <= WIRE_MAX_MESSAGE);
        size_t part = step < room ? step : room;
        if (part > size - fed)
            part = size - fed;
        memcpy(space, data + fed, part);
        frame_reader_filled(&reader, part);
        fed += part;
    }
    expect(taken <= fed);
    (void)take_messages(&reader, &taken);
    frame_reader_finish(&reader);
    return 0;
}
