/* SPDX-License-Identifier: MIT */
/* Reading keys out of a hive file of Windows: lists, and the import into a hive of ours. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/value_wire.h"
#include "registry/windows_hive_internal.h"

#define MAX_SKIPPED 4096

static int no_memory(struct error *err)
{
    return error_set(err, -ENOMEM, "no memory for the registry");
}

/* The lists of hivex end with 0. */
static size_t count_nodes(const hive_node_h *nodes)
{
    size_t count = 0;
    while (nodes[count])
        count++;
    return count;
}

static int read_children(struct windows_hive *hive, hive_node_h node, const char *path,
                         hive_node_h **children, size_t *count, struct error *err)
{
    *count = 0;
    errno = 0;
    *children = hivex_node_children(hive->handle, node);
    if (!*children)
        return windows_hive_damaged(hive, path, err);
    *count = count_nodes(*children);
    return 0;
}

static int read_values(struct windows_hive *hive, hive_node_h node, const char *path,
                       hive_value_h **values, size_t *count, struct error *err)
{
    *count = 0;
    errno = 0;
    *values = hivex_node_values(hive->handle, node);
    if (!*values)
        return windows_hive_damaged(hive, path, err);
    *count = count_nodes(*values);
    return 0;
}

static int too_many(const struct windows_hive *hive, const char *path, const char *what,
                    size_t limit, struct error *err)
{
    return error_set(err, -E2BIG,
                     "%s: below %s are more than %zu %s; name a key further down, if the hive is "
                     "not damaged",
                     hive->name, path, limit, what);
}

/* Lists */

/* The text of a string value, or NULL. */
static char *read_text(struct windows_hive *hive, hive_node_h node, const char *name)
{
    hive_value_h handle = hivex_node_get_value(hive->handle, node, name);
    hive_type number;
    size_t size;
    char *bytes = handle ? hivex_value_value(hive->handle, handle, &number, &size) : NULL;
    if (!bytes)
        return NULL;
    enum reg_type type;
    uint8_t *data;
    size_t data_size;
    int result = value_from_wire((uint32_t)number, (const uint8_t *)bytes, size, &type, &data,
                                 &data_size, NULL);
    free(bytes);
    if (result)
        return NULL;
    if (type == REG_TYPE_SZ || type == REG_TYPE_EXPAND_SZ)
        return (char *)data;
    free(data);
    return NULL;
}

static int describe(struct windows_hive *hive, hive_node_h node, const char *path,
                    struct windows_hive_key *key, struct error *err)
{
    hive_node_h *children;
    hive_value_h *values;
    errno = 0;
    key->name = hivex_node_name(hive->handle, node);
    if (!key->name)
        return windows_hive_damaged(hive, path, err);
    int result = read_children(hive, node, path, &children, &key->subkeys, err);
    if (result)
        return result;
    free(children);
    result = read_values(hive, node, path, &values, &key->values, err);
    if (result)
        return result;
    free(values);
    key->description = read_text(hive, node, "DriverDesc");
    return 0;
}

int windows_hive_list(struct windows_hive *hive, const char *key, struct windows_hive_list *list,
                      struct error *err)
{
    hive_node_h node, *children;
    size_t count;
    *list = (struct windows_hive_list){0};
    int result = windows_hive_find(hive, key, &node, &list->path, err);
    if (result)
        return result;
    result = read_children(hive, node, list->path, &children, &count, err);
    if (result)
        goto free_list;
    if (count > WINDOWS_HIVE_MAX_KEYS)
        result = too_many(hive, list->path, "keys", WINDOWS_HIVE_MAX_KEYS, err);
    else if (!(list->keys = calloc(count ? count : 1, sizeof(*list->keys))))
        result = no_memory(err);
    for (size_t i = 0; i < count && !result; i++) {
        list->count++;
        result = describe(hive, children[i], list->path, &list->keys[i], err);
    }
    free(children);
free_list:
    if (result)
        windows_hive_list_free(list);
    return result;
}

void windows_hive_list_free(struct windows_hive_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->keys[i].name);
        free(list->keys[i].description);
    }
    free(list->keys);
    free(list->path);
    *list = (struct windows_hive_list){0};
}

/* Imports */

struct import {
    struct windows_hive *hive;
    struct reg_hive *into;
    struct windows_hive_import *report;
    /* What has been looked at: damaged hives may have cycles. */
    size_t keys, values, bytes;
};

/* `value` NULL: a key is left out. */
static int skip(struct import *import, const char *path, const char *value, const char *why,
                struct error *err)
{
    struct windows_hive_import *report = import->report;
    if (report->skipped_count == MAX_SKIPPED)
        return error_set(err, -E2BIG, "%s: more than %d values below %s cannot be kept",
                         import->hive->name, MAX_SKIPPED, report->path);
    char **larger = realloc(report->skipped, (report->skipped_count + 1) * sizeof(*larger));
    if (!larger)
        return no_memory(err);
    report->skipped = larger;
    char *text;
    int length = value ? asprintf(&text, "%s: the value \"%s\" is left out: %s", path, value, why)
                       : asprintf(&text, "%s: the key is left out: %s", path, why);
    if (length < 0)
        return no_memory(err);
    report->skipped[report->skipped_count++] = text;
    return 0;
}

/* Errors that are about one value, and leave all others sound. */
static bool only_this_one(int result)
{
    return result == -ENOTSUP || result == -EINVAL || result == -EILSEQ || result == -E2BIG;
}

