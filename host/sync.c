/* SPDX-License-Identifier: MIT */
#include "host/sync.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct event_wait {
    struct event_wait *next;
    int event;
    bool any;
    uint32_t count;
    struct wire_fence_value wanted[];
};

/* --- Life --- */

static struct event_signal *signaller(const struct process *process)
{
    return &process->core->events;
}

static NTSTATUS create(struct process *process, enum sync_kind kind, struct sync_object **made)
{
    struct sync_object *sync = calloc(1, sizeof(*sync));
    if (!sync)
        return STATUS_NO_MEMORY;
    sync->kind = kind;
    sync->event = -1;
    NTSTATUS status = process_name(process, OBJECT_SYNC, sync, &sync->handle);
    if (!NT_SUCCESS(status)) {
        free(sync);
        return status;
    }
    process->syncs++;
    *made = sync;
    return STATUS_SUCCESS;
}

static NTSTATUS give_cell(struct process *process, struct sync_object *sync)
{
    struct memory *memory;
    NTSTATUS status = memory_of(process, &memory);
    if (NT_SUCCESS(status))
        status = fence_cell_take(memory, sync->value, &sync->cell);
    sync->in_aperture = NT_SUCCESS(status);
    return status;
}

static void link_to(struct opened_device *device, struct sync_object *sync)
{
    sync->link = &device->syncs;
    sync->next = device->syncs;
    if (sync->next)
        sync->next->link = &sync->next;
    device->syncs = sync;
}

NTSTATUS sync_create_fence(struct process *process, struct opened_device *device, uint32_t flags,
                           uint64_t value, struct sync_object **made)
{
    struct sync_object *sync;
    NTSTATUS status = create(process, SYNC_FENCE, &sync);
    if (!NT_SUCCESS(status))
        return status;
    sync->flags = flags;
    sync->value = value;
    status = give_cell(process, sync);
    if (!NT_SUCCESS(status)) {
        sync_destroy(process, sync);
        return status;
    }
    link_to(device, sync);
    *made = sync;
    return STATUS_SUCCESS;
}

NTSTATUS sync_create_progress(struct process *process, struct sync_object **made)
{
    struct sync_object *sync;
    NTSTATUS status = create(process, SYNC_PROGRESS, &sync);
    if (!NT_SUCCESS(status))
        return status;
    status = give_cell(process, sync);
    if (!NT_SUCCESS(status) && status != STATUS_NOT_SUPPORTED) {
        sync_destroy(process, sync);
        return status;
    }
    *made = sync;
    return STATUS_SUCCESS;
}

NTSTATUS sync_create_notification(struct process *process, struct opened_device *device,
                                  uint32_t flags, int event, struct sync_object **made)
{
    if (process->events >= PROCESS_MAX_EVENTS)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!event_signal_accepts(signaller(process), event))
        return STATUS_INVALID_PARAMETER;
    struct sync_object *sync;
    NTSTATUS status = create(process, SYNC_NOTIFICATION, &sync);
    if (!NT_SUCCESS(status))
        return status;
    sync->flags = flags;
    sync->event = event;
    process->events++;
    link_to(device, sync);
    *made = sync;
    return STATUS_SUCCESS;
}

void sync_destroy(struct process *process, struct sync_object *sync)
{
    handle_table_remove(process->handles, sync->handle, OBJECT_SYNC);
    if (sync->link) {
        *sync->link = sync->next;
        if (sync->next)
            sync->next->link = sync->link;
    }
    if (sync->in_aperture && !process->ending) {
        /* Who still sleeps on it is to wake. */
        fence_cell_write(process->memory, &sync->cell, UINT64_MAX);
        fence_cell_give_back(process->memory, &sync->cell);
    }
    if (sync->event >= 0) {
        close(sync->event);
        process->events--;
    }
    process->syncs--;
    free(sync);
}

void sync_destroy_all(struct process *process, struct opened_device *device)
{
    while (device->syncs)
        sync_destroy(process, device->syncs);
}

uint64_t sync_offset(const struct process *process, const struct sync_object *sync)
{
    return sync->in_aperture ? fence_cell_offset(process->memory, &sync->cell) : WIRE_NO_OFFSET;
}

/* --- Values --- */

static struct sync_object *find(const struct process *process, uint32_t handle)
{
    return handle_table_get(process->handles, handle, OBJECT_SYNC);
}

static uint64_t value_of(const struct process *process, const struct sync_object *sync)
{
    if (sync->kind == SYNC_PROGRESS && sync->in_aperture)
        return fence_cell_read(process->memory, &sync->cell);
    return sync->value;
}

