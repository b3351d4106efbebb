/* SPDX-License-Identifier: MIT */
#include "hoststore/guest_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hoststore/digest.h"
#include "hoststore/package_fetch.h"
#include "hoststore/signature.h"
#include "hoststore/store.h"
#include "hoststore/store_layout.h"
#include "hoststore/tree.h"
#include "util/file.h"
#include "util/log.h"

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A package that was found good, and what its files were then. */
struct known {
    struct known *next;
    char *name;
    uint8_t stamp[CATALOG_DIGEST_SIZE];
};

struct guest_store {
    char *root;
    int mark;     /* locked; -1: the store is not ours */
    int incoming; /* -1 in a store that is not ours */
    struct known *known;
};

/* --- Life --- */

static char *below(const char *root, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", root, name) < 0 ? NULL : path;
}

/* Whether there is no package yet, so that the store may become ours. */
static bool is_empty(const char *root)
{
    int fd = store_open_repository(root, NULL);
    if (fd < 0)
        return fd == -ENOENT;
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return false;
    }
    bool empty = true;
    struct dirent *entry;
    while (empty && (entry = readdir(folder)))
        empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
    closedir(folder);
    return empty;
}

/* Opens and locks the mark; it is made in an empty store. *fd is -1 in a store of somebody else. */
static int open_mark(const char *root, int *fd, struct error *err)
{
    char *path = below(root, GUEST_STORE_MARK);
    if (!path)
        return error_set(err, -ENOMEM, "out of memory");
    bool empty = is_empty(root);
    int result = 0;
    *fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0 && errno == ENOENT && empty) {
        result = file_make_folders(root, 0755, err);
        if (!result && (*fd = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
            result =
                error_set(err, -errno, "cannot write to the store: %s: %s", path, strerror(errno));
    } else if (*fd < 0 && errno != ENOENT) {
        result = error_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
    }
    if (*fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB) < 0) {
        result =
            errno == EWOULDBLOCK
                ? error_set(err, -EBUSY, "another \"gpupv guest run\" keeps the store %s", root)
                : error_set(err, -errno, "cannot lock %s: %s", path, strerror(errno));
        close(*fd);
        *fd = -1;
    }
    free(path);
    return result;
}

int guest_store_open(const char *root, struct guest_store **store, struct error *err)
{
    struct guest_store *made = calloc(1, sizeof(*made));
    if (!made)
        return error_set(err, -ENOMEM, "out of memory");
    made->mark = made->incoming = -1;
    int result = -EINVAL;
    if (root[0] != '/') {
        error_set(err, result, "%s is not a full path", root);
        goto out_store;
    }
    result = store_absolute_root(root, &made->root, err);
    if (!result)
        result = open_mark(made->root, &made->mark, err);
    if (!result && made->mark >= 0) {
        result = store_make_folders(made->root, err);
        if (!result)
            result = made->incoming = store_open_incoming(made->root, err);
        if (result == -ENOENT)
            error_set(err, result, "the store %s has no " STORE_INCOMING, root);
    }
    if (result < 0)
        goto out_store;
    *store = made;
    return 0;
out_store:
    guest_store_close(made);
    return result;
}

void guest_store_close(struct guest_store *store)
{
    if (!store)
        return;
    while (store->known) {
        struct known *next = store->known->next;
        free(store->known->name);
        free(store->known);
        store->known = next;
    }
    if (store->incoming >= 0)
        close(store->incoming);
    if (store->mark >= 0)
        close(store->mark);
    free(store->root);
    free(store);
}

bool guest_store_is_own(const struct guest_store *store)
{
    return store->mark >= 0;
}

/* --- What is there --- */

static char *package_folder(const struct guest_store *store, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/" STORE_REPOSITORY "/%s", store->root, name) < 0 ? NULL : path;
}

static int add_folder_to_stamp(void *context, const char *path, struct error *err)
{
    (void)err;
    digest_update(context, path, strlen(path) + 1);
    return 0;
}

/* A change of the contents changes the time of the inode, which no program can set. */
static int add_file_to_stamp(void *context, const char *path, int fd, const struct stat *info,
                             struct error *err)
{
    (void)fd, (void)err;
    const uint64_t identity[] = {info->st_dev,
                                 info->st_ino,
                                 (uint64_t)info->st_size,
                                 (uint64_t)info->st_mtim.tv_sec,
                                 (uint64_t)info->st_mtim.tv_nsec,
                                 (uint64_t)info->st_ctim.tv_sec,
                                 (uint64_t)info->st_ctim.tv_nsec};
    digest_update(context, path, strlen(path) + 1);
    digest_update(context, identity, sizeof(identity));
    return 0;
}

