/* SPDX-License-Identifier: MIT */
/*
 * A context's work: commands for its hardware queues, waits for fences and signals of fences, done
 * in the order in which they came. A wait holds up what follows it in the context; a signal waits
 * until the commands before it are done, as far as they named a value of their queue's progress
 * fence. Work that need not wait is done at once. Service's thread.
 *
 * What fails puts the device into its error state, and drops the context's work.
 */
#ifndef GPUPV_HOST_WORK_H
#define GPUPV_HOST_WORK_H

#include <stdint.h>

#include "host/process.h"
#include "wire/protocol.h"

/* Of a context that waits, and contexts of a process that do. More is
 * STATUS_INSUFFICIENT_RESOURCES. */
#define CONTEXT_MAX_WORK 1024
#define CONTEXT_MAX_WORK_BYTES (1024u * 1024u)
#define PROCESS_MAX_BLOCKED 256

/* `queue` NULL: the context's oldest. */
void work_submit(struct process *process, struct opened_context *context, struct hw_queue *queue,
                 uint64_t fence_value, const void *data, uint32_t size);
/* `fences` of `count`, which is at most WIRE_MAX_FENCES; each was checked (host/sync.h). */
void work_wait(struct process *process, struct opened_context *context,
               const struct wire_fence_value *fences, uint32_t count);
void work_signal(struct process *process, struct opened_context *context,
                 const struct wire_fence_value *fences, uint32_t count);

/* Does what can be done now that fences have changed, or objects have gone: to be called after. */
void work_pump(struct process *process);
/* Drops what waits: the context goes, or its device failed. */
void work_drop(struct process *process, struct opened_context *context);

/* Looks at the progress fences that something waits for. True when something still does. */
bool work_tick(struct host_core *core);

#endif
