/* SPDX-License-Identifier: MIT */
#include "tools/driver_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/paths.h"
#include "loader/package.h"

#define DRIVERS "VulkanDriverName"
#define LIBRARY "UserModeDriverName"
#define LIBRARY_WOW "UserModeDriverNameWow"

/* The architecture of 32-bit programs on a machine, or NULL. */
static const char *wow_architecture(const char *native)
{
    if (!strcmp(native, "x86_64"))
        return "i386";
    if (!strcmp(native, "aarch64"))
        return "arm";
    return NULL;
}

bool driver_is_native(const struct store_package *package)
{
    return !strcmp(package->architecture, "any") ||
           !strcmp(package->architecture, package_native_architecture());
}

static bool is_wow(const struct store_package *package)
{
    const char *wow = wow_architecture(package_native_architecture());

    return wow && !strcmp(package->architecture, wow);
}

/* --- The list of manifests --- */

struct list {
    FILE *to; /* the strings, each with its NUL */
    char *data;
    size_t size, count;
};

static void put(struct list *list, const char *path)
{
    fwrite(path, 1, strlen(path) + 1, list->to);
    list->count++;
}

/* 1 when `path` is a manifest in a package for another architecture, which then is *native or not;
 * 0 when it is none. */
static int is_another(const struct host_env *env, const char *path,
                      const struct store_package *package, bool *native, struct error *err)
{
    const struct store_paths paths = {.host_root = env->store, .guest_root = env->guest_store};
    struct store_package other;
    size_t length;
    const char *start = store_path_package(&paths, path, &length);
    char *name;
    int result;

    if (!start)
        return 0;
    name = strndup(start, length);
    if (!name)
        return error_set(err, -ENOMEM, "no memory for a package's name");
    result = store_get(env->store, name, &other, err);
    free(name);
    if (result < 0)
        return result == -ENOENT || result == -EBADMSG || result == -EINVAL ? 0 : result;
    result = strcmp(other.architecture, package->architecture) != 0;
    *native = driver_is_native(&other);
    store_package_finish(&other);
    return result;
}

/* Puts those of the old list that stay and are `native`, or are not. */
static int put_others(struct list *list, const struct host_env *env, const struct reg_value *old,
                      const struct store_package *package, bool native, struct error *err)
{
    const char *text, *end;

    if (!old || (old->type != REG_TYPE_SZ && old->type != REG_TYPE_MULTI_SZ))
        return 0;
    text = (const char *)old->data;
    end = text + old->size;
    for (; text < end && *text; text += strlen(text) + 1) {
        bool is_native = false;
        int result = is_another(env, text, package, &is_native, err);

        if (result < 0)
            return result;
        if (result && is_native == native)
            put(list, text);
    }
    return 0;
}

static int write_list(const struct host_env *env, struct reg_key *key,
                      const struct store_package *package, struct error *err)
{
    const struct reg_value *old = reg_key_find_value(key, DRIVERS);
    struct list list = {0};
    bool native = driver_is_native(package);
    int result;

    list.to = open_memstream(&list.data, &list.size);
    if (!list.to)
        return error_set(err, -ENOMEM, "no memory for the adapter's drivers");
    if (native)
        put(&list, package->manifest_path);
    result = put_others(&list, env, old, package, true, err);
    if (!native)
        put(&list, package->manifest_path);
    if (result == 0)
        result = put_others(&list, env, old, package, false, err);
    fputc('\0', list.to);
    if (fclose(list.to) != 0 && result == 0)
        result = error_set(err, -ENOMEM, "no memory for the adapter's drivers");
    if (result == 0 && list.count == 1)
        result = reg_key_set_string(key, DRIVERS, REG_TYPE_SZ, package->manifest_path, err);
    else if (result == 0)
        result = reg_key_set(key, DRIVERS, REG_TYPE_MULTI_SZ, list.data, list.size, err);
    free(list.data);
    return result;
}

/* --- All values --- */

/* Describes the adapter by this package, unless one that counts more does already. */
static int write_description(struct reg_key *key, const struct store_package *package,
                             const char *description, struct error *err)
{
    int result;

    if (!driver_is_native(package) && reg_key_find_value(key, LIBRARY))
        return 0;
    result = reg_key_set_string(key, "DriverVersion", REG_TYPE_SZ, package->version, err);
    if (result == 0)
        result = reg_key_set_string(key, "DriverDesc", REG_TYPE_SZ, description, err);
    return result;
}

int driver_names_write(const struct host_env *env, struct reg_key *key,
                       const struct store_package *package, const char *description,
                       struct error *err)
{
    const char *library = driver_is_native(package) ? LIBRARY
                          : is_wow(package)         ? LIBRARY_WOW
                                                    : NULL;
    int result = write_list(env, key, package, err);

    if (result == 0 && library)
        result = reg_key_set_string(key, library, REG_TYPE_SZ, package->library_path, err);
    if (result == 0)
        result = write_description(key, package, description, err);
    return result;
}
