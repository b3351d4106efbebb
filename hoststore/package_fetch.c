/* SPDX-License-Identifier: MIT */
#include "hoststore/package_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hoststore/digest.h"
#include "hoststore/signature.h"
#include "hoststore/store_layout.h"
#include "hoststore/tree.h"
#include "util/log.h"

/* More than a message of the thunk protocol holds: the source gives what it can. */
#define BLOCK (256 * 1024)
/* Left free on the disk beside the package. */
#define SPACE_MARGIN (16 * 1024 * 1024)

/* --- Small files, whole in memory --- */

static void digest_of(const void *data, size_t size, uint8_t result[CATALOG_DIGEST_SIZE])
{
    struct digest digest;
    memset(result, 0, CATALOG_DIGEST_SIZE);
    if (digest_init(&digest))
        return; /* zeros are no file's digest */
    digest_update(&digest, data, size);
    digest_result(&digest, result);
}

/* A file of at most `limit` bytes, with a NUL behind. */
static int fetch_small(const struct offered_package *package, const struct package_source *source,
                       const char *path, size_t limit, const uint8_t *wanted, char **data,
                       size_t *size, struct error *err)
{
    char *buffer = malloc(limit + 1);
    if (!buffer)
        return error_set(err, -ENOMEM, "out of memory reading %s", path);
    size_t used = 0;
    int result;
    for (;;) {
        struct offered_file file;
        size_t got = limit - used;
        result = source->read(source->context, package->name, path, used, buffer + used, &got,
                              &file, err);
        if (result)
            goto out_buffer;
        if (file.size > limit) {
            result = error_set(err, -EFBIG, "%s has %llu bytes, at most %zu are accepted", path,
                               (unsigned long long)file.size, limit);
            goto out_buffer;
        }
        used += got;
        if (!got || used == limit)
            break;
    }
    buffer[used] = '\0';
    uint8_t digest[CATALOG_DIGEST_SIZE];
    digest_of(buffer, used, digest);
    if (memcmp(digest, wanted, sizeof(digest)) != 0) {
        result = error_set(err, -EBADMSG, "%s is not the one that the host offered", path);
        goto out_buffer;
    }
    *data = buffer;
    *size = used;
    return 0;
out_buffer:
    free(buffer);
    return result;
}

int package_fetch_signature(const struct offered_package *package,
                            const struct package_source *source, char **data, size_t *size,
                            struct error *err)
{
    return fetch_small(package, source, SIGNATURE_FILE, SIGNATURE_FILE_LIMIT,
                       package->signature_digest, data, size, err);
}

static int write_all(int fd, const void *data, size_t size, uint64_t offset)
{
    const char *bytes = data;
    for (size_t done = 0; done < size;) {
        ssize_t written = pwrite(fd, bytes + done, size - done, (off_t)(offset + done));
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0)
            done += (size_t)written;
    }
    return 0;
}

static int write_small(int folder, const char *name, const void *data, size_t size,
                       struct error *err)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    int result = fd < 0 ? -errno : write_all(fd, data, size, 0);
    if (!result && (fchmod(fd, 0644) < 0 || fsync(fd) < 0))
        result = -errno;
    if (fd >= 0)
        close(fd);
    return result ? error_set(err, result, "cannot write %s: %s", name, strerror(-result)) : 0;
}

/* The catalog comes first, and anew with each try: it tells what else there is. */
static int fetch_catalog(struct fetch *fetch, struct catalog **catalog, struct error *err)
{
    char *text, *name;
    size_t size;
    int result = fetch_small(fetch->package, fetch->source, CATALOG_FILE, CATALOG_MAX_SIZE,
                             fetch->package->catalog_digest, &text, &size, err);
    if (result)
        return result;
    result = catalog_parse(CATALOG_FILE, text, size, catalog, err);
    if (result)
        goto out_text;
    result = store_folder_name(*catalog, text, size, &name);
    if (result) {
        error_set(err, result, "cannot check the package's name: %s", strerror(-result));
        goto out_catalog;
    }
    if (strcmp(name, fetch->package->name) != 0)
        result = error_set(err, -EBADMSG, "its catalog is that of a package %s", name);
    free(name);
    if (!result)
        result = write_small(fetch->folder, CATALOG_FILE, text, size, err);
    if (!result) {
        fetch->copied += size;
        free(text);
        return 0;
    }
out_catalog:
    catalog_destroy(*catalog);
out_text:
    free(text);
    return result;
}

static int fetch_signature(struct fetch *fetch, struct error *err)
{
    char *data;
    size_t size;
    if (!fetch->package->signature_size) {
        unlinkat(fetch->folder, SIGNATURE_FILE, 0);
        return 0;
    }
    int result = package_fetch_signature(fetch->package, fetch->source, &data, &size, err);
    if (result)
        return result;
    result = write_small(fetch->folder, SIGNATURE_FILE, data, size, err);
    free(data);
    fetch->copied += size;
    return result;
}

