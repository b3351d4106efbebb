/* SPDX-License-Identifier: MIT */
#include "util/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read(int dirfd, const char *path, size_t limit, char **data, size_t *size,
              struct error *err)
{
    int result;
    char *buffer = NULL;
    /* O_NONBLOCK: opening a FIFO must not hang; it is refused below. */
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set(err, -errno, "cannot open %s: %s", path, strerror(errno));

    struct stat info;
    if (fstat(fd, &info) < 0) {
        result = error_set(err, -errno, "cannot stat %s: %s", path, strerror(errno));
        goto out_close;
    }
    if (!S_ISREG(info.st_mode)) {
        result = S_ISDIR(info.st_mode)
                     ? error_set(err, -EISDIR, "%s is a folder, a file is needed", path)
                     : error_set(err, -EINVAL, "%s is not a regular file", path);
        goto out_close;
    }
    if (info.st_size < 0 || (size_t)info.st_size > limit) {
        result = error_set(err, -EFBIG, "%s has %lld bytes, at most %zu are accepted", path,
                           (long long)info.st_size, limit);
        goto out_close;
    }

    size_t capacity = (size_t)info.st_size;
    buffer = malloc(capacity + 1);
    if (!buffer) {
        result = error_set(err, -ENOMEM, "out of memory reading %s", path);
        goto out_close;
    }
    size_t used = 0;
    while (used < capacity) {
        ssize_t got = read(fd, buffer + used, capacity - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            result = error_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
            goto out_free;
        }
        if (got == 0)
            break;
        used += (size_t)got;
    }
    buffer[used] = '\0';
    *data = buffer;
    *size = used;
    close(fd);
    return 0;

out_free:
    free(buffer);
out_close:
    close(fd);
    return result;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t put = write(fd, data, size);
        if (put < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

int file_write_close(int fd, const void *data, size_t size, mode_t mode)
{
    int code = write_all(fd, data, size);
    if (!code && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
        code = -errno;
    if (close(fd) < 0 && !code)
        code = -errno;
    return code;
}

static void sync_folder_of(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(copy);
}

int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode,
                      struct error *err)
{
    struct stat old;
    if (stat(path, &old) == 0)
        mode = old.st_mode & 07777;

    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return error_set(err, -ENOMEM, "out of memory writing %s", path);
    int result;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        result = error_set(err, -errno, "cannot write beside %s: %s", path, strerror(errno));
        goto out_free;
    }
    int code = file_write_close(fd, data, size, mode);
    if (!code && rename(temporary, path) < 0)
        code = -errno;
    if (code) {
        unlink(temporary);
        result = error_set(err, code, "cannot write %s: %s", path, strerror(-code));
        goto out_free;
    }
    sync_folder_of(path);
    result = 0;
out_free:
    free(temporary);
    return result;
}

/* 0 if it was made or was there already. */
static int make_folder(const char *path, mode_t mode)
{
    struct stat info;
    if (mkdir(path, mode) == 0)
        return 0;
    int code = -errno;
    if (code != -EEXIST)
        return code;
    if (stat(path, &info) < 0)
        return -errno;
    return S_ISDIR(info.st_mode) ? 0 : -ENOTDIR;
}

int file_make_folders(const char *path, mode_t mode, struct error *err)
{
    if (!*path)
        return error_set(err, -ENOENT, "cannot make a folder: its path is empty");
    char *copy = strdup(path);
    if (!copy)
        return error_set(err, -ENOMEM, "out of memory making %s", path);
    int result = 0;
    for (char *at = copy + 1;; at++) {
        char here = *at;
        if (here != '/' && here != '\0')
            continue;
        *at = '\0';
        result = make_folder(copy, mode);
        if (result)
            error_set(err, result, "cannot make the folder %s: %s", copy, strerror(-result));
        if (result || !here)
            break;
        *at = '/';
    }
    free(copy);
    return result;
}

int folder_each(int fd, const char *name,
                int (*visit)(void *context, int folder, const char *entry, struct error *err),
                void *context, struct error *err)
{
    DIR *folder = fdopendir(fd);
    if (!folder) {
        int code = -errno;
        close(fd);
        return error_set(err, code, "cannot list the folder %s: %s", name, strerror(-code));
    }
    int result = 0;
    while (!result) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            if (errno)
                result = error_set(err, -errno, "cannot list the folder %s: %s", name,
                                   strerror(errno));
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = visit(context, dirfd(folder), entry->d_name, err);
    }
    closedir(folder);
    return result;
}
