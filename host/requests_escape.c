/* SPDX-License-Identifier: MIT */
/*
 * D3DKMTEscape on the host's side. Known escapes are answered here, from the calling process' own
 * handle table, or name an event to the driver; others go to the driver, unless the VM is secure or
 * has none. What the driver leaves in the private data is guarded.
 */
#include <string.h>

#include "host/pending.h"
#include "host/request.h"
#include "host/sync.h"
#include "wire/stream.h"

/* What an escape is about, or NULLs. */
struct target {
    struct opened_adapter *opened;
    const struct adapter *adapter;
    struct opened_device *device;
    struct opened_context *context;
};

static bool find_target(struct request *request, const struct wire_escape_request *in,
                        struct target *target)
{
    const struct handle_table *handles = request->process->handles;
    *target = (struct target){.opened = request_adapter(request, in->adapter)};
    if (!target->opened)
        return false;
    if (in->device) {
        target->device = handle_table_get(handles, in->device, OBJECT_DEVICE);
        if (!target->device || target->device->adapter->luid != target->opened->luid)
            return false;
    }
    if (in->context) {
        target->context = handle_table_get(handles, in->context, OBJECT_CONTEXT);
        if (!target->context || (target->device && target->context->device != target->device) ||
            target->context->device->adapter->luid != target->opened->luid)
            return false;
    }
    return true;
}

/* Both structures are an escape type and a handle. The host's handle is the guest's: there is one
 * table for a process, and both sides speak of its names. */
static NTSTATUS translate_handle(struct request *request, uint32_t type, const void *data,
                                 uint32_t size)
{
    D3DDDI_DRIVERESCAPE_TRANSLATEALLOCATIONEHANDLE in;
    if (size != sizeof(in))
        return STATUS_INVALID_PARAMETER;
    memcpy(&in, data, sizeof(in));
    if (!handle_table_get(request->process->handles, in.hAllocation, type))
        return STATUS_INVALID_PARAMETER;
    memcpy(request_reply(request, sizeof(in)), &in, sizeof(in));
    return STATUS_SUCCESS;
}

static NTSTATUS driver_escape(struct request *request, const struct wire_escape_request *in,
                              const struct target *target, const void *data);

/* Names an event of the guest's to the driver, which gets the number by which it signals it. */
static NTSTATUS event_usage(struct request *request, const struct wire_escape_request *in,
                            const struct target *target, const void *data)
{
    D3DDDI_DRIVERESCAPE_CPUEVENTUSAGE usage;
    if (in->size != sizeof(usage))
        return STATUS_INVALID_PARAMETER;
    memcpy(&usage, data, sizeof(usage));
    if (!sync_is_notification(request->process, usage.hSyncObject))
        return STATUS_INVALID_PARAMETER;
    usage.hKmdCpuEvent = usage.hSyncObject;
    return driver_escape(request, in, target, &usage);
}

static NTSTATUS known_escape(struct request *request, const struct wire_escape_request *in,
                             const struct target *target, const void *data)
{
    uint32_t type, size = in->size;
    if (size < sizeof(type))
        return STATUS_INVALID_PARAMETER;
    memcpy(&type, data, sizeof(type));
    switch (type) {
    case D3DDDI_DRIVERESCAPETYPE_TRANSLATEALLOCATIONHANDLE:
        return translate_handle(request, OBJECT_ALLOCATION, data, size);
    case D3DDDI_DRIVERESCAPETYPE_TRANSLATERESOURCEHANDLE:
        return translate_handle(request, OBJECT_RESOURCE, data, size);
    case D3DDDI_DRIVERESCAPETYPE_CPUEVENTUSAGE:
        return event_usage(request, in, target, data);
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

/* A driver that has nothing to say leaves the data as it came. */
static NTSTATUS finish_escape(struct process *process, NTSTATUS status, const void **payload,
                              uint32_t *size)
{
    bool poll = stream_is_poll(process->pending.sent, process->pending.size);
    if (NT_SUCCESS(status) && !(poll && *size == process->pending.size))
        status = pending_guard(process, "escape", *payload, *size);
    if (NT_SUCCESS(status) && !*size) {
        *payload = process->pending.sent;
        *size = process->pending.size;
    }
    return status;
}

static NTSTATUS driver_escape(struct request *request, const struct wire_escape_request *in,
                              const struct target *target, const void *data)
{
    const struct host_core *core = request->process->core;
    if (!core->driver->escape)
        return STATUS_NOT_SUPPORTED;
    const struct adapter *adapter = process_resolve(request->process, target->opened);
    if (!adapter)
        return STATUS_NO_MEMORY;

    /* The driver works in the reply: the message itself stays as it came. */
    void *copy = request_reply(request, in->size);
    if (!copy)
        return STATUS_INVALID_BUFFER_SIZE;
    if (in->size)
        memcpy(copy, data, in->size);
    NTSTATUS status = pending_begin(request->process, finish_escape, data, in->size);
    if (!NT_SUCCESS(status))
        return status;
    struct host_escape args = {
        .adapter_index = adapter->index,
        .luid = adapter->luid,
        .process = request->process->driver_process,
        .device = target->device ? target->device->driver_device : NULL,
        .context = target->context ? target->context->driver_context : NULL,
        .call_flags = request_call_flags(request),
        .flags = {.Value = in->flags},
        .data = copy,
        .size = in->size,
        .completion = {process_complete, request->process},
    };
    args.flags.VirtualMachineData = 1;
    status = core->driver->escape(core->driver_context, &args);
    if (status == STATUS_PENDING)
        return status;
    pending_end(request->process);
    NTSTATUS guarded = guard_outgoing(request->process, "escape", data, copy, in->size);
    return NT_SUCCESS(guarded) ? status : guarded;
}

NTSTATUS request_escape(struct request *request)
{
    struct wire_escape_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    const void *data = wire_cursor_bytes(&request->payload, in.size);
    D3DDDI_ESCAPEFLAGS flags = {.Value = in.flags};
    struct target target;
    if (!wire_cursor_done(&request->payload) || flags.VirtualMachineData || flags.Reserved ||
        flags.Reserved2 || !find_target(request, &in, &target))
        return STATUS_INVALID_PARAMETER;

    bool known = flags.DriverKnownEscape && in.type == D3DKMT_ESCAPE_DRIVERPRIVATE;
    if (!known && !vm_allows_escapes(request->process->vm))
        return STATUS_ACCESS_DENIED;
    if (flags.DriverKnownEscape && !known)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = STATUS_NOT_SUPPORTED;
    if (known)
        status = known_escape(request, &in, &target, data);
    else if (in.type == D3DKMT_ESCAPE_DRIVERPRIVATE)
        status = driver_escape(request, &in, &target, data);
    if (!NT_SUCCESS(status) || status == STATUS_PENDING)
        request->reply_size = 0; /* a driver that failed has nothing to say */
    return status;
}
