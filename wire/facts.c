/* SPDX-License-Identifier: MIT */
#include "wire/facts.h"

#include <string.h>

void facts_pack(const struct facts_structure *kind, const void *structure, uint8_t *packed)
{
    for (uint16_t i = 0; i < kind->field_count; i++) {
        const struct facts_field *field = &kind->fields[i];
        const uint8_t *from = (const uint8_t *)structure + field->offset;

        if (field->is_size) {
            size_t native;
            uint64_t wide;

            memcpy(&native, from, sizeof(native));
            wide = native;
            memcpy(packed, &wide, sizeof(wide));
            packed += sizeof(wide);
        } else {
            memcpy(packed, from, field->size);
            packed += field->size;
        }
    }
}

void facts_unpack(const struct facts_structure *kind, const uint8_t *packed, void *structure)
{
    for (uint16_t i = 0; i < kind->field_count; i++) {
        const struct facts_field *field = &kind->fields[i];
        uint8_t *to = (uint8_t *)structure + field->offset;

        if (field->is_size) {
            size_t native;
            uint64_t wide;

            memcpy(&wide, packed, sizeof(wide));
            native = wide > SIZE_MAX ? SIZE_MAX : (size_t)wide;
            memcpy(to, &native, sizeof(native));
            packed += sizeof(wide);
        } else {
            memcpy(to, packed, field->size);
            packed += field->size;
        }
    }
}

int facts_missing_feature(const struct facts_structure *kind, const uint8_t *packed,
                          const void *wanted)
{
    for (uint16_t i = 0; i < kind->field_count; i++) {
        VkBool32 want, have = VK_FALSE;

        memcpy(&want, (const uint8_t *)wanted + kind->fields[i].offset, sizeof(want));
        if (packed)
            memcpy(&have, packed + i * sizeof(have), sizeof(have));
        if (want && !have)
            return i;
    }
    return -1;
}
