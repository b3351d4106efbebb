/* SPDX-License-Identifier: MIT */
/*
 * Text that grows, with sticky failure: when memory is short every later call does nothing, and
 * text_buffer_take() tells at the end. A zeroed structure is an empty text. Private to registry/.
 */
#ifndef GPUPV_REGISTRY_TEXT_BUFFER_H
#define GPUPV_REGISTRY_TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct text_buffer {
    char *data;
    size_t size, capacity;
    bool failed;
};

void text_buffer_add(struct text_buffer *text, const void *data, size_t size);
void text_buffer_puts(struct text_buffer *text, const char *string);
void text_buffer_printf(struct text_buffer *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void text_buffer_truncate(struct text_buffer *text, size_t size);
void text_buffer_finish(struct text_buffer *text);

/* The text, with a NUL behind it that `size` does not count, for the caller to free; or NULL when
 * memory was short. Either way the buffer is empty afterwards. `size` may be NULL. */
char *text_buffer_take(struct text_buffer *text, size_t *size);

#endif
