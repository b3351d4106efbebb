/* SPDX-License-Identifier: MIT */
/* Requests about memory: the aperture, allocations, what an adapter has of it. */
#include <string.h>

#include "host/allocation.h"
#include "host/memory.h"
#include "host/request.h"

NTSTATUS request_map_aperture(struct request *request)
{
    struct memory *memory;
    if (!wire_cursor_done(&request->payload))
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = memory_of(request->process, &memory);
    if (!NT_SUCCESS(status))
        return status;
    if (!memory->aperture)
        return STATUS_NOT_SUPPORTED;
    const struct wire_map_aperture_reply out = {.size = memory->aperture->size};
    memcpy(request_reply(request, sizeof(out)), &out, sizeof(out));
    request->reply_descriptor = memory->aperture->fd;
    return STATUS_SUCCESS;
}

/* --- Creating --- */

static struct opened_device *find_device(const struct request *request, uint32_t handle)
{
    return handle_table_get(request->process->handles, handle, OBJECT_DEVICE);
}

/* The device's own resource; NULL for another, and for 0. */
static struct resource *find_resource(const struct request *request,
                                      const struct opened_device *device, uint32_t handle)
{
    struct resource *resource =
        handle_table_get(request->process->handles, handle, OBJECT_RESOURCE);
    return resource && resource->device == device ? resource : NULL;
}

static bool infos_are_valid(const struct process *process, const struct wire_allocation_info *infos,
                            uint32_t count)
{
    static const uint32_t either = WIRE_ALLOCATION_CPU_VISIBLE | WIRE_ALLOCATION_EXPORTED;
    uint32_t known = WIRE_ALLOCATION_CPU_VISIBLE | WIRE_ALLOCATION_ACCESSED_PHYSICALLY;
    if (process->version >= 4)
        known |= WIRE_ALLOCATION_EXPORTED;
    for (uint32_t i = 0; i < count; i++) {
        if (!infos[i].size || infos[i].flags & ~known || (infos[i].flags & either) == either)
            return false;
    }
    return true;
}

/* What the driver exports can only be shared where descriptors pass. */
static bool can_be_shared(const struct process *process, const struct wire_allocation_info *infos,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count && !process->descriptors; i++) {
        if (infos[i].flags & WIRE_ALLOCATION_EXPORTED)
            return false;
    }
    return true;
}

/* All are created, or none. `out` gets their descriptions. */
static NTSTATUS create_all(struct process *process, struct opened_device *device,
                           struct resource *resource, const struct wire_allocation_info *infos,
                           struct wire_allocation *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct allocation *allocation;
        NTSTATUS status = allocation_create(process, device, resource, infos[i].size,
                                            infos[i].flags, &allocation);
        if (!NT_SUCCESS(status)) {
            while (i--)
                allocation_destroy(
                    process, handle_table_get(process->handles, out[i].handle, OBJECT_ALLOCATION));
            return status;
        }
        out[i] = (struct wire_allocation){.size = allocation->size,
                                          .offset = allocation_offset(allocation),
                                          .handle = allocation->handle};
    }
    return STATUS_SUCCESS;
}

NTSTATUS request_create_allocation(struct request *request)
{
    struct process *process = request->process;
    struct wire_create_allocation_request in;
    struct wire_allocation_info infos[WIRE_MAX_ALLOCATIONS];
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    bool creates = in.flags & WIRE_CREATE_RESOURCE;
    struct opened_device *device = find_device(request, in.device);
    if (!device || in.flags & ~WIRE_CREATE_RESOURCE || !in.count ||
        in.count > WIRE_MAX_ALLOCATIONS || (creates && in.resource))
        return STATUS_INVALID_PARAMETER;
    wire_cursor_copy(&request->payload, infos, in.count * sizeof(*infos));
    struct resource *resource = find_resource(request, device, in.resource);
    if (!wire_cursor_done(&request->payload) || !infos_are_valid(process, infos, in.count) ||
        (in.resource && !resource))
        return STATUS_INVALID_PARAMETER;
    if (!can_be_shared(process, infos, in.count))
        return STATUS_NOT_SUPPORTED;
    NTSTATUS status = process_check_device(device);
    if (NT_SUCCESS(status) && creates)
        status = resource_create(process, device, &resource);
    if (!NT_SUCCESS(status))
        return status;

    struct wire_create_allocation_reply *head = request_reply(request, sizeof(*head));
    struct wire_allocation *out = request_reply(request, in.count * sizeof(*out));
    *head = (struct wire_create_allocation_reply){resource ? resource->handle : 0, in.count};
    status = create_all(process, device, resource, infos, out, in.count);
    if (!NT_SUCCESS(status)) {
        request->reply_size = 0;
        if (creates)
            resource_destroy(process, resource);
    }
    return status;
}

/* --- What the driver exports --- */

/* The worker has said so before it told the guest, but maybe nobody has listened yet. */
NTSTATUS request_lock_allocation(struct request *request)
{
    struct process *process = request->process;
    const struct host_driver *driver = process->core->driver;
    uint32_t handle = request_only_handle(request);
    struct wire_lock_allocation_reply out;
    struct allocation *allocation = handle_table_get(process->handles, handle, OBJECT_ALLOCATION);
    if (allocation && allocation->export == EXPORT_AWAITED && driver->hear) {
        driver->hear(process->core->driver_context, process->driver_process);
        allocation = handle_table_get(process->handles, handle, OBJECT_ALLOCATION);
    }
    if (!allocation ||
        !allocation_give_export(process, allocation, &out.offset, &request->reply_descriptor))
        return STATUS_INVALID_PARAMETER;
    request->reply_descriptor_owned = true;
    memcpy(request_reply(request, sizeof(out)), &out, sizeof(out));
    return STATUS_SUCCESS;
}

