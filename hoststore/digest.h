/* SPDX-License-Identifier: MIT */
/* BLAKE2b-256 of streams, of texts and of files, by libsodium. Private to hoststore. */
#ifndef GPUPV_HOSTSTORE_DIGEST_H
#define GPUPV_HOSTSTORE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include <sodium/crypto_generichash.h>

#include "hoststore/catalog.h"

#define DIGEST_HEX_SIZE (2 * CATALOG_DIGEST_SIZE)

struct digest {
    crypto_generichash_state state;
};

/* -ENOSYS when libsodium cannot be initialised. Nothing to finish: no memory is held. */
int digest_init(struct digest *digest);
void digest_update(struct digest *digest, const void *data, size_t size);
void digest_result(struct digest *digest, uint8_t result[CATALOG_DIGEST_SIZE]);

/* Lower-case hex with a NUL. */
void digest_to_hex(const uint8_t digest[CATALOG_DIGEST_SIZE], char hex[DIGEST_HEX_SIZE + 1]);
/* Exactly 64 lower-case hex digits and the NUL, else -EINVAL. */
int digest_from_hex(const char *hex, uint8_t digest[CATALOG_DIGEST_SIZE]);

#endif
