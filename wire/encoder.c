/* SPDX-License-Identifier: MIT */
#include "wire/encoder.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 4096u

void wire_encoder_init(struct wire_encoder *encoder)
{
    *encoder = (struct wire_encoder){ 0 };
}

void wire_encoder_finish(struct wire_encoder *encoder)
{
    free(encoder->data);
    *encoder = (struct wire_encoder){ 0 };
}

bool wire_encoder_grow(struct wire_encoder *encoder, size_t size)
{
    size_t needed, capacity = encoder->capacity ? encoder->capacity : FIRST_CAPACITY;

    if (encoder->failed || __builtin_add_overflow(encoder->used, size, &needed) ||
        needed > SIZE_MAX / 2) {
        encoder->failed = true;
        return false;
    }
    while (capacity < needed)
        capacity *= 2;
    uint8_t *data = realloc(encoder->data, capacity);
    if (!data) {
        encoder->failed = true;
        return false;
    }
    encoder->data = data;
    encoder->capacity = capacity;
    return true;
}
