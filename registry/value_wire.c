/* SPDX-License-Identifier: MIT */
#include "registry/value_wire.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/value.h"
#include "util/utf.h"

static int no_memory(struct error *err)
{
    return error_set(err, -ENOMEM, "no memory for the registry");
}

void value_wire_type_name(uint32_t number, char text[VALUE_WIRE_TYPE_SIZE])
{
    static const char *const names[] = {
        "REG_NONE",
        "REG_SZ",
        "REG_EXPAND_SZ",
        "REG_BINARY",
        "REG_DWORD",
        "REG_DWORD_BIG_ENDIAN",
        "REG_LINK",
        "REG_MULTI_SZ",
        "REG_RESOURCE_LIST",
        "REG_FULL_RESOURCE_DESCRIPTOR",
        "REG_RESOURCE_REQUIREMENTS_LIST",
        "REG_QWORD",
    };
    if (number < sizeof(names) / sizeof(names[0]))
        snprintf(text, VALUE_WIRE_TYPE_SIZE, "%s", names[number]);
    else
        snprintf(text, VALUE_WIRE_TYPE_SIZE, "of type 0x%" PRIx32, number);
}

/* The units that count: without superfluous NULs behind a single string. */
static int string_units(enum reg_type type, const uint16_t *units, size_t *count, struct error *err)
{
    if (type == REG_TYPE_MULTI_SZ)
        return 0;
    size_t length = 0;
    while (length < *count && units[length])
        length++;
    for (size_t i = length; i < *count; i++) {
        if (units[i])
            return error_set(err, -EINVAL, "text follows the NUL that ends a %s",
                             reg_type_name(type));
    }
    *count = length;
    return 0;
}

/* UTF-8 with the terminators that struct reg_value wants. */
static int text_data(enum reg_type type, const uint16_t *units, size_t count, uint8_t **data,
                     size_t *size, struct error *err)
{
    ssize_t length = utf16_to_utf8(units, count, NULL, 0);
    if (length < 0)
        return error_set(err, -EILSEQ, "the text is not valid UTF-16");
    /* One more for the last string of a list, and one for the list. */
    char *text = calloc(1, (size_t)length + 2);
    if (!text)
        return no_memory(err);
    utf16_to_utf8(units, count, text, (size_t)length);
    size_t used = (size_t)length;
    if (type != REG_TYPE_MULTI_SZ) {
        used++;
    } else {
        if (used && text[used - 1])
            used++;
        /* A list ends with the NUL of its last string and one of its own; an empty one with its
         * own alone. */
        if (!used || (used > 1 && text[used - 2]))
            used++;
    }
    *data = (uint8_t *)text;
    *size = used;
    return 0;
}

static int text_from_wire(enum reg_type type, const uint8_t *bytes, size_t bytes_size,
                          uint8_t **data, size_t *size, struct error *err)
{
    if (bytes_size % 2)
        return error_set(err, -EINVAL, "a %s has whole UTF-16 units, not %zu bytes",
                         reg_type_name(type), bytes_size);
    size_t count = bytes_size / 2;
    uint16_t *units = calloc(count + 1, sizeof(*units));
    if (!units)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        units[i] = (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
    int result = string_units(type, units, &count, err);
    if (!result)
        result = text_data(type, units, count, data, size, err);
    free(units);
    return result;
}

int value_from_wire(uint32_t number, const uint8_t *bytes, size_t bytes_size, enum reg_type *type,
                    uint8_t **data, size_t *size, struct error *err)
{
    if (number == REG_TYPE_NONE || number > INT32_MAX || !reg_type_name((enum reg_type)number)) {
        char name[VALUE_WIRE_TYPE_SIZE];
        value_wire_type_name(number, name);
        return error_set(err, -ENOTSUP,
                         "it is %s, a type that no guest can query and this registry does not keep",
                         name);
    }
    if (bytes_size > REG_MAX_VALUE_SIZE)
        return error_set(err, -E2BIG, "the value has %zu bytes, at most %d are accepted",
                         bytes_size, REG_MAX_VALUE_SIZE);

    *type = (enum reg_type)number;
    uint8_t *copy = NULL;
    size_t copy_size = bytes_size;
    int result = 0;
    if (value_type_is_text(*type)) {
        result = text_from_wire(*type, bytes, bytes_size, &copy, &copy_size, err);
    } else {
        copy = malloc(bytes_size ? bytes_size : 1);
        if (!copy)
            result = no_memory(err);
        else if (bytes_size)
            memcpy(copy, bytes, bytes_size);
    }
    if (!result)
        result = value_check(*type, copy, copy_size, err);
    if (result) {
        free(copy);
        return result;
    }
    *data = copy;
    *size = copy_size;
    return 0;
}

int value_to_wire(const struct reg_value *value, uint8_t **bytes, size_t *size)
{
    if (value_type_is_text(value->type))
        return value_text_to_wire((const char *)value->data, value->size, bytes, size);
    uint8_t *copy = malloc(value->size ? value->size : 1);
    if (!copy)
        return -ENOMEM;
    if (value->size)
        memcpy(copy, value->data, value->size);
    *bytes = copy;
    *size = value->size;
    return 0;
}
