/* SPDX-License-Identifier: MIT */
#include "hoststore/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium/core.h>
#include <sodium/crypto_generichash.h>
#include <sodium/crypto_sign.h>
#include <sodium/utils.h>

#include "hoststore/tree.h"
#include "util/file.h"
#include "util/utf.h"

#define HEADER "gpupv-signature 1\n"
#define BASE64 sodium_base64_VARIANT_ORIGINAL
#define SIGNATURE_BASE64_SIZE 88 /* of SIGNATURE_SIZE bytes, without a NUL */
#define KEY_ID_BYTES 8

_Static_assert(PUBLIC_KEY_SIZE == crypto_sign_PUBLICKEYBYTES &&
                   SECRET_KEY_SIZE == crypto_sign_SECRETKEYBYTES &&
                   SIGNATURE_SIZE == crypto_sign_BYTES,
               "the sizes of Ed25519");
_Static_assert(sizeof(HEADER) + SIGNATURE_MAX_COUNT * (KEY_ID_SIZE + SIGNATURE_BASE64_SIZE + 1) <=
                   SIGNATURE_FILE_LIMIT,
               "a full set fits into the file");

/* --- Keys --- */

int public_key_set(struct public_key *key, const uint8_t bytes[PUBLIC_KEY_SIZE])
{
    uint8_t digest[CATALOG_DIGEST_SIZE];

    if (sodium_init() < 0)
        return -ENOSYS;
    crypto_generichash(digest, sizeof(digest), bytes, PUBLIC_KEY_SIZE, NULL, 0);
    memcpy(key->bytes, bytes, PUBLIC_KEY_SIZE);
    sodium_bin2hex(key->id, sizeof(key->id), digest, KEY_ID_BYTES);
    key->comment[0] = '\0';
    return 0;
}

/* libsodium 1.0.18 takes some bytes above 0x7f for base64 digits. */
static bool is_base64(const char *word, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789+/=";
    for (size_t i = 0; i < length; i++)
        if (!word[i] || !strchr(digits, word[i]))
            return false;
    return true;
}

/* Exactly `wanted` bytes in base64 or in hexadecimal digits. */
static bool decode(const char *word, size_t length, uint8_t *bytes, size_t wanted)
{
    const char *end;
    size_t got;

    if (!is_base64(word, length)) /* hexadecimal digits are among these, too */
        return false;
    if (length == 2 * wanted)
        return sodium_hex2bin(bytes, wanted, word, length, NULL, &got, &end) == 0 &&
               got == wanted && end == word + length;
    return sodium_base642bin(bytes, wanted, word, length, NULL, &got, &end, BASE64) == 0 &&
           got == wanted && end == word + length;
}

static const char *other_kind(const char *word, size_t length, size_t wanted)
{
    uint8_t other[SECRET_KEY_SIZE];
    size_t size = wanted == PUBLIC_KEY_SIZE ? SECRET_KEY_SIZE : PUBLIC_KEY_SIZE;
    bool fits = decode(word, length, other, size);

    sodium_memzero(other, sizeof(other));
    if (!fits)
        return "";
    return wanted == PUBLIC_KEY_SIZE
               ? "; this is a secret key, which only signs: use the public one, in the file whose "
                 "name ends with .pub"
               : "; this is a public key, which only verifies: the secret one is needed";
}

/* What stands behind the key, without blanks around it; control characters are refused. */
static int take_comment(const char *text, size_t length, char *comment)
{
    while (length && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        length--;
    }
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    if (length >= KEY_COMMENT_SIZE)
        return -EINVAL;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return -EINVAL;
    if (utf8_to_utf16(text, length, NULL, 0) < 0)
        return -EINVAL;
    if (comment) {
        memcpy(comment, text, length);
        comment[length] = '\0';
    }
    return 0;
}

