/* SPDX-License-Identifier: MIT */
#include "host/near_name.h"

#include <string.h>

#define MAX_WORD 31

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance of two words of at most MAX_WORD letters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_WORD + 1];
    size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t changed = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = smaller(changed, smaller(row[j], row[j + 1]) + 1);
        }
    }
    return row[length];
}

const char *near_name(const char *word, const char *const *known, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 2 + 1;
    if (strlen(word) > MAX_WORD)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(known[i]) > MAX_WORD)
            continue;
        size_t far = distance(word, known[i]);
        if (far < best) {
            best = far;
            nearest = known[i];
        }
    }
    return nearest;
}
