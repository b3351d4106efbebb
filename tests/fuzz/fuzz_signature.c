/* SPDX-License-Identifier: MIT */
/* Signature files and key files: what is accepted is written as it was read, and no signature that
 * comes out of the fuzzer fits anything. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void try_signatures(const char *text, size_t size)
{
    struct signature_set set = {.count = 99}, again;
    struct error err = {""};
    char formatted[SIGNATURE_FILE_LIMIT];
    if (signature_parse("fuzz", text, size, &set, &err)) {
        require(err.text[0] != '\0' && set.count == 99);
        return;
    }
    require(set.count >= 1 && set.count <= SIGNATURE_MAX_COUNT);
    /* There is one way to write a set, so the text is the same. */
    require(signature_format(&set, formatted) == size && !memcmp(formatted, text, size));
    require(signature_parse("again", formatted, size, &again, NULL) == 0);
    require(again.count == set.count);

    static const uint8_t bytes[PUBLIC_KEY_SIZE] = {7};
    struct public_key key;
    require(public_key_set(&key, bytes) == 0);
    for (size_t i = 0; i < set.count; i++) {
        require(signature_find(&set, set.items[i].key_id) == &set.items[i]);
        memcpy(key.id, set.items[i].key_id, sizeof(key.id));
        require(signature_check(&set.items[i], &key, text, size) < 0);
    }
}

static void try_key(const char *text, size_t size)
{
    struct public_key key;
    uint8_t secret[SECRET_KEY_SIZE];
    struct error err = {""};
    if (public_key_parse("fuzz", text, size, &key, &err)) {
        require(err.text[0] != '\0');
    } else {
        require(strlen(key.id) == KEY_ID_SIZE - 1);
        require(strlen(key.comment) < KEY_COMMENT_SIZE);
        /* One text is one kind of key. */
        require(key_text_parse("fuzz", text, size, secret, sizeof(secret), NULL, NULL) < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_signatures((const char *)data, size);
    try_key((const char *)data, size);
    return 0;
}
