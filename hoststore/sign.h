/* SPDX-License-Identifier: MIT */
/*
 * The host's half of signatures: secret keys, and signing packages that are in the store. See
 * hoststore/signature.h for what a signature is. Thread-safe; a secret key is wiped when it goes.
 */
#ifndef GPUPV_HOSTSTORE_SIGN_H
#define GPUPV_HOSTSTORE_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "hoststore/signature.h"
#include "util/error.h"

struct secret_key {
    uint8_t bytes[SECRET_KEY_SIZE];
    struct public_key public;
};

/* Makes a pair of keys: PATH with mode 0600, and PATH.pub. -EEXIST when one of the two is there: a
 * key is never replaced. Both are whole whenever one is seen, and a failure leaves none. `comment`
 * stands behind the key in both; -EINVAL for one that is too long or no plain text. */
int secret_key_generate(const char *path, const char *comment, struct public_key *public,
                        struct error *err);
/* Reads a secret key's file. `warning` gets a text when others than its owner may read it, else "".
 * -EINVAL for a file that is damaged: both halves of a key are compared. */
int secret_key_load(const char *path, struct secret_key *key, struct error *warning,
                    struct error *err);
void secret_key_finish(struct secret_key *key);

/* Signs a catalog's text. -ENOMEM, -ENOSYS. */
int secret_key_sign(const struct secret_key *key, const char *catalog, size_t size,
                    struct signature *signature);

/* Signs a package of the store at `root`: it is verified first, and then gets, in one step, a
 * signature file with this key's signature beside those of other keys. *changed is false when the
 * same signature was there before. -EBADMSG for a damaged package, -E2BIG for a full file. */
int store_sign(const char *root, const char *folder_name, const struct secret_key *key,
               bool *changed, struct error *err);
/* The signatures of a package; none is success. -EBADMSG when the file is damaged. */
int store_signatures(const char *root, const char *folder_name, struct signature_set *set,
                     struct error *err);
/* Whether one of the keys signed the package; *by is the first that did. -EKEYREJECTED if none did,
 * or a signature of one of them is wrong. The package's files are not looked at (store_verify). */
int store_check_signed(const char *root, const char *folder_name, const struct public_key *keys,
                       size_t key_count, const struct public_key **by, struct error *err);
/* A folder that was put into the store may hold signatures that were made elsewhere: if the package
 * has the very same catalog, it gets them, too. */
int store_take_signatures(const char *root, const char *folder_name, const char *source,
                          struct error *err);

#endif
