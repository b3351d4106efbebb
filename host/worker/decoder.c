/* SPDX-License-Identifier: MIT */
#include "host/worker/decoder.h"

#include <string.h>

void *exec_decoder_room(struct exec_decoder *decoder, uint64_t count, size_t size)
{
    void *room = decoder->fatal ? NULL : arena_take_array(&decoder->x->arena, count, size);

    if (!room)
        exec_decoder_refuse(decoder, "it needs too much memory");
    return room;
}

const char *exec_decoder_string(struct exec_decoder *decoder, uint64_t length)
{
    if (!length)
        return NULL;
    const char *string = exec_decoder_take(decoder, length, 1);
    if (string && string[length - 1]) {
        exec_decoder_refuse(decoder, "a string does not end");
        return NULL;
    }
    return string;
}

const char *const *exec_decoder_strings(struct exec_decoder *decoder, uint64_t count)
{
    if (!count)
        return NULL;
    uint64_t *slots = exec_decoder_take(decoder, count, sizeof(*slots));

    for (uint64_t i = 0; i < count && !decoder->fatal; i++) {
        uint64_t length;

        memcpy(&length, &slots[i], sizeof(length));
        const char *string = exec_decoder_string(decoder, length);
        if (!string)
            exec_decoder_refuse(decoder, "a string of an array is null");
        memcpy(&slots[i], &string, sizeof(string));
    }
    return decoder->fatal ? NULL : (const char *const *)(const void *)slots;
}

void *exec_decoder_handles(struct exec_decoder *decoder, uint64_t count, uint8_t type, bool needed)
{
    uint8_t *slots = exec_decoder_take(decoder, count, sizeof(uint64_t));

    for (uint64_t i = 0; i < count && !decoder->fatal; i++) {
        uint64_t id;

        memcpy(&id, slots + i * sizeof(id), sizeof(id));
        id = needed ? exec_decoder_handle_needed(decoder, id, type)
                    : exec_decoder_handle(decoder, id, type);
        memcpy(slots + i * sizeof(id), &id, sizeof(id));
    }
    return decoder->fatal ? NULL : slots;
}
