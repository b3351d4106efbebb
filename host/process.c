/* SPDX-License-Identifier: MIT */
#include "host/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/allocation.h"
#include "host/hw_queue.h"
#include "host/memory.h"
#include "host/pending.h"
#include "host/store_reader.h"
#include "host/sync.h"
#include "host/work.h"
#include "util/log.h"
#include "util/utf.h"

NTSTATUS process_name(struct process *process, enum object_type type, void *object,
                      uint32_t *handle)
{
    bool counted = type == OBJECT_ADAPTER || type == OBJECT_DEVICE || type == OBJECT_CONTEXT ||
                   type == OBJECT_HW_QUEUE;
    unsigned count = process->adapters + process->devices + process->contexts + process->hw_queues;
    if (counted && count >= PROCESS_MAX_OBJECTS)
        return STATUS_INSUFFICIENT_RESOURCES;
    int code = handle_table_add(process->handles, type, object, handle);
    if (!code)
        return STATUS_SUCCESS;
    return code == -ENOSPC ? STATUS_INSUFFICIENT_RESOURCES : STATUS_NO_MEMORY;
}

static void link_to_vm(struct process *process)
{
    struct vm *vm = process->vm;
    process->link_of_vm = &vm->first_process;
    process->next_of_vm = vm->first_process;
    if (process->next_of_vm)
        process->next_of_vm->link_of_vm = &process->next_of_vm;
    vm->first_process = process;
}

static void unlink_from_vm(struct process *process)
{
    *process->link_of_vm = process->next_of_vm;
    if (process->next_of_vm)
        process->next_of_vm->link_of_vm = process->link_of_vm;
}

/* Names go into logs and JSON: what is not printable UTF-8 becomes '?'. */
static void take_name(const char *name, size_t size, char to[64])
{
    size_t length = strnlen(name, size < 64 ? size : 63);
    memcpy(to, name, length);
    to[length] = '\0';
    bool is_utf8 = utf8_to_utf16(to, length, NULL, 0) >= 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)to[i];
        if (byte < ' ' || byte == 0x7f || (byte >= 0x80 && !is_utf8))
            to[i] = '?';
    }
}

NTSTATUS process_create(struct vm *vm, pid_t pid, const char *name, size_t size,
                        struct process **process)
{
    struct process *made = calloc(1, sizeof(*made));
    if (!made)
        return STATUS_NO_MEMORY;
    struct host_core *core = vm->core;
    made->core = core;
    made->vm = vm_ref(vm);
    made->pid = pid;
    made->version = WIRE_VERSION_MAX;
    take_name(name, size, made->name);
    NTSTATUS status = STATUS_NO_MEMORY;
    if (handle_table_create(PROCESS_MAX_HANDLES, &made->handles))
        goto out_free;
    status = vm_enter(vm);
    if (!NT_SUCCESS(status))
        goto out_table;
    if (core->driver->create_process) {
        struct host_create_process args = {.flags = HOST_PROCESS_VIRTUAL_MACHINE,
                                           .worker_process = vm->worker_process,
                                           .pid = pid,
                                           .name = made->name,
                                           .handle = made};
        status = core->driver->create_process(core->driver_context, &args, &made->driver_process);
        if (!NT_SUCCESS(status))
            goto out_vm;
    }
    link_to_vm(made);
    *process = made;
    return STATUS_SUCCESS;

out_vm:
    vm_leave(vm);
out_table:
    handle_table_destroy(made->handles);
out_free:
    vm_unref(vm);
    free(made);
    return status;
}

/* --- Adapters --- */

static void adapter_release(struct process *process, struct opened_adapter *opened)
{
    if (--opened->users)
        return;
    vm_close_adapter(process->vm, opened->luid);
    hold_set_release(&opened->holds, &process->core->holds);
    state_unref(opened->state);
    free(opened);
}

static int hold_packages(struct process *process, struct opened_adapter *opened,
                         const struct state *state, const struct adapter *adapter)
{
    return hold_set_add(&opened->holds, &process->core->holds, state->config->store,
                        adapter->packages, adapter->package_count);
}

