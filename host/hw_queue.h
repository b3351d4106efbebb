/* SPDX-License-Identifier: MIT */
/*
 * Hardware queues of a context: the driver's queue, and the fence that tells the guest how far it
 * is. Service's thread.
 */
#ifndef GPUPV_HOST_HW_QUEUE_H
#define GPUPV_HOST_HW_QUEUE_H

#include <stdint.h>

#include "host/process.h"
#include "host/sync.h"

#define CONTEXT_MAX_QUEUES 64

struct hw_queue {
    struct hw_queue *next; /* of the context's, the younger one */
    struct opened_context *context;
    uint32_t handle;
    void *driver_queue;
    struct sync_object *progress;
    uint64_t submitted; /* the value of the progress fence that its commands named last */
};

/* STATUS_INSUFFICIENT_RESOURCES: the context has CONTEXT_MAX_QUEUES. Fills process->pending.head
 * with a struct wire_create_hw_queue_reply on success. STATUS_PENDING: the process' pending call
 * tells later; its `sent` holds the private data. */
NTSTATUS hw_queue_create(struct process *process, struct opened_context *context, const void *data,
                         uint32_t size);
void hw_queue_destroy(struct process *process, struct hw_queue *queue);
/* The context goes. */
void hw_queue_destroy_all(struct process *process, struct opened_context *context);

#endif
