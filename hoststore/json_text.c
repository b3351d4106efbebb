/* SPDX-License-Identifier: MIT */
#include "hoststore/json_text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 16

/* Line and column, both from 1; columns count bytes, as editors' "go to byte" does. */
static int error_at(const char *name, const char *text, size_t offset, struct error *err,
                    const char *cause)
{
    size_t line = 1, start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    return error_set(err, -EINVAL, "%s:%zu:%zu: not valid JSON: %s", name, line,
                     offset - start + 1, cause);
}

int json_text_parse(const char *name, const char *text, size_t size, size_t limit,
                    struct json_object **root, struct error *err)
{
    if (size > limit || size > INT_MAX)
        return error_set(err, -EFBIG, "%s has %zu bytes, at most %zu are accepted", name, size,
                         limit);
    const char *nul = size ? memchr(text, '\0', size) : NULL;
    if (nul)
        return error_at(name, text, (size_t)(nul - text), err, "a NUL byte");

    struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
    if (!tokener)
        return error_set(err, -ENOMEM, "out of memory reading %s", name);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);

    int result = 0;
    struct json_object *object = NULL;
    enum json_tokener_error state = json_tokener_continue;
    /* An empty text must not reach the parser: it takes a length of 0 for "not there yet". */
    if (size) {
        object = json_tokener_parse_ex(tokener, text, (int)size);
        state = json_tokener_get_error(tokener);
    }
    if (state == json_tokener_continue) {
        result = error_at(name, text, size, err, "the text ends too early, or is no object");
    } else if (state != json_tokener_success) {
        size_t offset = json_tokener_get_parse_end(tokener);
        result = error_at(name, text, offset < size ? offset : size, err,
                          json_tokener_error_desc(state));
    } else if (!json_object_is_type(object, json_type_object)) {
        result = error_set(err, -EINVAL, "%s: the JSON value is no object ({...})", name);
    }
    json_tokener_free(tokener);

    if (result) {
        json_object_put(object);
        return result;
    }
    *root = object;
    return 0;
}

int json_text_string(struct json_object *object, const char *member, const char **text,
                     struct error *err)
{
    struct json_object *value;
    if (!json_object_object_get_ex(object, member, &value))
        return error_set(err, -EINVAL, "\"%s\" is missing", member);
    if (!json_object_is_type(value, json_type_string))
        return error_set(err, -EINVAL, "\"%s\" must be a string", member);
    const char *found = json_object_get_string(value);
    size_t length = (size_t)json_object_get_string_len(value);
    if (!length)
        return error_set(err, -EINVAL, "\"%s\" is empty", member);
    if (strlen(found) != length)
        return error_set(err, -EINVAL, "\"%s\" has a NUL character in it", member);
    *text = found;
    return 0;
}

int json_text_format(struct json_object *root, char **text, size_t *size)
{
    size_t length;
    const char *formatted = json_object_to_json_string_length(
        root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE,
        &length);
    char *copy = formatted ? malloc(length + 2) : NULL;
    if (!copy)
        return -ENOMEM;
    memcpy(copy, formatted, length);
    copy[length] = '\n';
    copy[length + 1] = '\0';
    *text = copy;
    *size = length + 1;
    return 0;
}
