/* SPDX-License-Identifier: MIT */
#include "hoststore/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hoststore/store.h"
#include "hoststore/store_layout.h"
#include "hoststore/tree.h"
#include "util/file.h"

/* A package that is there, held against removal. */
struct opened {
    int hold, folder;
};

static void close_package(struct opened *package)
{
    close(package->folder);
    close(package->hold);
}

static int open_package(const char *root, const char *folder_name, struct opened *package,
                        struct error *err)
{
    int result = store_hold(root, folder_name, &package->hold, err);
    if (result)
        return result;
    int repository = store_open_repository(root, err);
    if (repository < 0) {
        close(package->hold);
        return repository;
    }
    package->folder =
        openat(repository, folder_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    result = package->folder < 0 ? error_set(err, -errno, "cannot open the package %s: %s",
                                             folder_name, strerror(errno))
                                 : 0;
    close(repository);
    if (result)
        close(package->hold);
    return result;
}

int store_signatures(const char *root, const char *folder_name, struct signature_set *set,
                     struct error *err)
{
    int repository = store_open_repository_of(root, folder_name, err);
    if (repository < 0)
        return repository;
    int folder = openat(repository, folder_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = 0;
    if (folder < 0)
        result = error_set(err, -errno, "cannot open the package %s: %s", folder_name,
                           strerror(errno));
    close(repository);
    if (result)
        return result;
    result = signature_read(folder, set, err);
    close(folder);
    return result ? error_prefix(err, result, "the package %s", folder_name) : 0;
}

/* --- Changing the signature file --- */

static int write_file(int folder, const char *name, const char *text, size_t size)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    return file_write_close(fd, text, size, 0644);
}

/* Written in .incoming, whose lock the caller has, and renamed: the package holds the old file or
 * the new one, and never a third. */
static int replace_file(int incoming, int folder, const struct signature_set *set)
{
    char text[SIGNATURE_FILE_LIMIT], name[STORE_RANDOM_NAME_SIZE];
    size_t size = signature_format(set, text);
    int code;

    store_random_name("signature", name);
    code = write_file(incoming, name, text, size);
    if (!code && renameat(incoming, name, folder, SIGNATURE_FILE) < 0)
        code = -errno;
    if (code)
        unlinkat(incoming, name, 0);
    else
        fsync(folder);
    return code;
}

static int merge(struct signature_set *set, const struct signature *signature, bool *changed,
                 struct error *err)
{
    struct signature *old = (struct signature *)signature_find(set, signature->key_id);

