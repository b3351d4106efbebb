/* SPDX-License-Identifier: MIT */
#include "host/store_cache.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/digest.h"
#include "hoststore/signature.h"
#include "hoststore/store.h"
#include "hoststore/tree.h"

static void package_free(struct cached_package *package)
{
    catalog_destroy(package->catalog);
    free(package->root);
    free(package->name);
    free(package->folder);
    free(package);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* A file that is not there has an identity, too: all zeros. */
static int identify(const char *folder, const char *file, struct stat *identity)
{
    char *path = NULL;
    *identity = (struct stat){0};
    if (asprintf(&path, "%s/%s", folder, file) < 0)
        return -ENOMEM;
    int result = lstat(path, identity) < 0 ? -errno : 0;
    free(path);
    if (result)
        *identity = (struct stat){0};
    return result == -ENOENT || result == -ENOTDIR ? 0 : result;
}

static bool is_current(const struct cached_package *package)
{
    struct stat catalog, signature;
    return !identify(package->folder, CATALOG_FILE, &catalog) &&
           !identify(package->folder, SIGNATURE_FILE, &signature) &&
           same_file(&catalog, &package->catalog_identity) &&
           same_file(&signature, &package->signature_identity);
}

/* One of the two files that no catalog lists: its bytes, for their digest and size. */
static int read_part(int folder, const char *file, size_t limit, uint8_t *digest, uint32_t *size,
                     char **text, struct error *err)
{
    size_t length;
    int result = tree_read(folder, file, limit, text, &length, err);
    if (result)
        return result;
    struct digest sum;
    result = digest_init(&sum);
    if (result) {
        free(*text);
        return error_set(err, result, "cannot compute a digest: %s", strerror(-result));
    }
    digest_update(&sum, *text, length);
    digest_result(&sum, digest);
    *size = (uint32_t)length;
    return 0;
}

static int read_files(struct cached_package *package, struct error *err)
{
    int folder = tree_open_folder(package->folder, err);
    if (folder < 0)
        return folder;
    char *text = NULL;
    int result = read_part(folder, CATALOG_FILE, CATALOG_MAX_SIZE, package->catalog_digest,
                           &package->catalog_size, &text, err);
    if (result)
        goto out_folder;
    result = catalog_parse(CATALOG_FILE, text, package->catalog_size, &package->catalog, err);
    free(text);
    if (result)
        goto out_folder;
    result = read_part(folder, SIGNATURE_FILE, SIGNATURE_FILE_LIMIT, package->signature_digest,
                       &package->signature_size, &text, err);
    if (!result)
        free(text);
    if (result == -ENOENT)
        result = 0;
out_folder:
    close(folder);
    return result;
}

static int package_load(const char *root, const char *name, struct cached_package **loaded,
                        struct error *err)
{
    struct cached_package *package = calloc(1, sizeof(*package));
    if (!package)
        return error_set(err, -ENOMEM, "out of memory");
    package->root = strdup(root);
    package->name = strdup(name);
    if (asprintf(&package->folder, "%s/" STORE_REPOSITORY "/%s", root, name) < 0)
        package->folder = NULL;
    int result = -ENOMEM;
    if (!package->root || !package->name || !package->folder) {
        error_set(err, result, "out of memory");
        goto out_package;
    }
    /* Before the files are read: what changes meanwhile is noticed by the next call. */
    result = identify(package->folder, CATALOG_FILE, &package->catalog_identity);
    if (!result)
        result = identify(package->folder, SIGNATURE_FILE, &package->signature_identity);
    if (result) {
        error_set(err, result, "cannot look at %s: %s", package->folder, strerror(-result));
        goto out_package;
    }
    result = read_files(package, err);
    if (result)
        goto out_package;
    package->size = (uint64_t)package->catalog_size + package->signature_size;
    for (size_t i = 0; i < package->catalog->file_count; i++) {
        if (__builtin_add_overflow(package->size, package->catalog->files[i].size, &package->size))
            package->size = UINT64_MAX;
    }
    *loaded = package;
    return 0;
out_package:
    package_free(package);
    return result;
}

/* Takes the package out of the list, or gives NULL. */
static struct cached_package *take(struct store_cache *cache, const char *root, const char *name)
{
    for (struct cached_package **at = &cache->first; *at; at = &(*at)->next) {
        struct cached_package *package = *at;
        if (!strcmp(package->name, name) && !strcmp(package->root, root)) {
            *at = package->next;
            return package;
        }
    }
    return NULL;
}

static void put_first(struct store_cache *cache, struct cached_package *package)
{
    package->next = cache->first;
    cache->first = package;
    struct cached_package **at = &cache->first;
    for (int i = 0; i < STORE_CACHE_MAX && *at; i++)
        at = &(*at)->next;
    struct cached_package *last = *at;
    *at = NULL;
    if (last)
        package_free(last);
}

int store_cache_get(struct store_cache *cache, const char *root, const char *name,
                    const struct cached_package **package, struct error *err)
{
    struct cached_package *found = take(cache, root, name);
    if (found && !is_current(found)) {
        package_free(found);
        found = NULL;
    }
    if (!found) {
        int result = package_load(root, name, &found, err);
        if (result)
            return error_prefix(err, result, "the package %s", name);
    }
    put_first(cache, found);
    *package = found;
    return 0;
}

void store_cache_finish(struct store_cache *cache)
{
    while (cache->first) {
        struct cached_package *next = cache->first->next;
        package_free(cache->first);
        cache->first = next;
    }
}
