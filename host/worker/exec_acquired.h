/* SPDX-License-Identifier: MIT */
/* Semaphores that the guest's window system has signalled: see exec_acquired.c. */
#ifndef GPUPV_HOST_WORKER_EXEC_ACQUIRED_H
#define GPUPV_HOST_WORKER_EXEC_ACQUIRED_H

#include "host/worker/exec.h"

/* STREAM_SIGNAL_ACQUIRED. */
void exec_signal_acquired(struct exec *x, const struct stream_object *command);
/* Whether the semaphore is one of them, which it then no longer is. */
bool exec_take_acquired(struct exec *x, VkSemaphore semaphore);
/* Take what need not be waited for out of batches, which lie in private memory. */
void exec_drop_acquired(struct exec *x, uint32_t count, VkSubmitInfo *batches);
void exec_drop_acquired2(struct exec *x, uint32_t count, VkSubmitInfo2 *batches);
void exec_drop_acquired_sparse(struct exec *x, uint32_t count, VkBindSparseInfo *batches);

/* The structure of a type in a chain, which lies in the batch and may be changed (exec_queue.c). */
void *exec_find_in_chain(const void *next, VkStructureType type);

#endif
