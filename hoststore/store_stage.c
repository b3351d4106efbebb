/* SPDX-License-Identifier: MIT */
#include "hoststore/store_stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hoststore/digest.h"
#include "hoststore/paths.h"
#include "hoststore/store.h"
#include "hoststore/tree.h"
#include "util/log.h"

#define BLOCK (128 * 1024)
#define LEFTOVER_AGE_S 3600
#define NAME_TRIES 16
#define PUBLISH_TRIES 16

/* Deletes one entry of .incoming if it is old and nobody works on it. */
static void clean_entry(int incoming, const char *name)
{
    struct stat info;
    if (fstatat(incoming, name, &info, AT_SYMLINK_NOFOLLOW) < 0 ||
        time(NULL) - info.st_mtime < LEFTOVER_AGE_S)
        return;
    int lock = openat(incoming, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0) {
        close(lock);
        return;
    }
    struct error why;
    if (store_delete_tree(incoming, name, &why))
        log_warning("store", "the leftover " STORE_INCOMING "/%s stays: %s", name, why.text);
    else
        log_info("store", "the leftover " STORE_INCOMING "/%s was cleaned", name);
    if (lock >= 0)
        close(lock);
}

static void clean_leftovers(int incoming)
{
    int fd = openat(incoming, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            clean_entry(incoming, entry->d_name);
    }
    closedir(folder);
}

static int make_stage_folder(struct stage *stage, struct error *err)
{
    for (int i = 0;; i++) {
        store_random_name("add", stage->name);
        if (mkdirat(stage->incoming, stage->name, 0700) == 0)
            break;
        if (errno != EEXIST || i == NAME_TRIES)
            return error_set(err, -errno, "cannot make a folder in the store: %s",
                             strerror(errno));
    }
    stage->folder = openat(stage->incoming, stage->name,
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (stage->folder < 0 || flock(stage->folder, LOCK_SH | LOCK_NB) < 0)
        return error_set(err, -errno, "cannot lock a new folder in the store: %s",
                         strerror(errno));
    return 0;
}

int stage_begin(const char *root, struct stage *stage, struct error *err)
{
    *stage = (struct stage){.repository = -1, .incoming = -1, .folder = -1};
    int result = store_make_folders(root, err);
    if (result)
        return result;
    stage->catalog = calloc(1, sizeof(*stage->catalog));
    if (!stage->catalog)
        return error_set(err, -ENOMEM, "out of memory");

    result = stage->repository = store_open_repository(root, err);
    if (result < 0)
        goto out_stage;
    result = stage->incoming = store_open_incoming(root, err);
    if (result < 0)
        goto out_stage;
    clean_leftovers(stage->incoming);
    result = make_stage_folder(stage, err);
    if (result)
        goto out_stage;
    if (asprintf(&stage->path, "%s/" STORE_INCOMING "/%s", root, stage->name) < 0) {
        stage->path = NULL;
        result = error_set(err, -ENOMEM, "out of memory");
        goto out_stage;
    }
    return 0;
out_stage:
    stage_finish(stage);
    return result;
}

/* Makes the folders that `path` lies in. Nobody else writes here, so names are enough. */
static int make_parents(struct stage *stage, const char *path, struct error *err)
{
    char *copy = strdup(path);
    if (!copy)
        return error_set(err, -ENOMEM, "out of memory writing %s", path);
    int result = 0;
    for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdirat(stage->folder, copy, 0755) < 0 && errno != EEXIST) {
            result = error_set(err, -errno, "cannot make the folder %s: %s", copy,
                               strerror(errno));
            break;
        }
        *slash = '/';
    }
    free(copy);
    return result;
}

/* A file of the package that is being written, and what its catalog entry needs. */
struct target {
    int fd;
    struct digest digest;
    uint64_t size;
};

