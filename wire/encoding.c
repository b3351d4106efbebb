/* SPDX-License-Identifier: MIT */
#include "wire/encoding.h"

void wire_put_strided(struct wire_encoder *encoder, const void *from, uint64_t count, size_t size,
                      size_t stride)
{
    uint8_t *to = wire_put_room(encoder, count, size);

    for (uint64_t i = 0; to && i < count; i++)
        memcpy(to + i * size, (const uint8_t *)from + i * stride, size);
}

void wire_put_string(struct wire_encoder *encoder, const char *string)
{
    if (string)
        wire_put_values(encoder, string, strlen(string) + 1, 1);
}

void wire_put_strings(struct wire_encoder *encoder, const char *const *strings, uint64_t count)
{
    uint8_t *slots = wire_put_room(encoder, count, sizeof(uint64_t));

    if (!slots)
        return;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t size = wire_string_size(strings[i]);
        memcpy(slots + i * sizeof(size), &size, sizeof(size));
    }
    for (uint64_t i = 0; i < count; i++)
        wire_put_string(encoder, strings[i]);
}
