/* SPDX-License-Identifier: MIT */
/* Requests that enumerate adapters, and that make and free objects. */
#include <string.h>

#include "host/request.h"
#include "host/work.h"

static const uint32_t known_filters =
    1u << 0 | 1u << 1; /* IncludeComputeOnly, IncludeDisplayOnly: every adapter of ours renders */

static void describe(const struct adapter *adapter, uint32_t handle, struct wire_adapter *to)
{
    *to = (struct wire_adapter){.handle = handle, .luid = adapter_wire_luid(adapter)};
}

/* Those that the VM may have: others are none of its adapters. */
static NTSTATUS list_adapters(const struct process *process,
                              const struct adapter *list[CONFIG_MAX_ADAPTERS], size_t *count)
{
    const struct state *state = process->core->state;
    *count = 0;
    for (size_t i = 0; i < state->adapters.count; i++) {
        const struct adapter *adapter = &state->adapters.adapters[i];
        NTSTATUS status = vm_check_adapter(process->vm, adapter);
        if (NT_SUCCESS(status))
            list[(*count)++] = adapter;
        else if (status == STATUS_NO_MEMORY)
            return status;
    }
    return STATUS_SUCCESS;
}

/* All are opened, or none. */
static NTSTATUS open_all(struct process *process, const struct adapter *const *list,
                         struct wire_adapter *to, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t handle;
        NTSTATUS status = process_open_adapter(process, list[i], &handle);
        if (!NT_SUCCESS(status)) {
            while (i--)
                process_close_adapter(process, to[i].handle);
            return status;
        }
        describe(list[i], handle, &to[i]);
    }
    return STATUS_SUCCESS;
}

NTSTATUS request_enum_adapters(struct request *request)
{
    struct wire_enum_adapters_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    if (!wire_cursor_done(&request->payload) || in.filter & ~known_filters)
        return STATUS_INVALID_PARAMETER;

    const struct adapter *list[CONFIG_MAX_ADAPTERS];
    size_t count;
    NTSTATUS status = list_adapters(request->process, list, &count);
    if (!NT_SUCCESS(status))
        return status;
    struct wire_enum_adapters_reply out = {.count = (uint32_t)count};
    memcpy(request_reply(request, sizeof(out)), &out, sizeof(out));
    if (!in.capacity)
        return STATUS_SUCCESS;
    if (in.capacity < count)
        return STATUS_BUFFER_TOO_SMALL;
    struct wire_adapter *adapters = request_reply(request, count * sizeof(*adapters));
    status = open_all(request->process, list, adapters, count);
    if (!NT_SUCCESS(status))
        request->reply_size = 0;
    return status;
}

static NTSTATUS reply_handle(struct request *request, NTSTATUS status, uint32_t handle)
{
    if (NT_SUCCESS(status)) {
        struct wire_handle out = {handle};
        memcpy(request_reply(request, sizeof(out)), &out, sizeof(out));
    }
    return status;
}

NTSTATUS request_open_adapter(struct request *request)
{
    struct wire_open_adapter_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    if (!wire_cursor_done(&request->payload))
        return STATUS_INVALID_PARAMETER;
    uint64_t luid = (uint64_t)(uint32_t)in.luid.high << 32 | in.luid.low;
    const struct adapter *adapter = state_find_adapter(request->process->core->state, luid);
    if (!adapter)
        return STATUS_INVALID_PARAMETER;
    uint32_t handle = 0;
    NTSTATUS status = process_open_adapter(request->process, adapter, &handle);
    return reply_handle(request, status, handle);
}

NTSTATUS request_close_adapter(struct request *request)
{
    return process_close_adapter(request->process, request_only_handle(request));
}

NTSTATUS request_destroy_device(struct request *request)
{
    NTSTATUS status = process_destroy_device(request->process, request_only_handle(request));
    work_pump(request->process); /* its fences are gone */
    return status;
}

NTSTATUS request_destroy_context(struct request *request)
{
    NTSTATUS status = process_destroy_context(request->process, request_only_handle(request));
    work_pump(request->process);
    return status;
}

NTSTATUS request_create_device(struct request *request)
{
    static const uint32_t known_flags =
        0x7; /* LegacyMode, RequestVSync, DisableGpuTimeout: hints that change nothing here */
    struct wire_create_device_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    struct opened_adapter *adapter = request_adapter(request, in.adapter);
    if (!wire_cursor_done(&request->payload) || in.flags & ~known_flags || !adapter)
        return STATUS_INVALID_PARAMETER;
    uint32_t handle = 0;
    NTSTATUS status = process_create_device(request->process, adapter, &handle);
    return reply_handle(request, status, handle);
}

/* EngineAffinity is a mask of physical adapters; 0 leaves the choice to the driver. */
static bool affinity_is_valid(uint32_t mask, size_t physical_count)
{
    return physical_count >= 32 || !(mask >> physical_count);
}

NTSTATUS request_create_context(struct request *request)
{
    static const uint32_t known_flags = 0x3f; /* D3DDDI_CREATECONTEXTFLAGS without Reserved */
    struct wire_create_context_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    const void *data = wire_cursor_bytes(&request->payload, in.size);
    struct opened_device *device =
        handle_table_get(request->process->handles, in.device, OBJECT_DEVICE);
    if (!wire_cursor_done(&request->payload) || in.flags & ~known_flags || !device)
        return STATUS_INVALID_PARAMETER;
    const struct adapter *adapter = process_resolve(request->process, device->adapter);
    if (!adapter)
        return STATUS_NO_MEMORY;
    if (!affinity_is_valid(in.engine_affinity, adapter->physical_count))
        return STATUS_INVALID_PARAMETER;
    struct context_request wanted = {in.node_ordinal, in.engine_affinity, in.flags, data, in.size};
    uint32_t handle = 0;
    NTSTATUS status = process_create_context(request->process, device, &wanted, &handle);
    return reply_handle(request, status, handle);
}
