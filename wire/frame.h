/* SPDX-License-Identifier: MIT */
/*
 * Framing: cuts a byte stream into messages, and checks each header before anything else sees it.
 * Also the bounded reader and writer for payloads. No I/O and no knowledge of commands' meaning.
 * An object belongs to one thread at a time.
 */
#ifndef GPUPV_WIRE_FRAME_H
#define GPUPV_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "wire/protocol.h"

/* One direction's incoming bytes. The buffer grows with the bytes that have arrived (a header that
 * only promises a large message costs nothing), never beyond WIRE_MAX_MESSAGE, and shrinks back
 * when it is empty. */
struct frame_reader {
    uint8_t *data;
    size_t used, capacity;
    size_t taken; /* bytes at the front that the last message held */
};

void frame_reader_init(struct frame_reader *reader);
void frame_reader_finish(struct frame_reader *reader);

/* Room for the next read(2): at least one byte, behind what has arrived. Drops the message that
 * frame_reader_next gave last. To be called when frame_reader_next has returned 0. -ENOMEM when
 * memory is short; -ENOBUFS when a whole message waits to be taken. */
int frame_reader_space(struct frame_reader *reader, uint8_t **space, size_t *size);
void frame_reader_filled(struct frame_reader *reader, size_t size);

/* Takes the next whole message. Returns 1 with *header (a copy) and *payload (inside the reader's
 * buffer, 4-byte aligned, valid until the next call of any frame_reader function), 0 when more
 * bytes are needed, -EPROTO with the cause in *err when the header is malformed (the stream is then
 * lost; further calls say so again). */
int frame_reader_next(struct frame_reader *reader, struct wire_header *header,
                      const uint8_t **payload, struct error *err);

/* Checks a header alone: size within bounds, known command, known kind, reserved 0; the status 0
 * except in a reply, the sequence 0 in WIRE_ASYNC and only there. 0 or -EPROTO. */
int frame_check_header(const struct wire_header *header, struct error *err);

static inline size_t frame_payload_size(const struct wire_header *header)
{
    return header->size - sizeof(*header);
}

/* A payload under inspection: a bounded cursor with sticky failure. A failed read returns NULL or
 * zeroes its result and sets `failed`; the caller checks once at the end with wire_cursor_done().
 */
struct wire_cursor {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct wire_cursor wire_cursor_make(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    return (struct wire_cursor){bytes, size ? bytes + size : bytes, false};
}

/* Copies `size` bytes out. */
void wire_cursor_copy(struct wire_cursor *cursor, void *to, size_t size);
/* Gives `size` bytes in place. */
const void *wire_cursor_bytes(struct wire_cursor *cursor, size_t size);
/* True when nothing failed and nothing is left over. */
bool wire_cursor_done(const struct wire_cursor *cursor);

#endif
