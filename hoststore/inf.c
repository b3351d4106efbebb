/* SPDX-License-Identifier: MIT */
#include "hoststore/inf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hoststore/inf_text.h"

int inf_parse(const char *name, const void *data, size_t size, struct inf **result,
              struct error *err)
{
    char *text;
    size_t text_size;
    int code = inf_decode(name, data, size, &text, &text_size, err);
    if (code)
        return code;
    struct inf *inf = calloc(1, sizeof(*inf));
    if (!inf) {
        code = error_set(err, -ENOMEM, "%s: out of memory", name);
        goto out_text;
    }
    inf->name = strdup(name);
    code = inf->name ? inf_scan(inf, text, text_size, err)
                     : error_set(err, -ENOMEM, "%s: out of memory", name);
    if (!code)
        code = inf_replace_strings(inf, err);
    if (code)
        inf_destroy(inf);
    else
        *result = inf;
out_text:
    free(text);
    return code;
}

static void finish_line(struct inf_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        free(line->fields[i]);
    free(line->fields);
    free(line->key);
}

void inf_destroy(struct inf *inf)
{
    if (!inf)
        return;
    for (size_t i = 0; i < inf->count; i++) {
        struct inf_section *section = &inf->sections[i];
        for (size_t j = 0; j < section->count; j++)
            finish_line(&section->lines[j]);
        free(section->lines);
        free(section->name);
    }
    free(inf->sections);
    free(inf->name);
    free(inf);
}

const struct inf_section *inf_find(const struct inf *inf, const char *name)
{
    for (size_t i = 0; i < inf->count; i++) {
        if (!strcasecmp(inf->sections[i].name, name))
            return &inf->sections[i];
    }
    return NULL;
}

const struct inf_line *inf_find_line(const struct inf_section *section, const char *key)
{
    for (size_t i = 0; section && i < section->count; i++) {
        if (section->lines[i].key && !strcasecmp(section->lines[i].key, key))
            return &section->lines[i];
    }
    return NULL;
}

const char *inf_field(const struct inf_line *line, size_t index)
{
    return line && index < line->count ? line->fields[index] : "";
}

int inf_error(const struct inf *inf, const struct inf_line *line, int code, struct error *err,
              const char *format, ...)
{
    struct error why;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why.text, sizeof(why.text), format, arguments);
    va_end(arguments);
    return error_set(err, code, "%s:%u: %s", inf->name, line->number, why.text);
}

int inf_number(const char *text, long long *number)
{
    char *end;
    errno = 0;
    const char *digits = *text == '-' ? text + 1 : text;
    if (*digits < '0' || *digits > '9')
        return -EINVAL;
    /* No octal: "010" is ten to who writes an INF. */
    int base = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') ? 16 : 10;
    unsigned long long value = strtoull(digits, &end, base);
    if (errno || *end)
        return -EINVAL;
    *number = (long long)(*text == '-' ? 0 - value : value);
    return 0;
}
