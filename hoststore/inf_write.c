/* SPDX-License-Identifier: MIT */
/* The registry keys of an installed driver. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hoststore/copy_rules.h"
#include "hoststore/inf_files.h"
#include "hoststore/inf_value.h"

/* --- The copy rules of the driver before --------------------------------------------------- */

static bool remove_one(struct reg_hive *hive, const struct reg_key *key)
{
    for (size_t i = 0; i < reg_key_subkey_count(key); i++) {
        const struct reg_key *subkey = reg_key_subkey(key, i);
        if (!copy_rules_is_subkey(reg_key_name(subkey)))
            continue;
        char *path = reg_key_path(subkey);
        bool removed = path && reg_hive_delete(hive, path, NULL) == 0;
        free(path);
        return removed;
    }
    return false;
}

static void remove_copy_rules(struct reg_hive *hive, const struct reg_key *adapter_key)
{
    while (remove_one(hive, adapter_key))
        ;
    for (size_t i = 0; i < reg_key_subkey_count(adapter_key); i++) {
        while (remove_one(hive, reg_key_subkey(adapter_key, i)))
            ;
    }
}

/* --- What the driver is --------------------------------------------------------------------- */

static int set_text(struct reg_key *key, const char *name, const char *text, struct error *err)
{
    return *text ? reg_key_set_string(key, name, REG_TYPE_SZ, text, err) : 0;
}

static int write_identity(const struct inf_install *install, const struct inf_target *target,
                          struct reg_key *key, struct error *err)
{
    const struct inf_driver *driver = install->driver;
    const char *slash = strrchr(install->inf->name, '/');
    const char *description =
        target->description ? target->description : install->model->description;
    const struct {
        const char *name, *text;
    } values[] = {
        {"DriverDesc", description},
        {"DriverVersion", driver->version},
        {"DriverDate", driver->date},
        {"ProviderName", driver->provider},
        {"InfPath", slash ? slash + 1 : install->inf->name},
        {"InfSection", install->section->name},
        {"MatchingDeviceId", install->model->hardware_id},
    };
    int result = 0;
    for (size_t i = 0; !result && i < sizeof(values) / sizeof(values[0]); i++)
        result = set_text(key, values[i].name, values[i].text, err);
    return result;
}

/* --- AddReg --------------------------------------------------------------------------------- */

static int open_key(struct reg_hive *hive, const char *base, const char *subkey,
                    struct reg_key **key, struct error *err)
{
    char *path = NULL;
    if (strchr(subkey, INF_FOLDER_MARK))
        return error_set(err, -EINVAL, "the key's name has a folder number");
    if (asprintf(&path, "%s%s%s", base, *subkey ? "\\" : "", subkey) < 0)
        return error_set(err, -ENOMEM, "out of memory");
    int result = reg_hive_make(hive, path, key, err);
    free(path);
    return result;
}

/* Adds the strings of a list that are not there yet behind those that are. */
static int append_strings(struct reg_key *key, const char *name, const struct reg_value *old,
                          const uint8_t *data, size_t size, struct error *err)
{
    char *all = malloc(old->size + size);
    if (!all)
        return error_set(err, -ENOMEM, "out of memory");
    size_t used = old->size - 1;
    memcpy(all, old->data, used);
    const char *end = (const char *)data + size - 1;
    for (const char *text = (const char *)data; text < end; text += strlen(text) + 1) {
        const char *at = all;
        while (at < all + used && strcasecmp(at, text) != 0)
            at += strlen(at) + 1;
        if (at < all + used)
            continue;
        memcpy(all + used, text, strlen(text) + 1);
        used += strlen(text) + 1;
    }
    all[used++] = '\0';
    int result = reg_key_set(key, name, REG_TYPE_MULTI_SZ, all, used, err);
    free(all);
    return result;
}

static int set_value(const struct inf_setting *setting, const struct inf_target *target,
                     struct reg_key *key, const char *name, const struct reg_value *old,
                     struct error *err)
{
    uint8_t *data;
    size_t size;
    int result = inf_value_data(setting, target, &data, &size, err);
    if (result)
        return result;
    if ((setting->flags & INF_FLAG_APPEND) && setting->type == REG_TYPE_MULTI_SZ && old &&
        old->type == REG_TYPE_MULTI_SZ)
        result = append_strings(key, name, old, data, size, err);
    else
        result = reg_key_set(key, name, setting->type, data, size, err);
    free(data);
    return result;
}

