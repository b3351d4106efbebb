/* SPDX-License-Identifier: MIT */
#include "tools/key_names.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/control.h"
#include "tools/output.h"

static int make_path(char **path, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int make_path(char **path, struct error *err, const char *format, ...)
{
    va_list args;
    int size;

    va_start(args, format);
    size = vasprintf(path, format, args);
    va_end(args);
    if (size >= 0)
        return 0;
    *path = NULL;
    return error_set(err, -ENOMEM, "no memory for a key's name");
}

static int no_physical(const char *adapter, unsigned physical, size_t count, struct error *err)
{
    return error_set(err, -ENOENT,
                     "adapter \"%s\" has no physical adapter %u: it has %zu, counted from 0",
                     adapter, physical, count);
}

/* 1 when the service told the key, 0 when it does not run or does not know the adapter. */
static int ask_adapter_key(const struct host_env *env, const char *name, unsigned physical,
                           char **path, struct error *err)
{
    json_object *answer, *adapter, *list;
    const char *key;
    int result = 0;

    if (control_ask(env->control, "adapters", &answer, NULL) < 0)
        return 0;
    adapter = control_find_adapter(answer, name);
    list = adapter ? json_array(adapter, "physical_adapters") : NULL;
    if (list && physical >= json_object_array_length(list)) {
        result = no_physical(name, physical, json_object_array_length(list), err);
    } else if (list) {
        key = json_text(json_object_array_get_idx(list, physical), "key");
        if (key)
            result = strchr(key, '\\') ? make_path(path, err, "%s", key)
                                       : make_path(path, err, "%s\\%s", KEY_CLASS, key);
        if (key && result == 0)
            result = 1;
    }
    json_object_put(answer);
    return result;
}

/* "gpu12" → 12 */
static bool default_adapter_number(const char *name, unsigned long long *number)
{
    return strncmp(name, "gpu", 3) == 0 && name[3] != '\0' &&
           strspn(name + 3, "0123456789") == strlen(name + 3) &&
           cli_parse_number(name + 3, 9999, number) == 0;
}

static int no_adapter(const struct host_env *env, const char *name, struct error *err)
{
    if (env->adapter_count)
        return error_set(
            err, -ENOENT,
            "there is no adapter \"%s\": the configuration has no section "
            "[adapter:%s], and no running service offers it; see \"gpupv host adapters\"",
            name, name);
    return error_set(err, -ENOENT,
                     "there is no adapter \"%s\": the configuration has no adapter sections, so "
                     "adapters are called gpu0, gpu1 and so on; see \"gpupv host adapters\"",
                     name);
}

int key_of_adapter(const struct host_env *env, const char *adapter, unsigned physical, char **path,
                   struct error *err)
{
    const struct host_env_adapter *section = host_env_find(env, adapter);
    unsigned long long number;
    int result = ask_adapter_key(env, adapter, physical, path, err);

    if (result)
        return result < 0 ? result : 0;
    if (section) {
        if (physical >= section->physical_count)
            return no_physical(adapter, physical, section->physical_count, err);
        return make_path(path, err, "%s\\%04u", KEY_CLASS, section->first_key + physical);
    }
    if (env->adapter_count || !default_adapter_number(adapter, &number))
        return no_adapter(env, adapter, err);
    if (physical)
        return no_physical(adapter, physical, 1, err);
    return make_path(path, err, "%s\\%04llu", KEY_CLASS, number);
}

int key_of_service(const struct host_env *env, const char *name, char **path, struct error *err)
{
    const struct host_env_adapter *section = host_env_find(env, name);

    if (!*name || strchr(name, '\\'))
        return error_set(err, -EINVAL, "\"%s\" is no name of a service", name);
    return make_path(path, err, "%s\\%s", KEY_SERVICES, section ? section->service : name);
}

static int expand_adapter(const struct host_env *env, const char *name, char **path,
                          struct error *err)
{
    /* An adapter's own name may hold a colon. */
    const char *colon = host_env_find(env, name) ? NULL : strrchr(name, ':');
    unsigned long long physical = 0;
    char *plain;
    int result;

    if (colon && cli_parse_number(colon + 1, UINT16_MAX, &physical) < 0)
        return error_set(err, -EINVAL,
                         "\"%s\" is no physical adapter: write adapter:NAME:N with a number N",
                         colon + 1);
    plain = strndup(name, colon ? (size_t)(colon - name) : strlen(name));
    if (!plain)
        return error_set(err, -ENOMEM, "no memory for a key's name");
    result = key_of_adapter(env, plain, (unsigned)physical, path, err);
    free(plain);
    return result;
}

int key_name_expand(const struct host_env *env, const char *typed, char **path, struct error *err)
{
    if (strncmp(typed, "adapter:", 8) == 0)
        return expand_adapter(env, typed + 8, path, err);
    if (strncmp(typed, "service:", 8) == 0)
        return key_of_service(env, typed + 8, path, err);
    return make_path(path, err, "%s", typed);
}
