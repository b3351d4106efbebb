/* SPDX-License-Identifier: MIT */
/* A guest's configuration is understood as a whole, or trusts nobody. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trust *trust = NULL;
    struct error err = {""};
    /* Files of keys are looked for where there is none. */
    if (trust_parse("fuzz", "/nonexistent", (const char *)data, size, &trust, &err)) {
        require(err.text[0] != '\0' && !trust);
        return 0;
    }
    require(err.text[0] == '\0');
    require(trust->key_count <= TRUST_MAX_KEYS);
    for (size_t i = 0; i < trust->key_count; i++) {
        require(strlen(trust->keys[i].id) == KEY_ID_SIZE - 1);
        for (size_t j = 0; j < i; j++)
            require(memcmp(trust->keys[i].bytes, trust->keys[j].bytes, PUBLIC_KEY_SIZE) != 0);
    }
    /* Open without keys only if nobody said otherwise. */
    if (!trust->key_count && !trust->test_signing)
        require(memmem(data, size, "test_signing", 12) || memchr(data, '\\', size));
    trust_destroy(trust);
    return 0;
}
