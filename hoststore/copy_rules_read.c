/* SPDX-License-Identifier: MIT */
/* The host's half of the copy rules: from the registry. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hoststore/copy_rules.h"
#include "registry/registry.h"

static const struct subkey {
    const char *name;
    enum copy_rule_when when;
    bool wow64;
} subkeys[] = {
    {"CopyToVmOverwrite", COPY_OVERWRITE, false},
    {"CopyToVmWhenNewer", COPY_WHEN_NEWER, false},
    {"CopyToVmOverwriteWow64", COPY_OVERWRITE, true},
    {"CopyToVmWhenNewerWow64", COPY_WHEN_NEWER, true},
};
#define SUBKEY_COUNT (sizeof(subkeys) / sizeof(subkeys[0]))

bool copy_rules_is_subkey(const char *name)
{
    for (size_t i = 0; i < SUBKEY_COUNT; i++) {
        if (!strcasecmp(subkeys[i].name, name))
            return true;
    }
    return false;
}

struct reading {
    struct copy_rule *rules;
    size_t count, capacity;
};

/* The one or two strings of a value. */
static int split_value(const struct reg_value *value, const char **first, const char **second,
                       struct error *err)
{
    *first = *second = "";
    if (value->type != REG_TYPE_SZ && value->type != REG_TYPE_MULTI_SZ)
        return error_set(err, -EINVAL, "it is a %s; REG_SZ or REG_MULTI_SZ is needed",
                         reg_type_name(value->type) ? reg_type_name(value->type) : "REG_NONE");
    const char *at = (const char *)value->data;
    *first = at;
    if (value->type == REG_TYPE_SZ)
        return 0;
    /* Strings with a NUL each, and one more NUL. */
    const char *end = at + value->size - 1;
    size_t count = 0;
    for (; at < end; at += strlen(at) + 1, count++) {
        if (count == 1)
            *second = at;
    }
    if (count > 2)
        return error_set(err, -EINVAL,
                         "it has %zu strings; at most two are allowed, the source's path and the "
                         "target's name",
                         count);
    return 0;
}

/* A registry path with either separator, as a path in a package. */
static char *copy_path(const char *path)
{
    char *copy = strdup(path);
    for (char *c = copy; c && *c; c++) {
        if (*c == '\\')
            *c = '/';
    }
    return copy;
}

static int make_rule(const struct reg_value *value, const struct subkey *subkey,
                     struct copy_rule *rule, struct error *err)
{
    const char *source, *target;
    int result = split_value(value, &source, &target, err);
    if (result)
        return result;
    *rule = (struct copy_rule){subkey->when, subkey->wow64, copy_path(source), NULL};
    if (!rule->source)
        return error_set(err, -ENOMEM, "out of memory");
    const char *slash = strrchr(rule->source, '/');
    rule->target = strdup(*target ? target : slash ? slash + 1 : rule->source);
    if (!rule->target)
        result = error_set(err, -ENOMEM, "out of memory");
    else
        result = copy_rule_check(rule, err);
    if (result) {
        free(rule->source);
        free(rule->target);
    }
    return result;
}

static int add_rule(struct reading *reading, const struct copy_rule *rule, struct error *err)
{
    if (reading->count == COPY_RULES_MAX)
        return error_set(err, -E2BIG, "an adapter has at most %d rules", COPY_RULES_MAX);
    if (reading->count == reading->capacity) {
        size_t capacity = reading->capacity ? 2 * reading->capacity : 8;
        struct copy_rule *grown = reallocarray(reading->rules, capacity, sizeof(*grown));
        if (!grown)
            return error_set(err, -ENOMEM, "out of memory");
        reading->rules = grown;
        reading->capacity = capacity;
    }
    reading->rules[reading->count++] = *rule;
    return 0;
}

static int read_value(struct reading *reading, const struct reg_value *value,
                      const struct subkey *subkey, struct error *err)
{
    struct copy_rule rule;
    int result = make_rule(value, subkey, &rule, err);
    if (result)
        return result;
    result = add_rule(reading, &rule, err);
    if (result) {
        free(rule.source);
        free(rule.target);
    }
    return result;
}

static int read_subkey(struct reading *reading, const struct reg_key *key,
                       const struct subkey *subkey, struct error *err)
{
    for (size_t i = 0; i < reg_key_value_count(key); i++) {
        const struct reg_value *value = reg_key_value(key, i);
        int result = read_value(reading, value, subkey, err);
        if (result) {
            char *path = reg_key_path(key);
            error_prefix(err, result, "%s, value \"%s\"", path ? path : subkey->name,
                         value->name);
            free(path);
            return result;
        }
    }
    return 0;
}

static int read_subkeys(struct reading *reading, const struct reg_key *key, struct error *err)
{
    for (size_t i = 0; i < SUBKEY_COUNT; i++) {
        const struct reg_key *found = reg_key_find_subkey(key, subkeys[i].name);
        int result = found ? read_subkey(reading, found, &subkeys[i], err) : 0;
        if (result)
            return result;
    }
    return 0;
}

int copy_rules_read(const struct reg_key *adapter_key, struct copy_rule **rules, size_t *count,
                    struct error *err)
{
    struct reading reading = {0};
    int result = read_subkeys(&reading, adapter_key, err);
    for (size_t i = 0; !result && i < reg_key_subkey_count(adapter_key); i++)
        result = read_subkeys(&reading, reg_key_subkey(adapter_key, i), err);
    if (result) {
        copy_rules_free(reading.rules, reading.count);
        return result;
    }
    *rules = reading.rules;
    *count = reading.count;
    return 0;
}
