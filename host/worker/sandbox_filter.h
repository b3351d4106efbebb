/* SPDX-License-Identifier: MIT */
/* The system calls that a worker may make once a guest is assigned to it. */
#ifndef GPUPV_HOST_WORKER_SANDBOX_FILTER_H
#define GPUPV_HOST_WORKER_SANDBOX_FILTER_H

#include "util/error.h"

/* Puts the filter on all threads of the process, for good. *notify: where calls that are not
 * allowed wait for somebody's decision, or -1 where the kernel cannot do that: they then end the
 * process. */
int sandbox_filter_load(int *notify, struct error *err);

#endif