/* The order of a walk is that of the file system, which keeps it as long as nothing changes. */
static int take_stamp(int folder, uint8_t stamp[CATALOG_DIGEST_SIZE], struct error *err)
{
    struct digest digest;
    int result = digest_init(&digest);
    if (result)
        return error_set(err, result, "cannot compute digests: %s", strerror(-result));
    const struct tree_visitor visitor = {add_folder_to_stamp, add_file_to_stamp, &digest};
    result = tree_walk(folder, &visitor, err);
    digest_result(&digest, stamp);
    return result;
}

static struct known *find_known(const struct guest_store *store, const char *name)
{
    struct known *known = store->known;
    while (known && strcmp(known->name, name) != 0)
        known = known->next;
    return known;
}

/* Short of memory it is not remembered, and looked at again. */
static void remember(struct guest_store *store, const char *name,
                     const uint8_t stamp[CATALOG_DIGEST_SIZE])
{
    struct known *known = find_known(store, name);
    if (!known) {
        known = calloc(1, sizeof(*known));
        char *copy = known ? strdup(name) : NULL;
        if (!copy) {
            free(known);
            return;
        }
        known->name = copy;
        known->next = store->known;
        store->known = known;
    }
    memcpy(known->stamp, stamp, sizeof(known->stamp));
}

/* One of the two files beside those of the catalog is the one that the host offers. */
static bool part_is(int folder, const char *name, size_t limit,
                    const uint8_t wanted[CATALOG_DIGEST_SIZE])
{
    char *data;
    size_t size;
    if (tree_read(folder, name, limit, &data, &size, NULL))
        return false;
    struct digest digest;
    uint8_t found[CATALOG_DIGEST_SIZE] = {0};
    if (!digest_init(&digest)) {
        digest_update(&digest, data, size);
        digest_result(&digest, found);
    }
    free(data);
    return !memcmp(found, wanted, sizeof(found));
}

/* 0: the package is there and good. -ENOENT: it is not there. -EBADMSG and other codes with the
 * text: there is something else. */
static int inspect(struct guest_store *store, const struct offered_package *package,
                   struct error *err)
{
    char *path = package_folder(store, package->name);
    if (!path)
        return error_set(err, -ENOMEM, "out of memory");
    int folder = open(path, OPEN_FOLDER);
    int result = folder < 0 ? -errno : 0;
    uint8_t stamp[CATALOG_DIGEST_SIZE];
    if (result) {
        error_set(err, result, "cannot open %s: %s", path, strerror(-result));
        goto out_path;
    }
    result = take_stamp(folder, stamp, err);
    if (result)
        goto out_folder;
    const struct known *known = find_known(store, package->name);
    if (known && !memcmp(known->stamp, stamp, sizeof(stamp)))
        goto out_folder;
    if (!part_is(folder, CATALOG_FILE, CATALOG_MAX_SIZE, package->catalog_digest))
        result = error_set(err, -EBADMSG, "the catalog of %s is missing, or is another one", path);
    if (!result)
        result = store_verify(store->root, package->name, err);
    if (!result)
        remember(store, package->name, stamp);
out_folder:
    close(folder);
out_path:
    free(path);
    return result;
}

/* --- Into its place --- */

static void delete_incoming(struct guest_store *store, const char *name)
{
    struct error why;
    if (store_delete_tree(store->incoming, name, &why))
        log_warning("guest", "%s/" STORE_INCOMING "/%s stays: %s", store->root, name, why.text);
}

/* The two folders change places where the file system can do that; else there is a moment without
 * the package. The old one is then the one in .incoming. */
