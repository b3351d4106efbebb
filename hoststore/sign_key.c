/* SPDX-License-Identifier: MIT */
#include "hoststore/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium/core.h>
#include <sodium/crypto_sign.h>
#include <sodium/utils.h>

#include "util/file.h"

#define BASE64 sodium_base64_VARIANT_ORIGINAL

void secret_key_finish(struct secret_key *key)
{
    sodium_memzero(key, sizeof(*key));
}

/* The public half is the last part of the secret one. */
static int derive(struct secret_key *key)
{
    uint8_t public[PUBLIC_KEY_SIZE], secret[SECRET_KEY_SIZE];
    int result = 0;

    if (crypto_sign_seed_keypair(public, secret, key->bytes) != 0 ||
        sodium_memcmp(secret, key->bytes, sizeof(secret)) != 0)
        result = -EINVAL;
    else
        result = public_key_set(&key->public, public);
    sodium_memzero(secret, sizeof(secret));
    return result;
}

/* --- Loading --- */

static void check_mode(const char *path, struct error *warning)
{
    struct stat info;

    warning->text[0] = '\0';
    if (stat(path, &info) == 0 && info.st_mode & 077)
        error_set(warning, 0,
                  "the secret key %s has the mode %04o: others than its owner can use it; chmod "
                  "600 %s",
                  path, (unsigned)info.st_mode & 07777, path);
}

int secret_key_load(const char *path, struct secret_key *key, struct error *warning,
                    struct error *err)
{
    char comment[KEY_COMMENT_SIZE] = "", *text;
    size_t size;
    int result;

    if (sodium_init() < 0)
        return error_set(err, -ENOSYS, "%s: libsodium cannot be initialised", path);
    result = file_read(AT_FDCWD, path, KEY_FILE_LIMIT, &text, &size, err);
    if (result)
        return result;
    check_mode(path, warning);
    result = key_text_parse(path, text, size, key->bytes, sizeof(key->bytes), comment, err);
    sodium_memzero(text, size);
    free(text);
    if (!result && derive(key))
        result = error_set(err, -EINVAL,
                           "%s: the key is damaged: its public half is not that of its secret one",
                           path);
    if (result)
        secret_key_finish(key);
    else
        memcpy(key->public.comment, comment, sizeof(comment));
    return result;
}

/* --- Making --- */

/* A whole new file or none; link(2) never replaces one that is there. */
static int write_new(const char *path, const char *text, mode_t mode, struct error *err)
{
    char *temporary = NULL;
    int code;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return error_set(err, -ENOMEM, "out of memory writing %s", path);
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        code = error_set(err, -errno, "cannot write beside %s: %s", path, strerror(errno));
        goto free_temporary;
    }
    code = file_write_close(fd, text, strlen(text), mode);
    if (!code && link(temporary, path) < 0)
        code = -errno;
    unlink(temporary);
    if (code == -EEXIST)
        error_set(err, code,
                  "%s is there already, and a key is never replaced: packages may be signed with "
                  "it; name another file",
                  path);
    else if (code)
        error_set(err, code, "cannot write %s: %s", path, strerror(-code));
free_temporary:
    free(temporary);
    return code;
}

/* A key's file: what it is, and the line with the key. */
static void format_key(const char *kind, const struct public_key *public, const uint8_t *bytes,
                       size_t size, const char *comment, char text[KEY_FILE_LIMIT])
{
    char base64[sodium_base64_ENCODED_LEN(SECRET_KEY_SIZE, BASE64)];

    sodium_bin2base64(base64, sizeof(base64), bytes, size, BASE64);
    snprintf(text, KEY_FILE_LIMIT, "# gpupv %s key %s\n%s%s%s\n", kind, public->id, base64,
             *comment ? " " : "", comment);
    sodium_memzero(base64, sizeof(base64));
}

static int write_pair(const char *path, const char *public_path, const struct secret_key *key,
                      const char *comment, struct error *err)
{
    char text[KEY_FILE_LIMIT];
    int result;

    format_key("public", &key->public, key->public.bytes, PUBLIC_KEY_SIZE, comment, text);
    /* What is written is what is read later, the comment included. */
    struct public_key again;
    result = public_key_parse("the new key", text, strlen(text), &again, err);
    if (!result)
        result = write_new(public_path, text, 0644, err);
    if (result)
        return result;
    format_key("secret", &key->public, key->bytes, SECRET_KEY_SIZE, comment, text);
    result = write_new(path, text, 0600, err);
    sodium_memzero(text, sizeof(text));
    if (result)
        unlink(public_path);
    return result;
}

int secret_key_generate(const char *path, const char *comment, struct public_key *public,
                        struct error *err)
{
    struct secret_key key;
    uint8_t bytes[PUBLIC_KEY_SIZE];
    char *public_path = NULL;
    int result;

    if (!comment)
        comment = "";
    if (strlen(comment) >= KEY_COMMENT_SIZE || strpbrk(comment, "\r\n"))
        return error_set(err, -EINVAL, "a key's comment is one line of at most %d bytes",
                         KEY_COMMENT_SIZE - 1);
    if (sodium_init() < 0)
        return error_set(err, -ENOSYS, "libsodium cannot be initialised");
    if (asprintf(&public_path, "%s.pub", path) < 0)
        return error_set(err, -ENOMEM, "out of memory writing %s", path);
    crypto_sign_keypair(bytes, key.bytes);
    result = public_key_set(&key.public, bytes);
    if (result)
        error_set(err, result, "libsodium cannot be initialised");
    else
        result = write_pair(path, public_path, &key, comment, err);
    if (!result) {
        *public = key.public;
        snprintf(public->comment, sizeof(public->comment), "%s", comment);
    }
    secret_key_finish(&key);
    free(public_path);
    return result;
}

int secret_key_sign(const struct secret_key *key, const char *catalog, size_t size,
                    struct signature *signature)
{
    uint8_t *message;
    size_t message_size;
    int result;

    if (sodium_init() < 0)
        return -ENOSYS;
    result = signature_message(catalog, size, &message, &message_size);
    if (result)
        return result;
    crypto_sign_detached(signature->bytes, NULL, message, message_size, key->bytes);
    memcpy(signature->key_id, key->public.id, sizeof(signature->key_id));
    free(message);
    return 0;
}
