/* SPDX-License-Identifier: MIT */
/*
 * Which files a worker may have: what drivers open when they make a device. Everything else is the
 * host's. Patterns are those of a shell, and '*' matches '/' as well.
 */
#ifndef GPUPV_HOST_WORKER_FILES_H
#define GPUPV_HOST_WORKER_FILES_H

#include "host/config.h"

enum worker_file {
    WORKER_FILE_STOP,    /* nobody has a reason to open it */
    WORKER_FILE_MISSING, /* drivers look for it, and do without */
    WORKER_FILE_PUBLIC,  /* a device, or a file that anybody on the host may read */
    WORKER_FILE_GRANTED, /* by the configuration (worker-files) */
};

/* `path` is absolute. One with a component ".." is nobody's. `folders`: where the worker's drivers
 * come from, each ended by a NUL, `size` bytes in all; the libraries there are public. */
enum worker_file worker_files_judge(const char *path, const struct config_patterns *granted,
                                    const char *folders, size_t size);

#endif
