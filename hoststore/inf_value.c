/* SPDX-License-Identifier: MIT */
#include "hoststore/inf_value.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hoststore/copy_rules.h"
#include "hoststore/inf_files.h"

/* What a folder number stands for; "" is the package. NULL if it is not known. */
static const char *folder_of(unsigned long number)
{
    switch (number) {
    case 1:
    case 13:
        return "";
    case 10:
        return "C:\\Windows";
    case 11:
        return "C:\\Windows\\System32";
    case 12:
        return "C:\\Windows\\System32\\drivers";
    default:
        return NULL;
    }
}

/* The folder that the text, at a mark, names; *next is what follows. */
static const char *read_folder(const char *text, const char **next)
{
    char *end;
    unsigned long number = strtoul(text + 1, &end, 10);
    *next = *end == INF_FOLDER_MARK ? end + 1 : end;
    return folder_of(number);
}

static void forward_slashes(char *text)
{
    for (; *text; text++) {
        if (*text == '\\')
            *text = '/';
    }
}

int inf_resolve(const char *text, const char *package_path, char **result, struct error *err)
{
    size_t marks = 0;
    for (const char *at = text; *at; at++)
        marks += *at == INF_FOLDER_MARK;
    char *made = malloc(strlen(text) + marks * (strlen(package_path) + 32) + 1), *to = made;
    if (!made)
        return error_set(err, -ENOMEM, "out of memory");
    char *in_package = NULL;
    while (*text) {
        if (*text != INF_FOLDER_MARK) {
            *to++ = *text++;
            continue;
        }
        const char *number = text + 1;
        const char *folder = read_folder(text, &text);
        if (!folder) {
            free(made);
            return error_set(err, -EINVAL,
                             "%%%.*s%% is no known folder number; 01 and 13 (the package), 10, 11 "
                             "and 12 are",
                             (int)(text - number - 1), number);
        }
        if (!*folder && !in_package)
            in_package = to;
        to = stpcpy(to, *folder ? folder : package_path);
    }
    *to = '\0';
    if (in_package)
        forward_slashes(in_package);
    *result = made;
    return 0;
}

static bool is_absolute(const char *text)
{
    return *text == '/' || *text == '\\' || *text == '%' || (*text && text[1] == ':');
}

int inf_resolve_file(const char *text, const struct inf_target *target, char **path,
                     struct error *err)
{
    const char *rest = text;
    if (*text == INF_FOLDER_MARK) {
        const char *folder = read_folder(text, &rest);
        if (!folder || *folder || (*rest != '\\' && *rest != '/'))
            return error_set(err, -ENOENT, "the file is not in the package");
        rest++;
    } else if (is_absolute(text)) {
        return error_set(err, -ENOENT, "the file is not in the package");
    }
    char *copy = strdup(rest);
    if (!copy)
        return error_set(err, -ENOMEM, "out of memory");
    forward_slashes(copy);
    int result = inf_find_file(target->folder, copy, path, err);
    free(copy);
    return result;
}

/* --- Texts --------------------------------------------------------------------------------- */

static bool is_driver_name(const struct inf_setting *setting)
{
    static const char *const names[] = {"VulkanDriverName", "VulkanDriverNameWow",
                                        "UserModeDriverName", "UserModeDriverNameWow"};
    const char *name = inf_field(setting->line, INF_NAME);
    if (setting->service || *inf_field(setting->line, INF_SUBKEY))
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcasecmp(names[i], name))
            return true;
    }
    return false;
}

static bool is_copy_rule(const struct inf_setting *setting)
{
    const char *subkey = inf_field(setting->line, INF_SUBKEY), *last = strrchr(subkey, '\\');
    return !setting->service && copy_rules_is_subkey(last ? last + 1 : subkey);
}

/* A driver's file: its full path in the store. One outside of the package is left as it is. */
static int resolve_driver_name(const char *text, const struct inf_target *target, char **result,
                               struct error *err)
{
    char *path;
    const char *rest;
    const char *folder = *text == INF_FOLDER_MARK ? read_folder(text, &rest) : NULL;
    bool inside = *text == INF_FOLDER_MARK ? folder && !*folder : !is_absolute(text);
    if (!*text || !strcmp(text, "<>") || !inside)
        return inf_resolve(text, target->package_path, result, err);
    int code = inf_resolve_file(text, target, &path, err);
    if (code)
        return code;
    if (asprintf(result, "%s/%s", target->package_path, path) < 0)
        code = error_set(err, -ENOMEM, "out of memory");
    free(path);
    return code;
}

/* A copy rule's source, with the file's own spelling and the INF's separators. */
static int resolve_source(const char *text, const struct inf_target *target, char **result,
                          struct error *err)
{
    char *path;
    if (strchr(text, INF_FOLDER_MARK))
        return error_set(err, -EINVAL,
                         "the source has a folder number; it must be relative to the package");
    int code = inf_resolve_file(text, target, &path, err);
    if (code)
        return code;
    for (size_t i = 0; path[i]; i++) {
        if (text[i] == '\\')
            path[i] = '\\';
    }
    *result = path;
    return 0;
}

