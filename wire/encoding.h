/* SPDX-License-Identifier: MIT */
/*
 * Pieces of commands and replies, for generated code (wire/gen). A piece begins at a multiple of 8
 * bytes; what is left of its last 8 bytes is zero.
 */
#ifndef GPUPV_WIRE_ENCODING_H
#define GPUPV_WIRE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wire/encoder.h"

/* Whether structures of Vulkan have the layout here that they have on the wire. A test says no to
 * take the other way. */
#ifndef WIRE_SAME_LAYOUT
#define WIRE_SAME_LAYOUT (UINTPTR_MAX == UINT64_MAX)
#endif

/* Room for `count` elements. NULL when memory is short, and for 0 of them. */
static inline void *wire_put_room(struct wire_encoder *encoder, uint64_t count, size_t size)
{
    if (!count)
        return NULL;
    if (__builtin_expect(count > (SIZE_MAX / 2) / size, 0)) {
        encoder->failed = true;
        return NULL;
    }
    size_t bytes = ((size_t)count * size + 7) & ~(size_t)7;
    uint8_t *at = wire_put(encoder, bytes);
    if (at)
        memset(at + bytes - 8, 0, 8);
    return at;
}

/* `count` elements that cross as they are. */
static inline void wire_put_values(struct wire_encoder *encoder, const void *from, uint64_t count,
                                   size_t size)
{
    void *at = wire_put_room(encoder, count, size);

    if (at)
        memcpy(at, from, (size_t)count * size);
}

/* The same, elements that lie `stride` bytes apart. */
void wire_put_strided(struct wire_encoder *encoder, const void *from, uint64_t count, size_t size,
                      size_t stride);

/* What stands for a string in a structure, and in an array of strings: its size with the NUL. */
static inline uint64_t wire_string_size(const char *string)
{
    return string ? strlen(string) + 1 : 0;
}

void wire_put_string(struct wire_encoder *encoder, const char *string);
void wire_put_strings(struct wire_encoder *encoder, const char *const *strings, uint64_t count);

/* --- Reading a reply --- */

struct wire_reply {
    const uint8_t *cur, *end;
    bool bad; /* sticky: it is shorter than it says, or wrong */
};

/* NULL after a failure. */
static inline const uint8_t *wire_reply_take(struct wire_reply *reply, uint64_t count, size_t size)
{
    size_t left = (size_t)(reply->end - reply->cur);

    if (__builtin_expect(reply->bad || count > left / size, 0)) {
        reply->bad = true;
        return NULL;
    }
    size_t bytes = ((size_t)count * size + 7) & ~(size_t)7;
    if (__builtin_expect(bytes > left, 0)) {
        reply->bad = true;
        return NULL;
    }
    const uint8_t *at = reply->cur;
    reply->cur += bytes;
    return at;
}

/* Elements that cross as they are. */
static inline void wire_reply_values(struct wire_reply *reply, void *to, uint64_t count, size_t size)
{
    const uint8_t *at = wire_reply_take(reply, count, size);

    if (at && count)
        memcpy(to, at, (size_t)count * size);
}

static inline uint64_t wire_reply_number(struct wire_reply *reply)
{
    uint64_t number = 0;

    wire_reply_values(reply, &number, 1, sizeof(number));
    return number;
}

#endif
