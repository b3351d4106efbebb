/* SPDX-License-Identifier: MIT */
/*
 * The worker's own sandbox, in two steps: sandbox_prepare first of all in main(), while there is
 * one thread; sandbox_enter when the driver is loaded, before a guest is assigned. From then on the
 * process computes, uses the descriptors that it has, and asks for files: each system call that
 * opens or looks at a path waits for the service (host/worker_watch.h), which hands the file over
 * or ends the worker. So it does for every call that a driver has no use for.
 */
#ifndef GPUPV_HOST_WORKER_SANDBOX_H
#define GPUPV_HOST_WORKER_SANDBOX_H

#include <pthread.h>
#include <stdbool.h>

#include "util/error.h"

struct sandbox {
    bool namespaces, root_is_empty;
    /* The one thread that keeps its capabilities, to take the file system away at the end. It waits
     * on this pipe. */
    int order[2];
    bool has_keeper;
    pthread_t keeper;
};

/* No new privileges, ends with its parent, no core files; user, mount, network and IPC namespaces
 * where the kernel grants them; capabilities are dropped. Fails with the negative errno of
 * something that no kernel refuses. */
int sandbox_prepare(struct sandbox *sandbox, struct error *err);

/* An empty root folder where there is a mount namespace, limits, and the filter for all threads.
 * *notify: the descriptor that the service needs, to be sent with LINK_READY and closed; -1 on a
 * kernel without it, where each such call ends the process at once. -ENOSYS: the kernel has no
 * seccomp filters. */
int sandbox_enter(struct sandbox *sandbox, int *notify, struct error *err);

#endif
