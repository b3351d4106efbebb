/* SPDX-License-Identifier: MIT */
/* Names of keys and values: limits, comparison without case, lists sorted by name. Private to
 * registry/. */
#ifndef GPUPV_REGISTRY_NAMES_H
#define GPUPV_REGISTRY_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "registry/registry.h"
#include "util/error.h"

/* A folded name: each character's simple upper-case mapping, as on Windows. Equal names have equal
 * folded names, byte for byte; lists are in the byte order of these, which is that of their code
 * points. A UTF-16 unit becomes at most 4 bytes of UTF-8. */
#define NAME_FOLDED_SIZE (4 * REG_MAX_VALUE_NAME + 1)

enum name_kind { NAME_OF_KEY, NAME_OF_VALUE };

/* Checks `size` bytes as a name and folds it. A key's name is not empty, has no '\' and no control
 * characters (it must fit into a "[…]" line). -EINVAL, -EILSEQ, -E2BIG. */
int name_fold(enum name_kind kind, const char *name, size_t size, char folded[NAME_FOLDED_SIZE],
              struct error *err);

/* Compares ASCII words without case, whatever the locale is (Turkish has another "i"). */
bool name_is_word(const char *name, size_t size, const char *word);

/* The head of everything that has a name: first member of struct reg_key and struct value_entry. */
struct named {
    char *folded;
};

/* Borrowed items in ascending order; at most NAME_LIST_MAX. */
struct name_list {
    struct named **items;
    size_t count, capacity;
};

#define NAME_LIST_MAX 16384

/* Binary search. True with the index of the item, false with the index where it belongs. */
bool name_list_find(const struct name_list *list, const char *folded, size_t *index);
/* -E2BIG for a full list, -ENOMEM. */
int name_list_insert(struct name_list *list, size_t index, struct named *item, struct error *err);
void name_list_remove(struct name_list *list, size_t index);
void name_list_finish(struct name_list *list);

#endif