static int exchange(struct guest_store *store, int repository, const char *name, struct error *err)
{
    if (renameat2(store->incoming, name, repository, name, RENAME_EXCHANGE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return error_set(err, -errno, "cannot replace the package: %s", strerror(errno));
    char aside[STORE_RANDOM_NAME_SIZE];
    store_random_name("old", aside);
    if (renameat(repository, name, store->incoming, aside) < 0)
        return error_set(err, -errno, "cannot replace the package: %s", strerror(errno));
    if (renameat(store->incoming, name, repository, name) < 0) {
        int code = -errno;
        (void)!renameat(store->incoming, aside, repository, name);
        return error_set(err, code, "cannot replace the package: %s", strerror(-code));
    }
    return renameat(store->incoming, aside, store->incoming, name) < 0
               ? error_set(err, -errno, "cannot put the old package aside: %s", strerror(errno))
               : 0;
}

static int replace(struct guest_store *store, int repository, const char *name, struct error *err)
{
    int lock = store_lock_package(repository, name, true, err);
    if (lock < 0)
        return lock;
    int result = exchange(store, repository, name, err);
    if (!result)
        delete_incoming(store, name);
    close(lock);
    return result;
}

static int publish(struct guest_store *store, const char *name, bool is_there, struct error *err)
{
    int repository = store_open_repository(store->root, err);
    if (repository < 0)
        return repository == -ENOENT
                   ? error_set(err, repository, "%s has no " STORE_REPOSITORY, store->root)
                   : repository;
    int result = 0;
    if (is_there)
        result = replace(store, repository, name, err);
    else if (renameat2(store->incoming, name, repository, name, RENAME_NOREPLACE) < 0)
        result =
            error_set(err, -errno, "cannot put the package into its place: %s", strerror(errno));
    if (!result && fsync(repository) < 0)
        result =
            error_set(err, -errno, "cannot bring %s to the disk: %s", store->root, strerror(errno));
    if (!result) {
        /* The lock's file: programs hold the package by it, and cannot make it themselves. */
        int lock = store_lock_package(repository, name, false, NULL);
        if (lock >= 0)
            close(lock);
    }
    close(repository);
    return result;
}

/* --- One package --- */

/* What was written is compared with the catalog as a whole, as a program will do it. One that does
 * not agree is no part to go on with. */
static int check_written(struct guest_store *store, const char *name, const struct catalog *catalog,
                         struct error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/" STORE_INCOMING "/%s", store->root, name) < 0)
        return error_set(err, -ENOMEM, "out of memory");
    int result = catalog_verify(catalog, path, err);
    free(path);
    if (result == -EBADMSG)
        delete_incoming(store, name);
    return result;
}

static int fetch_into(struct guest_store *store, struct fetch *fetch, struct error *err)
{
    const char *name = fetch->package->name;
    if (mkdirat(store->incoming, name, 0755) < 0 && errno != EEXIST)
        return error_set(err, -errno, "cannot make a folder in %s: %s", store->root,
                         strerror(errno));
    fetch->folder = openat(store->incoming, name, OPEN_FOLDER);
    if (fetch->folder < 0 || fchmod(fetch->folder, 0755) < 0) {
        int code = -errno;
        if (fetch->folder >= 0)
            close(fetch->folder);
        return error_set(err, code, "cannot write to %s/" STORE_INCOMING "/%s: %s", store->root,
                         name, strerror(-code));
    }
    struct catalog *catalog;
    int result = package_fetch(fetch, &catalog, err);
    close(fetch->folder);
    if (result)
        return result;
    result = check_written(store, name, catalog, err);
    catalog_destroy(catalog);
    return result;
}

/* -EBUSY when a process holds the package. */
static int check_unused(struct guest_store *store, const char *name, struct error *err)
{
    int repository = store_open_repository(store->root, err);
    if (repository < 0)
        return repository;
    int lock = store_lock_package(repository, name, true, err);
    close(repository);
    if (lock < 0)
        return lock;
    close(lock);
    return 0;
}

static int bring(struct guest_store *store, struct fetch *fetch, bool is_there,
                 struct copied_package *result, struct error *err)
{
    int code = is_there ? check_unused(store, fetch->package->name, err) : 0;
    if (!code)
        code = fetch_into(store, fetch, err);
    result->copied = fetch->copied;
    result->reused = fetch->reused;
    result->size = fetch->copied + fetch->reused;
    if (!code)
        code = publish(store, fetch->package->name, is_there, err);
    if (code)
        return code;
    result->state = is_there ? PACKAGE_REPLACED : PACKAGE_COPIED;
    struct error why;
    if (inspect(store, fetch->package, &why))
        log_warning("guest", "the package %s was changed right after it was copied: %s",
                    fetch->package->name, why.text);
    return 0;
}

/* A package may be signed, or signed anew, without becoming another one. */
static int update_signature(struct guest_store *store, const struct offered_package *package,
                            bool overwrite, const struct package_source *source, struct error *err)
{
    char *path = package_folder(store, package->name), *data = NULL;
    if (!path)
        return error_set(err, -ENOMEM, "out of memory");
    int folder = tree_open_folder(path, err), result = folder < 0 ? folder : 0;
    free(path);
    if (result)
        return result;
    struct stat info;
    bool is_there = fstatat(folder, SIGNATURE_FILE, &info, AT_SYMLINK_NOFOLLOW) == 0;
    size_t size;
    int fd = -1;
    if ((is_there && !overwrite) ||
        part_is(folder, SIGNATURE_FILE, SIGNATURE_FILE_LIMIT, package->signature_digest))
        goto out_folder;
    result = package_fetch_signature(package, source, &data, &size, err);
    if (result)
        goto out_folder;
    fd = openat(store->incoming, SIGNATURE_FILE,
                O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
        renameat(store->incoming, SIGNATURE_FILE, folder, SIGNATURE_FILE) < 0)
        result = error_set(err, -errno, "cannot write the signature: %s", strerror(errno));
    else
        log_info("guest", "the signature of the package %s was copied", package->name);
    if (fd >= 0)
        close(fd);
    free(data);
out_folder:
    close(folder);
    return result;
}

static int see_to(struct guest_store *store, const struct offered_package *package, bool overwrite,
                  const struct package_source *source, const struct copy_events *events,
                  struct copied_package *result, struct error *err)
{
    int code = store_check_folder_name(package->name, err);
    if (code)
        return code;
    code = inspect(store, package, err);
    result->state = PACKAGE_PRESENT;
    if (!code && !guest_store_is_own(store))
        return 0;
    if (!code) {
        /* An agent that was killed while it deleted what it had replaced. */
        struct stat info;
        if (fstatat(store->incoming, package->name, &info, AT_SYMLINK_NOFOLLOW) == 0)
            delete_incoming(store, package->name);
        return package->signature_size ? update_signature(store, package, overwrite, source, err)
                                       : 0;
    }
    bool is_there = code != -ENOENT;
    if (code == -ENOMEM)
        return code;
    if (is_there && (!overwrite || !guest_store_is_own(store))) {
        result->state = PACKAGE_REFUSED;
        return -EEXIST;
    }
    if (!guest_store_is_own(store))
        return error_set(err, -EPERM,
                         "it is missing, and the store %s was not made by this agent: it has "
                         "packages and no " GUEST_STORE_MARK,
                         store->root);
    if (is_there)
        result->why = *err;
    struct fetch fetch = {.package = package, .source = source, .events = events};
    return bring(store, &fetch, is_there, result, err);
}

int guest_store_copy(struct guest_store *store, const struct offered_package *package,
                     bool overwrite, const struct package_source *source,
                     const struct copy_events *events, struct copied_package *result,
                     struct error *err)
{
    *result = (struct copied_package){.state = PACKAGE_FAILED};
    struct error why = {{0}};
    int code = see_to(store, package, overwrite, source, events, result, &why);
    if (!code)
        return 0;
    if (code == -EBUSY)
        result->state = PACKAGE_IN_USE;
    else if (result->state != PACKAGE_REFUSED)
        result->state = PACKAGE_FAILED;
    result->why = why;
    return error_set(err, code, "%s", why.text);
}

/* --- Collection --- */

static bool is_wanted(const char *const *wanted, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(wanted[i], name))
            return true;
    }
    return false;
}

