/* SPDX-License-Identifier: MIT */
/*
 * A growing buffer of encoded commands in private memory. Commands are multiples of 8 bytes. One
 * thread at a time.
 */
#ifndef GPUPV_WIRE_ENCODER_H
#define GPUPV_WIRE_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/stream.h"

struct wire_encoder {
    uint8_t *data; /* malloc'ed; 8-byte aligned */
    size_t used, capacity;
    bool failed; /* memory was short: what was put since is lost. Sticky until wire_encoder_reset */
};

/* Allocates nothing. */
void wire_encoder_init(struct wire_encoder *encoder);
void wire_encoder_finish(struct wire_encoder *encoder);

/* Makes room for `size` more bytes. False, and `failed`, when memory is short. */
bool wire_encoder_grow(struct wire_encoder *encoder, size_t size);

static inline void wire_encoder_reset(struct wire_encoder *encoder)
{
    encoder->used = 0;
    encoder->failed = false;
}

/* Room for `size` bytes, a multiple of 8; not zeroed. Valid until the next put. NULL when memory is
 * short. */
static inline void *wire_put(struct wire_encoder *encoder, size_t size)
{
    if (__builtin_expect(encoder->capacity - encoder->used < size, 0) &&
        !wire_encoder_grow(encoder, size))
        return NULL;
    void *at = encoder->data + encoder->used;
    encoder->used += size;
    return at;
}

/* Ends the command that begins at `at`: writes its size. One of more than 65535 * 8 bytes gets the
 * size 0, and must travel in parts of its own. After a failure the command is taken back. */
static inline void wire_end_command(struct wire_encoder *encoder, size_t at)
{
    if (__builtin_expect(encoder->failed, 0)) {
        encoder->used = at;
        return;
    }
    size_t words = (encoder->used - at) / 8;
    ((struct stream_command *)(void *)(encoder->data + at))->words =
        (uint16_t)(words <= UINT16_MAX ? words : 0);
}

#endif
