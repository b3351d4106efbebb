/* SPDX-License-Identifier: MIT */
#include "hoststore/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/digest.h"
#include "hoststore/tree.h"

struct check {
    const struct catalog *catalog;
    bool *seen;                       /* by index into the catalog's files */
    struct file_identity *identities; /* so, too, or NULL */
};

/* True when a listed file lies in the folder: the first entry that sorts behind "FOLDER/" begins
 * with it. */
static bool folder_is_listed(const struct catalog *catalog, const char *path)
{
    size_t length = strlen(path), low = 0, high = catalog->file_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *listed = catalog->files[middle].path;
        int order = strncmp(listed, path, length);
        if (order < 0 || (order == 0 && (unsigned char)listed[length] < '/'))
            low = middle + 1;
        else
            high = middle;
    }
    const char *found = low < catalog->file_count ? catalog->files[low].path : "";
    return !strncmp(found, path, length) && found[length] == '/';
}

static int check_folder(void *context, const char *path, struct error *err)
{
    const struct check *check = context;
    if (catalog_find(check->catalog, path))
        return error_set(err, -EBADMSG, "%s is a folder, the catalog lists a file", path);
    if (!folder_is_listed(check->catalog, path))
        return error_set(err, -EBADMSG, "the folder %s is not in the catalog", path);
    return 0;
}

static struct file_identity identity_of(const struct stat *info)
{
    return (struct file_identity){
        .device = info->st_dev,
        .inode = info->st_ino,
        .size = info->st_size,
        .modified = info->st_mtim,
        .changed = info->st_ctim,
    };
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool file_identity_equal(const struct file_identity *a, const struct file_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(&a->modified, &b->modified) && same_time(&a->changed, &b->changed);
}

int file_identity_read(const char *folder, const char *path, struct file_identity *identity,
                       struct error *err)
{
    int result = tree_open_folder(folder, err);
    if (result < 0)
        return result;
    int parent = result, fd = tree_open_file(parent, path, err);
    close(parent);
    if (fd < 0)
        return error_prefix(err, fd, "%s", folder);
    struct stat info;
    result = fstat(fd, &info) < 0 ? -errno : 0;
    close(fd);
    if (result)
        return error_set(err, result, "cannot look at %s/%s: %s", folder, path, strerror(-result));
    *identity = identity_of(&info);
    return 0;
}

static int check_file(void *context, const char *path, int fd, const struct stat *info,
                      struct error *err)
{
    const struct check *check = context;
    if (!strcmp(path, CATALOG_FILE) || !strcmp(path, SIGNATURE_FILE))
        return 0;
    const struct catalog_file *file = catalog_find(check->catalog, path);
    if (!file)
        return error_set(err, -EBADMSG, "the file %s is not in the catalog", path);

    uint64_t size = (uint64_t)info->st_size;
    uint8_t digest[CATALOG_DIGEST_SIZE] = {0};
    if (size == file->size) {
        int result = catalog_digest(fd, digest, &size);
        if (result)
            return error_set(err, result, "cannot read %s: %s", path, strerror(-result));
    }
    if (size != file->size)
        return error_set(err, -EBADMSG, "%s has %llu bytes, the catalog says %llu", path,
                         (unsigned long long)size, (unsigned long long)file->size);
    if (memcmp(digest, file->digest, sizeof(digest)) != 0)
        return error_set(err, -EBADMSG,
                         "%s was altered: its contents are not those of the catalog (digest "
                         "differs)",
                         path);
    check->seen[file - check->catalog->files] = true;
    if (check->identities)
        check->identities[file - check->catalog->files] = identity_of(info);
    return 0;
}

bool catalog_file_fits(const struct catalog_file *file, const void *data, size_t size)
{
    struct digest digest;
    uint8_t bytes[CATALOG_DIGEST_SIZE];

    if (size != file->size || digest_init(&digest))
        return false;
    digest_update(&digest, data, size);
    digest_result(&digest, bytes);
    return !memcmp(bytes, file->digest, sizeof(bytes));
}

int catalog_verify_identities(const struct catalog *catalog, const char *folder,
                              struct file_identity *identities, struct error *err)
{
    struct check check = {catalog, calloc(catalog->file_count + 1, sizeof(bool)), identities};
    if (!check.seen)
        return error_set(err, -ENOMEM, "out of memory checking %s", folder);
    const struct tree_visitor visitor = {check_folder, check_file, &check};

    int result = tree_open_folder(folder, err);
    if (result < 0)
        goto out_seen;
    int fd = result;
    result = tree_walk(fd, &visitor, err);
    close(fd);
    for (size_t i = 0; !result && i < catalog->file_count; i++) {
        if (!check.seen[i])
            result = error_set(err, -EBADMSG, "%s is missing", catalog->files[i].path);
    }
    if (result)
        error_prefix(err, result, "the package %s fails its check", folder);
out_seen:
    free(check.seen);
    return result;
}

int catalog_verify(const struct catalog *catalog, const char *folder, struct error *err)
{
    return catalog_verify_identities(catalog, folder, NULL, err);
}
