/* SPDX-License-Identifier: MIT */
#include "registry/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "registry/value.h"

static int no_memory(struct error *err)
{
    return error_set(err, -ENOMEM, "no memory for the registry");
}

/* Keys */

int key_create(const char *name, size_t size, struct reg_key **result, struct error *err)
{
    char folded[NAME_FOLDED_SIZE];
    int code = name_fold(NAME_OF_KEY, name, size, folded, err);
    if (code)
        return code;
    struct reg_key *key = calloc(1, sizeof(*key));
    if (!key)
        return no_memory(err);
    key->name = strndup(name, size);
    key->named.folded = strdup(folded);
    if (!key->name || !key->named.folded) {
        key_destroy(key);
        return no_memory(err);
    }
    *result = key;
    return 0;
}

static void entry_destroy(struct value_entry *entry)
{
    free(entry->named.folded);
    free(entry->value.name);
    free(entry->value.data);
    free(entry);
}

/* Recursion is bounded by REG_MAX_DEPTH. */
void key_destroy(struct reg_key *key)
{
    if (!key)
        return;
    for (size_t i = 0; i < key->subkeys.count; i++)
        key_destroy((struct reg_key *)key->subkeys.items[i]);
    name_list_finish(&key->subkeys);
    for (size_t i = 0; i < key->values.count; i++)
        entry_destroy((struct value_entry *)key->values.items[i]);
    name_list_finish(&key->values);
    free(key->came);
    free(key->named.folded);
    free(key->name);
    free(key);
}

struct reg_key *key_subkey(const struct reg_key *key, const char *name, size_t size)
{
    char folded[NAME_FOLDED_SIZE];
    size_t index;
    if (name_fold(NAME_OF_KEY, name, size, folded, NULL) < 0 ||
        !name_list_find(&key->subkeys, folded, &index))
        return NULL;
    return (struct reg_key *)key->subkeys.items[index];
}

int key_make_subkey(struct reg_key *key, const char *name, size_t size, struct reg_key **subkey,
                    bool *made, struct error *err)
{
    *made = false;
    *subkey = key_subkey(key, name, size);
    if (*subkey)
        return 0;

    struct reg_key *fresh;
    size_t index;
    int result = key_create(name, size, &fresh, err);
    if (result)
        return result;
    name_list_find(&key->subkeys, fresh->named.folded, &index);
    result = name_list_insert(&key->subkeys, index, &fresh->named, err);
    if (result) {
        key_destroy(fresh);
        return result;
    }
    fresh->parent = key;
    *subkey = fresh;
    *made = true;
    return 0;
}

void key_delete(struct reg_key *key)
{
    size_t index;
    if (name_list_find(&key->parent->subkeys, key->named.folded, &index))
        name_list_remove(&key->parent->subkeys, index);
    key_destroy(key);
}

const char *reg_key_name(const struct reg_key *key)
{
    return key->name;
}

char *reg_key_path(const struct reg_key *key)
{
    size_t size = 0;
    for (const struct reg_key *at = key; at; at = at->parent)
        size += strlen(at->name) + 1;
    char *path = malloc(size);
    if (!path)
        return NULL;
    /* From the end to the front; each name brings its NUL or the '\' behind it. */
    char *end = path + size;
    for (const struct reg_key *at = key; at; at = at->parent) {
        size_t length = strlen(at->name);
        *--end = at == key ? '\0' : '\\';
        end -= length;
        memcpy(end, at->name, length);
    }
    return path;
}

size_t reg_key_subkey_count(const struct reg_key *key)
{
    return key->subkeys.count;
}

const struct reg_key *reg_key_subkey(const struct reg_key *key, size_t index)
{
    return index < key->subkeys.count ? (struct reg_key *)key->subkeys.items[index] : NULL;
}

const struct reg_key *reg_key_find_subkey(const struct reg_key *key, const char *name)
{
    return key_subkey(key, name, strlen(name));
}

/* Values */

size_t reg_key_value_count(const struct reg_key *key)
{
    return key->values.count;
}

const struct reg_value *reg_key_value(const struct reg_key *key, size_t index)
{
    if (index >= key->values.count)
        return NULL;
    return &key->came[index]->value;
}

struct value_entry *key_value_entry(const struct reg_key *key, const char *name)
{
    char folded[NAME_FOLDED_SIZE];
    size_t index;
    if (name_fold(NAME_OF_VALUE, name, strlen(name), folded, NULL) < 0 ||
        !name_list_find(&key->values, folded, &index))
        return NULL;
    return (struct value_entry *)key->values.items[index];
}

const struct reg_value *reg_key_find_value(const struct reg_key *key, const char *name)
{
    struct value_entry *entry = key_value_entry(key, name);
    return entry ? &entry->value : NULL;
}

/* Room for one more value in the order in which they came. */
static int reserve_came(struct reg_key *key, struct error *err)
{
    if (key->values.count < key->came_capacity)
        return 0;
    size_t capacity = key->came_capacity ? 2 * key->came_capacity : 8;
    struct value_entry **came = realloc(key->came, capacity * sizeof(*came));
    if (!came)
        return no_memory(err);
    key->came = came;
    key->came_capacity = capacity;
    return 0;
}

