/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "registry/hive_text.h"
#include "registry/key.h"
#include "registry/value_text.h"

static void format_section(struct text_buffer *text, const struct reg_key *key, const char *path)
{
    text_buffer_puts(text, "\n[");
    text_buffer_puts(text, path);
    text_buffer_puts(text, "]\n");
    for (size_t i = 0; i < key->values.count; i++) {
        const struct reg_value *value = reg_key_value(key, i);
        if (value->name[0])
            format_string(text, value->name, strlen(value->name));
        else
            text_buffer_puts(text, "@");
        text_buffer_puts(text, " = ");
        format_value(text, value, true);
        text_buffer_puts(text, "\n");
    }
}

/* Recursion is bounded by REG_MAX_DEPTH. */
static void format_keys(struct text_buffer *text, const struct reg_key *key)
{
    /* A key with nothing but subkeys is told by their paths; the root is always there. */
    if (key->values.count || (!key->subkeys.count && key->parent)) {
        char *path = reg_key_path(key);
        if (path)
            format_section(text, key, path);
        else
            text->failed = true;
        free(path);
    }
    for (size_t i = 0; i < key->subkeys.count && !text->failed; i++)
        format_keys(text, reg_key_subkey(key, i));
}

int reg_key_format(const struct reg_key *key, char **result, size_t *size)
{
    struct text_buffer text = {0};
    text_buffer_puts(&text, HIVE_FIRST_LINE "\n");
    format_keys(&text, key);
    *result = text_buffer_take(&text, size);
    return *result ? 0 : -ENOMEM;
}

int reg_hive_format(const struct reg_hive *hive, char **text, size_t *size)
{
    return reg_key_format(hive_root(hive), text, size);
}
