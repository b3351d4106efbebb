/* SPDX-License-Identifier: MIT */
/* Keys and signatures on the command line of `gpupv host store`. */
#ifndef GPUPV_TOOLS_SIGNING_H
#define GPUPV_TOOLS_SIGNING_H

#include <stddef.h>

#include <json-c/json.h>

#include "hoststore/sign.h"
#include "tools/cli.h"
#include "util/error.h"

/* secret_key_load, with its warning as a note to the person. */
int signing_key_load(const char *path, struct secret_key *key, struct error *err);

/* The public keys of every --key FILE that was given; the array is the caller's to free. */
int signing_public_keys(const struct cli *cli, struct public_key **keys, size_t *count,
                        struct error *err);

/* Adds "signatures", an array of key ids, and "signature_error", text or null. */
void signing_add_json(json_object *object, const char *store, const char *package);
/* "no", a key id and how many more, or "damaged". */
void signing_describe(const char *store, const char *package, char *text, size_t size);

#endif
