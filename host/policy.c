/* SPDX-License-Identifier: MIT */
#include "host/policy.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "registry/query.h"

/* fnmatch's own folding knows ASCII alone in the service's locale. */
char *policy_fold(const char *text)
{
    size_t size = strlen(text);
    /* A character's lower case has at most 4 bytes, and each character at least one. */
    char *folded = malloc(4 * size + 1);
    if (!folded)
        return NULL;
    uint8_t *to = (uint8_t *)folded;
    for (size_t at = 0; at < size;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t used =
            utf8proc_iterate((const uint8_t *)text + at, (utf8proc_ssize_t)(size - at), &point);
        if (used <= 0) {
            free(folded);
            return NULL;
        }
        at += (size_t)used;
        to += utf8proc_encode_char(utf8proc_tolower(point), to);
    }
    *to = '\0';
    return folded;
}

static bool matches(const struct config_patterns *list, const char *full_name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!fnmatch(list->patterns[i], full_name, FNM_NOESCAPE))
            return true;
    }
    return false;
}

bool policy_allows(const struct config_vm *vm, uint32_t type, const char *value_name)
{
    char *folded = policy_fold(value_name), *full_name = NULL;
    const char *key = type == REG_QUERY_SERVICE_KEY ? "service" : "adapter";
    bool allowed = false;
    if (folded && asprintf(&full_name, "%s\\%s", key, folded) >= 0) {
        allowed =
            !matches(&vm->deny, full_name) && (!vm->allow.count || matches(&vm->allow, full_name));
        free(full_name);
    }
    free(folded);
    return allowed;
}