static int collect_package(struct guest_store *store, const char *name,
                           const struct collect_events *events, struct error *err)
{
    if (store_check_folder_name(name, NULL))
        return 0; /* nothing that an agent makes */
    int result = store_remove(store->root, name, err);
    if (!result && events->removed)
        events->removed(events->context, name);
    if (result == -EBUSY && events->in_use)
        events->in_use(events->context, name);
    return result == -EBUSY || result == -ENOENT ? 0 : result;
}

/* Gives each entry of a folder to `visit`, which may remove it. Takes over `fd`. */
static int for_each(int fd, const char *const *wanted, size_t count, struct guest_store *store,
                    const struct collect_events *events,
                    int (*visit)(struct guest_store *, const char *, const struct collect_events *,
                                 struct error *),
                    struct error *err)
{
    DIR *folder = fdopendir(fd);
    if (!folder) {
        int code = -errno;
        close(fd);
        return error_set(err, code, "cannot list the store %s: %s", store->root, strerror(-code));
    }
    int result = 0;
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        const char *name = entry->d_name;
        if (!strcmp(name, ".") || !strcmp(name, "..") || is_wanted(wanted, count, name))
            continue;
        struct error why;
        int code = visit(store, name, events, &why);
        if (code && !result)
            result = error_set(err, code, "%s", why.text);
    }
    closedir(folder);
    return result;
}

static int collect_incoming(struct guest_store *store, const char *name,
                            const struct collect_events *events, struct error *err)
{
    (void)events;
    return store_delete_tree(store->incoming, name, err);
}

static void forget_unwanted(struct guest_store *store, const char *const *wanted, size_t count)
{
    struct known **at = &store->known;
    while (*at) {
        struct known *known = *at;
        if (is_wanted(wanted, count, known->name)) {
            at = &known->next;
            continue;
        }
        *at = known->next;
        free(known->name);
        free(known);
    }
}

int guest_store_collect(struct guest_store *store, const char *const *wanted, size_t count,
                        const struct collect_events *events, struct error *err)
{
    if (!guest_store_is_own(store))
        return 0;
    forget_unwanted(store, wanted, count);
    int fd = store_open_repository(store->root, err);
    if (fd < 0)
        return fd;
    int result = for_each(fd, wanted, count, store, events, collect_package, err);
    fd = openat(store->incoming, ".", OPEN_FOLDER);
    if (fd < 0)
        return result ? result
                      : error_set(err, -errno, "cannot list the store %s: %s", store->root,
                                  strerror(errno));
    int other = for_each(fd, wanted, count, store, events, collect_incoming, result ? NULL : err);
    return result ? result : other;
}