static int make_text(const struct inf_setting *setting, size_t index,
                     const struct inf_target *target, char **text, struct error *err)
{
    const char *field = inf_field(setting->line, index);
    if (is_driver_name(setting))
        return resolve_driver_name(field, target, text, err);
    if (is_copy_rule(setting) && index == INF_VALUE)
        return resolve_source(field, target, text, err);
    return inf_resolve(field, target->package_path, text, err);
}

/* Each text with a NUL; a list ends with one more. */
static int write_texts(const struct inf_setting *setting, const struct inf_target *target,
                       FILE *stream, struct error *err)
{
    bool list = setting->type == REG_TYPE_MULTI_SZ;
    size_t end = list ? setting->line->count : INF_VALUE + 1;
    for (size_t i = INF_VALUE; i < end; i++) {
        char *text;
        int result = make_text(setting, i, target, &text, err);
        if (result)
            return result;
        fwrite(text, 1, strlen(text) + 1, stream);
        free(text);
        if (ftello(stream) > REG_MAX_VALUE_SIZE)
            return error_set(err, -E2BIG, "the value has more than %d bytes", REG_MAX_VALUE_SIZE);
    }
    if (list)
        fputc('\0', stream);
    return 0;
}

static int make_texts(const struct inf_setting *setting, const struct inf_target *target,
                      uint8_t **data, size_t *size, struct error *err)
{
    char *made = NULL;
    FILE *stream = open_memstream(&made, size);
    if (!stream)
        return error_set(err, -ENOMEM, "out of memory");
    int result = write_texts(setting, target, stream, err);
    bool failed = ferror(stream);
    if ((fclose(stream) != 0 || failed) && !result)
        result = error_set(err, -ENOMEM, "out of memory");
    if (result)
        free(made);
    else
        *data = (uint8_t *)made;
    return result;
}

/* A comma that was meant to be text would otherwise cut a text short without a word. */
static int check_single(const struct inf_setting *setting, struct error *err)
{
    for (size_t i = INF_VALUE + 1; i < setting->line->count; i++) {
        if (*setting->line->fields[i])
            return error_set(err, -EINVAL,
                             "a %s has one value, and \"%s\" is another; a text with a comma "
                             "stands in quotes",
                             reg_type_name(setting->type), setting->line->fields[i]);
    }
    return 0;
}

/* --- Numbers and bytes ---------------------------------------------------------------------- */

static int make_bytes(const struct inf_setting *setting, size_t count, uint8_t *bytes,
                      struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *field = inf_field(setting->line, INF_VALUE + i);
        const char *digits = !strncasecmp(field, "0x", 2) ? field + 2 : field;
        size_t length = strspn(digits, "0123456789abcdefABCDEF");
        if (!length || length > 2 || digits[length])
            return error_set(err, -EINVAL, "\"%s\" is no byte: two hexadecimal digits are needed",
                             field);
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return 0;
}

/* One number, or its bytes, the lowest first. */
static int make_number(const struct inf_setting *setting, size_t size, uint8_t *bytes,
                       struct error *err)
{
    const char *field = inf_field(setting->line, INF_VALUE);
    size_t count = setting->line->count > INF_VALUE ? setting->line->count - INF_VALUE : 0;
    long long number;
    if (count == size)
        return make_bytes(setting, size, bytes, err);
    int result = check_single(setting, err);
    if (result)
        return result;
    if (inf_number(field, &number) < 0 ||
        (size == 4 && (number < INT32_MIN || number > (long long)UINT32_MAX)))
        return error_set(err, -EINVAL, "\"%s\" is no number of %zu bits", field, 8 * size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((unsigned long long)number >> 8 * i);
    return 0;
}

int inf_value_data(const struct inf_setting *setting, const struct inf_target *target,
                   uint8_t **data, size_t *size, struct error *err)
{
    bool number = setting->type == REG_TYPE_DWORD || setting->type == REG_TYPE_QWORD;
    int result;
    if (setting->type == REG_TYPE_MULTI_SZ)
        return make_texts(setting, target, data, size, err);
    if (setting->type == REG_TYPE_SZ || setting->type == REG_TYPE_EXPAND_SZ) {
        result = check_single(setting, err);
        return result ? result : make_texts(setting, target, data, size, err);
    }
    size_t count = setting->line->count > INF_VALUE ? setting->line->count - INF_VALUE : 0;
    *size = !number ? count : setting->type == REG_TYPE_DWORD ? 4 : 8;
    /* "HKR,,X,1," has one field, which is empty: no byte. */
    if (!number && count == 1 && !*inf_field(setting->line, INF_VALUE))
        *size = 0;
    *data = malloc(*size + 1);
    if (!*data)
        return error_set(err, -ENOMEM, "out of memory");
    result = number ? make_number(setting, *size, *data, err)
                    : make_bytes(setting, *size, *data, err);
    if (result)
        free(*data);
    return result;
}