static int import_named(struct import *import, hive_value_h handle, const char *name,
                        struct reg_key *key, const char *path, struct error *err)
{
    hive_type number;
    size_t size, data_size;
    errno = 0;
    if (hivex_value_type(import->hive->handle, handle, &number, &size) < 0)
        return windows_hive_damaged(import->hive, path, err);
    char *bytes = NULL;
    uint8_t *data = NULL;
    enum reg_type type;
    struct error why;
    int result = 0;
    if (size > REG_MAX_VALUE_SIZE) {
        result = error_set(&why, -E2BIG, "it has %zu bytes, at most %d are kept", size,
                           REG_MAX_VALUE_SIZE);
    } else {
        errno = 0;
        bytes = hivex_value_value(import->hive->handle, handle, &number, &size);
        if (!bytes)
            return windows_hive_damaged(import->hive, path, err);
        import->bytes += size;
        result = value_from_wire((uint32_t)number, (const uint8_t *)bytes, size, &type, &data,
                                 &data_size, &why);
    }
    if (!result)
        result = reg_key_set(key, name, type, data, data_size, &why);
    free(bytes);
    free(data);
    if (!result)
        import->report->values++;
    else if (only_this_one(result))
        result = skip(import, path, name, why.text, err);
    else
        error_set(err, result, "%s", why.text);
    return result;
}

static int import_value(struct import *import, hive_value_h handle, struct reg_key *key,
                        const char *path, struct error *err)
{
    errno = 0;
    char *name = hivex_value_key(import->hive->handle, handle);
    if (!name && errno == EILSEQ)
        return skip(import, path, "?", "its name is not valid UTF-16", err);
    if (!name)
        return windows_hive_damaged(import->hive, path, err);
    int result = import_named(import, handle, name, key, path, err);
    free(name);
    return result;
}

static int import_values(struct import *import, hive_node_h node, struct reg_key *key,
                         const char *path, struct error *err)
{
    hive_value_h *values;
    size_t count;
    int result = read_values(import->hive, node, path, &values, &count, err);
    if (result)
        return result;
    import->values += count;
    if (import->values > WINDOWS_HIVE_MAX_VALUES)
        result =
            too_many(import->hive, import->report->path, "values", WINDOWS_HIVE_MAX_VALUES, err);
    for (size_t i = 0; i < count && !result; i++) {
        result = import_value(import, values[i], key, path, err);
        if (!result && import->bytes > WINDOWS_HIVE_MAX_DATA)
            result = too_many(import->hive, import->report->path, "bytes of data",
                              WINDOWS_HIVE_MAX_DATA, err);
    }
    free(values);
    return result;
}

static char *join(const char *path, const char *name)
{
    char *joined;
    return asprintf(&joined, "%s\\%s", path, name) < 0 ? NULL : joined;
}

static int import_key(struct import *import, hive_node_h node, const char *target, const char *path,
                      struct error *err);

/* The key `node` below `target` and `path`. */
static int import_child(struct import *import, hive_node_h node, const char *target,
                        const char *path, struct error *err)
{
    errno = 0;
    char *name = hivex_node_name(import->hive->handle, node);
    if (!name && errno == EILSEQ)
        return skip(import, path, NULL, "the name of a key below is not valid UTF-16", err);
    if (!name)
        return windows_hive_damaged(import->hive, path, err);
    char *child_target = join(target, name), *child_path = join(path, name);
    int result = 0;
    if (!child_target || !child_path)
        result = no_memory(err);
    else if (strchr(name, '\\'))
        result = skip(import, path, NULL, "the name of a key below has a '\\' in it", err);
    else
        result = import_key(import, node, child_target, child_path, err);
    free(child_path);
    free(child_target);
    free(name);
    return result;
}

/* reg_hive_make() bounds the depth. */
static int import_key(struct import *import, hive_node_h node, const char *target, const char *path,
                      struct error *err)
{
    struct reg_key *key;
    struct error why;
    int result = reg_hive_make(import->into, target, &key, &why);
    if (result && only_this_one(result))
        return skip(import, path, NULL, why.text, err);
    if (result)
        return error_set(err, result, "%s", why.text);
    import->report->keys++;
    result = import_values(import, node, key, path, err);
    if (result)
        return result;

    hive_node_h *children;
    size_t count;
    result = read_children(import->hive, node, path, &children, &count, err);
    if (result)
        return result;
    import->keys += count;
    if (import->keys > WINDOWS_HIVE_MAX_KEYS)
        result = too_many(import->hive, import->report->path, "keys", WINDOWS_HIVE_MAX_KEYS, err);
    for (size_t i = 0; i < count && !result; i++)
        result = import_child(import, children[i], target, path, err);
    free(children);
    return result;
}

int windows_hive_import(struct windows_hive *hive, const char *key, struct reg_hive *into,
                        const char *target, struct windows_hive_import *report, struct error *err)
{
    struct import import = {.hive = hive, .report = report};
    hive_node_h node;
    *report = (struct windows_hive_import){0};
    int result = windows_hive_find(hive, key, &node, &report->path, err);
    if (result)
        return result;
    result = reg_hive_create(&import.into);
    if (result) {
        no_memory(err);
        goto free_report;
    }
    result = import_key(&import, node, target, report->path, err);
    /* The target itself could not be made: then nothing is. */
    if (!result && !report->keys)
        result = error_set(err, -EINVAL, "%s", report->skipped[0]);
    if (!result)
        result = reg_hive_merge(into, import.into, err);
    reg_hive_destroy(import.into);
free_report:
    if (result)
        windows_hive_import_free(report);
    return result;
}

void windows_hive_import_free(struct windows_hive_import *report)
{
    for (size_t i = 0; i < report->skipped_count; i++)
        free(report->skipped[i]);
    free(report->skipped);
    free(report->path);
    *report = (struct windows_hive_import){0};
}
