/* SPDX-License-Identifier: MIT */
/*
 * Strict reading of small JSON texts (catalogs, ICD manifests), with errors that name the place.
 * Private to hoststore. Thread-safe.
 */
#ifndef GPUPV_HOSTSTORE_JSON_TEXT_H
#define GPUPV_HOSTSTORE_JSON_TEXT_H

#include <stddef.h>

#include <json-c/json.h>

#include "util/error.h"

/* Parses a text whose value is one object and behind which nothing but white space follows. UTF-8,
 * no NUL byte, at most `limit` bytes. The caller drops *root with json_object_put. -EINVAL,
 * -EFBIG, -ENOMEM; the message begins with `name`, and tells line and column. */
int json_text_parse(const char *name, const char *text, size_t size, size_t limit,
                    struct json_object **root, struct error *err);

/* The member's string, which lives as long as `object`. -EINVAL when it is missing, is no string,
 * is empty, or has a NUL in it. */
int json_text_string(struct json_object *object, const char *member, const char **text,
                     struct error *err);

/* The text of `root` for a file, indented and with a newline at its end; malloc'ed, NUL behind. */
int json_text_format(struct json_object *root, char **text, size_t *size);

#endif
