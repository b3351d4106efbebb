/* SPDX-License-Identifier: MIT */
/* The programs that the service runs as its children: where they are, and how they start. */
#ifndef GPUPV_HOST_PROGRAM_H
#define GPUPV_HOST_PROGRAM_H

#include <stddef.h>
#include <sys/types.h>

#include "util/error.h"

/* Finds one beside the running program, in ../libexec/gpupv of its folder, or in the configured
 * libexecdir. -ENOENT. */
int program_find(const char *name, char *path, size_t size, struct error *err);

struct program_file {
    int from, to;
};

/* Starts a child with a process group of its own, so that whatever a driver starts ends with it,
 * and the signals as a program expects them: the service blocks those that it reads from a
 * descriptor. It has /dev/null as standard input, `files`, and no other descriptor that closes on
 * exec. */
int program_start(const char *path, char *const *arguments, char *const *environment,
                  const struct program_file *files, size_t count, pid_t *pid);

#endif
