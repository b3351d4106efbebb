/* SPDX-License-Identifier: MIT */
/* %NAME%. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hoststore/inf_text.h"

#define MAX_NAME 255

struct string {
    const char *name, *text;
    size_t order;
};

struct strings {
    struct string *list; /* by name */
    size_t count;
    size_t total; /* bytes that replacements made */
};

/* The flags of AddReg under the names that INF files use for them. */
static const struct string predefined[] = {
    {"REG_SZ", "0x00000000", 0},
    {"REG_BINARY", "0x00000001", 0},
    {"REG_MULTI_SZ", "0x00010000", 0},
    {"REG_DWORD", "0x00010001", 0},
    {"REG_EXPAND_SZ", "0x00020000", 0},
    {"REG_QWORD", "0x000b0001", 0},
    {"FLG_ADDREG_TYPE_SZ", "0x00000000", 0},
    {"FLG_ADDREG_TYPE_BINARY", "0x00000001", 0},
    {"FLG_ADDREG_TYPE_MULTI_SZ", "0x00010000", 0},
    {"FLG_ADDREG_TYPE_DWORD", "0x00010001", 0},
    {"FLG_ADDREG_TYPE_EXPAND_SZ", "0x00020000", 0},
    {"FLG_ADDREG_TYPE_QWORD", "0x000b0001", 0},
};

static bool is_strings_section(const struct inf_section *section)
{
    return !strcasecmp(section->name, "Strings") || !strncasecmp(section->name, "Strings.", 8);
}

static int compare(const void *left, const void *right)
{
    const struct string *a = left, *b = right;
    int order = strcasecmp(a->name, b->name);
    if (order)
        return order;
    return a->order < b->order ? -1 : a->order > b->order;
}

static int collect(const struct inf *inf, struct strings *strings, struct error *err)
{
    const struct inf_section *own = inf_find(inf, "Strings");
    size_t capacity = 0;
    for (size_t i = 0; i < inf->count; i++)
        capacity += is_strings_section(&inf->sections[i]) ? inf->sections[i].count : 0;
    strings->list = calloc(capacity + 1, sizeof(*strings->list));
    if (!strings->list)
        return error_set(err, -ENOMEM, "%s: out of memory", inf->name);
    for (size_t i = 0; i < inf->count; i++) {
        const struct inf_section *section = &inf->sections[i];
        if (!is_strings_section(section))
            continue;
        for (size_t j = 0; j < section->count; j++) {
            const struct inf_line *line = &section->lines[j];
            if (!line->key)
                return inf_error(inf, line, -EINVAL, err,
                                 "a line of [%s] has no \"=\" (NAME = \"text\")", section->name);
            /* [Strings] before the languages, and those in their order. */
            strings->list[strings->count] = (struct string){
                line->key, inf_field(line, 0), strings->count + (section == own ? 0 : capacity)};
            strings->count++;
        }
    }
    qsort(strings->list, strings->count, sizeof(*strings->list), compare);
    return 0;
}

/* The first of the strings with that name; they are sorted. */
static const char *find_string(const struct strings *strings, const char *name)
{
    size_t low = 0, high = strings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcasecmp(strings->list[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < strings->count && !strcasecmp(strings->list[low].name, name))
        return strings->list[low].text;
    for (size_t i = 0; i < sizeof(predefined) / sizeof(predefined[0]); i++) {
        if (!strcasecmp(predefined[i].name, name))
            return predefined[i].text;
    }
    return NULL;
}

struct result {
    char *text; /* INF_MAX_TEXT + 1 bytes */
    size_t length;
};

static bool append(struct result *result, const char *text, size_t length)
{
    if (length > INF_MAX_TEXT - result->length)
        return false;
    memcpy(result->text + result->length, text, length);
    result->length += length;
    return true;
}

static bool is_number(const char *text)
{
    return *text && !text[strspn(text, "0123456789")];
}

/* What stands between two percent signs. */
static int append_reference(const struct inf *inf, const struct inf_line *line,
                            const struct strings *strings, const char *name, size_t length,
                            struct result *result, struct error *err)
{
    static const char mark = INF_FOLDER_MARK;
    char word[MAX_NAME + 1];
    bool fits;
    if (length > MAX_NAME)
        return inf_error(inf, line, -EINVAL, err, "the name of a %%string%% is too long");
    memcpy(word, name, length);
    word[length] = '\0';
    const char *text = find_string(strings, word);
    if (!length)
        fits = append(result, "%", 1);
    else if (text)
        fits = append(result, text, strlen(text));
    else if (is_number(word))
        fits = append(result, &mark, 1) && append(result, word, length) &&
               append(result, &mark, 1);
    else
        return inf_error(inf, line, -EINVAL, err,
                         "%%%s%% is not defined in [Strings] (a percent sign itself is written "
                         "%%%%)",
                         word);
    return fits ? 0 : inf_error(inf, line, -E2BIG, err, "the text with %%%s%% is too long", word);
}

static int replace_text(const struct inf *inf, const struct inf_line *line,
                        struct strings *strings, struct result *result, char **text,
                        struct error *err)
{
    const char *at = *text;
    if (!strchr(at, '%'))
        return 0;
    result->length = 0;
    for (;;) {
        size_t length = strcspn(at, "%");
        if (!append(result, at, length))
            return inf_error(inf, line, -E2BIG, err, "the text is too long");
        if (!at[length])
            break;
        const char *name = at + length + 1, *end = strchr(name, '%');
        if (!end)
            return inf_error(inf, line, -EINVAL, err,
                             "a single %% is in \"%s\" (a percent sign itself is written %%%%)",
                             *text);
        int code = append_reference(inf, line, strings, name, (size_t)(end - name), result, err);
        if (code)
            return code;
        at = end + 1;
    }
    strings->total += result->length;
    if (strings->total > INF_MAX_TOTAL)
        return inf_error(inf, line, -E2BIG, err, "the file's strings make too much text");
    char *copy = strndup(result->text, result->length);
    if (!copy)
        return inf_error(inf, line, -ENOMEM, err, "out of memory");
    free(*text);
    *text = copy;
    return 0;
}

static int replace_section(struct inf *inf, struct inf_section *section, struct strings *strings,
                           struct result *result, struct error *err)
{
    int code = 0;
    for (size_t i = 0; !code && i < section->count; i++) {
        struct inf_line *line = &section->lines[i];
        if (line->key)
            code = replace_text(inf, line, strings, result, &line->key, err);
        for (size_t j = 0; !code && j < line->count; j++)
            code = replace_text(inf, line, strings, result, &line->fields[j], err);
    }
    return code;
}

int inf_replace_strings(struct inf *inf, struct error *err)
{
    struct strings strings = {0};
    struct result result = {.text = malloc(INF_MAX_TEXT + 1)};
    int code = result.text ? collect(inf, &strings, err)
                           : error_set(err, -ENOMEM, "%s: out of memory", inf->name);
    for (size_t i = 0; !code && i < inf->count; i++) {
        if (!is_strings_section(&inf->sections[i]))
            code = replace_section(inf, &inf->sections[i], &strings, &result, err);
    }
    free(strings.list);
    free(result.text);
    return code;
}
