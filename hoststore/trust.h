/* SPDX-License-Identifier: MIT */
/*
 * Whose packages a guest loads drivers from. The guest's own configuration says it, never the host:
 *
 *   /etc/gpupv/guest.json   { "trusted_keys": [ "vendor.pub", "BASE64 OR HEXADECIMAL" ],
 *                             "test_signing": false }
 *   /etc/gpupv/trusted.d/   every file *.pub in it is a trusted key
 *
 * (below the prefix's sysconfdir). GPUPV_GUEST_CONFIG names another file, with trusted.d beside it;
 * a program with raised privileges does not look at it. Both may be missing, but a file that was
 * named must be there. Whatever in them is wrong is an error: then nothing is trusted.
 *
 * With test signing a package is accepted whatever its signature is. It is on as long as no key is
 * configured, and off once one is, unless "test_signing" says otherwise.
 */
#ifndef GPUPV_HOSTSTORE_TRUST_H
#define GPUPV_HOSTSTORE_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "hoststore/signature.h"
#include "util/error.h"

#define TRUST_MAX_KEYS 256
#define TRUST_CONFIG_LIMIT (64 * 1024)
#define TRUST_FOLDER "trusted.d"

/* How a package's signature stands to the trusted keys. */
enum trust_state {
    TRUST_UNSIGNED,
    TRUST_SIGNED,      /* by a trusted key, and the signature is right */
    TRUST_UNKNOWN_KEY, /* by keys of which none is trusted */
    TRUST_WRONG,       /* the signature of a trusted key does not fit, or the file is damaged */
};

/* "unsigned", "signed", "unknown-key", "wrong" */
const char *trust_state_name(enum trust_state state);

struct trust {
    char *path; /* of the configuration file, whether it is there or not */
    struct public_key *keys;
    size_t key_count;
    bool test_signing;
};

/* The file that holds: of GPUPV_GUEST_CONFIG (*named is true), or the default one. */
const char *trust_config_path(bool *named);

/* Reads the configuration and the keys that it names. The message names file and place. */
int trust_load(struct trust **trust, struct error *err);
/* The text of a configuration, without trusted.d; relative names of keys are those of files in
 * `folder`. -EINVAL and others; for tests and for trust_load. */
int trust_parse(const char *name, const char *folder, const char *text, size_t size,
                struct trust **trust, struct error *err);
void trust_destroy(struct trust *trust);

struct trust_result {
    enum trust_state state;
    char key_id[KEY_ID_SIZE];       /* whose signature was looked at; "" for an unsigned package */
    char comment[KEY_COMMENT_SIZE]; /* of the key, if it is a trusted one */
};

/* Compares the signatures of the package at `folder` with the trusted keys; `catalog` is the text
 * of its catalog. 0 when a driver may be loaded from there. -EKEYREJECTED when not: the message
 * names the file and the cause. *result is filled in both cases. -ENOMEM and other errnos when it
 * could not be told. */
int trust_check(const struct trust *trust, const char *folder, const char *catalog, size_t size,
                struct trust_result *result, struct error *err);

#endif
