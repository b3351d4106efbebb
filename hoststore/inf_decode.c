/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/inf_text.h"
#include "util/utf.h"

/* Windows-1252, 0x80 to 0x9f; 0 where it has no character. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};

static int from_utf16(const char *name, const uint8_t *bytes, size_t size, char **text,
                      size_t *text_size, struct error *err)
{
    if (size % 2)
        return error_set(err, -EILSEQ, "%s: it is UTF-16 with half a character at its end", name);
    size_t count = size / 2;
    uint16_t *units = malloc(size + 1);
    char *result = malloc(3 * count + 1);
    int code = 0;
    if (!units || !result) {
        code = error_set(err, -ENOMEM, "%s: out of memory", name);
        goto out_units;
    }
    for (size_t i = 0; i < count; i++)
        units[i] = (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
    ssize_t length = utf16_to_utf8(units, count, result, 3 * count);
    if (length < 0) {
        code = error_set(err, (int)length, "%s: it is not valid UTF-16", name);
        goto out_units;
    }
    result[length] = '\0';
    *text = result;
    *text_size = (size_t)length;
    result = NULL;
out_units:
    free(result);
    free(units);
    return code;
}

static int from_windows_1252(const char *name, const uint8_t *bytes, size_t size, char **text,
                             size_t *text_size, struct error *err)
{
    uint8_t *result = malloc(3 * size + 1);
    if (!result)
        return error_set(err, -ENOMEM, "%s: out of memory", name);
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned c = bytes[i] >= 0x80 && bytes[i] < 0xa0 ? windows_1252[bytes[i] - 0x80] : bytes[i];
        if (c == 0 && bytes[i]) {
            free(result);
            return error_set(err, -EILSEQ,
                             "%s: it is neither UTF-8 nor Windows-1252 (byte 0x%02x at offset "
                             "0x%zx)",
                             name, bytes[i], i);
        }
        if (c < 0x80) {
            result[used++] = (uint8_t)c;
        } else if (c < 0x800) {
            result[used++] = (uint8_t)(0xc0 | c >> 6);
            result[used++] = (uint8_t)(0x80 | (c & 0x3f));
        } else {
            result[used++] = (uint8_t)(0xe0 | c >> 12);
            result[used++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
            result[used++] = (uint8_t)(0x80 | (c & 0x3f));
        }
    }
    result[used] = '\0';
    *text = (char *)result;
    *text_size = used;
    return 0;
}

int inf_decode(const char *name, const void *data, size_t size, char **text, size_t *text_size,
               struct error *err)
{
    const uint8_t *bytes = data;
    if (size > INF_MAX_SIZE)
        return error_set(err, -EFBIG, "%s: it has %zu bytes, at most %d are accepted", name, size,
                         INF_MAX_SIZE);
    if (size >= 2 && bytes[0] == 0xff && bytes[1] == 0xfe)
        return from_utf16(name, bytes + 2, size - 2, text, text_size, err);
    if (size >= 2 && bytes[0] == 0xfe && bytes[1] == 0xff)
        return error_set(err, -EILSEQ,
                         "%s: it is big-endian UTF-16; UTF-16LE, UTF-8 or Windows-1252 is needed",
                         name);
    if (size >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3)) {
        bytes += 3;
        size -= 3;
    }
    if (utf8_to_utf16((const char *)bytes, size, NULL, 0) < 0)
        return from_windows_1252(name, bytes, size, text, text_size, err);
    *text = malloc(size + 1);
    if (!*text)
        return error_set(err, -ENOMEM, "%s: out of memory", name);
    memcpy(*text, bytes, size);
    (*text)[size] = '\0';
    *text_size = size;
    return 0;
}
