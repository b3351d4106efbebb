/* SPDX-License-Identifier: MIT */
#include "registry/value.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "registry/names.h"
#include "util/utf.h"

static const struct {
    enum reg_type type;
    const char *name;
} types[] = {
    {REG_TYPE_SZ, "REG_SZ"},
    {REG_TYPE_EXPAND_SZ, "REG_EXPAND_SZ"},
    {REG_TYPE_BINARY, "REG_BINARY"},
    {REG_TYPE_DWORD, "REG_DWORD"},
    {REG_TYPE_MULTI_SZ, "REG_MULTI_SZ"},
    {REG_TYPE_QWORD, "REG_QWORD"},
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))
#define PREFIX_LENGTH 4 /* "REG_" */

const char *reg_type_name(enum reg_type type)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i].type == type)
            return types[i].name;
    }
    return NULL;
}

int reg_type_parse(const char *word, enum reg_type *type)
{
    size_t length = strlen(word);
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (name_is_word(word, length, types[i].name) ||
            name_is_word(word, length, types[i].name + PREFIX_LENGTH)) {
            *type = types[i].type;
            return 0;
        }
    }
    return -EINVAL;
}

static int too_large(size_t size, struct error *err)
{
    return error_set(err, -E2BIG,
                     "the value has %zu bytes (text is counted in UTF-16), at most %d are "
                     "accepted",
                     size, REG_MAX_VALUE_SIZE);
}

static int check_text(enum reg_type type, const char *text, size_t size, struct error *err)
{
    ssize_t units = utf8_to_utf16(text, size, NULL, 0);
    if (units < 0)
        return error_set(err, -EILSEQ, "the text is not valid UTF-8");
    if ((size_t)units * sizeof(uint16_t) > REG_MAX_VALUE_SIZE)
        return too_large((size_t)units * sizeof(uint16_t), err);

    if (!size || text[size - 1])
        return error_set(err, -EINVAL, "a %s must end with a NUL", reg_type_name(type));
    if (type == REG_TYPE_MULTI_SZ) {
        if (size > 1 && text[size - 2])
            return error_set(err, -EINVAL,
                             "the last string of a REG_MULTI_SZ has no NUL of its own");
    } else if (memchr(text, '\0', size) != text + size - 1) {
        return error_set(err, -EINVAL, "a %s cannot hold a NUL before its end",
                         reg_type_name(type));
    }
    return 0;
}

int value_check(enum reg_type type, const void *data, size_t size, struct error *err)
{
    switch (type) {
    case REG_TYPE_SZ:
    case REG_TYPE_EXPAND_SZ:
    case REG_TYPE_MULTI_SZ:
        return check_text(type, data, size, err);
    case REG_TYPE_DWORD:
    case REG_TYPE_QWORD: {
        size_t due = type == REG_TYPE_DWORD ? 4 : 8;
        if (size != due)
            return error_set(err, -EINVAL, "a %s has %zu bytes, not %zu", reg_type_name(type), due,
                             size);
        return 0;
    }
    case REG_TYPE_BINARY:
        return size > REG_MAX_VALUE_SIZE ? too_large(size, err) : 0;
    case REG_TYPE_NONE:
        break;
    }
    return error_set(err, -EINVAL, "type %d is none of the registry's six value types", (int)type);
}

void value_put_number(uint8_t *data, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size; i++, number >>= 8)
        data[i] = (uint8_t)number;
}

uint64_t value_get_number(const struct reg_value *value)
{
    uint64_t number = 0;
    for (size_t i = value->size; i-- > 0;)
        number = number << 8 | value->data[i];
    return number;
}

int value_text_to_wire(const char *text, size_t size, uint8_t **wire, size_t *wire_size)
{
    ssize_t units = utf8_to_utf16(text, size, NULL, 0);
    if (units < 0)
        return (int)units;
    size_t bytes = (size_t)units * sizeof(uint16_t);
    if (bytes > REG_MAX_VALUE_SIZE)
        return -E2BIG;
    uint16_t *buffer = malloc(bytes ? bytes : 1);
    if (!buffer)
        return -ENOMEM;
    utf8_to_utf16(text, size, buffer, (size_t)units);
    for (ssize_t i = 0; i < units; i++)
        buffer[i] = htole16(buffer[i]);
    *wire = (uint8_t *)buffer;
    *wire_size = bytes;
    return 0;
}