NTSTATUS process_open_adapter(struct process *process, const struct adapter *adapter,
                              uint32_t *handle)
{
    struct state *state = process->core->state;
    struct opened_adapter *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return STATUS_NO_MEMORY;
    NTSTATUS status = vm_open_adapter(process->vm, adapter);
    if (!NT_SUCCESS(status)) {
        free(opened);
        return status;
    }
    opened->users = 1;
    opened->luid = adapter->luid;
    opened->state = state_ref(state);
    status = hold_packages(process, opened, state, adapter) ? STATUS_NO_MEMORY : STATUS_SUCCESS;
    if (NT_SUCCESS(status))
        status = process_name(process, OBJECT_ADAPTER, opened, handle);
    if (!NT_SUCCESS(status)) {
        adapter_release(process, opened);
        return status;
    }
    process->adapters++;
    return STATUS_SUCCESS;
}

NTSTATUS process_close_adapter(struct process *process, uint32_t handle)
{
    struct opened_adapter *opened = handle_table_remove(process->handles, handle, OBJECT_ADAPTER);
    if (!opened)
        return STATUS_INVALID_PARAMETER;
    process->adapters--;
    adapter_release(process, opened);
    return STATUS_SUCCESS;
}

const struct adapter *process_resolve(struct process *process, struct opened_adapter *opened)
{
    struct state *current = process->core->state;
    const struct adapter *adapter = state_find_adapter(current, opened->luid);
    if (!adapter)
        return state_find_adapter(opened->state, opened->luid);
    if (current != opened->state) {
        if (hold_packages(process, opened, current, adapter))
            return NULL;
        state_unref(opened->state);
        opened->state = state_ref(current);
    }
    return adapter;
}

/* --- Contexts --- */

NTSTATUS process_create_context(struct process *process, struct opened_device *device,
                                const struct context_request *request, uint32_t *handle)
{
    struct host_core *core = process->core;
    NTSTATUS status = process_check_device(device);
    if (!NT_SUCCESS(status))
        return status;
    struct opened_context *context = calloc(1, sizeof(*context));
    if (!context)
        return STATUS_NO_MEMORY;
    context->device = device;
    status = process_name(process, OBJECT_CONTEXT, context, &context->handle);
    if (!NT_SUCCESS(status))
        goto out_free;
    if (core->driver->create_context)
        status = core->driver->create_context(core->driver_context, device->driver_device,
                                              request->node_ordinal, request->engine_affinity,
                                              request->flags, request->data, request->size,
                                              &context->driver_context);
    if (!NT_SUCCESS(status))
        goto out_handle;
    context->link = &device->contexts;
    context->next = device->contexts;
    if (context->next)
        context->next->link = &context->next;
    device->contexts = context;
    process->contexts++;
    *handle = context->handle;
    return status;

out_handle:
    handle_table_remove(process->handles, context->handle, OBJECT_CONTEXT);
out_free:
    free(context);
    return status;
}

/* The context's name and place in the device's list are gone already. */
static void context_destroy(struct process *process, struct opened_context *context)
{
    const struct host_driver *driver = process->core->driver;
    work_drop(process, context);
    hw_queue_destroy_all(process, context);
    if (driver->destroy_context)
        driver->destroy_context(process->core->driver_context, context->driver_context);
    process->contexts--;
    free(context);
}

NTSTATUS process_destroy_context(struct process *process, uint32_t handle)
{
    struct opened_context *context = handle_table_remove(process->handles, handle, OBJECT_CONTEXT);
    if (!context)
        return STATUS_INVALID_PARAMETER;
    *context->link = context->next;
    if (context->next)
        context->next->link = context->link;
    context_destroy(process, context);
    return STATUS_SUCCESS;
}

/* --- Devices --- */

