/* SPDX-License-Identifier: MIT */
/* Values and keys in the manner of `reg.exe query`, and as JSON. */
#include "tools/reg_data.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/output.h"

static uint64_t little_endian(const struct reg_value *value)
{
    uint64_t number = 0;

    for (size_t i = value->size < 8 ? value->size : 8; i-- > 0;)
        number = number << 8 | value->data[i];
    return number;
}

/* The string at `offset` of the data, which may be empty, or NULL after the last one. The data's
 * last NUL is that of the list. */
static const char *string_at(const struct reg_value *value, size_t offset)
{
    return offset + 1 < value->size ? (const char *)value->data + offset : NULL;
}

/* Strings with \0 between them, and one more behind an empty last string: what `reg add` takes. */
static void print_strings(FILE *file, const struct reg_value *value)
{
    const char *text, *last = NULL;

    for (size_t at = 0; (text = string_at(value, at)); at += strlen(text) + 1) {
        fputs(at ? "\\0" : "", file);
        output_text(file, text);
        last = text;
    }
    if (last && !*last)
        fputs("\\0", file);
}

static void print_data(FILE *file, const struct reg_value *value)
{
    switch (value->type) {
    case REG_TYPE_SZ:
    case REG_TYPE_EXPAND_SZ:
        output_text(file, value->size ? (const char *)value->data : "");
        break;
    case REG_TYPE_MULTI_SZ:
        print_strings(file, value);
        break;
    case REG_TYPE_DWORD:
    case REG_TYPE_QWORD:
        fprintf(file, "0x%" PRIx64, little_endian(value));
        break;
    default:
        for (size_t i = 0; i < value->size; i++)
            fprintf(file, "%02X", value->data[i]);
    }
}

void reg_print_value(FILE *file, const struct reg_value *value)
{
    const char *type = reg_type_name(value->type);

    fputs("    ", file);
    output_text(file, value->name && value->name[0] ? value->name : "(Default)");
    fprintf(file, "    %s    ", type ? type : "REG_NONE");
    print_data(file, value);
    fputc('\n', file);
}

static json_object *data_json(const struct reg_value *value)
{
    json_object *array;
    const char *text;
    char *hex;

    switch (value->type) {
    case REG_TYPE_SZ:
    case REG_TYPE_EXPAND_SZ:
        return json_object_new_string(value->size ? (const char *)value->data : "");
    case REG_TYPE_MULTI_SZ:
        array = json_object_new_array();
        for (size_t at = 0; (text = string_at(value, at)); at += strlen(text) + 1)
            json_object_array_add(array, json_object_new_string(text));
        return array;
    case REG_TYPE_DWORD:
    case REG_TYPE_QWORD:
        return json_object_new_uint64(little_endian(value));
    default:
        hex = malloc(2 * value->size + 1);
        if (!hex)
            return NULL;
        hex[0] = '\0';
        for (size_t i = 0; i < value->size; i++)
            snprintf(hex + 2 * i, 3, "%02x", value->data[i]);
        array = json_object_new_string(hex);
        free(hex);
        return array;
    }
}

json_object *reg_value_json(const struct reg_value *value)
{
    json_object *object = json_object_new_object();

    json_add_text(object, "name", value->name ? value->name : "");
    json_add_text(object, "type", reg_type_name(value->type));
    json_object_object_add(object, "data", data_json(value));
    return object;
}

char *reg_long_path(const char *path)
{
    static const char root[] = "HKEY_LOCAL_MACHINE";
    size_t size = sizeof(root) + strlen(path);
    char *result;

    if (strncasecmp(path, "HKLM", 4) != 0 || (path[4] && path[4] != '\\'))
        return strdup(path);
    result = malloc(size);
    if (result)
        snprintf(result, size, "%s%s", root, path + 4);
    return result;
}
