/* SPDX-License-Identifier: MIT */
/*
 * Signatures of catalogs: Ed25519 (libsodium) over a package's catalog, and through the digests in
 * it over every file. They stand in gpupv-catalog.sig beside the catalog, which that file is not
 * listed in, so that a package can be signed, or signed anew, without becoming another package:
 *
 *   gpupv-signature 1
 *   0123456789abcdef BASE64-OF-64-BYTES
 *
 * One line a signature, for at most SIGNATURE_MAX_COUNT keys: while a key is replaced, a package
 * carries those of the old and of the new one. What is signed is the text SIGNATURE_DOMAIN with its
 * NUL and then the catalog's bytes. A key is named by its id, the first 8 bytes of the public key's
 * BLAKE2b-256 digest in hexadecimal.
 *
 * A key file is text: empty lines and lines that begin with "#" are skipped, one line holds the key
 * in base64 or hexadecimal, and may have a comment behind it.
 *
 * This is the half that the guest needs, too. Nothing is shared between calls: thread-safe.
 */
#ifndef GPUPV_HOSTSTORE_SIGNATURE_H
#define GPUPV_HOSTSTORE_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "hoststore/catalog.h"
#include "util/error.h"

#define SIGNATURE_DOMAIN "gpupv catalog signature 1"
#define SIGNATURE_SIZE 64
#define SIGNATURE_MAX_COUNT 16
#define SIGNATURE_FILE_LIMIT 4096
#define PUBLIC_KEY_SIZE 32
#define SECRET_KEY_SIZE 64 /* libsodium's: the seed, then the public key */
#define KEY_ID_SIZE 17     /* 16 hexadecimal digits and the NUL */
#define KEY_FILE_LIMIT 4096
#define KEY_COMMENT_SIZE 128

struct public_key {
    uint8_t bytes[PUBLIC_KEY_SIZE];
    char id[KEY_ID_SIZE];
    char comment[KEY_COMMENT_SIZE]; /* printable UTF-8; "" if there is none */
};

/* Sets bytes and id; the comment becomes "". -ENOSYS when libsodium cannot be initialised. */
int public_key_set(struct public_key *key, const uint8_t bytes[PUBLIC_KEY_SIZE]);
/* A key file's text; `name` stands for the file in messages, which name the line. -EINVAL. */
int public_key_parse(const char *name, const char *text, size_t size, struct public_key *key,
                     struct error *err);
int public_key_load(const char *path, struct public_key *key, struct error *err);

/* The key line of a key file with `wanted` bytes of key in it. `comment` may be NULL, or has room
 * for KEY_COMMENT_SIZE bytes. For public and secret keys. */
int key_text_parse(const char *name, const char *text, size_t size, uint8_t *key, size_t wanted,
                   char *comment, struct error *err);

struct signature {
    char key_id[KEY_ID_SIZE];
    uint8_t bytes[SIGNATURE_SIZE];
};

struct signature_set {
    struct signature items[SIGNATURE_MAX_COUNT];
    size_t count; /* 0 for a package that is not signed */
};

/* Every byte is accounted for: -EINVAL for a text that is cut short, has anything behind its last
 * line, or names a key twice. *set is left alone on failure. */
int signature_parse(const char *name, const char *text, size_t size, struct signature_set *set,
                    struct error *err);
/* The file's text; the result is its length, without the NUL. */
size_t signature_format(const struct signature_set *set, char text[SIGNATURE_FILE_LIMIT]);
/* Reads FOLDER/gpupv-catalog.sig; a set with count 0 when there is none. -EBADMSG when it is there
 * but is no signature file. `folder` is a descriptor; messages do not name it. */
int signature_read(int folder, struct signature_set *set, struct error *err);

/* The signature of this key, or NULL. */
const struct signature *signature_find(const struct signature_set *set, const char *key_id);
/* 0 if `signature` was made with the key for this very catalog text, -EBADMSG if not; -ENOMEM,
 * -ENOSYS. */
int signature_check(const struct signature *signature, const struct public_key *key,
                    const char *catalog, size_t size);

/* SIGNATURE_DOMAIN and the catalog's text: what is signed. malloc'ed. */
int signature_message(const char *catalog, size_t size, uint8_t **message, size_t *message_size);

#endif
