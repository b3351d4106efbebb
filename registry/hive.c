/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "registry/key.h"

#define ROOT_NAME "HKLM"
#define ROOT_LONG_NAME "HKEY_LOCAL_MACHINE"

struct reg_hive {
    struct reg_key *root;
};

int reg_hive_create(struct reg_hive **result)
{
    struct reg_hive *hive = calloc(1, sizeof(*hive));
    if (!hive)
        return -ENOMEM;
    int code = key_create(ROOT_NAME, strlen(ROOT_NAME), &hive->root, NULL);
    if (code) {
        free(hive);
        return code;
    }
    *result = hive;
    return 0;
}

void reg_hive_destroy(struct reg_hive *hive)
{
    if (!hive)
        return;
    key_destroy(hive->root);
    free(hive);
}

const struct reg_key *hive_root(const struct reg_hive *hive)
{
    return hive->root;
}

void hive_swap(struct reg_hive *one, struct reg_hive *other)
{
    struct reg_key *root = one->root;
    one->root = other->root;
    other->root = root;
}

/* Paths */

struct component {
    const char *name;
    size_t size;
};

/* Cuts the first component off *path, which becomes NULL behind the last one. */
static struct component next_component(const char **path)
{
    struct component component = {*path, strcspn(*path, "\\")};
    *path = component.name[component.size] ? component.name + component.size + 1 : NULL;
    return component;
}

static bool is_root(struct component component)
{
    return name_is_word(component.name, component.size, ROOT_NAME) ||
           name_is_word(component.name, component.size, ROOT_LONG_NAME);
}

/* All of it, so that nothing is made for one that is wrong further on. */
int hive_check_path(const char *path, struct error *err)
{
    const char *rest = path;
    if (!is_root(next_component(&rest)))
        return error_set(
            err, -EINVAL,
            "a key path starts with " ROOT_NAME " or " ROOT_LONG_NAME ", not \"%.64s\"", path);
    for (size_t depth = 1; rest; depth++) {
        if (depth == REG_MAX_DEPTH)
            return error_set(err, -E2BIG, "a key path has more than %d parts", REG_MAX_DEPTH);
        struct component component = next_component(&rest);
        char folded[NAME_FOLDED_SIZE];
        int result = name_fold(NAME_OF_KEY, component.name, component.size, folded, err);
        if (result)
            return result;
    }
    return 0;
}

struct reg_key *reg_hive_find(const struct reg_hive *hive, const char *path)
{
    if (!is_root(next_component(&path)))
        return NULL;
    struct reg_key *key = hive->root;
    while (key && path) {
        struct component component = next_component(&path);
        key = key_subkey(key, component.name, component.size);
    }
    return key;
}

int reg_hive_make(struct reg_hive *hive, const char *path, struct reg_key **result,
                  struct error *err)
{
    int code = hive_check_path(path, err);
    if (code)
        return code;

    struct reg_key *key = hive->root;
    struct reg_key *topmost_made = NULL;
    next_component(&path);
    while (path) {
        struct component component = next_component(&path);
        bool made;
        code = key_make_subkey(key, component.name, component.size, &key, &made, err);
        if (code) {
            if (topmost_made)
                key_delete(topmost_made);
            return code;
        }
        if (made && !topmost_made)
            topmost_made = key;
    }
    *result = key;
    return 0;
}

int reg_hive_delete(struct reg_hive *hive, const char *path, struct error *err)
{
    int result = hive_check_path(path, err);
    if (result)
        return result;
    struct reg_key *key = reg_hive_find(hive, path);
    if (!key)
        return error_set(err, -ENOENT, "there is no key %s", path);
    if (!key->parent)
        return error_set(err, -EINVAL, "the root %s cannot be deleted; delete keys below it", path);
    key_delete(key);
    return 0;
}

int reg_hive_merge(struct reg_hive *hive, const struct reg_hive *from, struct error *err)
{
    /* Into a copy, which takes the hive's place when all went well. */
    struct reg_hive *merged;
    int result = reg_hive_create(&merged);
    if (result)
        return error_set(err, result, "no memory for the registry");
    result = key_merge(merged->root, hive->root, err);
    if (!result)
        result = key_merge(merged->root, from->root, err);
    if (!result)
        hive_swap(hive, merged);
    reg_hive_destroy(merged);
    return result;
}
