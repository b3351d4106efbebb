/* SPDX-License-Identifier: MIT */
#include "hoststore/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/catalog.h"
#include "hoststore/open_beneath.h"
#include "hoststore/paths.h"
#include "util/file.h"

/* O_NONBLOCK: opening a FIFO that replaced a file between check and use must not hang. */
#define OPEN_FILE (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

const char *tree_kind(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "a file";
    case S_IFDIR:
        return "a folder";
    case S_IFLNK:
        return "a symbolic link";
    case S_IFIFO:
        return "a pipe";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a device";
    }
}

int tree_open_folder(const char *path, struct error *err)
{
    int fd = open(path, OPEN_FOLDER);
    if (fd >= 0)
        return fd;
    int code = -errno;
    struct stat info;
    if (lstat(path, &info) == 0 && !S_ISDIR(info.st_mode))
        return error_set(err, -ENOTDIR, "%s is %s, a folder is needed", path,
                         tree_kind(info.st_mode));
    return error_set(err, code, "cannot open the folder %s: %s", path, strerror(-code));
}

/* Opens one entry of a folder after a look at what it is. `path` is for messages. */
static int open_entry(int folder, const char *name, const char *path, mode_t wanted,
                      struct error *err)
{
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(err, -errno, "cannot look at %s: %s", path, strerror(errno));
    if ((info.st_mode & S_IFMT) != wanted)
        return error_set(err, -EBADMSG, "%s is %s, %s is needed", path, tree_kind(info.st_mode),
                         tree_kind(wanted));
    int fd = openat(folder, name, wanted == S_IFDIR ? OPEN_FOLDER : OPEN_FILE);
    if (fd < 0)
        return error_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
    /* It may have been replaced since the look. */
    if (fstat(fd, &info) < 0 || (info.st_mode & S_IFMT) != wanted) {
        close(fd);
        return error_set(err, -EBADMSG, "%s changed while it was opened", path);
    }
    return fd;
}

/* Why a path cannot be opened as a file: walks it, and names the component that is wrong. */
static int explain(int folder, const char *path, int code, struct error *err)
{
    char *copy = strdup(path);
    if (!copy)
        return error_set(err, -ENOMEM, "out of memory opening %s", path);
    int at = folder, result;
    for (char *name = copy;;) {
        char *slash = strchr(name, '/');
        if (slash)
            *slash = '\0';
        result = open_entry(at, name, copy, slash ? S_IFDIR : S_IFREG, err);
        if (at != folder)
            close(at);
        if (result < 0 || !slash)
            break;
        at = result;
        *slash = '/';
        name = slash + 1;
    }
    free(copy);
    if (result < 0)
        return result;
    close(result); /* it is well by now; what was wrong is told */
    return error_set(err, code, "cannot open %s: %s", path, strerror(-code));
}

int tree_open_file(int folder, const char *path, struct error *err)
{
    struct stat info;
    int fd = open_beneath(folder, path, OPEN_FILE);
    if (fd < 0)
        return store_path_check_relative(path, err) ? -EPERM : explain(folder, path, fd, err);
    if (fstat(fd, &info) < 0) {
        int code = -errno;
        close(fd);
        return error_set(err, code, "cannot look at %s: %s", path, strerror(-code));
    }
    if (!S_ISREG(info.st_mode)) {
        close(fd);
        return error_set(err, -EBADMSG, "%s is %s, %s is needed", path, tree_kind(info.st_mode),
                         tree_kind(S_IFREG));
    }
    return fd;
}

int tree_read(int folder, const char *path, size_t limit, char **data, size_t *size,
              struct error *err)
{
    int fd = tree_open_file(folder, path, err);
    if (fd < 0)
        return fd;
    int result = 0;
    char *buffer = NULL;
    struct stat info;
    if (fstat(fd, &info) < 0) {
        result = error_set(err, -errno, "cannot look at %s: %s", path, strerror(errno));
        goto out_close;
    }
    if ((uint64_t)info.st_size > limit) {
        result = error_set(err, -EFBIG, "%s has %lld bytes, at most %zu are accepted", path,
                           (long long)info.st_size, limit);
        goto out_close;
    }
    size_t used = 0, wanted = (size_t)info.st_size;
    buffer = malloc(wanted + 1);
    if (!buffer) {
        result = error_set(err, -ENOMEM, "out of memory reading %s", path);
        goto out_close;
    }
    while (used < wanted) {
        ssize_t got = read(fd, buffer + used, wanted - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            result = error_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
            free(buffer);
            goto out_close;
        }
        if (got == 0)
            break;
        used += (size_t)got;
    }
    buffer[used] = '\0';
    *data = buffer;
    *size = used;
out_close:
    close(fd);
    return result;
}

static int walk_folder(int fd, const char *path, int depth, const struct tree_visitor *visitor,
                       struct error *err);

static int visit_folder(int parent, const char *name, const char *path, int depth,
                        const struct tree_visitor *visitor, struct error *err)
{
    if (depth >= CATALOG_MAX_DEPTH)
        return error_set(err, -EBADMSG,
                         "%s lies deeper than the %d folders that a package may have", path,
                         CATALOG_MAX_DEPTH);
    int result = visitor->folder(visitor->context, path, err);
    if (result)
        return result;
    int fd = open_entry(parent, name, path, S_IFDIR, err);
    return fd < 0 ? fd : walk_folder(fd, path, depth + 1, visitor, err);
}

static int visit_file(int parent, const char *name, const char *path,
                      const struct tree_visitor *visitor, struct error *err)
{
    int fd = open_entry(parent, name, path, S_IFREG, err);
    if (fd < 0)
        return fd;
    struct stat info;
    int result = fstat(fd, &info) < 0
                     ? error_set(err, -errno, "cannot look at %s: %s", path, strerror(errno))
                     : visitor->file(visitor->context, path, fd, &info, err);
    close(fd);
    return result;
}

static int visit(int parent, const char *name, const char *folder_path, int depth,
                 const struct tree_visitor *visitor, struct error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s%s%s", folder_path, *folder_path ? "/" : "", name) < 0)
        return error_set(err, -ENOMEM, "out of memory reading the folder %s", folder_path);
    struct stat info;
    int result;
    if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        result = error_set(err, -errno, "cannot look at %s: %s", path, strerror(errno));
    else if (S_ISDIR(info.st_mode))
        result = visit_folder(parent, name, path, depth, visitor, err);
    else
        result = visit_file(parent, name, path, visitor, err);
    free(path);
    return result;
}

struct walk {
    const char *path;
    int depth;
    const struct tree_visitor *visitor;
};

static int walk_entry(void *context, int folder, const char *entry, struct error *err)
{
    const struct walk *walk = context;
    return visit(folder, entry, walk->path, walk->depth, walk->visitor, err);
}

/* Takes over `fd`. */
static int walk_folder(int fd, const char *path, int depth, const struct tree_visitor *visitor,
                       struct error *err)
{
    struct walk walk = {path, depth, visitor};
    return folder_each(fd, path, walk_entry, &walk, err);
}

int tree_walk(int folder, const struct tree_visitor *visitor, struct error *err)
{
    /* A descriptor of its own: the caller's keeps its position in the listing. */
    int fd = openat(folder, ".", OPEN_FOLDER);
    if (fd < 0)
        return error_set(err, -errno, "cannot list the folder: %s", strerror(errno));
    return walk_folder(fd, "", 0, visitor, err);
}