static int take_key_line(const char *name, size_t number, const char *line, size_t length,
                         uint8_t *key, size_t wanted, char *comment, struct error *err)
{
    size_t word = 0;

    while (word < length && line[word] != ' ' && line[word] != '\t')
        word++;
    if (!decode(line, word, key, wanted))
        return error_set(err, -EINVAL,
                         "%s:%zu: a key of %zu bytes in base64 or hexadecimal is needed here%s",
                         name, number, wanted, other_kind(line, word, wanted));
    if (take_comment(line + word, length - word, comment))
        return error_set(err, -EINVAL,
                         "%s:%zu: the comment behind the key is longer than %d bytes, or is no "
                         "plain text",
                         name, number, KEY_COMMENT_SIZE - 1);
    return 0;
}

int key_text_parse(const char *name, const char *text, size_t size, uint8_t *key, size_t wanted,
                   char *comment, struct error *err)
{
    const char *end = text + size;
    bool found = false;

    if (sodium_init() < 0)
        return error_set(err, -ENOSYS, "%s: libsodium cannot be initialised", name);
    if (size > KEY_FILE_LIMIT)
        return error_set(err, -EFBIG, "%s has %zu bytes, a key file has at most %d", name, size,
                         KEY_FILE_LIMIT);
    for (size_t number = 1; text < end; number++) {
        const char *line = text, *stop = memchr(line, '\n', (size_t)(end - line));
        size_t length = stop ? (size_t)(stop - line) : (size_t)(end - line);
        int result;

        text = stop ? stop + 1 : end;
        if (length && line[length - 1] == '\r')
            length--;
        if (!length || line[0] == '#')
            continue;
        if (found)
            return error_set(err, -EINVAL, "%s:%zu: a key file holds one key, this is a second",
                             name, number);
        result = take_key_line(name, number, line, length, key, wanted, comment, err);
        if (result)
            return result;
        found = true;
    }
    return found ? 0 : error_set(err, -EINVAL, "%s: there is no key in it", name);
}

int public_key_parse(const char *name, const char *text, size_t size, struct public_key *key,
                     struct error *err)
{
    uint8_t bytes[PUBLIC_KEY_SIZE];
    char comment[KEY_COMMENT_SIZE] = "";
    int result = key_text_parse(name, text, size, bytes, sizeof(bytes), comment, err);

    if (result)
        return result;
    result = public_key_set(key, bytes);
    if (result)
        return error_set(err, result, "%s: libsodium cannot be initialised", name);
    memcpy(key->comment, comment, sizeof(comment));
    return 0;
}

int public_key_load(const char *path, struct public_key *key, struct error *err)
{
    char *text;
    size_t size;
    int result = file_read(AT_FDCWD, path, KEY_FILE_LIMIT, &text, &size, err);

    if (result)
        return result;
    result = public_key_parse(path, text, size, key, err);
    sodium_memzero(text, size); /* somebody may have named a secret key */
    free(text);
    return result;
}

/* --- The signature file --- */

const struct signature *signature_find(const struct signature_set *set, const char *key_id)
{
    for (size_t i = 0; i < set->count; i++)
        if (!strcmp(set->items[i].key_id, key_id))
            return &set->items[i];
    return NULL;
}

/* "0123456789abcdef BASE64\n" */
static int parse_line(const char *line, size_t length, struct signature *signature)
{
    const size_t id = KEY_ID_SIZE - 1;

    if (length != id + 1 + SIGNATURE_BASE64_SIZE || line[id] != ' ')
        return -EINVAL;
    for (size_t i = 0; i < id; i++)
        if (!(line[i] >= '0' && line[i] <= '9') && !(line[i] >= 'a' && line[i] <= 'f'))
            return -EINVAL;
    if (!decode(line + id + 1, SIGNATURE_BASE64_SIZE, signature->bytes, SIGNATURE_SIZE))
        return -EINVAL;
    memcpy(signature->key_id, line, id);
    signature->key_id[id] = '\0';
    return 0;
}

static int parse_set(const char *name, const char *text, size_t size, struct signature_set *set,
                     struct error *err)
{
    const size_t header = sizeof(HEADER) - 1;
    const char *end = text + size;
    size_t number = 1;

