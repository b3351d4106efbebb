/* SPDX-License-Identifier: MIT */
/* Requests about hardware queues: making them, and submitting to them. */
#include <string.h>

#include "host/hw_queue.h"
#include "host/request.h"
#include "host/work.h"

NTSTATUS request_create_hw_queue(struct request *request)
{
    static const uint32_t known_flags = 0xf; /* D3DDDI_CREATEHWQUEUEFLAGS without Reserved: hints */
    struct process *process = request->process;
    struct wire_create_hw_queue_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    const void *data = wire_cursor_bytes(&request->payload, in.size);
    struct opened_context *context = handle_table_get(process->handles, in.context, OBJECT_CONTEXT);
    if (!wire_cursor_done(&request->payload) || in.flags & ~known_flags || in.reserved || !context)
        return STATUS_INVALID_PARAMETER;
    if (in.size > WIRE_MAX_PAYLOAD - sizeof(struct wire_create_hw_queue_reply))
        return STATUS_INVALID_BUFFER_SIZE; /* it could not come back */
    NTSTATUS status = process_check_device(context->device);
    if (NT_SUCCESS(status))
        status = hw_queue_create(process, context, data, in.size);
    if (status == STATUS_PENDING || !NT_SUCCESS(status))
        return status;
    size_t size = process->pending.head_size;
    memcpy(request_reply(request, size), process->pending.head, size);
    return STATUS_SUCCESS;
}

NTSTATUS request_destroy_hw_queue(struct request *request)
{
    struct process *process = request->process;
    struct hw_queue *queue =
        handle_table_get(process->handles, request_only_handle(request), OBJECT_HW_QUEUE);
    if (!queue)
        return STATUS_INVALID_PARAMETER;
    hw_queue_destroy(process, queue);
    work_pump(process);
    return STATUS_SUCCESS;
}

NTSTATUS request_submit_command(struct request *request)
{
    struct process *process = request->process;
    struct wire_submit_command_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    const void *data = wire_cursor_bytes(&request->payload, in.size);
    struct hw_queue *queue = handle_table_get(process->handles, in.queue, OBJECT_HW_QUEUE);
    struct opened_context *context =
        queue ? queue->context : handle_table_get(process->handles, in.queue, OBJECT_CONTEXT);
    if (!context)
        return STATUS_INVALID_PARAMETER;
    if (!wire_cursor_done(&request->payload))
        process_fail_device(process, context->device, STATUS_INVALID_PARAMETER, "a command");
    else
        work_submit(process, context, queue, in.fence_value, data, in.size);
    return STATUS_SUCCESS;
}
