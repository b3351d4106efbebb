/* SPDX-License-Identifier: MIT */
/*
 * A bounded cursor over the private copy of a command, for generated code (vkwire_decode.c,
 * vkwire_exec.c) and for private commands. Structures are patched where they lie. Failure is sticky:
 * nothing is taken after it. One thread.
 */
#ifndef GPUPV_HOST_WORKER_DECODER_H
#define GPUPV_HOST_WORKER_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "host/worker/exec.h"
#include "wire/encoder.h"

#define EXEC_MAX_DEPTH 12 /* pNext chains within structures of pNext chains */

struct exec_decoder {
    struct exec *x;
    uint8_t *cur, *end; /* 8-byte aligned */
    bool fatal;
    const char *why; /* what is wrong, when fatal */
    unsigned int depth;
};

static inline void exec_decoder_init(struct exec_decoder *decoder, struct exec *x, void *data,
                                     size_t size)
{
    *decoder = (struct exec_decoder){ .x = x, .cur = data, .end = (uint8_t *)data + size };
}

static inline void exec_decoder_refuse(struct exec_decoder *decoder, const char *why)
{
    if (!decoder->fatal)
        decoder->why = why;
    decoder->fatal = true;
    decoder->cur = decoder->end;
}

/* `count` elements out of the batch. NULL after a failure. */
static inline void *exec_decoder_take(struct exec_decoder *decoder, uint64_t count, size_t size)
{
    size_t left = (size_t)(decoder->end - decoder->cur);

    if (__builtin_expect(decoder->fatal || count > left / size, 0)) {
        exec_decoder_refuse(decoder, "it is shorter than its counts say");
        return NULL;
    }
    size_t bytes = ((size_t)count * size + 7) & ~(size_t)7;
    if (__builtin_expect(bytes > left, 0)) {
        exec_decoder_refuse(decoder, "it is shorter than its counts say");
        return NULL;
    }
    void *at = decoder->cur;
    decoder->cur += bytes;
    return at;
}

/* Zeroed room in the arena. NULL after a failure. */
void *exec_decoder_room(struct exec_decoder *decoder, uint64_t count, size_t size);

/* A string of `length` bytes with its NUL; NULL for 0. */
const char *exec_decoder_string(struct exec_decoder *decoder, uint64_t length);
/* An array of strings; NULL for 0 of them. */
const char *const *exec_decoder_strings(struct exec_decoder *decoder, uint64_t count);

/* The driver's handle of an id; 0 for 0. */
static inline uint64_t exec_decoder_handle(struct exec_decoder *decoder, uint64_t id, uint8_t type)
{
    if (!id || decoder->fatal)
        return 0;
    struct exec_object *object = exec_object_get(decoder->x, id, type);
    if (__builtin_expect(!object, 0)) {
        exec_decoder_refuse(decoder, "it names an object that is not there");
        return 0;
    }
    return object->handle[0];
}

/* As above; 0 is refused. */
static inline uint64_t exec_decoder_handle_needed(struct exec_decoder *decoder, uint64_t id,
                                                  uint8_t type)
{
    if (__builtin_expect(!id, 0)) {
        exec_decoder_refuse(decoder, "a handle is null that must not be");
        return 0;
    }
    return exec_decoder_handle(decoder, id, type);
}

/* 0 for an id that is of no live object of the type. */
static inline uint64_t exec_decoder_handle_lenient(struct exec_decoder *decoder, uint64_t id,
                                                   uint8_t type)
{
    struct exec_object *object = id ? exec_object_find(decoder->x, id, type) : NULL;

    return object ? object->handle[0] : 0;
}

/* Patches `count` ids that lie in the batch. With `needed` none may be null. NULL after a failure. */
void *exec_decoder_handles(struct exec_decoder *decoder, uint64_t count, uint8_t type, bool needed);

/* After a command's last parameter: whether it was right and nothing is left over. */
static inline bool exec_decoder_done(struct exec_decoder *decoder)
{
    if (__builtin_expect(decoder->cur != decoder->end, 0))
        exec_decoder_refuse(decoder, "it is longer than its counts say");
    return !decoder->fatal;
}

#endif
