/* SPDX-License-Identifier: MIT */
#include "hoststore/store_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hoststore/digest.h"
#include "hoststore/store.h"
#include "util/file.h"

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Others take locks for moments only: store_list to see whether a package is in use, store_remove
 * until its rename is done. */
#define LOCK_PAUSE_MS 5
#define LOCK_TRIES_SHARED 200
#define LOCK_TRIES_EXCLUSIVE 4

int store_absolute_root(const char *root, char **absolute, struct error *err)
{
    char *path = root[0] == '/' ? strdup(root) : realpath(root, NULL);
    if (!path)
        return error_set(err, -errno, "cannot find the store %s: %s", root, strerror(errno));
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
    *absolute = path;
    return 0;
}

static int open_below_root(const char *root, const char *name, struct error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", root, name) < 0)
        return error_set(err, -ENOMEM, "out of memory opening the store %s", root);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        fd = -errno;
        if (fd != -ENOENT)
            error_set(err, fd, "cannot open the store's folder %s: %s", path, strerror(-fd));
    }
    free(path);
    return fd;
}

int store_open_repository(const char *root, struct error *err)
{
    return open_below_root(root, STORE_REPOSITORY, err);
}

int store_open_incoming(const char *root, struct error *err)
{
    return open_below_root(root, STORE_INCOMING, err);
}

/* Makes a folder, with its mode whatever the umask: guests of any user read the store. */
static int make_folder(const char *path, mode_t mode, struct error *err)
{
    struct stat info;
    if (stat(path, &info) == 0)
        return 0;
    int result = file_make_folders(path, mode, err);
    if (!result && chmod(path, mode) < 0)
        result = error_set(err, -errno, "cannot set the mode of %s: %s", path, strerror(errno));
    return result;
}

static int make_below_root(const char *root, const char *name, mode_t mode, struct error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", root, name) < 0)
        return error_set(err, -ENOMEM, "out of memory making the store %s", root);
    int result = make_folder(path, mode, err);
    free(path);
    return result;
}

int store_make_folders(const char *root, struct error *err)
{
    int result = make_folder(root, 0755, err);
    if (!result)
        result = make_below_root(root, STORE_REPOSITORY, 0755, err);
    /* Nobody else has business with what is not yet, or no longer, a package. */
    if (!result)
        result = make_below_root(root, STORE_INCOMING, 0700, err);
    return result;
}

int store_check_folder_name(const char *folder_name, struct error *err)
{
    if (!catalog_word_is_valid(folder_name, NAME_MAX))
        return error_set(err, -EINVAL,
                         "\"%s\" cannot be a package: its folder name has letters, digits, \".\", "
                         "\"_\" and \"-\" only, and no dot in front",
                         folder_name);
    return 0;
}

int store_open_repository_of(const char *root, const char *folder_name, struct error *err)
{
    int result = store_check_folder_name(folder_name, err);
    if (result)
        return result;
    int repository = store_open_repository(root, err);
    if (repository == -ENOENT)
        return error_set(err, -ENOENT, "there is no store at %s", root);
    return repository;
}

int store_folder_name(const struct catalog *catalog, const char *text, size_t size, char **name)
{
    struct digest digest;
    int result = digest_init(&digest);
    if (result)
        return result;
    uint8_t bytes[CATALOG_DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE + 1];
    digest_update(&digest, text, size);
    digest_result(&digest, bytes);
    digest_to_hex(bytes, hex);
    int length = asprintf(name, "%s_%s_%s_%.16s", catalog->name, catalog->version,
                          catalog->architecture, hex);
    return length < 0 ? -ENOMEM : 0;
}

void store_random_name(const char *prefix, char name[STORE_RANDOM_NAME_SIZE])
{
    uint64_t number;
    /* Uniqueness is what counts, and the callers try again when a name is taken. */
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        number = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)getpid();
    }
    snprintf(name, STORE_RANDOM_NAME_SIZE, "%s-%016llx", prefix, (unsigned long long)number);
}

static int lock_file(int fd, bool exclusive, int tries)
{
    for (int i = 0; i < tries; i++) {
        if (i) {
            const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
            nanosleep(&pause, NULL);
        }
        if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
    }
    return -EBUSY;
}

