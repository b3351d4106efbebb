/* SPDX-License-Identifier: MIT */
#include "util/utf.h"

#include <errno.h>
#include <stdbool.h>

_Static_assert(sizeof(wchar_t) == 4, "wchar_t holds UTF-32 on Linux");

static bool is_scalar(uint32_t point)
{
    return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

/* Each reader takes one code point at *at and moves *at behind it, or returns false. */

static bool read_utf8(const char *from, size_t size, size_t *at, uint32_t *point)
{
    const uint8_t *bytes = (const uint8_t *)from + *at;
    size_t left = size - *at;
    uint32_t lead = bytes[0];
    size_t length;
    uint32_t minimum;
    if (lead < 0x80) {
        *point = lead;
        *at += 1;
        return true;
    } else if ((lead & 0xe0) == 0xc0) {
        length = 2, minimum = 0x80, lead &= 0x1f;
    } else if ((lead & 0xf0) == 0xe0) {
        length = 3, minimum = 0x800, lead &= 0x0f;
    } else if ((lead & 0xf8) == 0xf0) {
        length = 4, minimum = 0x10000, lead &= 0x07;
    } else {
        return false;
    }
    if (left < length)
        return false;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return false;
        lead = lead << 6 | (bytes[i] & 0x3f);
    }
    if (lead < minimum || !is_scalar(lead))
        return false;
    *point = lead;
    *at += length;
    return true;
}

static bool read_utf16(const uint16_t *from, size_t size, size_t *at, uint32_t *point)
{
    uint32_t first = from[*at];
    if (first < 0xd800 || first > 0xdfff) {
        *point = first;
        *at += 1;
        return true;
    }
    if (first > 0xdbff || size - *at < 2)
        return false;
    uint32_t second = from[*at + 1];
    if (second < 0xdc00 || second > 0xdfff)
        return false;
    *point = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    *at += 2;
    return true;
}

static size_t write_utf16(uint32_t point, uint16_t unit[2])
{
    if (point < 0x10000) {
        unit[0] = (uint16_t)point;
        return 1;
    }
    unit[0] = (uint16_t)(0xd800 + ((point - 0x10000) >> 10));
    unit[1] = (uint16_t)(0xdc00 + ((point - 0x10000) & 0x3ff));
    return 2;
}

static size_t write_utf8(uint32_t point, char unit[4])
{
    if (point < 0x80) {
        unit[0] = (char)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--) {
        unit[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    unit[0] = (char)(lead[length] | point);
    return length;
}

ssize_t utf8_to_utf16(const char *from, size_t from_size, uint16_t *to, size_t capacity)
{
    size_t used = 0;
    for (size_t at = 0; at < from_size;) {
        uint32_t point;
        uint16_t unit[2];
        if (!read_utf8(from, from_size, &at, &point))
            return -EILSEQ;
        size_t length = write_utf16(point, unit);
        if (to) {
            if (capacity - used < length)
                return -ENOSPC;
            for (size_t i = 0; i < length; i++)
                to[used + i] = unit[i];
        }
        used += length;
    }
    return (ssize_t)used;
}

ssize_t utf16_to_utf8(const uint16_t *from, size_t from_size, char *to, size_t capacity)
{
    size_t used = 0;
    for (size_t at = 0; at < from_size;) {
        uint32_t point;
        char unit[4];
        if (!read_utf16(from, from_size, &at, &point))
            return -EILSEQ;
        size_t length = write_utf8(point, unit);
        if (to) {
            if (capacity - used < length)
                return -ENOSPC;
            for (size_t i = 0; i < length; i++)
                to[used + i] = unit[i];
        }
        used += length;
    }
    return (ssize_t)used;
}

ssize_t utf16_to_wide(const uint16_t *from, size_t from_size, wchar_t *to, size_t capacity)
{
    size_t used = 0;
    for (size_t at = 0; at < from_size; used++) {
        uint32_t point;
        if (!read_utf16(from, from_size, &at, &point))
            return -EILSEQ;
        if (to) {
            if (used == capacity)
                return -ENOSPC;
            to[used] = (wchar_t)point;
        }
    }
    return (ssize_t)used;
}

ssize_t wide_to_utf16(const wchar_t *from, size_t from_size, uint16_t *to, size_t capacity)
{
    size_t used = 0;
    for (size_t at = 0; at < from_size; at++) {
        uint16_t unit[2];
        if (!is_scalar((uint32_t)from[at]))
            return -EILSEQ;
        size_t length = write_utf16((uint32_t)from[at], unit);
        if (to) {
            if (capacity - used < length)
                return -ENOSPC;
            for (size_t i = 0; i < length; i++)
                to[used + i] = unit[i];
        }
        used += length;
    }
    return (ssize_t)used;
}
