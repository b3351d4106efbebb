/* SPDX-License-Identifier: MIT */
/*
 * A request whose answer the driver still owes (struct pending_call). The driver tells it by
 * process_complete, or never: then the process is gone, or the queue that it was about. Service's
 * thread.
 */
#ifndef GPUPV_HOST_PENDING_H
#define GPUPV_HOST_PENDING_H

#include "host/process.h"

/* Before the driver is called. process->pending.sent gets a copy of the data. STATUS_NO_MEMORY. */
NTSTATUS pending_begin(struct process *process, pending_finish *finish, const void *data,
                       uint32_t size);
/* No answer is awaited any more. What has begun before may have ended: then it does nothing. */
void pending_end(struct process *process);

/* Checks what the driver gives back for the private data that the guest sent: none, or as many
 * bytes, which the guard searches. STATUS_UNSUCCESSFUL. */
NTSTATUS pending_guard(const struct process *process, const char *what, const void *payload,
                       uint32_t size);

#endif