    if (old) {
        *changed |= memcmp(old, signature, sizeof(*old)) != 0;
        *old = *signature;
        return 0;
    }
    if (set->count == SIGNATURE_MAX_COUNT)
        return error_set(err, -E2BIG, "%s has %d signatures already, more are not accepted",
                         SIGNATURE_FILE, SIGNATURE_MAX_COUNT);
    set->items[set->count++] = *signature;
    *changed = true;
    return 0;
}

/* Puts `added` into the package's signature file. A damaged file is replaced: it says nothing. */
static int add_signatures(const char *root, const char *folder_name, int folder,
                          const struct signature_set *added, bool *changed, struct error *err)
{
    struct signature_set set = {.count = 0};
    struct error why;
    int result = store_make_folders(root, err);

    if (result)
        return result;
    int incoming = store_open_incoming(root, err);
    if (incoming < 0)
        return incoming;
    /* One signer at a time. Guests do not see this folder, so they cannot keep its lock. */
    while (flock(incoming, LOCK_EX) < 0) {
        if (errno == EINTR)
            continue;
        result = error_set(err, -errno, "cannot lock the store: %s", strerror(errno));
        goto close_incoming;
    }
    result = signature_read(folder, &set, &why);
    if (result == -EBADMSG) {
        set.count = 0;
        result = 0;
    }
    if (result)
        error_set(err, result, "%s", why.text);
    *changed = false;
    for (size_t i = 0; i < added->count && !result; i++)
        result = merge(&set, &added->items[i], changed, err);
    if (!result && *changed) {
        result = replace_file(incoming, folder, &set);
        if (result)
            error_set(err, result, "cannot write the signature of the package %s: %s", folder_name,
                      strerror(-result));
    }
close_incoming:
    close(incoming);
    return result;
}

int store_sign(const char *root, const char *folder_name, const struct secret_key *key,
               bool *changed, struct error *err)
{
    struct opened package;
    struct signature_set set = {.count = 1};
    char *text;
    size_t size;
    /* What is damaged is not vouched for. */
    int result = store_verify(root, folder_name, err);

    if (!result)
        result = open_package(root, folder_name, &package, err);
    if (result)
        return result;
    result = tree_read(package.folder, CATALOG_FILE, CATALOG_MAX_SIZE, &text, &size, err);
    if (result)
        goto close;
    result = secret_key_sign(key, text, size, &set.items[0]);
    free(text);
    if (result)
        error_set(err, result, "cannot sign the package %s: %s", folder_name, strerror(-result));
    else
        result = add_signatures(root, folder_name, package.folder, &set, changed, err);
close:
    close_package(&package);
    return result;
}

/* --- Checking --- */

static int check_keys(const char *folder_name, const struct signature_set *set,
                      const struct public_key *keys, size_t key_count, const char *text,
                      size_t size, const struct public_key **by, struct error *err)
{
    const struct public_key *wrong = NULL;

    *by = NULL;
    for (size_t i = 0; i < key_count; i++) {
        const struct signature *signature = signature_find(set, keys[i].id);
        if (!signature)
            continue;
        int code = signature_check(signature, &keys[i], text, size);
        if (code && code != -EBADMSG)
            return error_set(err, code, "cannot check %s: %s", folder_name, strerror(-code));
        if (code)
            wrong = &keys[i];
        else if (!*by)
            *by = &keys[i];
    }
    if (wrong)
        return error_set(err, -EKEYREJECTED,
                         "the package %s: the signature of the key %s in " SIGNATURE_FILE
                         " does not fit its " CATALOG_FILE,
                         folder_name, wrong->id);
    if (*by)
        return 0;
    return error_set(err, -EKEYREJECTED,
                     set->count ? "the package %s is signed, but by none of the given keys"
                                : "the package %s is not signed: it has no " SIGNATURE_FILE,
                     folder_name);
}

int store_check_signed(const char *root, const char *folder_name, const struct public_key *keys,
                       size_t key_count, const struct public_key **by, struct error *err)
{
    struct opened package;
    struct signature_set set;
    char *text;
    size_t size;
    int result = open_package(root, folder_name, &package, err);

    if (result)
        return result;
    result = signature_read(package.folder, &set, err);
    if (!result)
        result = tree_read(package.folder, CATALOG_FILE, CATALOG_MAX_SIZE, &text, &size, err);
    if (result) {
        error_prefix(err, result, "the package %s", folder_name);
        goto close;
    }
    result = check_keys(folder_name, &set, keys, key_count, text, size, by, err);
    free(text);
close:
    close_package(&package);
    return result;
}

/* --- Signatures that come with a folder --- */

static bool same_catalog(int package, int source)
{
    char *ours = NULL, *theirs = NULL;
    size_t our_size, their_size;
    bool same =
        tree_read(package, CATALOG_FILE, CATALOG_MAX_SIZE, &ours, &our_size, NULL) == 0 &&
        tree_read(source, CATALOG_FILE, CATALOG_MAX_SIZE, &theirs, &their_size, NULL) == 0 &&
        our_size == their_size && !memcmp(ours, theirs, our_size);

    free(ours);
    free(theirs);
    return same;
}

int store_take_signatures(const char *root, const char *folder_name, const char *source,
                          struct error *err)
{
    struct opened package;
    struct signature_set set;
    bool changed;
    int folder = tree_open_folder(source, err);
    if (folder < 0)
        return folder;
    int result = signature_read(folder, &set, err);
    if (result || !set.count) {
        if (result)
            error_prefix(err, result, "%s", source);
        goto close_folder;
    }
    result = open_package(root, folder_name, &package, err);
    if (result)
        goto close_folder;
    if (same_catalog(package.folder, folder))
        result = add_signatures(root, folder_name, package.folder, &set, &changed, err);
    close_package(&package);
close_folder:
    close(folder);
    return result;
}
