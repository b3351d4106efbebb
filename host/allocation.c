/* SPDX-License-Identifier: MIT */
#include "host/allocation.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/memory.h"
#include "util/log.h"

/* No adapter has as much, and sums of sizes cannot overflow. */
#define MAX_SIZE (UINT64_C(1) << 46)

/* Destroyed allocations that are looked at before a request of their process, and of each process
 * of the VM before one is refused. */
#define COLLECT_AT_ONCE 64
#define COLLECT_BEFORE_REFUSAL 4096

uint64_t allocation_offset(const struct allocation *allocation)
{
    return allocation->range ? range_offset(allocation->range) : WIRE_NO_OFFSET;
}

/* --- The ledger --- */

static NTSTATUS charge(struct process *process, const struct adapter *adapter, uint64_t size)
{
    allocation_collect(process, COLLECT_AT_ONCE);
    NTSTATUS status = vm_charge(process->vm, adapter, size);
    if (status != STATUS_NO_VIDEO_MEMORY)
        return status;
    for (struct process *other = process->vm->first_process; other; other = other->next_of_vm)
        allocation_collect(other, COLLECT_BEFORE_REFUSAL);
    status = vm_charge(process->vm, adapter, size);
    if (!NT_SUCCESS(status))
        log_info("service",
                 "process %d (%s) of the VM %s is refused %llu bytes of the adapter %s: %llu of "
                 "%llu are in use",
                 (int)process->pid, process->name, process->vm->name, (unsigned long long)size,
                 adapter->name, (unsigned long long)vm_charged(process->vm, adapter->luid),
                 (unsigned long long)vm_budget(process->vm, adapter));
    return status;
}

static NTSTATUS take_range(struct memory *memory, struct allocation *allocation)
{
    if (!memory->aperture)
        return STATUS_NOT_SUPPORTED;
    if (aperture_take(memory->aperture, allocation->size, &allocation->range))
        return STATUS_NO_MEMORY;
    memory->visible += allocation->size;
    return STATUS_SUCCESS;
}

/* --- Life --- */

static void link_to(struct allocation **list, struct allocation *allocation)
{
    allocation->link = list;
    allocation->next = *list;
    if (*list)
        (*list)->link = &allocation->next;
    *list = allocation;
}

static void unlink_from_list(struct allocation *allocation)
{
    *allocation->link = allocation->next;
    if (allocation->next)
        allocation->next->link = allocation->link;
}

static void link_to_resource(struct resource *resource, struct allocation *allocation)
{
    allocation->link_of_resource = &resource->allocations;
    allocation->next_of_resource = resource->allocations;
    if (resource->allocations)
        resource->allocations->link_of_resource = &allocation->next_of_resource;
    resource->allocations = allocation;
}

static void unlink_from_resource(struct allocation *allocation)
{
    if (!allocation->link_of_resource)
        return;
    *allocation->link_of_resource = allocation->next_of_resource;
    if (allocation->next_of_resource)
        allocation->next_of_resource->link_of_resource = allocation->link_of_resource;
    allocation->link_of_resource = NULL;
}

/* --- What the driver exports --- */

#define MAX_EXPORTS 64u /* a guest asks as soon as it knows */

static void drop_export(struct process *process, struct allocation *allocation)
{
    if (allocation->export != EXPORT_HELD)
        return;
    close(allocation->export_file);
    allocation->export = EXPORT_GIVEN;
    process->exports--;
}

bool allocation_take_export(struct process *process, uint32_t handle, uint64_t offset,
                            int descriptor)
{
    struct allocation *allocation = handle_table_get(process->handles, handle, OBJECT_ALLOCATION);
    if (!allocation) /* the guest may have destroyed it in the meantime */
        allocation = handle_table_get(process->handles, handle, OBJECT_RETIRED);
    if (!allocation || allocation->export != EXPORT_AWAITED || offset % APERTURE_PAGE ||
        offset > INT64_MAX - allocation->size || process->exports >= MAX_EXPORTS) {
        close(descriptor);
        return false;
    }
    allocation->export = EXPORT_HELD;
    allocation->export_file = descriptor;
    allocation->export_offset = offset;
    process->exports++;
    return true;
}

bool allocation_give_export(struct process *process, struct allocation *allocation,
                            uint64_t *offset, int *descriptor)
{
    if (allocation->export != EXPORT_HELD)
        return false;
    *offset = allocation->export_offset;
    *descriptor = allocation->export_file;
    allocation->export = EXPORT_GIVEN;
    process->exports--;
    return true;
}

static void give_back(struct process *process, struct allocation *allocation)
{
    struct memory *memory = process->memory;
    drop_export(process, allocation);
    if (allocation->range && !process->ending) { /* else the whole aperture goes */
        aperture_give_back(memory->aperture, allocation->range);
        memory->visible -= allocation->size;
    }
    memory_uncount(memory, allocation->luid, allocation->size);
    vm_uncharge(process->vm, allocation->luid, allocation->size);
    process->allocations--;
    free(allocation);
}

