/* SPDX-License-Identifier: MIT */
#include "host/hw_queue.h"

#include <stdlib.h>
#include <string.h>

#include "host/pending.h"

static void append(struct opened_context *context, struct hw_queue *queue)
{
    struct hw_queue **at = &context->queues;
    while (*at)
        at = &(*at)->next;
    *at = queue;
    context->queue_count++;
}

static void take_out(struct hw_queue *queue)
{
    struct hw_queue **at = &queue->context->queues;
    while (*at != queue)
        at = &(*at)->next;
    *at = queue->next;
    queue->context->queue_count--;
}

/* What the guest is told. */
static NTSTATUS describe(struct process *process, const struct hw_queue *queue)
{
    const struct wire_create_hw_queue_reply reply = {
        .fence_offset = sync_offset(process, queue->progress),
        .queue = queue->handle,
        .fence = queue->progress->handle,
    };
    _Static_assert(sizeof(reply) <= sizeof(process->pending.head), "room for the reply");
    memcpy(process->pending.head, &reply, sizeof(reply));
    process->pending.head_size = sizeof(reply);
    return STATUS_SUCCESS;
}

static NTSTATUS finish_creation(struct process *process, NTSTATUS status, const void **payload,
                                uint32_t *size)
{
    struct hw_queue *queue = process->pending.queue;
    if (NT_SUCCESS(status))
        status = pending_guard(process, "a hardware queue", *payload, *size);
    if (NT_SUCCESS(status))
        return describe(process, queue);
    hw_queue_destroy(process, queue);
    return status;
}

static NTSTATUS ask_driver(struct process *process, struct hw_queue *queue, const void *data,
                           uint32_t size)
{
    const struct host_core *core = process->core;
    struct memory *memory;
    NTSTATUS status = memory_of(process, &memory);
    struct opened_adapter *opened = queue->context->device->adapter;
    const struct adapter *adapter = process_resolve(process, opened);
    if (!NT_SUCCESS(status) || !adapter)
        return STATUS_NO_MEMORY;
    status = pending_begin(process, finish_creation, data, size);
    if (!NT_SUCCESS(status))
        return status;
    process->pending.queue = queue;
    const struct host_create_hw_queue args = {
        .adapter_index = adapter->index,
        .luid = adapter->luid,
        .context = queue->context->driver_context,
        .handle = queue->handle,
        .fence_offset = sync_offset(process, queue->progress),
        .memory = &memory->shared,
        .data = process->pending.sent,
        .size = size,
        .completion = {process_complete, process},
    };
    status = core->driver->create_hw_queue(core->driver_context, &args, &queue->driver_queue);
    if (status != STATUS_PENDING)
        pending_end(process);
    return status;
}

NTSTATUS hw_queue_create(struct process *process, struct opened_context *context, const void *data,
                         uint32_t size)
{
    const struct host_core *core = process->core;
    if (!core->driver->create_hw_queue)
        return STATUS_NOT_SUPPORTED;
    if (context->queue_count >= CONTEXT_MAX_QUEUES)
        return STATUS_INSUFFICIENT_RESOURCES;
    struct hw_queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return STATUS_NO_MEMORY;
    queue->context = context;
    NTSTATUS status = process_name(process, OBJECT_HW_QUEUE, queue, &queue->handle);
    if (!NT_SUCCESS(status))
        goto out_free;
    status = sync_create_progress(process, &queue->progress);
    if (!NT_SUCCESS(status))
        goto out_handle;
    status = ask_driver(process, queue, data, size);
    if (!NT_SUCCESS(status))
        goto out_fence;
    append(context, queue);
    process->hw_queues++;
    return status == STATUS_PENDING ? status : describe(process, queue);

out_fence:
    sync_destroy(process, queue->progress);
out_handle:
    handle_table_remove(process->handles, queue->handle, OBJECT_HW_QUEUE);
out_free:
    free(queue);
    return status;
}

void hw_queue_destroy(struct process *process, struct hw_queue *queue)
{
    const struct host_core *core = process->core;
    if (process->pending.queue == queue)
        pending_end(process); /* the driver says nothing more of it */
    if (core->driver->destroy_hw_queue)
        core->driver->destroy_hw_queue(core->driver_context, queue->driver_queue);
    take_out(queue);
    sync_destroy(process, queue->progress);
    handle_table_remove(process->handles, queue->handle, OBJECT_HW_QUEUE);
    process->hw_queues--;
    free(queue);
}

void hw_queue_destroy_all(struct process *process, struct opened_context *context)
{
    while (context->queues)
        hw_queue_destroy(process, context->queues);
}
