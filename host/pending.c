/* SPDX-License-Identifier: MIT */
#include "host/pending.h"

#include <stdlib.h>
#include <string.h>

#include "host/request.h"
#include "util/log.h"

NTSTATUS pending_begin(struct process *process, pending_finish *finish, const void *data,
                       uint32_t size)
{
    struct pending_call call = {.finish = finish, .size = size, .sent = malloc(size ? size : 1)};
    if (!call.sent)
        return STATUS_NO_MEMORY;
    if (size)
        memcpy(call.sent, data, size);
    process->pending = call;
    return STATUS_SUCCESS;
}

void pending_end(struct process *process)
{
    free(process->pending.sent);
    process->pending.sent = NULL;
    process->pending.finish = NULL;
    process->pending.queue = NULL;
}

NTSTATUS pending_guard(const struct process *process, const char *what, const void *payload,
                       uint32_t size)
{
    if (!size)
        return STATUS_SUCCESS;
    if (size != process->pending.size) {
        log_error("service", "the driver \"%s\" answered %u bytes of private data with %u",
                  process->core->driver->name, process->pending.size, size);
        return STATUS_UNSUCCESSFUL;
    }
    return guard_outgoing(process, what, process->pending.sent, payload, size);
}

void process_complete(void *data, NTSTATUS status, const void *payload, uint32_t size)
{
    struct process *process = data;
    pending_finish *finish = process->pending.finish;
    if (!finish)
        return;
    if (status == STATUS_PENDING)
        status = STATUS_UNSUCCESSFUL; /* a promise of a promise */
    process->pending.head_size = 0;
    status = finish(process, status, &payload, &size);
    if (process->answered && NT_SUCCESS(status))
        process->answered(process->answered_context, status, process->pending.head,
                          process->pending.head_size, payload, size);
    else if (process->answered)
        process->answered(process->answered_context, status, NULL, 0, NULL, 0);
    pending_end(process);
}