    if (size > SIGNATURE_FILE_LIMIT)
        return error_set(err, -EFBIG, "%s has %zu bytes, a signature file has at most %d", name,
                         size, SIGNATURE_FILE_LIMIT);
    if (size < header || memcmp(text, HEADER, header) != 0)
        return error_set(err, -EINVAL, "%s:1: the line \"gpupv-signature 1\" is needed here", name);
    for (text += header; text < end; set->count++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        struct signature *signature = &set->items[set->count];

        number++;
        if (set->count == SIGNATURE_MAX_COUNT)
            return error_set(err, -EINVAL, "%s:%zu: at most %d signatures are accepted", name,
                             number, SIGNATURE_MAX_COUNT);
        if (!stop)
            return error_set(err, -EINVAL, "%s:%zu: the line is cut short", name, number);
        if (parse_line(text, (size_t)(stop - text), signature))
            return error_set(err, -EINVAL,
                             "%s:%zu: a key's id (16 hexadecimal digits), a blank and a signature "
                             "(%d characters of base64) are needed here",
                             name, number, SIGNATURE_BASE64_SIZE);
        if (signature_find(set, signature->key_id))
            return error_set(err, -EINVAL, "%s:%zu: the key %s signs twice", name, number,
                             signature->key_id);
        text = stop + 1;
    }
    return set->count ? 0 : error_set(err, -EINVAL, "%s: there is no signature in it", name);
}

int signature_parse(const char *name, const char *text, size_t size, struct signature_set *set,
                    struct error *err)
{
    struct signature_set parsed = {.count = 0};
    int result;

    if (sodium_init() < 0)
        return error_set(err, -ENOSYS, "%s: libsodium cannot be initialised", name);
    result = parse_set(name, text, size, &parsed, err);
    if (!result)
        *set = parsed;
    return result;
}

size_t signature_format(const struct signature_set *set, char text[SIGNATURE_FILE_LIMIT])
{
    size_t used = (size_t)snprintf(text, SIGNATURE_FILE_LIMIT, HEADER);

    for (size_t i = 0; i < set->count; i++) {
        char base64[SIGNATURE_BASE64_SIZE + 1];

        sodium_bin2base64(base64, sizeof(base64), set->items[i].bytes, SIGNATURE_SIZE, BASE64);
        used += (size_t)snprintf(text + used, SIGNATURE_FILE_LIMIT - used, "%s %s\n",
                                 set->items[i].key_id, base64);
    }
    return used;
}

int signature_read(int folder, struct signature_set *set, struct error *err)
{
    struct error why;
    char *text;
    size_t size;
    int result = tree_read(folder, SIGNATURE_FILE, SIGNATURE_FILE_LIMIT, &text, &size, &why);

    if (result == -ENOENT) {
        set->count = 0;
        return 0;
    }
    if (!result) {
        result = signature_parse(SIGNATURE_FILE, text, size, set, &why);
        free(text);
    }
    if (result == -EINVAL || result == -EFBIG)
        result = -EBADMSG;
    return result ? error_set(err, result, "%s", why.text) : 0;
}

/* --- Checking --- */

int signature_message(const char *catalog, size_t size, uint8_t **message, size_t *message_size)
{
    const size_t domain = sizeof(SIGNATURE_DOMAIN);
    uint8_t *bytes;

    if (size > CATALOG_MAX_SIZE)
        return -EFBIG;
    bytes = malloc(domain + size);
    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, SIGNATURE_DOMAIN, domain);
    memcpy(bytes + domain, catalog, size);
    *message = bytes;
    *message_size = domain + size;
    return 0;
}

int signature_check(const struct signature *signature, const struct public_key *key,
                    const char *catalog, size_t size)
{
    uint8_t *message;
    size_t message_size;
    int result;

    if (sodium_init() < 0)
        return -ENOSYS;
    result = signature_message(catalog, size, &message, &message_size);
    if (result)
        return result;
    if (strcmp(signature->key_id, key->id) != 0 ||
        crypto_sign_verify_detached(signature->bytes, message, message_size, key->bytes) != 0)
        result = -EBADMSG;
    free(message);
    return result;
}
