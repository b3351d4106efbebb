/* SPDX-License-Identifier: MIT */
#include "registry/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "util/utf.h"

static const char *kind_word(enum name_kind kind)
{
    return kind == NAME_OF_KEY ? "key" : "value";
}

static int check_length(enum name_kind kind, const char *name, size_t size, struct error *err)
{
    size_t limit = kind == NAME_OF_KEY ? REG_MAX_KEY_NAME : REG_MAX_VALUE_NAME;
    ssize_t units = utf8_to_utf16(name, size, NULL, 0);
    if (units < 0)
        return error_set(err, -EILSEQ, "the name of a %s is not valid UTF-8", kind_word(kind));
    if ((size_t)units > limit)
        return error_set(err, -E2BIG,
                         "the name of a %s has %zd UTF-16 units, at most %zu are accepted",
                         kind_word(kind), units, limit);
    return 0;
}

static int check_characters(enum name_kind kind, const char *name, size_t size, struct error *err)
{
    if (memchr(name, '\0', size))
        return error_set(err, -EINVAL, "the name of a %s has a NUL in it", kind_word(kind));
    if (kind == NAME_OF_VALUE)
        return 0;
    if (!size)
        return error_set(
            err, -EINVAL,
            "a key has no name: key paths neither end with '\\' nor hold two in a row");
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte == '\\')
            return error_set(err, -EINVAL, "the name of a key cannot hold a '\\'");
        if (byte < 0x20 || byte == 0x7f)
            return error_set(err, -EINVAL,
                             "the name of a key has the control character 0x%02x in it", byte);
    }
    return 0;
}

int name_fold(enum name_kind kind, const char *name, size_t size, char folded[NAME_FOLDED_SIZE],
              struct error *err)
{
    int result = check_length(kind, name, size, err);
    if (!result)
        result = check_characters(kind, name, size, err);
    if (result)
        return result;

    uint8_t *to = (uint8_t *)folded;
    for (size_t at = 0; at < size;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t length =
            utf8proc_iterate((const uint8_t *)name + at, (utf8proc_ssize_t)(size - at), &point);
        if (length <= 0)
            return error_set(err, -EILSEQ, "the name of a %s is not valid UTF-8", kind_word(kind));
        at += (size_t)length;
        to += utf8proc_encode_char(utf8proc_toupper(point), to);
    }
    *to = '\0';
    return 0;
}

static char ascii_upper(char letter)
{
    return letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
}

bool name_is_word(const char *name, size_t size, const char *word)
{
    if (strlen(word) != size)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (ascii_upper(name[i]) != ascii_upper(word[i]))
            return false;
    }
    return true;
}

bool name_list_find(const struct name_list *list, const char *folded, size_t *index)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(list->items[middle]->folded, folded);
        if (!order) {
            *index = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return false;
}

int name_list_insert(struct name_list *list, size_t index, struct named *item, struct error *err)
{
    if (list->count == NAME_LIST_MAX)
        return error_set(err, -E2BIG,
                         "a key holds at most %d keys and %d values; spread them over several keys",
                         NAME_LIST_MAX, NAME_LIST_MAX);
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 4;
        struct named **items = realloc(list->items, capacity * sizeof(struct named *));
        if (!items)
            return error_set(err, -ENOMEM, "no memory for the registry");
        list->items = items;
        list->capacity = capacity;
    }
    memmove(list->items + index + 1, list->items + index,
            (list->count - index) * sizeof(struct named *));
    list->items[index] = item;
    list->count++;
    return 0;
}

void name_list_remove(struct name_list *list, size_t index)
{
    list->count--;
    memmove(list->items + index, list->items + index + 1,
            (list->count - index) * sizeof(struct named *));
}

void name_list_finish(struct name_list *list)
{
    free(list->items);
    *list = (struct name_list){0};
}
