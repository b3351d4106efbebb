/* SPDX-License-Identifier: MIT */
#include "registry/text_buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `size` bytes and a NUL. */
static bool reserve(struct text_buffer *text, size_t size)
{
    if (text->failed)
        return false;
    if (text->capacity - text->size > size)
        return true;
    if (size >= SIZE_MAX / 4 || text->size >= SIZE_MAX / 4) {
        text->failed = true;
        return false;
    }
    size_t capacity = 2 * (text->size + size) + 64;
    char *data = realloc(text->data, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void text_buffer_add(struct text_buffer *text, const void *data, size_t size)
{
    if (!size || !reserve(text, size))
        return;
    memcpy(text->data + text->size, data, size);
    text->size += size;
}

void text_buffer_puts(struct text_buffer *text, const char *string)
{
    text_buffer_add(text, string, strlen(string));
}

void text_buffer_printf(struct text_buffer *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0) {
        text->failed = true;
    } else if (reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
        text->size += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

void text_buffer_truncate(struct text_buffer *text, size_t size)
{
    if (size < text->size)
        text->size = size;
}

void text_buffer_finish(struct text_buffer *text)
{
    free(text->data);
    *text = (struct text_buffer){0};
}

char *text_buffer_take(struct text_buffer *text, size_t *size)
{
    if (!reserve(text, 0)) {
        text_buffer_finish(text);
        return NULL;
    }
    char *data = text->data;
    data[text->size] = '\0';
    if (size)
        *size = text->size;
    *text = (struct text_buffer){0};
    return data;
}
