/* SPDX-License-Identifier: MIT */
#include "tools/package_use.h"

#include <stdlib.h>
#include <string.h>

#include "hoststore/paths.h"
#include "tools/output.h"

struct search {
    struct store_paths paths;
    const char *package;
    void (*found)(struct search *search, const struct reg_key *key);
    size_t count;
    char *first;
    json_object *array;
};

static bool names_package(const struct search *search, const struct reg_value *value)
{
    const char *text = (const char *)value->data;
    const char *end = text + value->size;

    if (value->type != REG_TYPE_SZ && value->type != REG_TYPE_EXPAND_SZ &&
        value->type != REG_TYPE_MULTI_SZ)
        return false;
    for (; text < end; text += strlen(text) + 1) {
        size_t length;
        const char *name = store_path_package(&search->paths, text, &length);

        if (name && strlen(search->package) == length && memcmp(name, search->package, length) == 0)
            return true;
    }
    return false;
}

static void visit(struct search *search, const struct reg_key *key)
{
    for (size_t i = 0; i < reg_key_value_count(key); i++) {
        if (names_package(search, reg_key_value(key, i))) {
            search->found(search, key);
            break;
        }
    }
    for (size_t i = 0; i < reg_key_subkey_count(key); i++)
        visit(search, reg_key_subkey(key, i));
}

static void run(struct search *search, const struct host_env *env, const struct reg_hive *hive)
{
    const struct reg_key *root = hive ? reg_hive_find(hive, "HKLM") : NULL;

    search->paths = (struct store_paths){.host_root = env->store, .guest_root = env->guest_store};
    if (root)
        visit(search, root);
}

static void count_key(struct search *search, const struct reg_key *key)
{
    (void)key;
    search->count++;
}

size_t package_use_count(const struct host_env *env, const struct reg_hive *hive,
                         const char *package)
{
    struct search search = {.package = package, .found = count_key};

    run(&search, env, hive);
    return search.count;
}

static void keep_first(struct search *search, const struct reg_key *key)
{
    if (!search->first)
        search->first = reg_key_path(key);
}

char *package_use_first(const struct host_env *env, const struct reg_hive *hive,
                        const char *package)
{
    struct search search = {.package = package, .found = keep_first};

    run(&search, env, hive);
    return search.first;
}

static void add_key(struct search *search, const struct reg_key *key)
{
    char *path = reg_key_path(key);

    json_object_array_add(search->array, path ? json_object_new_string(path) : NULL);
    free(path);
}

json_object *package_use_json(const struct host_env *env, const struct reg_hive *hive,
                              const char *package)
{
    struct search search = {.package = package, .found = add_key};

    search.array = json_object_new_array();
    run(&search, env, hive);
    return search.array;
}

void package_add_json(json_object *object, const struct store_package *package)
{
    json_add_text(object, "package", package->folder_name);
    json_add_text(object, "name", package->name);
    json_add_text(object, "version", package->version);
    json_add_text(object, "architecture", package->architecture);
    json_add_number(object, "size", package->size);
    json_add_text(object, "path", package->path);
    json_add_text(object, "manifest", package->manifest_path);
    json_add_text(object, "library", package->library_path);
}