NTSTATUS sync_check_wait(const struct process *process, uint32_t handle)
{
    const struct sync_object *sync = find(process, handle);
    if (!sync || sync->kind == SYNC_NOTIFICATION)
        return STATUS_INVALID_PARAMETER;
    D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS flags = {.Value = sync->flags};
    return flags.NoWait ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

NTSTATUS sync_check_signal(const struct process *process, uint32_t handle, uint64_t value,
                           bool rewind)
{
    const struct sync_object *sync = find(process, handle);
    if (!sync || sync->kind != SYNC_FENCE)
        return STATUS_INVALID_PARAMETER;
    D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS flags = {.Value = sync->flags};
    if (flags.NoSignal || (value < sync->value && !rewind))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

bool sync_has_reached(const struct process *process, const struct wire_fence_value *wanted)
{
    const struct sync_object *sync = find(process, wanted->fence);
    if (!sync || sync->kind == SYNC_NOTIFICATION)
        return true;
    /* Nobody can tell how far a queue is without an aperture. */
    if (sync->kind == SYNC_PROGRESS && !sync->in_aperture)
        return true;
    return value_of(process, sync) >= wanted->value;
}

bool sync_is_progress(const struct process *process, uint32_t handle)
{
    const struct sync_object *sync = find(process, handle);
    return sync && sync->kind == SYNC_PROGRESS;
}

bool sync_have_reached(const struct process *process, const struct wire_fence_value *wanted,
                       uint32_t count, bool any)
{
    for (uint32_t i = 0; i < count; i++) {
        if (sync_has_reached(process, &wanted[i]) == any)
            return any;
    }
    return !any;
}

static void set(struct process *process, struct sync_object *sync, uint64_t value)
{
    sync->value = value;
    if (sync->in_aperture)
        fence_cell_write(process->memory, &sync->cell, value);
}

void sync_set(struct process *process, uint32_t handle, uint64_t value)
{
    struct sync_object *sync = find(process, handle);
    if (sync && sync->kind == SYNC_FENCE)
        set(process, sync, value);
}

void sync_lose_all(struct process *process)
{
    uint32_t position = 0, handle, type;
    void *object;
    while (handle_table_next(process->handles, &position, &handle, &type, &object)) {
        struct sync_object *sync = type == OBJECT_SYNC ? object : NULL;
        if (!sync || sync->kind == SYNC_NOTIFICATION)
            continue;
        D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS flags = {.Value = sync->flags};
        if (!flags.NoSignalMaxValueOnTdr)
            set(process, sync, UINT64_MAX);
    }
}

void sync_signal_notification(struct process *process, uint32_t handle)
{
    const struct sync_object *sync = find(process, handle);
    if (sync && sync->kind == SYNC_NOTIFICATION)
        event_signal_send(signaller(process), sync->event);
}

bool sync_is_notification(const struct process *process, uint32_t handle)
{
    const struct sync_object *sync = find(process, handle);
    return sync && sync->kind == SYNC_NOTIFICATION;
}

/* --- Events that wait --- */

NTSTATUS sync_wait_with_event(struct process *process, const struct wire_fence_value *wanted,
                              uint32_t count, bool any, int event)
{
    if (process->events >= PROCESS_MAX_EVENTS)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!event_signal_accepts(signaller(process), event))
        return STATUS_INVALID_PARAMETER;
    struct event_wait *wait = malloc(sizeof(*wait) + count * sizeof(*wanted));
    if (!wait)
        return STATUS_NO_MEMORY;
    *wait = (struct event_wait){
        .next = process->event_waits, .event = event, .any = any, .count = count};
    memcpy(wait->wanted, wanted, count * sizeof(*wanted));
    process->event_waits = wait;
    process->events++;
    return STATUS_SUCCESS;
}

static void drop(struct process *process, struct event_wait **at)
{
    struct event_wait *wait = *at;
    *at = wait->next;
    close(wait->event);
    process->events--;
    free(wait);
}

static bool has_progress_fence(const struct process *process, const struct event_wait *wait)
{
    for (uint32_t i = 0; i < wait->count; i++) {
        if (sync_is_progress(process, wait->wanted[i].fence))
            return true;
    }
    return false;
}

bool sync_signal_ready(struct process *process)
{
    bool looking = false;
    struct event_wait **at = &process->event_waits;
    while (*at) {
        struct event_wait *wait = *at;
        if (sync_have_reached(process, wait->wanted, wait->count, wait->any)) {
            event_signal_send(signaller(process), wait->event);
            drop(process, at);
        } else {
            looking |= has_progress_fence(process, wait);
            at = &wait->next;
        }
    }
    return looking;
}

void sync_drop_waits(struct process *process)
{
    while (process->event_waits)
        drop(process, &process->event_waits);
}
