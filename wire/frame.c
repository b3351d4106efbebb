/* SPDX-License-Identifier: MIT */
#include "wire/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 4096u

void frame_reader_init(struct frame_reader *reader)
{
    *reader = (struct frame_reader){0};
}

void frame_reader_finish(struct frame_reader *reader)
{
    free(reader->data);
    frame_reader_init(reader);
}

static void drop_taken(struct frame_reader *reader)
{
    if (!reader->taken)
        return;
    reader->used -= reader->taken;
    /* The rest moves to the front, so that its payload is aligned. It is short: frame_reader_space
     * never gives more than FIRST_CAPACITY bytes beyond the message that is arriving. */
    memmove(reader->data, reader->data + reader->taken, reader->used);
    reader->taken = 0;
}

static int set_capacity(struct frame_reader *reader, size_t capacity)
{
    uint8_t *data = realloc(reader->data, capacity);
    if (!data)
        return -ENOMEM;
    reader->data = data;
    reader->capacity = capacity;
    return 0;
}

/* Bytes that the arriving message still lacks; 0 when it is whole or cannot be told yet. */
static size_t missing_bytes(const struct frame_reader *reader)
{
    struct wire_header header;
    if (reader->used < sizeof(header))
        return 0;
    memcpy(&header, reader->data, sizeof(header));
    if (header.size > WIRE_MAX_MESSAGE || header.size <= reader->used)
        return 0;
    return header.size - reader->used;
}

static int make_room(struct frame_reader *reader)
{
    if (!reader->used && reader->capacity != FIRST_CAPACITY)
        return set_capacity(reader, FIRST_CAPACITY);
    if (reader->used < reader->capacity)
        return 0;
    if (reader->capacity >= WIRE_MAX_MESSAGE)
        return -ENOBUFS;
    size_t doubled = reader->capacity * 2;
    return set_capacity(reader, doubled < WIRE_MAX_MESSAGE ? doubled : WIRE_MAX_MESSAGE);
}

int frame_reader_space(struct frame_reader *reader, uint8_t **space, size_t *size)
{
    drop_taken(reader);
    int result = make_room(reader);
    if (result)
        return result;
    size_t room = reader->capacity - reader->used;
    size_t wanted = missing_bytes(reader);
    if (wanted < FIRST_CAPACITY)
        wanted = FIRST_CAPACITY;
    *space = reader->data + reader->used;
    *size = room < wanted ? room : wanted;
    return 0;
}

void frame_reader_filled(struct frame_reader *reader, size_t size)
{
    reader->used += size;
}

int frame_check_header(const struct wire_header *header, struct error *err)
{
    if (header->size < sizeof(*header) || header->size > WIRE_MAX_MESSAGE)
        return error_set(err, -EPROTO, "a message says that it has %u bytes; %zu to %u are allowed",
                         header->size, sizeof(*header), WIRE_MAX_MESSAGE);
    if (header->command < WIRE_HELLO || header->command >= WIRE_COMMAND_END)
        return error_set(err, -EPROTO, "a message has the unknown command %u", header->command);
    if (header->kind < WIRE_REQUEST || header->kind > WIRE_REPLY)
        return error_set(err, -EPROTO, "a message has the unknown kind %u", header->kind);
    if (header->reserved)
        return error_set(err, -EPROTO, "a message has %u in its reserved byte", header->reserved);
    if (header->kind != WIRE_REPLY && header->status)
        return error_set(err, -EPROTO, "a message that is no reply has the status 0x%08x",
                         (uint32_t)header->status);
    if (!header->sequence != (header->kind == WIRE_ASYNC))
        return error_set(err, -EPROTO, "a message of kind %u has the sequence %u", header->kind,
                         header->sequence);
    return 0;
}

int frame_reader_next(struct frame_reader *reader, struct wire_header *header,
                      const uint8_t **payload, struct error *err)
{
    drop_taken(reader);
    if (reader->used < sizeof(*header))
        return 0;
    memcpy(header, reader->data, sizeof(*header));
    int result = frame_check_header(header, err);
    if (result)
        return result;
    if (reader->used < header->size)
        return 0;
    *payload = reader->data + sizeof(*header);
    reader->taken = header->size;
    return 1;
}

const void *wire_cursor_bytes(struct wire_cursor *cursor, size_t size)
{
    if (cursor->failed || size > (size_t)(cursor->end - cursor->at)) {
        cursor->failed = true;
        return NULL;
    }
    const void *bytes = cursor->at;
    if (size)
        cursor->at += size;
    return bytes;
}

void wire_cursor_copy(struct wire_cursor *cursor, void *to, size_t size)
{
    const void *bytes = wire_cursor_bytes(cursor, size);
    if (!size)
        return;
    if (bytes)
        memcpy(to, bytes, size);
    else
        memset(to, 0, size);
}

bool wire_cursor_done(const struct wire_cursor *cursor)
{
    return !cursor->failed && cursor->at == cursor->end;
}
