/* SPDX-License-Identifier: MIT */
/*
 * Does for a worker what it asked of the file system: opens a file and puts the descriptor into it,
 * or tells it what a file is. That happens on a thread of its own, since a driver in the kernel may
 * take seconds to open its device.
 */
#ifndef GPUPV_HOST_WORKER_OPEN_H
#define GPUPV_HOST_WORKER_OPEN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum worker_call {
    WORKER_CALL_OPEN,
    WORKER_CALL_STAT,
    WORKER_CALL_ACCESS,
    WORKER_CALL_READLINK,
};

struct worker_open {
    int notify;  /* descriptor of the sandbox */
    uint64_t id; /* of the call there */
    pid_t pid;
    enum worker_call call;
    int flags;         /* open's; AT_SYMLINK_NOFOLLOW for stat; the mode for access */
    bool granted;      /* whatever its mode is, and to write to */
    uint64_t to, size; /* where the answer goes in the worker's memory */
    char path[PATH_MAX];
};

/* Answers the call, now or later, with a copy of all this. */
void worker_open_start(const struct worker_open *request);

/* Answers it with a negative errno, or with 0. */
void worker_open_answer(int notify, uint64_t id, int result);

#endif