static int write_setting(const struct inf_setting *setting, const struct inf_target *target,
                         struct reg_hive *hive, struct error *err)
{
    const struct inf_line *line = setting->line;
    const char *base = setting->service ? target->service_key : target->adapter_key;
    const char *name = inf_field(line, INF_NAME);
    struct reg_key *key;
    if (!base)
        return 0;
    if (strchr(name, INF_FOLDER_MARK))
        return error_set(err, -EINVAL, "the value's name has a folder number");
    int result = open_key(hive, base, inf_field(line, INF_SUBKEY), &key, err);
    /* "HKR,KEY" alone makes the key. */
    if (result || (setting->flags & INF_FLAG_KEY_ONLY) || line->count <= INF_NAME ||
        (!*name && line->count <= INF_VALUE))
        return result;
    const struct reg_value *old = reg_key_find_value(key, name);
    if (setting->flags & INF_FLAG_DELETE) {
        result = reg_key_delete_value(key, name);
        return result == -ENOENT ? 0 : result;
    }
    if ((old && (setting->flags & INF_FLAG_NO_CLOBBER)) ||
        (!old && (setting->flags & INF_FLAG_OVERWRITE_ONLY)))
        return 0;
    return set_value(setting, target, key, name, old, err);
}

static int write_settings(const struct inf_install *install, const struct inf_target *target,
                          struct reg_hive *hive, struct error *err)
{
    for (size_t i = 0; i < install->setting_count; i++) {
        const struct inf_setting *setting = &install->settings[i];
        struct error why;
        int result = write_setting(setting, target, hive, &why);
        if (result)
            return inf_error(install->inf, setting->line, result, err, "%s", why.text);
    }
    return 0;
}

/* --- ImagePath ------------------------------------------------------------------------------ */

/* The service's file in the package. Windows copies it to another folder, so its name counts. */
static char *find_binary(const struct inf_install *install, const struct inf_target *target)
{
    const char *text = inf_field(install->binary, 0), *found = text;
    for (const char *at = text; *at; at++) {
        if (*at == '\\' || *at == '/' || *at == INF_FOLDER_MARK)
            found = at + 1;
    }
    char *path = NULL, *result = NULL;
    if (inf_resolve_file(text, target, &path, NULL) && inf_resolve_file(found, target, &path, NULL))
        return NULL;
    if (asprintf(&result, "%s/%s", target->package_path, path) < 0)
        result = NULL;
    free(path);
    return result;
}

static char *find_image(const struct inf_install *install, const struct inf_target *target,
                        const struct reg_key *adapter_key)
{
    const char *name = reg_key_string(adapter_key, "UserModeDriverName");
    size_t length = strlen(target->package_path);
    char *path = install->binary ? find_binary(install, target) : NULL;
    if (path)
        return path;
    if (name && !strncmp(name, target->package_path, length) && name[length] == '/')
        return strdup(name);
    name = strrchr(install->inf->name, '/');
    path = NULL;
    if (asprintf(&path, "%s/%s", target->package_path, name ? name + 1 : install->inf->name) < 0)
        return NULL;
    return path;
}

static int write_image_path(const struct inf_install *install, const struct inf_target *target,
                            const struct reg_key *adapter_key, struct reg_hive *hive,
                            struct error *err)
{
    struct reg_key *key;
    if (!target->service_key || target->has_library)
        return 0;
    int result = reg_hive_make(hive, target->service_key, &key, err);
    if (result)
        return result;
    char *path = find_image(install, target, adapter_key);
    if (!path)
        return error_set(err, -ENOMEM, "out of memory");
    result = reg_key_set_string(key, "ImagePath", REG_TYPE_EXPAND_SZ, path, err);
    free(path);
    return result;
}

/* Names the key as the INF does: the adapter's is not known yet when a folder is checked. */
static int check_copy_rules(const struct inf_install *install, const struct inf_target *target,
                            const struct reg_key *adapter_key, struct error *err)
{
    struct copy_rule *rules;
    size_t count, length = strlen(target->adapter_key);
    struct error why;
    int result = copy_rules_read(adapter_key, &rules, &count, &why);
    if (!result) {
        copy_rules_free(rules, count);
        return 0;
    }
    bool has_key = !strncmp(why.text, target->adapter_key, length);
    return error_set(err, result, "%s: %s%s", install->inf->name, has_key ? "HKR" : "",
                     why.text + (has_key ? length : 0));
}

int inf_install_write(const struct inf_install *install, const struct inf_target *target,
                      struct reg_hive *hive, struct error *err)
{
    struct reg_key *key;
    int result = reg_hive_make(hive, target->adapter_key, &key, err);
    if (result)
        return result;
    remove_copy_rules(hive, key);
    result = write_identity(install, target, key, err);
    if (!result)
        result = write_settings(install, target, hive, err);
    /* The keys may have moved in memory. */
    key = result ? NULL : reg_hive_find(hive, target->adapter_key);
    if (!result && !key)
        result = error_set(err, -ENOENT, "the key %s is missing", target->adapter_key);
    if (!result)
        result = check_copy_rules(install, target, key, err);
    if (!result)
        result = write_image_path(install, target, key, hive, err);
    return result;
}
