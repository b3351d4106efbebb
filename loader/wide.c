/* SPDX-License-Identifier: MIT */
#include "loader/wide.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "util/utf.h"

static int to_utf16(const wchar_t *text, size_t size, uint16_t **units, size_t *count)
{
    ssize_t needed = wide_to_utf16(text, size, NULL, 0);

    if (needed < 0)
        return (int)needed;
    *units = malloc(((size_t)needed + 1) * sizeof(**units));
    if (!*units)
        return -ENOMEM;
    wide_to_utf16(text, size, *units, (size_t)needed);
    *count = (size_t)needed;
    return 0;
}

char *wide_to_utf8(const wchar_t *text, size_t size)
{
    uint16_t *units = NULL;
    size_t count = 0;
    char *result = NULL;
    int code = to_utf16(text, wcsnlen(text, size), &units, &count);

    if (code < 0) {
        errno = -code;
        return NULL;
    }
    ssize_t needed = utf16_to_utf8(units, count, NULL, 0);
    if (needed < 0) {
        errno = (int)-needed;
    } else {
        result = malloc((size_t)needed + 1);
        if (result) {
            utf16_to_utf8(units, count, result, (size_t)needed);
            result[needed] = '\0';
        } else {
            errno = ENOMEM;
        }
    }
    free(units);
    return result;
}
