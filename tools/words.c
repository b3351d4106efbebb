/* SPDX-License-Identifier: MIT */
#include "tools/words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the text; NULL is a failed allocation. */
static void take(struct words *words, char *text)
{
    char **items;

    if (!text) {
        words->failed = true;
        return;
    }
    items = reallocarray(words->items, words->count + 2, sizeof(*items));
    if (!items) {
        free(text);
        words->failed = true;
        return;
    }
    words->items = items;
    items[words->count++] = text;
    items[words->count] = NULL;
}

void words_add(struct words *words, const char *text)
{
    take(words, strdup(text));
}

void words_add_all(struct words *words, ...)
{
    va_list list;

    va_start(list, words);
    for (const char *text = va_arg(list, const char *); text; text = va_arg(list, const char *))
        words_add(words, text);
    va_end(list);
}

void words_add_format(struct words *words, const char *format, ...)
{
    va_list list;
    char *text;
    int size;

    va_start(list, format);
    size = vasprintf(&text, format, list);
    va_end(list);
    take(words, size < 0 ? NULL : text);
}

bool words_have(const struct words *words, const char *text)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->items[i], text) == 0)
            return true;
    }
    return false;
}

int words_error(const struct words *words)
{
    return words->failed ? -ENOMEM : 0;
}

void words_finish(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
    free(words->items);
    *words = (struct words){0};
}
