/* SPDX-License-Identifier: MIT */
/*
 * Folder trees read without following a symbolic link anywhere below the folder that the caller
 * has open. Private to hoststore. Thread-safe.
 */
#ifndef GPUPV_HOSTSTORE_TREE_H
#define GPUPV_HOSTSTORE_TREE_H

#include <stddef.h>
#include <sys/stat.h>

#include "util/error.h"

/* Opens a folder for reading; its last component may not be a link. The result is a descriptor or
 * a negative errno. */
int tree_open_folder(const char *path, struct error *err);

/* Opens the regular file at the relative path `path` below `folder` for reading (open_beneath.h). A
 * descriptor, or as tree_read; -EPERM for a path that store_path_check_relative refuses. */
int tree_open_file(int folder, const char *path, struct error *err);

/* Reads the regular file at the relative path `path` below `folder`. -ENOENT when it or a folder
 * on the way is missing, -EBADMSG when there is a link or something that is no file, -EFBIG. *data
 * has a NUL behind and is freed by the caller. */
int tree_read(int folder, const char *path, size_t limit, char **data, size_t *size,
              struct error *err);

/* Called by tree_walk; a result other than 0 ends the walk. */
struct tree_visitor {
    /* A folder is met, before what is in it. */
    int (*folder)(void *context, const char *path, struct error *err);
    /* A regular file, open for reading. The descriptor is the walk's. */
    int (*file)(void *context, const char *path, int fd, const struct stat *info,
                struct error *err);
    void *context;
};

/* Visits all that is below `folder`, in no order, with paths relative to it. What is neither a
 * regular file nor a folder, and a folder deeper than CATALOG_MAX_DEPTH, is -EBADMSG. */
int tree_walk(int folder, const struct tree_visitor *visitor, struct error *err);

/* "a symbolic link", "a folder", … for messages. */
const char *tree_kind(mode_t mode);

#endif