NTSTATUS allocation_create(struct process *process, struct opened_device *device,
                           struct resource *resource, uint64_t size, uint32_t wire_flags,
                           struct allocation **made)
{
    if (size > MAX_SIZE)
        return STATUS_NO_VIDEO_MEMORY;
    struct memory *memory;
    NTSTATUS status = memory_of(process, &memory);
    const struct adapter *adapter = process_resolve(process, device->adapter);
    struct allocation *allocation =
        NT_SUCCESS(status) && adapter ? calloc(1, sizeof(*allocation)) : NULL;
    if (!allocation)
        return STATUS_NO_MEMORY;
    allocation->device = device;
    allocation->luid = adapter->luid;
    allocation->size = (size + APERTURE_PAGE - 1) & ~(uint64_t)(APERTURE_PAGE - 1);
    allocation->segment_set = 1;
    allocation->export = wire_flags & WIRE_ALLOCATION_EXPORTED ? EXPORT_AWAITED : EXPORT_NONE;
    allocation->property_flags = wire_flags & WIRE_ALLOCATION_ACCESSED_PHYSICALLY ? 1 : 0;
    status = charge(process, adapter, allocation->size);
    if (!NT_SUCCESS(status)) {
        free(allocation);
        return status;
    }
    if (!memory_count(memory, allocation->luid, allocation->size)) {
        vm_uncharge(process->vm, allocation->luid, allocation->size);
        free(allocation);
        return STATUS_NO_MEMORY;
    }
    process->allocations++;
    if (wire_flags & WIRE_ALLOCATION_CPU_VISIBLE)
        status = take_range(memory, allocation);
    if (NT_SUCCESS(status))
        status = process_name(process, OBJECT_ALLOCATION, allocation, &allocation->handle);
    if (!NT_SUCCESS(status))
        goto out;
    status =
        memory_publish(memory, allocation->handle, allocation_offset(allocation), allocation->size);
    if (!NT_SUCCESS(status)) {
        handle_table_remove(process->handles, allocation->handle, OBJECT_ALLOCATION);
        goto out;
    }
    link_to(&device->allocations, allocation);
    if (resource)
        link_to_resource(resource, allocation);
    *made = allocation;
    return STATUS_SUCCESS;

out:
    give_back(process, allocation);
    return status;
}

static void append_retired(struct memory *memory, struct allocation *allocation)
{
    allocation->next = NULL;
    if (memory->last_retired)
        memory->last_retired->next = allocation;
    else
        memory->retired = allocation;
    memory->last_retired = allocation;
}

void allocation_destroy(struct process *process, struct allocation *allocation)
{
    struct memory *memory = process->memory;
    drop_export(process, allocation);
    unlink_from_list(allocation);
    unlink_from_resource(allocation);
    if (!process->ending)
        memory_withdraw(memory, allocation->handle);
    if (!process->ending && memory_is_used(memory, allocation->handle)) {
        /* The slot stays taken: its entry of the table counts the worker's uses of this one. */
        handle_table_change_type(process->handles, allocation->handle, OBJECT_ALLOCATION,
                                 OBJECT_RETIRED);
        allocation->device = NULL;
        append_retired(memory, allocation);
        return;
    }
    handle_table_remove(process->handles, allocation->handle, OBJECT_ALLOCATION);
    give_back(process, allocation);
}

void allocation_destroy_all(struct process *process, struct opened_device *device)
{
    while (device->allocations)
        allocation_destroy(process, device->allocations);
    while (device->resources)
        resource_destroy(process, device->resources);
}

/* --- Those that are retired --- */

static struct allocation *take_first_retired(struct memory *memory)
{
    struct allocation *first = memory->retired;
    memory->retired = first->next;
    if (!memory->retired)
        memory->last_retired = NULL;
    return first;
}

static void give_back_retired(struct process *process, struct allocation *allocation)
{
    handle_table_remove(process->handles, allocation->handle, OBJECT_RETIRED);
    give_back(process, allocation);
}

void allocation_collect(struct process *process, unsigned limit)
{
    struct memory *memory = process->memory;
    if (!memory)
        return;
    const struct allocation *end = memory->last_retired; /* none is looked at twice */
    while (memory->retired && limit--) {
        struct allocation *allocation = take_first_retired(memory);
        bool last = allocation == end;
        if (memory_is_used(memory, allocation->handle))
            append_retired(memory, allocation);
        else
            give_back_retired(process, allocation);
        if (last)
            break;
    }
}

void allocation_collect_all(struct process *process)
{
    struct memory *memory = process->memory;
    while (memory && memory->retired) {
        struct allocation *allocation = take_first_retired(memory);
        if (!process->ending)
            memory_forget_use(memory, allocation->handle);
        give_back_retired(process, allocation);
    }
}

/* --- Resources --- */

NTSTATUS resource_create(struct process *process, struct opened_device *device,
                         struct resource **made)
{
    struct resource *resource = calloc(1, sizeof(*resource));
    if (!resource)
        return STATUS_NO_MEMORY;
    NTSTATUS status = process_name(process, OBJECT_RESOURCE, resource, &resource->handle);
    if (!NT_SUCCESS(status)) {
        free(resource);
        return status;
    }
    resource->device = device;
    resource->link = &device->resources;
    resource->next = device->resources;
    if (resource->next)
        resource->next->link = &resource->next;
    device->resources = resource;
    *made = resource;
    return STATUS_SUCCESS;
}

void resource_destroy(struct process *process, struct resource *resource)
{
    while (resource->allocations)
        allocation_destroy(process, resource->allocations);
    handle_table_remove(process->handles, resource->handle, OBJECT_RESOURCE);
    *resource->link = resource->next;
    if (resource->next)
        resource->next->link = resource->link;
    free(resource);
}