/* --- Destroying --- */

/* Each is the device's and named once. Marks them by taking them off their handles' type, so that a
 * second naming is seen; puts the marks back. */
static bool may_destroy(const struct process *process, const struct opened_device *device,
                        const uint32_t *handles, uint32_t count)
{
    uint32_t marked = 0;
    bool valid = true;
    for (; marked < count && valid; marked++) {
        const struct allocation *allocation =
            handle_table_get(process->handles, handles[marked], OBJECT_ALLOCATION);
        valid = allocation && allocation->device == device;
        if (!valid)
            break;
        handle_table_change_type(process->handles, handles[marked], OBJECT_ALLOCATION,
                                 OBJECT_RETIRED);
    }
    while (marked--)
        handle_table_change_type(process->handles, handles[marked], OBJECT_RETIRED,
                                 OBJECT_ALLOCATION);
    return valid;
}

NTSTATUS request_destroy_allocation(struct request *request)
{
    struct process *process = request->process;
    struct wire_destroy_allocation_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    D3DDDICB_DESTROYALLOCATION2FLAGS flags = {.Value = in.flags};
    struct opened_device *device = find_device(request, in.device);
    size_t size = (size_t)in.count * sizeof(uint32_t);
    const uint32_t *handles = wire_cursor_bytes(&request->payload, size);
    if (!wire_cursor_done(&request->payload) || !device || flags.Reserved || flags.SystemUseOnly ||
        !in.resource == !in.count)
        return STATUS_INVALID_PARAMETER;
    if (in.resource) {
        struct resource *resource = find_resource(request, device, in.resource);
        if (!resource)
            return STATUS_INVALID_PARAMETER;
        resource_destroy(process, resource);
        return STATUS_SUCCESS;
    }
    if (!may_destroy(process, device, handles, in.count))
        return STATUS_INVALID_PARAMETER;
    for (uint32_t i = 0; i < in.count; i++)
        allocation_destroy(process,
                           handle_table_get(process->handles, handles[i], OBJECT_ALLOCATION));
    return STATUS_SUCCESS;
}

/* --- Properties --- */

static uint32_t changed(uint32_t old, uint32_t bit, bool set)
{
    return set ? old | bit : old & ~bit;
}

/* There is one segment, number 1. */
static bool properties_are_valid(const D3DDDI_UPDATEALLOCPROPERTY *update)
{
    if (update->Reserved || update->Flags.Reserved || update->PreferredSegment.Reserved)
        return false;
    if (update->SetSupportedSegmentSet && update->SupportedSegmentSet != 1)
        return false;
    return !update->SetPreferredSegment || !(update->PreferredSegment.Value & ~1u);
}

NTSTATUS request_update_allocation(struct request *request)
{
    struct wire_update_allocation_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    struct allocation *allocation =
        handle_table_get(request->process->handles, in.allocation, OBJECT_ALLOCATION);
    const D3DDDI_UPDATEALLOCPROPERTY update = {
        .SupportedSegmentSet = in.segment_set,
        .PreferredSegment.Value = in.preferred_segment,
        .Flags.Value = in.flags,
        .PropertyMaskValue = in.mask,
    };
    if (!wire_cursor_done(&request->payload) || !allocation || !properties_are_valid(&update))
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = process_check_device(allocation->device);
    if (!NT_SUCCESS(status))
        return status;
    D3DDDI_UPDATEALLOCPROPERTY_FLAGS bits = {{.AccessedPhysically = 1}},
                                     other = {{.Unmoveable = 1}};
    if (update.SetAccessedPhysically)
        allocation->property_flags =
            changed(allocation->property_flags, bits.Value, update.Flags.AccessedPhysically);
    if (update.SetUnmoveable)
        allocation->property_flags =
            changed(allocation->property_flags, other.Value, update.Flags.Unmoveable);
    if (update.SetSupportedSegmentSet)
        allocation->segment_set = update.SupportedSegmentSet;
    if (update.SetPreferredSegment)
        allocation->preferred_segment = update.PreferredSegment.Value;
    return STATUS_SUCCESS;
}

/* --- How much there is --- */

static void tell_local(const struct process *process, const struct adapter *adapter,
                       struct wire_query_video_memory_reply *out)
{
    out->usage = process->memory ? memory_counted(process->memory, adapter->luid) : 0;
    uint64_t others = vm_charged(process->vm, adapter->luid) - out->usage;
    uint64_t budget = vm_budget(process->vm, adapter);
    out->budget = budget > others ? budget - others : 0;
}

static void tell_non_local(const struct process *process, struct wire_query_video_memory_reply *out)
{
    out->budget =
        process->memory ? process->memory->shared.aperture_size : memory_aperture_size(process);
    out->usage = process->memory ? process->memory->visible : 0;
}

NTSTATUS request_query_video_memory(struct request *request)
{
    struct wire_query_video_memory_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    struct opened_adapter *opened = request_adapter(request, in.adapter);
    if (!wire_cursor_done(&request->payload) || !opened || in.reserved ||
        in.group > D3DKMT_MEMORY_SEGMENT_GROUP_NON_LOCAL)
        return STATUS_INVALID_PARAMETER;
    const struct adapter *adapter = process_resolve(request->process, opened);
    if (!adapter)
        return STATUS_NO_MEMORY;
    if (in.physical_adapter >= adapter->physical_count)
        return STATUS_INVALID_PARAMETER;
    allocation_collect(request->process, 64);
    struct wire_query_video_memory_reply out;
    if (in.group == D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL)
        tell_local(request->process, adapter, &out);
    else
        tell_non_local(request->process, &out);
    memcpy(request_reply(request, sizeof(out)), &out, sizeof(out));
    return STATUS_SUCCESS;
}
