/* SPDX-License-Identifier: MIT */
#include "registry/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "registry/text_buffer.h"
#include "registry/value.h"

const struct reg_key *reg_query_key(const struct reg_query_source *source, uint32_t type,
                                    uint32_t physical_adapter)
{
    if (type == REG_QUERY_SERVICE_KEY)
        return source->service;
    if (type == REG_QUERY_ADAPTER_KEY && physical_adapter < source->adapter_count)
        return source->adapters[physical_adapter];
    return NULL;
}

static int translate(const struct reg_query_source *source, const char *host_path,
                     char **guest_path)
{
    if (!source->translate)
        return -ENOENT;
    return source->translate(source->context, host_path, guest_path);
}

static int to_wire(enum reg_type type, const char *text, size_t size, struct reg_value *value)
{
    struct reg_value result = {.type = type};
    int code = value_text_to_wire(text, size, &result.data, &result.size);
    if (!code)
        *value = result;
    return code;
}

/* DRIVERSTOREPATH and DRIVERIMAGEPATH: a path that cannot be translated is not told. */
static int query_path(const struct reg_query_source *source, const struct reg_query *query,
                      struct reg_value *value)
{
    if (query->value_type || query->flags)
        return -EINVAL;
    const char *path = query->type == REG_QUERY_DRIVER_STORE_PATH ? source->driver_store_path
                                                                  : source->driver_image_path;
    if (!path)
        return -ENOENT;
    char *guest_path;
    int result = translate(source, path, &guest_path);
    if (result)
        return result;
    result = to_wire(REG_TYPE_SZ, guest_path, strlen(guest_path) + 1, value);
    free(guest_path);
    return result;
}

/* Adds the string with its NUL, as the guest may see it. */
static int add_translated(const struct reg_query_source *source, const char *string,
                          struct text_buffer *text)
{
    char *guest_path;
    int result = translate(source, string, &guest_path);
    if (result == -ENOENT) {
        text_buffer_add(text, string, strlen(string) + 1);
        return 0;
    }
    if (result)
        return result;
    text_buffer_add(text, guest_path, strlen(guest_path) + 1);
    free(guest_path);
    return 0;
}

/* A text value with each of its strings translated. */
static int translate_value(const struct reg_query_source *source, const struct reg_value *found,
                           struct reg_value *value)
{
    const char *data = (const char *)found->data;
    bool list = found->type == REG_TYPE_MULTI_SZ;
    size_t end = found->size - (list ? 1 : 0); /* where the last string's NUL is behind */
    struct text_buffer text = {0};
    int result = 0;
    for (size_t at = 0; at < end && !result; at += strlen(data + at) + 1)
        result = add_translated(source, data + at, &text);
    if (list)
        text_buffer_add(&text, "", 1);
    if (!result && text.failed)
        result = -ENOMEM;
    if (!result)
        result = to_wire(found->type, text.data, text.size, value);
    text_buffer_finish(&text);
    return result;
}

static int copy_data(const struct reg_value *found, struct reg_value *value)
{
    uint8_t *data = malloc(found->size ? found->size : 1);
    if (!data)
        return -ENOMEM;
    memcpy(data, found->data, found->size);
    *value = (struct reg_value){.type = found->type, .size = found->size, .data = data};
    return 0;
}

static int query_value(const struct reg_query_source *source, const struct reg_query *query,
                       struct reg_value *value)
{
    if (!query->name || !reg_type_name((enum reg_type)query->value_type))
        return -EINVAL;
    const struct reg_key *key = reg_query_key(source, query->type, query->physical_adapter);
    const struct reg_value *found = key ? reg_key_find_value(key, query->name) : NULL;
    if (!found)
        return -ENOENT;
    if (found->type != (enum reg_type)query->value_type)
        return -EPROTOTYPE;
    if (!value_type_is_text(found->type))
        return copy_data(found, value);
    if (query->flags & REG_QUERY_FLAG_TRANSLATE_PATH)
        return translate_value(source, found, value);
    return to_wire(found->type, (const char *)found->data, found->size, value);
}

int reg_query(const struct reg_query_source *source, const struct reg_query *query,
              struct reg_value *value)
{
    /* MutableValue is reserved, like the bits behind it. */
    if (query->type >= REG_QUERY_MAX || (query->flags & ~REG_QUERY_FLAG_TRANSLATE_PATH))
        return -EINVAL;
    /* An adapter has at least one physical adapter, also when no key is known for it. */
    if (query->physical_adapter && query->physical_adapter >= source->adapter_count)
        return -EINVAL;
    if (query->type == REG_QUERY_DRIVER_STORE_PATH || query->type == REG_QUERY_DRIVER_IMAGE_PATH)
        return query_path(source, query, value);
    return query_value(source, query, value);
}
