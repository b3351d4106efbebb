/* SPDX-License-Identifier: MIT */
/*
 * Catalogs of the packages that guests copy, read once and not for each message: a guest may ask as
 * often as it likes. A package that was replaced under its name is noticed by the identity of its
 * catalog's and its signature's file. Used by the service's thread alone.
 */
#ifndef GPUPV_HOST_STORE_CACHE_H
#define GPUPV_HOST_STORE_CACHE_H

#include <stdint.h>
#include <sys/stat.h>

#include "hoststore/catalog.h"
#include "util/error.h"

/* More than guests copy at a time; the least recently used one goes first. */
#define STORE_CACHE_MAX 32

struct cached_package {
    struct cached_package *next;
    char *root, *name;
    char *folder; /* ROOT/FileRepository/NAME */
    struct stat catalog_identity, signature_identity;
    struct catalog *catalog;
    uint8_t catalog_digest[CATALOG_DIGEST_SIZE], signature_digest[CATALOG_DIGEST_SIZE];
    uint32_t catalog_size, signature_size; /* the latter 0: not signed */
    uint64_t size;                         /* bytes of all files */
};

struct store_cache {
    struct cached_package *first; /* the one used last */
};

/* What is known of a package, valid until the next call. -ENOENT, -EBADMSG, or what reading gave.
 */
int store_cache_get(struct store_cache *cache, const char *root, const char *name,
                    const struct cached_package **package, struct error *err);
void store_cache_finish(struct store_cache *cache);

#endif