static void forget_came(struct reg_key *key, const struct value_entry *entry)
{
    size_t at = 0, count = key->values.count;
    while (at < count && key->came[at] != entry)
        at++;
    if (at < count)
        memmove(&key->came[at], &key->came[at + 1], (count - at - 1) * sizeof(*key->came));
}

/* An entry without data, in the list at `index`. */
static int insert_entry(struct reg_key *key, const char *name, const char *folded, size_t index,
                        struct error *err)
{
    struct value_entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return no_memory(err);
    entry->named.folded = strdup(folded);
    entry->value.name = strdup(name);
    int code = entry->named.folded && entry->value.name ? 0 : no_memory(err);
    if (!code)
        code = reserve_came(key, err);
    if (!code)
        code = name_list_insert(&key->values, index, &entry->named, err);
    if (code)
        entry_destroy(entry);
    else
        key->came[key->values.count - 1] = entry;
    return code;
}

int key_put_value(struct reg_key *key, const char *name, enum reg_type type, uint8_t *data,
                  size_t size, size_t line, struct error *err)
{
    char folded[NAME_FOLDED_SIZE];
    int result = name_fold(NAME_OF_VALUE, name, strlen(name), folded, err);
    if (result)
        return result;
    size_t index;
    if (!name_list_find(&key->values, folded, &index)) {
        result = insert_entry(key, name, folded, index, err);
        if (result)
            return result;
    }
    struct value_entry *entry = (struct value_entry *)key->values.items[index];

    free(entry->value.data);
    entry->value.type = type;
    entry->value.data = data;
    entry->value.size = size;
    entry->line = line;
    return 0;
}

int reg_key_set(struct reg_key *key, const char *name, enum reg_type type, const void *data,
                size_t size, struct error *err)
{
    int result = value_check(type, data, size, err);
    if (result)
        return result;
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return no_memory(err);
    if (size)
        memcpy(copy, data, size);
    result = key_put_value(key, name, type, copy, size, 0, err);
    if (result)
        free(copy);
    return result;
}

int reg_key_set_string(struct reg_key *key, const char *name, enum reg_type type, const char *text,
                       struct error *err)
{
    size_t size = strlen(text) + 1;
    if (type == REG_TYPE_SZ || type == REG_TYPE_EXPAND_SZ)
        return reg_key_set(key, name, type, text, size, err);
    if (type != REG_TYPE_MULTI_SZ)
        return error_set(err, -EINVAL, "a text cannot be stored as %s",
                         reg_type_name(type) ? reg_type_name(type) : "a value of an unknown type");

    /* A list of this one string. */
    char *list = calloc(1, size + 1);
    if (!list)
        return no_memory(err);
    memcpy(list, text, size);
    int result = reg_key_set(key, name, type, list, size + 1, err);
    free(list);
    return result;
}

int reg_key_set_dword(struct reg_key *key, const char *name, uint32_t number, struct error *err)
{
    uint8_t data[4];
    value_put_number(data, sizeof(data), number);
    return reg_key_set(key, name, REG_TYPE_DWORD, data, sizeof(data), err);
}

int reg_key_delete_value(struct reg_key *key, const char *name)
{
    struct value_entry *entry = key_value_entry(key, name);
    size_t index;
    if (!entry || !name_list_find(&key->values, entry->named.folded, &index))
        return -ENOENT;
    forget_came(key, entry);
    name_list_remove(&key->values, index);
    entry_destroy(entry);
    return 0;
}

const char *reg_key_string(const struct reg_key *key, const char *name)
{
    const struct reg_value *value = reg_key_find_value(key, name);
    if (!value)
        return NULL;
    if (value->type == REG_TYPE_SZ || value->type == REG_TYPE_EXPAND_SZ)
        return (const char *)value->data;
    if (value->type == REG_TYPE_MULTI_SZ && value->size > 1)
        return (const char *)value->data;
    return NULL;
}

int reg_key_dword(const struct reg_key *key, const char *name, uint32_t *number)
{
    const struct reg_value *value = reg_key_find_value(key, name);
    if (!value)
        return -ENOENT;
    if (value->type != REG_TYPE_DWORD)
        return -EINVAL;
    *number = (uint32_t)value_get_number(value);
    return 0;
}

int key_merge(struct reg_key *key, const struct reg_key *from, struct error *err)
{
    for (size_t i = 0; i < from->values.count; i++) {
        const struct reg_value *value = reg_key_value(from, i);
        int result = reg_key_set(key, value->name, value->type, value->data, value->size, err);
        if (result)
            return result;
    }
    for (size_t i = 0; i < from->subkeys.count; i++) {
        const struct reg_key *below = reg_key_subkey(from, i);
        struct reg_key *subkey;
        bool made;
        int result = key_make_subkey(key, below->name, strlen(below->name), &subkey, &made, err);
        if (!result)
            result = key_merge(subkey, below, err);
        if (result)
            return result;
    }
    return 0;
}
