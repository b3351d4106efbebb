/* SPDX-License-Identifier: MIT */
/*
 * The service's side of a worker's sandbox (host/worker/sandbox.h): decides on each system call
 * that the filter does not let through. A file that the worker may have is opened here and handed
 * over; the kernel never looks at the worker's copy of the path again. Any other call is reported,
 * and stays where it is until the worker is ended.
 */
#ifndef GPUPV_HOST_WORKER_WATCH_H
#define GPUPV_HOST_WORKER_WATCH_H

#include <sys/types.h>

#include <systemd/sd-event.h>

#include "host/config.h"

struct worker_watch;

/* Where the worker's drivers come from: each an absolute folder ended by a NUL. */
struct worker_folders {
    const char *text;
    size_t size;
};

/* Takes the descriptor, also when it fails. `stopped` is called from the loop with what the worker
 * tried, for the log: "it tried to open /etc/passwd". `config` is kept for worker-files, the
 * folders are copied. */
int worker_watch_create(sd_event *event, int fd, pid_t pid, struct config *config,
                        const struct worker_folders *folders,
                        void (*stopped)(void *context, const char *what), void *context,
                        struct worker_watch **watch);
/* NULL is accepted. */
void worker_watch_destroy(struct worker_watch *watch);

#endif