/* --- The catalog's files --- */

static int report_progress(const struct fetch *fetch)
{
    const struct copy_events *events = fetch->events;
    if (!events)
        return 0;
    if (events->progress)
        events->progress(events->context, fetch->package->name, fetch->copied + fetch->reused,
                         fetch->reused, fetch->total);
    return events->cancelled && events->cancelled(events->context) ? -ECANCELED : 0;
}

static int cancelled(struct error *err)
{
    return error_set(err, -ECANCELED, "interrupted; the next start goes on from here");
}

/* Opens the folder that the last component of `path` lies in, and makes what is missing. Nobody
 * else writes here; a link is refused all the same. */
static int open_parent(int folder, const char *path, const char **name, struct error *err)
{
    int at = folder;
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        char *part = strndup(path, (size_t)(slash - path));
        if (!part)
            return error_set(err, -ENOMEM, "out of memory");
        bool made = mkdirat(at, part, 0755) == 0;
        int next = made || errno == EEXIST
                       ? openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                       : -1;
        int code = -errno;
        if (next >= 0 && made && fchmod(next, 0755) < 0) {
            code = -errno;
            close(next);
            next = -1;
        }
        if (at != folder)
            close(at);
        if (next < 0)
            error_set(err, code, "cannot make the folder %s: %s", part, strerror(-code));
        free(part);
        if (next < 0)
            return code;
        at = next;
    }
    *name = path;
    return at == folder ? fcntl(folder, F_DUPFD_CLOEXEC, 0) : at;
}

static int open_target(int folder, const char *path, uint64_t *have, struct error *err)
{
    const char *name = path;
    int parent = open_parent(folder, path, &name, err);
    if (parent < 0)
        return parent;
    const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = openat(parent, name, flags, 0644);
    int code = -errno;
    close(parent);
    struct stat info;
    if (fd < 0)
        return error_set(err, code, "cannot write %s: %s", path, strerror(-code));
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1) {
        close(fd);
        return error_set(err, -EBADMSG, "%s is not a file of an earlier copy", path);
    }
    *have = (uint64_t)info.st_size;
    return fd;
}

/* A file on its way. */
struct transfer {
    struct fetch *fetch;
    const struct catalog_file *file;
    int fd;
    uint64_t reused; /* bytes that were there */
    struct digest digest;
    uint8_t *block;
};

static int drop_contents(struct transfer *transfer, struct error *err)
{
    int result = ftruncate(transfer->fd, 0) < 0 ? -errno : digest_init(&transfer->digest);
    transfer->fetch->reused -= transfer->reused;
    transfer->reused = 0;
    return result ? error_set(err, result, "cannot begin %s again: %s", transfer->file->path,
                              strerror(-result))
                  : 0;
}

/* The digest of what is there already. */
static int take_over(struct transfer *transfer, uint64_t have, struct error *err)
{
    struct fetch *fetch = transfer->fetch;
    while (transfer->reused < have) {
        ssize_t got = pread(transfer->fd, transfer->block, BLOCK, (off_t)transfer->reused);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set(err, got ? -errno : -EIO, "cannot read the part that is there of %s",
                             transfer->file->path);
        digest_update(&transfer->digest, transfer->block, (size_t)got);
        transfer->reused += (uint64_t)got;
        fetch->reused += (uint64_t)got;
        if (report_progress(fetch))
            return cancelled(err);
    }
    return 0;
}

/* Reads what is missing. One read is made in any case, for the file's time and mode. */
static int read_rest(struct transfer *transfer, struct offered_file *info, struct error *err)
{
    struct fetch *fetch = transfer->fetch;
    const struct catalog_file *file = transfer->file;
    uint64_t at = transfer->reused;
    do {
        size_t size = file->size - at < BLOCK ? (size_t)(file->size - at) : BLOCK;
        size_t wanted = size;
        int result = fetch->source->read(fetch->source->context, fetch->package->name, file->path,
                                         at, transfer->block, &size, info, err);
        if (result)
            return result;
        if (info->size != file->size)
            return error_set(err, -EBADMSG, "%s has %llu bytes on the host, its catalog says %llu",
                             file->path, (unsigned long long)info->size,
                             (unsigned long long)file->size);
        if (size > wanted || (wanted && !size))
            return error_set(err, -EBADMSG, "%s ends early on the host", file->path);
        result = write_all(transfer->fd, transfer->block, size, at);
        if (result)
            return error_set(err, result, "cannot write %s: %s", file->path, strerror(-result));
        digest_update(&transfer->digest, transfer->block, size);
        at += size;
        fetch->copied += size;
        if (report_progress(fetch))
            return cancelled(err);
    } while (at < file->size);
    return 0;
}