NTSTATUS process_create_device(struct process *process, struct opened_adapter *opened,
                               uint32_t *handle)
{
    struct host_core *core = process->core;
    const struct adapter *adapter = process_resolve(process, opened);
    struct opened_device *device = adapter ? calloc(1, sizeof(*device)) : NULL;
    if (!device)
        return STATUS_NO_MEMORY;
    NTSTATUS status = process_name(process, OBJECT_DEVICE, device, handle);
    if (!NT_SUCCESS(status))
        goto out_free;
    if (core->driver->create_device)
        status = core->driver->create_device(core->driver_context, process->driver_process,
                                             adapter->index, &device->driver_device);
    if (!NT_SUCCESS(status))
        goto out_handle;
    device->adapter = opened;
    opened->users++;
    process->devices++;
    return status;

out_handle:
    handle_table_remove(process->handles, *handle, OBJECT_DEVICE);
out_free:
    free(device);
    return status;
}

static void device_destroy(struct process *process, struct opened_device *device)
{
    const struct host_driver *driver = process->core->driver;
    while (device->contexts) {
        struct opened_context *context = device->contexts;
        device->contexts = context->next;
        if (context->next)
            context->next->link = &device->contexts;
        handle_table_remove(process->handles, context->handle, OBJECT_CONTEXT);
        context_destroy(process, context);
    }
    sync_destroy_all(process, device);
    allocation_destroy_all(process, device);
    if (driver->destroy_device)
        driver->destroy_device(process->core->driver_context, device->driver_device);
    adapter_release(process, device->adapter);
    process->devices--;
    free(device);
}

NTSTATUS process_destroy_device(struct process *process, uint32_t handle)
{
    struct opened_device *device = handle_table_remove(process->handles, handle, OBJECT_DEVICE);
    if (!device)
        return STATUS_INVALID_PARAMETER;
    device_destroy(process, device);
    return STATUS_SUCCESS;
}

void process_fail_device(struct process *process, struct opened_device *device, NTSTATUS status,
                         const char *what)
{
    if (device->error != STATUS_SUCCESS)
        return;
    device->error = status;
    log_warning("service", "process %d (%s): a device is in error: %s failed with status 0x%08x",
                (int)process->pid, process->name, what, (uint32_t)status);
    for (struct opened_context *context = device->contexts; context; context = context->next)
        work_drop(process, context);
}

/* --- What the driver tells --- */

void process_lost(struct process *process, const char *why)
{
    log_warning("service", "process %d (%s) of the VM %s has lost its worker: %s",
                (int)process->pid, process->name, process->vm->name, why);
    uint32_t position = 0, handle, type;
    void *object;
    while (handle_table_next(process->handles, &position, &handle, &type, &object)) {
        if (type == OBJECT_DEVICE)
            process_fail_device(process, object, STATUS_DEVICE_REMOVED, "the host's worker");
        else if (type == OBJECT_ALLOCATION)
            memory_forget_use(process->memory, handle);
    }
    allocation_collect_all(process);
    sync_lose_all(process);
    work_pump(process);
}

void process_signal_event(struct process *process, uint32_t event)
{
    sync_signal_notification(process, event);
}

/* --- The end --- */

/* Kind by kind. A device takes what belongs to it with it. */
static void destroy_all(struct process *process, uint32_t kind,
                        NTSTATUS (*destroy)(struct process *, uint32_t))
{
    uint32_t position = 0, handle, type;
    void *object;
    while (handle_table_next(process->handles, &position, &handle, &type, &object)) {
        if (type == kind)
            destroy(process, handle);
    }
}

void process_destroy(struct process *process)
{
    if (!process)
        return;
    const struct host_driver *driver = process->core->driver;
    process->ending = true;
    sync_drop_waits(process);
    destroy_all(process, OBJECT_DEVICE, process_destroy_device);
    destroy_all(process, OBJECT_ADAPTER, process_close_adapter);
    if (driver->destroy_process)
        driver->destroy_process(process->core->driver_context, process->driver_process);
    pending_end(process);
    allocation_collect_all(process);
    memory_destroy(process->memory);
    unlink_from_vm(process);
    vm_leave(process->vm);
    vm_unref(process->vm);
    handle_table_destroy(process->handles);
    store_reader_destroy(process->reader, &process->core->holds);
    free(process);
}
