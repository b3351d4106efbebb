/* SPDX-License-Identifier: MIT */
#include "tools/reg_data.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"

static int copy_data(const void *from, size_t from_size, uint8_t **data, size_t *size,
                     struct error *err)
{
    *data = malloc(from_size ? from_size : 1);
    if (!*data)
        return error_set(err, -ENOMEM, "no memory for %zu bytes of data", from_size);
    if (from_size)
        memcpy(*data, from, from_size);
    *size = from_size;
    return 0;
}

static int parse_number(const char *text, size_t bytes, uint8_t **data, size_t *size,
                        struct error *err)
{
    unsigned long long number;
    uint8_t little_endian[8];

    if (cli_parse_number(text[0] ? text : "0", bytes == 4 ? UINT32_MAX : UINT64_MAX, &number) < 0)
        return error_set(err, -EINVAL,
                         "\"%s\" is no number of %zu bits: write it decimal or as 0x…", text,
                         bytes * 8);
    for (size_t i = 0; i < bytes; i++)
        little_endian[i] = (uint8_t)(number >> (8 * i));
    return copy_data(little_endian, bytes, data, size, err);
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static int parse_binary(const char *text, uint8_t **data, size_t *size, struct error *err)
{
    uint8_t *bytes = malloc(strlen(text) / 2 + 1);
    size_t count = 0;

    if (!bytes)
        return error_set(err, -ENOMEM, "no memory for the data");
    while (*text) {
        if (strchr(" \t,:-", *text)) {
            text++;
        } else if (isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1])) {
            bytes[count++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
            text += 2;
        } else {
            error_set(err, -EINVAL,
                      "REG_BINARY is written as pairs of hexadecimal digits, such as 00ff10; at "
                      "\"%.16s\" there is no pair",
                      text);
            free(bytes);
            return -EINVAL;
        }
    }
    *data = bytes;
    *size = count;
    return 0;
}

/* Empty strings are strings, too; but nothing follows the last separator. */
static int parse_strings(const char *text, const char *separator, uint8_t **data, size_t *size,
                         struct error *err)
{
    size_t step = strlen(separator), used = 0;
    /* Each separator becomes one NUL, and there are at most two more. */
    char *strings = malloc(strlen(text) + 2);

    if (!strings)
        return error_set(err, -ENOMEM, "no memory for the data");
    while (*text) {
        const char *end = strstr(text, separator);
        size_t length = end ? (size_t)(end - text) : strlen(text);

        memcpy(strings + used, text, length);
        used += length;
        strings[used++] = '\0';
        text += length + (end ? step : 0);
    }
    strings[used++] = '\0';
    *data = (uint8_t *)strings;
    *size = used;
    return 0;
}

int reg_data_parse(enum reg_type type, const char *text, const char *separator, uint8_t **data,
                   size_t *size, struct error *err)
{
    text = text ? text : "";
    switch (type) {
    case REG_TYPE_SZ:
    case REG_TYPE_EXPAND_SZ:
        return copy_data(text, strlen(text) + 1, data, size, err);
    case REG_TYPE_MULTI_SZ:
        if (!*separator)
            return error_set(err, -EINVAL, "the separator is empty: leave --separator out for \\0");
        return parse_strings(text, separator, data, size, err);
    case REG_TYPE_DWORD:
        return parse_number(text, 4, data, size, err);
    case REG_TYPE_QWORD:
        return parse_number(text, 8, data, size, err);
    case REG_TYPE_BINARY:
        return parse_binary(text, data, size, err);
    default:
        return error_set(err, -EINVAL, "type %d cannot be typed", (int)type);
    }
}
