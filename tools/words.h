/* SPDX-License-Identifier: MIT */
/*
 * A growing list of owned texts, such as the words of a command line. A failed addition is kept and
 * told once, by words_error(), so that a long list can be put together without a check for each
 * word. `items` always ends with NULL, when there are any.
 */
#ifndef GPUPV_TOOLS_WORDS_H
#define GPUPV_TOOLS_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct words {
    char **items;
    size_t count;
    bool failed;
};

void words_add(struct words *words, const char *text);
/* Several at once; the last argument is NULL. */
void words_add_all(struct words *words, ...) __attribute__((sentinel));
void words_add_format(struct words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool words_have(const struct words *words, const char *text);
/* 0, or -ENOMEM when an addition failed. */
int words_error(const struct words *words);
void words_finish(struct words *words);

#endif
