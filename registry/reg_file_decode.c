/* SPDX-License-Identifier: MIT */
#include "registry/reg_file_decode.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/reg_file.h"
#include "util/utf.h"

static bool starts_with(const void *data, size_t size, const void *start, size_t start_size)
{
    return size >= start_size && !memcmp(data, start, start_size);
}

#define STARTS_WITH(data, size, literal) starts_with(data, size, literal, sizeof(literal) - 1)

bool reg_file_recognise(const void *data, size_t size)
{
    const char *text = data;
    if (STARTS_WITH(data, size, "\xff\xfe") || STARTS_WITH(data, size, "\xfe\xff") ||
        STARTS_WITH(data, size, "W\0i\0") || STARTS_WITH(data, size, "\0W\0i"))
        return true;
    size_t mark = STARTS_WITH(data, size, "\xef\xbb\xbf") ? 3 : 0;
    return STARTS_WITH(text + mark, size - mark, "Windows Registry Editor") ||
           STARTS_WITH(text + mark, size - mark, "REGEDIT");
}

/* The converter tells only that something is wrong: line by line it is found. */
static size_t find_bad_utf16(const uint16_t *units, size_t count)
{
    size_t line = 1;
    for (size_t from = 0, at = 0; at < count; at++) {
        if (units[at] != '\n' && at + 1 < count)
            continue;
        if (utf16_to_utf8(units + from, at + 1 - from, NULL, 0) < 0)
            break;
        from = at + 1;
        line++;
    }
    return line;
}

static int decode_utf16(const uint8_t *bytes, size_t size, char **text, size_t *text_size,
                        size_t *line, struct error *err)
{
    *line = 1;
    if (size % 2)
        return error_set(err, -EILSEQ,
                         "the file is UTF-16 and has an odd number of bytes: it is cut off");
    size_t count = size / 2;
    uint16_t *units = calloc(count + 1, sizeof(*units));
    if (!units)
        return error_set(err, -ENOMEM, "no memory for the file");
    for (size_t i = 0; i < count; i++)
        units[i] = (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
    ssize_t length = utf16_to_utf8(units, count, NULL, 0);
    int result = 0;
    if (length < 0) {
        *line = find_bad_utf16(units, count);
        result = error_set(err, -EILSEQ, "not valid UTF-16");
    } else {
        *text = malloc((size_t)length + 1);
        if (*text) {
            utf16_to_utf8(units, count, *text, (size_t)length);
            *text_size = (size_t)length;
        } else {
            result = error_set(err, -ENOMEM, "no memory for the file");
        }
    }
    free(units);
    return result;
}

static int decode_utf8(const char *bytes, size_t size, char **text, size_t *text_size, size_t *line,
                       struct error *err)
{
    *line = 1;
    for (size_t from = 0; from < size; (*line)++) {
        const char *newline = memchr(bytes + from, '\n', size - from);
        size_t to = newline ? (size_t)(newline + 1 - bytes) : size;
        if (utf8_to_utf16(bytes + from, to - from, NULL, 0) < 0)
            return error_set(err, -EILSEQ, "neither UTF-16 with a byte-order mark nor valid UTF-8");
        from = to;
    }
    *text = malloc(size + 1);
    if (!*text)
        return error_set(err, -ENOMEM, "no memory for the file");
    memcpy(*text, bytes, size);
    *text_size = size;
    return 0;
}

int reg_file_decode(const void *data, size_t size, char **text, size_t *text_size, size_t *line,
                    struct error *err)
{
    const char *bytes = data;
    int result;
    *line = 1;
    if (STARTS_WITH(data, size, "\xfe\xff") || STARTS_WITH(data, size, "\0W\0i"))
        return error_set(err, -EINVAL,
                         "the file is UTF-16 with its bytes in big-endian order; Windows writes "
                         "little-endian");
    if (STARTS_WITH(data, size, "W\0i\0"))
        return error_set(err, -EINVAL,
                         "the file is UTF-16 without a byte-order mark; save it with one, or as "
                         "UTF-8");
    if (STARTS_WITH(data, size, "\xff\xfe"))
        result = decode_utf16((const uint8_t *)data + 2, size - 2, text, text_size, line, err);
    else if (STARTS_WITH(data, size, "\xef\xbb\xbf"))
        result = decode_utf8(bytes + 3, size - 3, text, text_size, line, err);
    else
        result = decode_utf8(bytes, size, text, text_size, line, err);
    if (result)
        return result;

    const char *nul = memchr(*text, '\0', *text_size);
    if (nul) {
        *line = 1;
        for (const char *at = *text; at < nul; at++)
            *line += *at == '\n';
        free(*text);
        return error_set(err, -EINVAL, "a NUL character, so this is not a text file");
    }
    (*text)[*text_size] = '\0';
    return 0;
}
