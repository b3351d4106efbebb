/* SPDX-License-Identifier: MIT */
#include "hoststore/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium/core.h>

#define BLOCK (128 * 1024)

int digest_init(struct digest *digest)
{
    /* May be called any number of times and from several threads; only the first does work. */
    if (sodium_init() < 0)
        return -ENOSYS;
    crypto_generichash_init(&digest->state, NULL, 0, CATALOG_DIGEST_SIZE);
    return 0;
}

void digest_update(struct digest *digest, const void *data, size_t size)
{
    crypto_generichash_update(&digest->state, data, size);
}

void digest_result(struct digest *digest, uint8_t result[CATALOG_DIGEST_SIZE])
{
    crypto_generichash_final(&digest->state, result, CATALOG_DIGEST_SIZE);
}

void digest_to_hex(const uint8_t digest[CATALOG_DIGEST_SIZE], char hex[DIGEST_HEX_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < CATALOG_DIGEST_SIZE; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[DIGEST_HEX_SIZE] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int digest_from_hex(const char *hex, uint8_t digest[CATALOG_DIGEST_SIZE])
{
    if (strlen(hex) != DIGEST_HEX_SIZE)
        return -EINVAL;
    for (size_t i = 0; i < CATALOG_DIGEST_SIZE; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

int catalog_digest(int fd, uint8_t result[CATALOG_DIGEST_SIZE], uint64_t *size)
{
    struct digest digest;
    int code = digest_init(&digest);
    if (code)
        return code;
    /* Not on the stack: callers may be threads of an application, with small stacks. */
    uint8_t *block = malloc(BLOCK);
    if (!block)
        return -ENOMEM;

    uint64_t done = 0;
    for (;;) {
        ssize_t got = pread(fd, block, BLOCK, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            code = -errno;
        if (got <= 0)
            break;
        digest_update(&digest, block, (size_t)got);
        done += (uint64_t)got;
    }
    free(block);
    if (code)
        return code;
    digest_result(&digest, result);
    *size = done;
    return 0;
}