/* Whoever may only read the store, and finds no lock file, makes none: -EACCES or -EROFS. */
static int open_lock_file(int repository, const char *folder_name)
{
    if (mkdirat(repository, "../" STORE_LOCKS, 0755) < 0 && errno != EEXIST)
        return -errno;
    int locks = openat(repository, "../" STORE_LOCKS, OPEN_FOLDER);
    if (locks < 0)
        return -errno;
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(locks, folder_name, flags);
    if (fd < 0 && errno == ENOENT)
        fd = openat(locks, folder_name, flags | O_CREAT, 0644);
    int code = -errno;
    close(locks);
    return fd < 0 ? code : fd;
}

/* While we waited, the package may have been removed, and its lock file with it. */
static bool is_current(int repository, const char *folder_name, int lock)
{
    char *path = NULL;
    if (asprintf(&path, "../" STORE_LOCKS "/%s", folder_name) < 0)
        return false;
    struct stat ours, there, package;
    bool current = fstat(lock, &ours) == 0 &&
                   fstatat(repository, path, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                   ours.st_ino == there.st_ino && ours.st_dev == there.st_dev &&
                   fstatat(repository, folder_name, &package, AT_SYMLINK_NOFOLLOW) == 0;
    free(path);
    return current;
}

static int lock_package(int repository, const char *folder_name, bool exclusive, int tries,
                        struct error *err)
{
    struct stat package;
    if (fstatat(repository, folder_name, &package, AT_SYMLINK_NOFOLLOW) < 0) {
        int code = -errno;
        if (code == -ENOENT)
            return error_set(err, code, "the store has no package %s", folder_name);
        return error_set(err, code, "cannot find the package %s: %s", folder_name,
                         strerror(-code));
    }
    if (!S_ISDIR(package.st_mode))
        return error_set(err, -ENOTDIR, "the package %s is not a folder", folder_name);
    int fd = open_lock_file(repository, folder_name);
    if (fd < 0)
        return error_set(err, fd, "cannot open the lock of the package %s: %s", folder_name,
                         strerror(-fd));
    int result = lock_file(fd, exclusive, tries);
    if (result == -EBUSY)
        error_set(err, result,
                  exclusive ? "the package %s is in use" : "the package %s is being removed",
                  folder_name);
    else if (result)
        error_set(err, result, "cannot lock the package %s: %s", folder_name, strerror(-result));
    else if (!is_current(repository, folder_name, fd))
        result = error_set(err, -ENOENT, "the package %s was just removed", folder_name);
    if (result) {
        close(fd);
        return result;
    }
    return fd;
}

int store_lock_package(int repository, const char *folder_name, bool exclusive,
                       struct error *err)
{
    int tries = exclusive ? LOCK_TRIES_EXCLUSIVE : LOCK_TRIES_SHARED;
    return lock_package(repository, folder_name, exclusive, tries, err);
}

int store_try_lock_package(int repository, const char *folder_name, struct error *err)
{
    return lock_package(repository, folder_name, false, 1, err);
}

void store_forget_lock(int repository, const char *folder_name)
{
    char *path = NULL;
    if (asprintf(&path, "../" STORE_LOCKS "/%s", folder_name) < 0)
        return; /* an empty file stays, and serves the next package of this name */
    unlinkat(repository, path, 0);
    free(path);
}

static int delete_entry(void *context, int folder, const char *entry, struct error *err)
{
    (void)context;
    return store_delete_tree(folder, entry, err);
}

int store_delete_tree(int parent, const char *name, struct error *err)
{
    int flags = 0;
    int fd = openat(parent, name, OPEN_FOLDER);
    if (fd >= 0) {
        int result = folder_each(fd, name, delete_entry, NULL, err);
        if (result)
            return result;
        flags = AT_REMOVEDIR;
    } else if (errno != ENOTDIR && errno != ELOOP) {
        return error_set(err, -errno, "cannot open %s to delete it: %s", name, strerror(errno));
    }
    if (unlinkat(parent, name, flags) < 0)
        return error_set(err, -errno, "cannot delete %s: %s", name, strerror(errno));
    return 0;
}
