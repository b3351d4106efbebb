/* SPDX-License-Identifier: MIT */
/* Requests about monitored fences and CPU notifications. */
#include <string.h>
#include <unistd.h>

#include "host/request.h"
#include "host/sync.h"
#include "host/work.h"

/* --- Objects --- */

static NTSTATUS create_notification(struct request *request, struct opened_device *device,
                                    uint32_t flags, struct sync_object **sync)
{
    if (!request->process->descriptors)
        return STATUS_NOT_SUPPORTED;
    int event = request_take_descriptor(request);
    if (event < 0)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = sync_create_notification(request->process, device, flags, event, sync);
    if (!NT_SUCCESS(status))
        close(event);
    return status;
}

static NTSTATUS check_flags(uint32_t type, D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS flags)
{
    if (flags.Reserved || flags.Reserved0 || (flags.NoSignal && flags.NoWait) ||
        (flags.SignalByKmd && type != D3DDDI_CPU_NOTIFICATION))
        return STATUS_INVALID_PARAMETER;
    return flags.Shared || flags.NtSecuritySharing || flags.CrossAdapter ? STATUS_NOT_SUPPORTED
                                                                         : STATUS_SUCCESS;
}

NTSTATUS request_create_sync_object(struct request *request)
{
    struct process *process = request->process;
    struct wire_create_sync_object_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    struct opened_device *device = handle_table_get(process->handles, in.device, OBJECT_DEVICE);
    if (!wire_cursor_done(&request->payload) || !device)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status =
        check_flags(in.type, (D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS){{.Value = in.flags}});
    if (NT_SUCCESS(status))
        status = process_check_device(device);
    struct sync_object *sync = NULL;
    if (!NT_SUCCESS(status))
        return status;
    if (in.type == D3DDDI_MONITORED_FENCE)
        status = sync_create_fence(process, device, in.flags, in.initial_value, &sync);
    else if (in.type == D3DDDI_CPU_NOTIFICATION)
        status = create_notification(request, device, in.flags, &sync);
    else
        status = STATUS_NOT_SUPPORTED;
    if (!NT_SUCCESS(status))
        return status;
    const struct wire_create_sync_object_reply out = {.offset = sync_offset(process, sync),
                                                      .handle = sync->handle};
    memcpy(request_reply(request, sizeof(out)), &out, sizeof(out));
    return STATUS_SUCCESS;
}

NTSTATUS request_destroy_sync_object(struct request *request)
{
    struct process *process = request->process;
    struct sync_object *sync =
        handle_table_get(process->handles, request_only_handle(request), OBJECT_SYNC);
    if (!sync || sync->kind == SYNC_PROGRESS)
        return STATUS_INVALID_PARAMETER;
    sync_destroy(process, sync);
    work_pump(process);
    return STATUS_SUCCESS;
}

/* --- Waiting and signalling --- */

struct fence_list {
    struct wire_fence_request head;
    struct wire_fence_value values[WIRE_MAX_FENCES];
};

static bool read_list(struct request *request, struct fence_list *list)
{
    wire_cursor_copy(&request->payload, &list->head, sizeof(list->head));
    uint32_t count = list->head.count;
    if (!count || count > WIRE_MAX_FENCES || list->head.reserved)
        return false;
    wire_cursor_copy(&request->payload, list->values, count * sizeof(*list->values));
    for (uint32_t i = 0; i < count; i++) {
        if (list->values[i].reserved)
            return false;
    }
    return wire_cursor_done(&request->payload);
}

static NTSTATUS check_waits(const struct process *process, const struct fence_list *list)
{
    NTSTATUS status = STATUS_SUCCESS;
    for (uint32_t i = 0; i < list->head.count && NT_SUCCESS(status); i++)
        status = sync_check_wait(process, list->values[i].fence);
    return status;
}

static NTSTATUS check_signals(const struct process *process, const struct fence_list *list,
                              bool rewind)
{
    NTSTATUS status = STATUS_SUCCESS;
    for (uint32_t i = 0; i < list->head.count && NT_SUCCESS(status); i++)
        status = sync_check_signal(process, list->values[i].fence, list->values[i].value, rewind);
    return status;
}

static NTSTATUS check_device(const struct process *process, uint32_t handle)
{
    const struct opened_device *device = handle_table_get(process->handles, handle, OBJECT_DEVICE);
    return device ? process_check_device(device) : STATUS_INVALID_PARAMETER;
}

NTSTATUS request_signal_from_cpu(struct request *request)
{
    struct process *process = request->process;
    struct fence_list list;
    if (!read_list(request, &list))
        return STATUS_INVALID_PARAMETER;
    D3DDDICB_SIGNALFLAGS flags = {{.Value = list.head.flags}}, known = {{.AllowFenceRewind = 1}};
    if (flags.Value & ~known.Value)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = check_device(process, list.head.object);
    if (NT_SUCCESS(status))
        status = check_signals(process, &list, flags.AllowFenceRewind);
    if (!NT_SUCCESS(status))
        return status;
    for (uint32_t i = 0; i < list.head.count; i++)
        sync_set(process, list.values[i].fence, list.values[i].value);
    work_pump(process);
    return STATUS_SUCCESS;
}

NTSTATUS request_wait_from_cpu(struct request *request)
{
    struct process *process = request->process;
    int event = request_take_descriptor(request);
    struct fence_list list;
    NTSTATUS status = STATUS_SUCCESS;
    if (!process->descriptors)
        status = STATUS_NOT_SUPPORTED;
    else if (event < 0 || !read_list(request, &list) || list.head.flags & ~WIRE_WAIT_ANY)
        status = STATUS_INVALID_PARAMETER;
    if (NT_SUCCESS(status))
        status = check_device(process, list.head.object);
    if (NT_SUCCESS(status))
        status = check_waits(process, &list);
    if (NT_SUCCESS(status))
        status = sync_wait_with_event(process, list.values, list.head.count,
                                      list.head.flags & WIRE_WAIT_ANY, event);
    if (NT_SUCCESS(status))
        work_pump(process);
    else if (event >= 0)
        close(event);
    return status;
}

/* The context, and its list; a list that makes no sense puts the device into its error state. NULL
 * then, and for what is no context. */
static struct opened_context *gpu_list(struct request *request, struct fence_list *list, bool waits)
{
    struct process *process = request->process;
    list->head = (struct wire_fence_request){0};
    bool readable = read_list(request, list);
    struct opened_context *context =
        handle_table_get(process->handles, list->head.object, OBJECT_CONTEXT);
    if (!context)
        return NULL;
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    if (readable && !list->head.flags)
        status = waits ? check_waits(process, list) : check_signals(process, list, true);
    if (NT_SUCCESS(status))
        return context;
    process_fail_device(process, context->device, status,
                        waits ? "a context's wait for fences" : "a context's signal of fences");
    return NULL;
}

NTSTATUS request_signal_from_gpu(struct request *request)
{
    struct fence_list list;
    struct opened_context *context = gpu_list(request, &list, false);
    if (context)
        work_signal(request->process, context, list.values, list.head.count);
    return STATUS_SUCCESS;
}

NTSTATUS request_wait_from_gpu(struct request *request)
{
    struct fence_list list;
    struct opened_context *context = gpu_list(request, &list, true);
    if (context)
        work_wait(request->process, context, list.values, list.head.count);
    return STATUS_SUCCESS;
}
