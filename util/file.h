/* SPDX-License-Identifier: MIT */
/* Whole files: bounded reads and atomic writes. Errors are negative errno; see util/error.h. */
#ifndef GPUPV_UTIL_FILE_H
#define GPUPV_UTIL_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "util/error.h"

/* Reads a regular file of at most `limit` bytes, opened relative to `dirfd` (AT_FDCWD for the
 * working directory). *data gets a malloc'ed buffer with a NUL after its *size bytes; the caller
 * frees it. Fails with -EFBIG over the limit and -EISDIR/-EINVAL for what is not a regular file. */
int file_read(int dirfd, const char *path, size_t limit, char **data, size_t *size,
              struct error *err);

/* Writes beside the target, fsyncs, renames over it and fsyncs the folder: after a crash the file
 * holds either the old or the new contents. A target that exists keeps its mode; else `mode`. */
int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode,
                      struct error *err);

/* Writes all, sets the mode, fsyncs and closes `fd`, which is closed on failure, too. 0 or the first
 * error, a negative errno. */
int file_write_close(int fd, const void *data, size_t size, mode_t mode);

/* mkdir -p. */
int file_make_folders(const char *path, mode_t mode, struct error *err);

/* Calls `visit` for each entry of a folder but "." and "..", until it returns something else than 0,
 * which is then returned. Takes over `fd`; `name` stands for the folder in messages. `folder` is a
 * descriptor of it, for the *at() functions. */
int folder_each(int fd, const char *name,
                int (*visit)(void *context, int folder, const char *entry, struct error *err),
                void *context, struct error *err);

#endif
