/* SPDX-License-Identifier: MIT */
#include "wire/mirror.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static uint32_t padded(uint32_t size)
{
    return (size + 7) & ~7u;
}

static uint32_t mask_size(uint32_t size)
{
    return padded((size + 7) / 8);
}

/* The bits of up to 8 bytes that differ. */
static uint8_t differing(const uint8_t *a, const uint8_t *b, uint32_t count)
{
    uint8_t bits = 0;
    for (uint32_t i = 0; i < count; i++)
        bits |= (uint8_t)((a[i] != b[i]) << i);
    return bits;
}

/* Takes the bytes at both ends that are the same away, 8 at a time. */
static void trim(const uint8_t *a, const uint8_t *b, uint32_t *first, uint32_t *size)
{
    while (*size >= 8 && !memcmp(a + *first, b + *first, 8)) {
        *first += 8;
        *size -= 8;
    }
    while (*size >= 8 && !memcmp(a + *first + *size - 8, b + *first + *size - 8, 8))
        *size -= 8;
}

size_t mirror_pack(const struct stream_page *page, const uint8_t *memory, uint8_t *shadow,
                   uint32_t size, uint8_t *to)
{
    if (!memcmp(memory, shadow, size))
        return 0;
    /* One look: others may write meanwhile. */
    uint8_t now[STREAM_PAGE_SIZE];
    memcpy(now, memory, size);
    uint32_t first = 0;
    trim(now, shadow, &first, &size);
    struct stream_page head = *page;
    head.offset += first;
    head.size = size;
    uint8_t *mask = to + sizeof(head), *bytes = mask + mask_size(size);
    memset(mask, 0, mask_size(size));
    bool changed = false;
    for (uint32_t at = 0; at < size; at += 8) {
        uint32_t count = size - at < 8 ? size - at : 8;
        mask[at / 8] = differing(now + first + at, shadow + first + at, count);
        changed |= mask[at / 8] != 0;
    }
    if (!changed)
        return 0;
    memcpy(to, &head, sizeof(head));
    memset(bytes + size, 0, padded(size) - size);
    memcpy(bytes, now + first, size);
    memcpy(shadow + first, now + first, size);
    return sizeof(head) + mask_size(size) + padded(size);
}

int mirror_take(const uint8_t **data, size_t *size, struct mirror_change *change)
{
    if (*size < sizeof(change->page))
        return -EPROTO;
    memcpy(&change->page, *data, sizeof(change->page));
    uint32_t length = change->page.size;
    if (length == 0 || length > STREAM_PAGE_SIZE)
        return -EPROTO;
    size_t whole = sizeof(change->page) + mask_size(length) + padded(length);
    if (whole > *size)
        return -EPROTO;
    change->mask = *data + sizeof(change->page);
    change->bytes = change->mask + mask_size(length);
    *data += whole;
    *size -= whole;
    return 0;
}

void mirror_apply(const struct mirror_change *change, uint8_t *memory, uint8_t *shadow)
{
    uint32_t size = change->page.size;
    for (uint32_t at = 0; at < size; at += 8) {
        uint8_t bits = change->mask[at / 8];
        if (bits == 0xff && size - at >= 8) {
            memcpy(memory + at, change->bytes + at, 8);
            memcpy(shadow + at, change->bytes + at, 8);
            continue;
        }
        for (uint32_t i = 0; i < 8 && at + i < size && bits >> i; i++) {
            if (bits >> i & 1)
                memory[at + i] = shadow[at + i] = change->bytes[at + i];
        }
    }
}