static bool is_right(struct transfer *transfer)
{
    uint8_t digest[CATALOG_DIGEST_SIZE];
    digest_result(&transfer->digest, digest);
    return !memcmp(digest, transfer->file->digest, sizeof(digest));
}

static int transfer_contents(struct transfer *transfer, uint64_t have, struct offered_file *info,
                             struct error *err)
{
    const char *path = transfer->file->path;
    int result = digest_init(&transfer->digest);
    if (result)
        return error_set(err, result, "cannot compute digests: %s", strerror(-result));
    if (have > transfer->file->size) {
        result = drop_contents(transfer, err);
        have = 0;
    }
    if (!result)
        result = take_over(transfer, have, err);
    if (!result)
        result = read_rest(transfer, info, err);
    if (result || is_right(transfer))
        return result;
    if (have) {
        /* What a crash left may be anything. */
        log_info("guest", "the part of %s that was there is not good; it is copied anew", path);
        result = drop_contents(transfer, err);
        if (!result)
            result = read_rest(transfer, info, err);
        if (result || is_right(transfer))
            return result;
    }
    return error_set(err, -EBADMSG,
                     "%s is altered on the host: its contents are not those of the catalog; look "
                     "there with: gpupv host store verify",
                     path);
}

static int fetch_file(struct fetch *fetch, const struct catalog_file *file, uint8_t *block,
                      struct error *err)
{
    uint64_t have = 0;
    int fd = open_target(fetch->folder, file->path, &have, err);
    if (fd < 0)
        return fd;
    struct transfer transfer = {.fetch = fetch, .file = file, .fd = fd, .block = block};
    struct offered_file info = {0};
    int result = transfer_contents(&transfer, have, &info, err);
    if (result == -EBADMSG)
        (void)!ftruncate(fd, 0); /* not taken for a good part another time */
    if (!result) {
        const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, info.modified};
        if (fchmod(fd, info.executable ? 0755 : 0644) < 0 || futimens(fd, times) < 0 ||
            fsync(fd) < 0)
            result = error_set(err, -errno, "cannot finish %s: %s", file->path, strerror(errno));
    }
    close(fd);
    return result;
}

/* --- All of it --- */

static int check_space(const struct fetch *fetch, const struct catalog *catalog, struct error *err)
{
    uint64_t needed = SPACE_MARGIN;
    for (size_t i = 0; i < catalog->file_count; i++) {
        struct stat info;
        uint64_t size = catalog->files[i].size;
        if (fstatat(fetch->folder, catalog->files[i].path, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            (uint64_t)info.st_size <= size)
            size -= (uint64_t)info.st_size;
        if (__builtin_add_overflow(needed, size, &needed))
            needed = UINT64_MAX;
    }
    struct statvfs disk;
    if (fstatvfs(fetch->folder, &disk) < 0)
        return error_set(err, -errno, "cannot tell how much space is left: %s", strerror(errno));
    uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (needed <= left)
        return 0;
    return error_set(err, -ENOSPC, "it needs %llu MiB more on the disk, %llu MiB are left",
                     (unsigned long long)(needed >> 20), (unsigned long long)(left >> 20));
}

static int sync_folder(void *context, const char *path, struct error *err)
{
    int fd = openat(*(const int *)context, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return result ? error_set(err, result, "cannot bring the folder %s to the disk: %s", path,
                              strerror(-result))
                  : 0;
}

static int skip_file(void *context, const char *path, int fd, const struct stat *info,
                     struct error *err)
{
    (void)context, (void)path, (void)fd, (void)info, (void)err;
    return 0;
}

static int sync_folders(int folder, struct error *err)
{
    const struct tree_visitor visitor = {sync_folder, skip_file, &folder};
    int result = tree_walk(folder, &visitor, err);
    return result ? result : sync_folder(&folder, ".", err);
}

int package_fetch(struct fetch *fetch, struct catalog **catalog, struct error *err)
{
    struct catalog *found;
    fetch->copied = fetch->reused = 0;
    fetch->total = fetch->package->size;
    int result = fetch_catalog(fetch, &found, err);
    if (result)
        return result;
    result = fetch_signature(fetch, err);
    if (result)
        goto out_catalog;
    fetch->total = fetch->copied;
    for (size_t i = 0; i < found->file_count; i++)
        fetch->total += found->files[i].size;
    result = check_space(fetch, found, err);
    uint8_t *block = result ? NULL : malloc(BLOCK);
    if (!result && !block)
        result = error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < found->file_count && !result; i++)
        result = fetch_file(fetch, &found->files[i], block, err);
    free(block);
    if (!result)
        result = sync_folders(fetch->folder, err);
    if (result)
        goto out_catalog;
    *catalog = found;
    return 0;
out_catalog:
    catalog_destroy(found);
    return result;
}