static int open_target(struct stage *stage, const char *path, struct target *target,
                       struct error *err)
{
    int result = store_path_check_relative(path, err);
    if (result)
        return result;
    if (stage->catalog->file_count == CATALOG_MAX_FILES)
        return error_set(err, -E2BIG, "the package has more than %d files", CATALOG_MAX_FILES);
    result = make_parents(stage, path, err);
    if (result)
        return result;
    result = digest_init(&target->digest);
    if (result)
        return error_set(err, result, "cannot compute digests: %s", strerror(-result));
    target->size = 0;
    target->fd = openat(stage->folder, path,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (target->fd < 0)
        return error_set(err, -errno, "cannot write %s: %s", path, strerror(errno));
    return 0;
}

static int write_target(struct target *target, const uint8_t *data, size_t size)
{
    digest_update(&target->digest, data, size);
    target->size += size;
    while (size) {
        ssize_t put = write(target->fd, data, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

static int add_to_catalog(struct stage *stage, const char *path, struct target *target)
{
    struct catalog *catalog = stage->catalog;
    if (catalog->file_count == stage->file_capacity) {
        size_t capacity = stage->file_capacity ? 2 * stage->file_capacity : 16;
        struct catalog_file *grown =
            reallocarray(catalog->files, capacity, sizeof(*catalog->files));
        if (!grown)
            return -ENOMEM;
        catalog->files = grown;
        stage->file_capacity = capacity;
    }
    struct catalog_file *file = &catalog->files[catalog->file_count];
    *file = (struct catalog_file){.path = strdup(path), .size = target->size};
    if (!file->path)
        return -ENOMEM;
    digest_result(&target->digest, file->digest);
    catalog->file_count++;
    return 0;
}

/* Brings the file to the disk. `code` is what writing came to; the target is closed in any case. */
static int close_target(struct target *target, mode_t mode, int code)
{
    if (!code && (fchmod(target->fd, mode) < 0 || fsync(target->fd) < 0))
        code = -errno;
    if (close(target->fd) < 0 && !code)
        code = -errno;
    return code;
}

static int copy_blocks(struct target *target, int source)
{
    uint8_t *block = malloc(BLOCK);
    if (!block)
        return -ENOMEM;
    int code = 0;
    while (!code) {
        ssize_t got = pread(source, block, BLOCK, (off_t)target->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            code = -errno;
        if (got <= 0)
            break;
        code = write_target(target, block, (size_t)got);
    }
    free(block);
    return code;
}

/* The time of change belongs to the driver: copy rules compare it (copy_rules.h). */
static int keep_time(const struct target *target, int source)
{
    struct stat info;
    if (fstat(source, &info) < 0)
        return -errno;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, info.st_mtim};
    return futimens(target->fd, times) < 0 ? -errno : 0;
}

int stage_copy(struct stage *stage, const char *path, int source, bool executable,
               struct error *err)
{
    struct target target;
    int result = open_target(stage, path, &target, err);
    if (result)
        return result;
    int code = copy_blocks(&target, source);
    if (!code)
        code = keep_time(&target, source);
    code = close_target(&target, executable ? 0755 : 0644, code);
    if (!code)
        code = add_to_catalog(stage, path, &target);
    return code ? error_set(err, code, "cannot copy %s into the store: %s", path, strerror(-code))
                : 0;
}

int stage_write(struct stage *stage, const char *path, const void *data, size_t size,
                struct error *err)
{
    struct target target;
    int result = open_target(stage, path, &target, err);
    if (result)
        return result;
    int code = close_target(&target, 0644, write_target(&target, data, size));
    if (!code)
        code = add_to_catalog(stage, path, &target);
    return code ? error_set(err, code, "cannot write %s into the store: %s", path, strerror(-code))
                : 0;
}

static int fill_catalog(struct catalog *catalog, const char *name, const char *version,
                        const char *architecture, const char *manifest, struct error *err)
{
    catalog_sort(catalog);
    catalog->name = strdup(name);
    catalog->version = strdup(version);
    catalog->architecture = strdup(architecture);
    catalog->manifest = strdup(manifest);
    if (!catalog->name || !catalog->version || !catalog->architecture || !catalog->manifest)
        return error_set(err, -ENOMEM, "out of memory");
    return 0;
}

static int write_catalog(struct stage *stage, const char *text, size_t size, struct error *err)
{
    struct target target;
    int result = open_target(stage, CATALOG_FILE, &target, err);
    if (result)
        return result;
    int code = close_target(&target, 0644, write_target(&target, (const uint8_t *)text, size));
    return code ? error_set(err, code, "cannot write the catalog: %s", strerror(-code)) : 0;
}

static int settle_folder(void *context, const char *path, struct error *err)
{
    const struct stage *stage = context;
    int fd = openat(stage->folder, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int code = fd < 0 || fchmod(fd, 0755) < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return code ? error_set(err, code, "cannot write the folder %s: %s", path, strerror(-code))
                : 0;
}

static int settle_file(void *context, const char *path, int fd, const struct stat *info,
                       struct error *err)
{
    (void)context, (void)path, (void)fd, (void)info, (void)err;
    return 0; /* close_target did it */
}

/* Gives the folders their final mode and brings their entries to the disk. */
static int settle(struct stage *stage, struct error *err)
{
    const struct tree_visitor visitor = {settle_folder, settle_file, stage};
    int result = tree_walk(stage->folder, &visitor, err);
    return result ? result : settle_folder(stage, ".", err);
}

/* A package of this name is there. It is the same, or damaged, or somebody just removes it
 * (-ENOENT). */
static int compare_existing(struct stage *stage, const struct catalog *catalog, const char *root,
                            const char *folder_name, const char *text, size_t size,
                            struct error *err)
{
    int lock = store_lock_package(stage->repository, folder_name, false, err);
    if (lock < 0)
        return lock;
    char *path = NULL, *there = NULL;
    size_t there_size;
    struct error why;
    int result;
    int folder = openat(stage->repository, folder_name,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) {
        result = error_set(err, -errno, "cannot open the package %s: %s", folder_name,
                           strerror(errno));
        goto out_lock;
    }
    result = tree_read(folder, CATALOG_FILE, CATALOG_MAX_SIZE, &there, &there_size, &why);
    if (result)
        goto out_damaged;
    if (there_size != size || memcmp(there, text, size) != 0) {
        result = error_set(&why, -EBADMSG, "its catalog was altered");
        goto out_damaged;
    }
    if (asprintf(&path, "%s/" STORE_REPOSITORY "/%s", root, folder_name) < 0) {
        path = NULL;
        result = error_set(err, -ENOMEM, "out of memory");
        goto out_folder;
    }
    result = catalog_verify(catalog, path, &why);
out_damaged:
    if (result)
        result = error_set(err, -EBADMSG,
                           "the store has a package %s already, and it is damaged (%s); remove "
                           "it, then add again",
                           folder_name, why.text);
out_folder:
    free(path);
    free(there);
    close(folder);
out_lock:
    close(lock);
    return result;
}

static int rename_into_place(struct stage *stage, const struct catalog *catalog,
                             const char *folder_name, const char *text, size_t size, bool *added,
                             struct error *err)
{
    /* The part of the staging path before "/.incoming/…". */
    size_t root_length = strlen(stage->path) - strlen(stage->name) - strlen("/" STORE_INCOMING "/");
    char *root = strndup(stage->path, root_length);
    if (!root)
        return error_set(err, -ENOMEM, "out of memory");
    struct error why;
    int result = -ENOENT;
    for (int i = 0; i < PUBLISH_TRIES && result == -ENOENT; i++) {
        /* Never replaces a package: that folder is not empty. */
        if (renameat(stage->incoming, stage->name, stage->repository, folder_name) == 0) {
            stage->published = *added = true;
            result = 0;
            fsync(stage->repository);
        } else if (errno == EEXIST || errno == ENOTEMPTY) {
            *added = false;
            result = compare_existing(stage, catalog, root, folder_name, text, size, &why);
        } else {
            result = error_set(&why, -errno, "cannot put the package %s into the store: %s",
                               folder_name, strerror(errno));
            break;
        }
    }
    free(root);
    return result ? error_set(err, result, "%s", why.text) : 0;
}

int stage_publish(struct stage *stage, const char *name, const char *version,
                  const char *architecture, const char *manifest, char **folder_name, bool *added,
                  struct error *err)
{
    char *text = NULL;
    size_t size;
    struct catalog *catalog = NULL;
    int result = fill_catalog(stage->catalog, name, version, architecture, manifest, err);
    if (result)
        return result;
    result = catalog_format(stage->catalog, &text, &size);
    if (result)
        return error_set(err, result, "cannot write the catalog: %s", strerror(-result));
    /* Read back, so that nothing is published that the guest would refuse to read. */
    result = catalog_parse("the new catalog", text, size, &catalog, err);
    if (result)
        goto out_text;
    result = write_catalog(stage, text, size, err);
    if (!result)
        result = settle(stage, err);
    if (!result)
        result = catalog_verify(catalog, stage->path, err);
    if (result)
        goto out_catalog;
    result = store_folder_name(catalog, text, size, folder_name);
    if (result) {
        error_set(err, result, "cannot name the package: %s", strerror(-result));
        goto out_catalog;
    }
    result = rename_into_place(stage, catalog, *folder_name, text, size, added, err);
    if (result)
        free(*folder_name);
out_catalog:
    catalog_destroy(catalog);
out_text:
    free(text);
    return result;
}

void stage_finish(struct stage *stage)
{
    struct error why;
    if (stage->folder >= 0 && !stage->published &&
        store_delete_tree(stage->incoming, stage->name, &why))
        log_warning("store", "the leftover " STORE_INCOMING "/%s stays: %s", stage->name,
                    why.text);
    if (stage->folder >= 0)
        close(stage->folder);
    if (stage->incoming >= 0)
        close(stage->incoming);
    if (stage->repository >= 0)
        close(stage->repository);
    catalog_destroy(stage->catalog);
    free(stage->path);
    *stage = (struct stage){.repository = -1, .incoming = -1, .folder = -1};
}
