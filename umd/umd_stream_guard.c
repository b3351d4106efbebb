/* SPDX-License-Identifier: MIT */
/*
 * GPUPV_GUARD=strict: what is put into a stream holds no address and no handle of this process.
 *
 * Addresses are searched for everywhere: structures cross as they lie in memory, so one that is left
 * over lies at a multiple of 8. Ids are none, because of their type in the highest byte. Handles are
 * searched for in the fixed part of private commands: nothing else is written by code that knows
 * handles, and among a program's data any number may be equal to one.
 */
#include "umd/stream_internal.h"

#include <string.h>

#include "umd/umd.h"

bool umd_stream_guard_wanted(const struct gpupv_umd_callbacks *callbacks)
{
    size_t offset;
    return callbacks->size >= offsetof(struct gpupv_umd_callbacks, Guard) + sizeof(callbacks->Guard) &&
           callbacks->Guard && callbacks->Guard(NULL, 0, 0, &offset) != 0;
}

/* Bytes of the fixed part of a private command. */
static size_t fixed_size(uint16_t opcode)
{
    switch (opcode) {
    case STREAM_ALLOCATE_MEMORY:
        return offsetof(struct stream_allocate_memory, allocation); /* which is a handle */
    case STREAM_WRITE_DESCRIPTORS:
        return sizeof(struct stream_write_descriptors);
    case STREAM_PUSH_DESCRIPTORS:
        return sizeof(struct stream_push_descriptors);
    case STREAM_PIPELINE_RESULTS:
        return sizeof(struct stream_pipeline_results);
    case STREAM_FREE_MEMORY:
        return sizeof(struct stream_object);
    default:
        return sizeof(struct stream_ask);
    }
}

static bool is_clean(struct umd_stream *stream, const uint8_t *command, size_t size)
{
    struct stream_command head;
    size_t offset;
    memcpy(&head, command, sizeof(head));
    int found = stream->callbacks->Guard(command, size, 0, &offset);
    if (found == 1 && head.opcode >= STREAM_PRIVATE_FIRST) {
        size_t fixed = fixed_size(head.opcode);
        found = stream->callbacks->Guard(command, fixed < size ? fixed : size, 1, &offset);
    }
    if (found <= 1)
        return true;
    umd_stream_lose(stream, "the command %u of %zu bytes has, at offset %zu, %s of this process",
                    head.opcode, size, offset, found == 2 ? "an address" : "a handle");
    return false;
}

bool umd_stream_guard(struct umd_stream *stream, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t own = (size_t)((const struct stream_command *)(const void *)(data + at))->words * 8;
        if (own == 0 || own > size - at)
            own = size - at;
        if (!is_clean(stream, data + at, own))
            return false;
        at += own;
    }
    return true;
}
