/* SPDX-License-Identifier: MIT */
/* What of completion (exec_sync.c) others than the stream's loop need; that part is in exec.h. */
#ifndef GPUPV_HOST_WORKER_EXEC_SYNC_H
#define GPUPV_HOST_WORKER_EXEC_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "host/worker/exec.h"

/* Waits until all submissions have finished, at most `timeout` nanoseconds in all. False when some
 * have not: one may wait for a semaphore that nobody will signal. True when the device is lost. On
 * the stream's thread. */
bool exec_sync_idle(struct exec *x, uint64_t timeout);

/* The first submission behind `completed` that signals the timeline, or `until`, which does. Drivers
 * take any value to wait for, validation layers want one that comes. Of more than EXEC_SIGNALS
 * submissions it may be one that does not. Any thread. */
uint64_t exec_queue_next_signal(const struct exec_queue *queue, uint64_t completed, uint64_t until);

/* Submissions of a queue that have finished, as the guest was told. Any thread. */
uint64_t exec_sync_completed(struct exec *x, uint32_t queue);

/* Forgets the semaphores that the guest has destroyed (exec_semaphore.c), and destroys them if the
 * device is idle. */
void exec_semaphores_finish(struct exec *x, bool idle);

#endif
