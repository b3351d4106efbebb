/* SPDX-License-Identifier: MIT */
/* Sparse binds, which drivers do not judge: what they name must lie within its memory. */
#ifndef GPUPV_HOST_WORKER_EXEC_SPARSE_H
#define GPUPV_HOST_WORKER_EXEC_SPARSE_H

#include "host/worker/exec.h"

/* False: the stream has failed. The binds have the driver's handles. */
bool exec_sparse_fits(struct exec *x, uint32_t count, const VkBindSparseInfo *infos);

#endif
