/* SPDX-License-Identifier: MIT */
#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
    }
    return code;
}

int error_prefix(struct error *err, int code, const char *format, ...)
{
    if (err) {
        struct error old = *err;
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        size_t used = strlen(err->text);
        const char *const parts[] = {": ", old.text};
        for (size_t i = 0; i < 2; i++) {
            size_t room = sizeof(err->text) - 1 - used;
            size_t size = strnlen(parts[i], room);
            memcpy(err->text + used, parts[i], size);
            used += size;
        }
        err->text[used] = '\0';
    }
    return code;
}
