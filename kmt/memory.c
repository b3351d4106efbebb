/* SPDX-License-Identifier: MIT */
/* Allocations: creating and destroying them, locking, their properties, and how much there is. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpupv/kmt.h"
#include "kmt/mapping.h"
#include "kmt/private_data.h"
#include "kmt/process.h"
#include "kmt/public.h"

_Static_assert(GPUPV_KMT_MAX_ALLOCATIONS == WIRE_MAX_ALLOCATIONS, "as many as the wire carries");
_Static_assert(GPUPV_ALLOCATION_CPU_VISIBLE == WIRE_ALLOCATION_CPU_VISIBLE &&
                   GPUPV_ALLOCATION_ACCESSED_PHYSICALLY == WIRE_ALLOCATION_ACCESSED_PHYSICALLY &&
                   GPUPV_ALLOCATION_EXPORTED == WIRE_ALLOCATION_EXPORTED,
               "flags cross as they are");

/* Handles that one message carries. */
#define HANDLES_AT_ONCE 16384u

/* --- Creating ------------------------------------------------------------------------------- */

struct creation {
    struct wire_create_allocation_request request;
    struct wire_allocation_info infos[WIRE_MAX_ALLOCATIONS];
    struct {
        struct wire_create_allocation_reply head;
        struct wire_allocation made[WIRE_MAX_ALLOCATIONS];
    } reply;
};

static NTSTATUS check_flags(const D3DKMT_CREATEALLOCATION *args)
{
    const D3DKMT_CREATEALLOCATIONFLAGS *flags = &args->Flags;
    if (flags->CreateProtected || flags->CreateWriteCombined || flags->CreateCached ||
        flags->OpenCrossAdapter || flags->Reserved || (flags->CreateResource && args->hResource))
        return STATUS_INVALID_PARAMETER;
    if (flags->CreateShared || flags->NtSecuritySharing || flags->CrossAdapter ||
        flags->PartialSharedCreation || flags->ExistingSysMem || flags->ExistingSection ||
        flags->StandardAllocation || flags->WriteWatch || flags->SharedDisplayable ||
        flags->PhysicallyContiguous)
        return STATUS_NOT_SUPPORTED;
    return STATUS_SUCCESS;
}

static NTSTATUS read_info(const D3DDDI_ALLOCATIONINFO2 *from, struct wire_allocation_info *info)
{
    struct gpupv_allocation_private data;
    if (!from->pPrivateDriverData || from->PrivateDriverDataSize != sizeof(data) ||
        from->Flags.Primary || from->Flags.Reserved)
        return STATUS_INVALID_PARAMETER;
    if (from->pSystemMem)
        return STATUS_NOT_SUPPORTED;
    memcpy(&data, from->pPrivateDriverData, sizeof(data));
    if (data.magic != GPUPV_ALLOCATION_MAGIC || data.reserved || !data.size ||
        data.flags & ~(GPUPV_ALLOCATION_CPU_VISIBLE | GPUPV_ALLOCATION_ACCESSED_PHYSICALLY |
                       GPUPV_ALLOCATION_EXPORTED) ||
        (data.flags & GPUPV_ALLOCATION_CPU_VISIBLE && data.flags & GPUPV_ALLOCATION_EXPORTED))
        return STATUS_INVALID_PARAMETER;
    *info = (struct wire_allocation_info){.size = data.size, .flags = data.flags};
    if (from->Flags.OverridePriority)
        info->priority = from->Priority;
    return STATUS_SUCCESS;
}

/* What makes sense: sizes are not smaller than asked for, and places are in the aperture. */
static bool reply_is_valid(struct kmt_channel *channel, const struct creation *creation)
{
    uint32_t count = creation->request.count;
    uint64_t aperture;
    kmt_channel_aperture(channel, &aperture);
    for (uint32_t i = 0; i < count; i++) {
        const struct wire_allocation *made = &creation->reply.made[i];
        bool visible = creation->infos[i].flags & WIRE_ALLOCATION_CPU_VISIBLE;
        if (made->size < creation->infos[i].size || (made->offset != WIRE_NO_OFFSET) != visible ||
            (visible && (made->offset > aperture || made->size > aperture - made->offset)))
            return false;
    }
    return creation->reply.head.count == count;
}

static void tell_destroyed(struct kmt_channel *channel, D3DKMT_HANDLE device,
                           D3DKMT_HANDLE resource, const uint32_t *handles, uint32_t count)
{
    do {
        uint32_t now = count < HANDLES_AT_ONCE ? count : HANDLES_AT_ONCE;
        struct {
            struct wire_destroy_allocation_request head;
            uint32_t handles[HANDLES_AT_ONCE];
        } *message = malloc(sizeof(message->head) + now * sizeof(*handles));
        if (!message)
            return; /* they go with their device */
        message->head = (struct wire_destroy_allocation_request){
            .device = device, .resource = resource, .count = now};
        if (now)
            memcpy(message->handles, handles, now * sizeof(*handles));
        (void)kmt_channel_send_async(channel, WIRE_DESTROY_ALLOCATION, message,
                                     sizeof(message->head) + now * sizeof(*handles));
        free(message);
        handles += now;
        count -= now;
    } while (count);
}

static NTSTATUS enter_all(struct kmt_channel *channel, const struct creation *creation)
{
    const struct wire_create_allocation_request *request = &creation->request;
    uint32_t resource = creation->reply.head.resource;
    struct kmt_handle entry = {.channel = kmt_channel_id(channel), .offset = WIRE_NO_OFFSET};
    NTSTATUS status = STATUS_SUCCESS;
    if (request->flags & WIRE_CREATE_RESOURCE) {
        entry.handle = resource;
        entry.type = KMT_RESOURCE;
        entry.parents[0] = request->device;
        status = kmt_process_enter(channel, &entry);
    }
    uint32_t entered = 0;
    for (; entered < request->count && NT_SUCCESS(status); entered++) {
        const struct wire_allocation *made = &creation->reply.made[entered];
        entry = (struct kmt_handle){.handle = made->handle,
                                    .type = KMT_ALLOCATION,
                                    .parents = {request->device, resource},
                                    .channel = entry.channel,
                                    .offset = made->offset,
                                    .size = made->size,
                                    .exported =
                                        creation->infos[entered].flags & WIRE_ALLOCATION_EXPORTED};
        status = kmt_process_enter(channel, &entry);
    }
    if (NT_SUCCESS(status) || status == STATUS_DEVICE_REMOVED)
        return status;
    uint32_t handles[WIRE_MAX_ALLOCATIONS];
    for (uint32_t i = 0; i < request->count; i++) {
        handles[i] = creation->reply.made[i].handle;
        if (i + 1 < entered)
            kmt_process_forget(handles[i]);
    }
    bool whole = request->flags & WIRE_CREATE_RESOURCE;
    if (whole)
        kmt_process_forget(resource);
    tell_destroyed(channel, request->device, whole ? resource : 0, handles,
                   whole ? 0 : request->count);
    return status;
}

static NTSTATUS ask(struct kmt_channel *channel, struct creation *creation)
{
    uint32_t count = creation->request.count;
    size_t size = sizeof(creation->reply.head) + count * sizeof(*creation->reply.made);
    struct kmt_call call = {
        .command = WIRE_CREATE_ALLOCATION,
        .fixed = &creation->request,
        .fixed_size = sizeof(creation->request),
        .data = creation->infos,
        .data_size = count * sizeof(*creation->infos),
        .reply = &creation->reply,
        .reply_min = size,
        .reply_max = size,
    };
    NTSTATUS status = kmt_channel_call(channel, &call);
    if (NT_SUCCESS(status) && !reply_is_valid(channel, creation))
        return kmt_channel_reject(channel, "the host created other allocations than asked for");
    return status;
}

static void tell_created(D3DKMT_CREATEALLOCATION *args, const struct creation *creation)
{
    for (uint32_t i = 0; i < args->NumAllocations; i++) {
        const struct wire_allocation *made = &creation->reply.made[i];
        D3DDDI_ALLOCATIONINFO2 *info = &args->pAllocationInfo2[i];
        info->hAllocation = made->handle;
        info->GpuVirtualAddress = 0;
        const struct gpupv_allocation_private data = {
            .magic = GPUPV_ALLOCATION_MAGIC, .flags = creation->infos[i].flags, .size = made->size};
        memcpy(info->pPrivateDriverData, &data, sizeof(data));
    }
    if (args->Flags.CreateResource)
        args->hResource = creation->reply.head.resource;
    args->hGlobalShare = 0;
    args->Flags.Zeroed = 1;
}

static NTSTATUS create_over(struct kmt_channel *channel, D3DKMT_CREATEALLOCATION *args)
{
    struct creation *creation = calloc(1, sizeof(*creation));
    if (!creation)
        return STATUS_NO_MEMORY;
    creation->request = (struct wire_create_allocation_request){
        .device = args->hDevice,
        .resource = args->hResource,
        .flags = args->Flags.CreateResource ? WIRE_CREATE_RESOURCE : 0,
        .count = args->NumAllocations,
    };
    NTSTATUS status = STATUS_SUCCESS;
    bool visible = false, exported = false;
    for (UINT i = 0; i < args->NumAllocations && NT_SUCCESS(status); i++) {
        status = read_info(&args->pAllocationInfo2[i], &creation->infos[i]);
        visible |= creation->infos[i].flags & WIRE_ALLOCATION_CPU_VISIBLE;
        exported |= creation->infos[i].flags & WIRE_ALLOCATION_EXPORTED;
    }
    if (NT_SUCCESS(status) && exported && !kmt_channel_speaks(channel, 4))
        status = STATUS_NOT_SUPPORTED;
    if (NT_SUCCESS(status) && visible)
        status = kmt_channel_map_aperture(channel);
    if (NT_SUCCESS(status))
        status = ask(channel, creation);
    if (NT_SUCCESS(status))
        status = enter_all(channel, creation);
    if (NT_SUCCESS(status))
        tell_created(args, creation);
    free(creation);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTCreateAllocation2(D3DKMT_CREATEALLOCATION *pArgs)
{
    if (!pArgs || !pArgs->pAllocationInfo2 || !pArgs->NumAllocations ||
        pArgs->NumAllocations > GPUPV_KMT_MAX_ALLOCATIONS || pArgs->PrivateDriverDataSize)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = check_flags(pArgs);
    if (!NT_SUCCESS(status))
        return status;
    struct kmt_channel *channel;
    status = kmt_process_channel_of(pArgs->hDevice, KMT_DEVICE, &channel);
    if (!NT_SUCCESS(status))
        return status;
    status = kmt_process_check_optional(channel, pArgs->hResource, KMT_RESOURCE);
    if (NT_SUCCESS(status) && !kmt_channel_speaks(channel, 3))
        status = STATUS_NOT_SUPPORTED;
    if (NT_SUCCESS(status))
        status = create_over(channel, pArgs);
    kmt_channel_unref(channel);
    return status;
}

/* --- Destroying ----------------------------------------------------------------------------- */

/* The entry of what belongs to that device. */
static NTSTATUS find_of_device_locked(D3DKMT_HANDLE handle, enum kmt_handle_type type,
                                      D3DKMT_HANDLE device, struct kmt_handle **entry)
{
    NTSTATUS status = kmt_process_find_locked(handle, type, entry);
    if (NT_SUCCESS(status) && (*entry)->parents[0] != device)
        status = STATUS_INVALID_PARAMETER;
    return status;
}

static NTSTATUS mark_locked(D3DKMT_HANDLE device, const D3DKMT_HANDLE *handles, UINT count)
{
    struct kmt_handle *entry;
    NTSTATUS status = STATUS_SUCCESS;
    UINT marked = 0;
    for (; marked < count; marked++) {
        status = find_of_device_locked(handles[marked], KMT_ALLOCATION, device, &entry);
        if (!NT_SUCCESS(status) || entry->marked)
            break;
        entry->marked = true;
    }
    if (marked == count)
        return STATUS_SUCCESS;
    while (marked--) {
        if (NT_SUCCESS(find_of_device_locked(handles[marked], KMT_ALLOCATION, device, &entry)))
            entry->marked = false;
    }
    return STATUS_INVALID_PARAMETER;
}

/* Forgets them, and gives the connection of the device, or NULL if it was lost. */
static NTSTATUS forget_locked(const D3DKMT_DESTROYALLOCATION2 *args, const D3DKMT_HANDLE *handles,
                              struct kmt_channel **channel)
{
    struct kmt_handle *entry;
    NTSTATUS status = kmt_process_find_locked(args->hDevice, KMT_DEVICE, &entry);
    if (!NT_SUCCESS(status))
        return status;
    uint64_t id = entry->channel;
    (void)kmt_process_channel_of_locked(entry, channel);
    if (args->hResource)
        status = find_of_device_locked(args->hResource, KMT_RESOURCE, args->hDevice, &entry);
    else
        status = mark_locked(args->hDevice, handles, args->AllocationCount);
    if (!NT_SUCCESS(status))
        return status;
    if (args->hResource) {
        kmt_process_remove_locked(args->hResource);
        kmt_process_remove_children_locked(args->hResource, id);
    }
    for (UINT i = 0; i < args->AllocationCount; i++)
        kmt_process_remove_locked(handles[i]);
    return STATUS_SUCCESS;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTDestroyAllocation2(CONST D3DKMT_DESTROYALLOCATION2 *pArgs)
{
    if (!pArgs || pArgs->Flags.Reserved || pArgs->Flags.SystemUseOnly ||
        !pArgs->hResource == !pArgs->AllocationCount ||
        (pArgs->AllocationCount && !pArgs->phAllocationList))
        return STATUS_INVALID_PARAMETER;
    size_t size = pArgs->AllocationCount * sizeof(D3DKMT_HANDLE);
    D3DKMT_HANDLE *handles = malloc(size ? size : 1);
    if (!handles)
        return STATUS_NO_MEMORY;
    if (size)
        memcpy(handles, pArgs->phAllocationList, size);
    struct kmt_channel *channel = NULL;
    kmt_process_lock();
    NTSTATUS status = forget_locked(pArgs, handles, &channel);
    kmt_process_unlock();
    if (NT_SUCCESS(status) && channel)
        tell_destroyed(channel, pArgs->hDevice, pArgs->hResource, handles, pArgs->AllocationCount);
    kmt_channel_unref(channel);
    free(handles);
    return status;
}

/* --- Locking -------------------------------------------------------------------------------- */

/* Asks for the file of what the driver exports, and maps it: once, since the host gives it once. */
static NTSTATUS map_exported(struct kmt_channel *channel, const D3DKMT_LOCK2 *args)
{
    const struct wire_handle request = {.handle = args->hAllocation};
    struct wire_lock_allocation_reply reply;
    int fd = -1;
    struct kmt_call call = {
        .command = WIRE_LOCK_ALLOCATION,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .reply = &reply,
        .reply_min = sizeof(reply),
        .reply_max = sizeof(reply),
        .reply_descriptor = &fd,
    };
    NTSTATUS status = kmt_channel_call(channel, &call);
    if (NT_SUCCESS(status) && fd < 0)
        status = kmt_channel_reject(channel, "the host gave no file for an allocation");
    struct kmt_handle *entry;
    kmt_process_lock();
    if (NT_SUCCESS(status))
        status = find_of_device_locked(args->hAllocation, KMT_ALLOCATION, args->hDevice, &entry);
    if (NT_SUCCESS(status) && !entry->mapping) {
        entry->mapping =
            kmt_mapping_of_export_locked(entry->channel, fd, reply.offset, entry->size);
        entry->offset = reply.offset;
        if (!entry->mapping)
            status = STATUS_NO_MEMORY;
    }
    kmt_process_unlock();
    if (fd >= 0)
        close(fd);
    return status;
}

/* Maps what must be asked for first. */
static NTSTATUS prepare(const D3DKMT_LOCK2 *args)
{
    struct kmt_handle *entry;
    struct kmt_channel *channel = NULL;
    bool wanted = false;
    kmt_process_lock();
    NTSTATUS status =
        find_of_device_locked(args->hAllocation, KMT_ALLOCATION, args->hDevice, &entry);
    if (NT_SUCCESS(status)) {
        wanted = entry->exported && !entry->mapping;
        status = wanted ? kmt_process_channel_of_locked(entry, &channel) : STATUS_SUCCESS;
    }
    kmt_process_unlock();
    if (NT_SUCCESS(status) && wanted)
        status = map_exported(channel, args);
    kmt_channel_unref(channel);
    return status;
}

static NTSTATUS lock_locked(D3DKMT_LOCK2 *args, struct kmt_channel **channel)
{
    struct kmt_handle *entry;
    NTSTATUS status =
        find_of_device_locked(args->hAllocation, KMT_ALLOCATION, args->hDevice, &entry);
    if (NT_SUCCESS(status))
        status = kmt_process_channel_of_locked(entry, channel);
    void *address;
    if (NT_SUCCESS(status))
        status = kmt_process_map_locked(*channel, entry, &address);
    if (!NT_SUCCESS(status))
        return status;
    if (entry->locks == UINT32_MAX)
        return STATUS_INSUFFICIENT_RESOURCES;
    entry->locks++;
    args->pData = address;
    return STATUS_SUCCESS;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTLock2(D3DKMT_LOCK2 *pArgs)
{
    if (!pArgs || pArgs->Flags.Value)
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel = NULL;
    NTSTATUS status = prepare(pArgs);
    if (!NT_SUCCESS(status))
        return status;
    kmt_process_lock();
    status = lock_locked(pArgs, &channel);
    kmt_process_unlock();
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTUnlock2(CONST D3DKMT_UNLOCK2 *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    struct kmt_handle *entry;
    kmt_process_lock();
    NTSTATUS status =
        find_of_device_locked(pArgs->hAllocation, KMT_ALLOCATION, pArgs->hDevice, &entry);
    if (NT_SUCCESS(status) && !entry->locks)
        status = STATUS_INVALID_PARAMETER;
    if (NT_SUCCESS(status) && !--entry->locks && !entry->exported)
        kmt_process_unmap_locked(entry);
    kmt_process_unlock();
    return status;
}

KMT_PUBLIC NTSTATUS gpupv_kmt_share_memory(const void *address, size_t size, int *fd,
                                           uint64_t *offset, uint64_t *file_size)
{
    if (!address || !fd || !offset || !file_size)
        return STATUS_INVALID_PARAMETER;
    return kmt_process_share(address, size, fd, offset, file_size);
}

/* --- Properties and usage ------------------------------------------------------------------- */

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTUpdateAllocationProperty(D3DDDI_UPDATEALLOCPROPERTY *pArgs)
{
    if (!pArgs || pArgs->hPagingQueue)
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = kmt_process_channel_of(pArgs->hAllocation, KMT_ALLOCATION, &channel);
    if (!NT_SUCCESS(status))
        return status;
    const struct wire_update_allocation_request request = {
        .allocation = pArgs->hAllocation,
        .mask = pArgs->PropertyMaskValue,
        .flags = pArgs->Flags.Value,
        .segment_set = pArgs->SupportedSegmentSet,
        .preferred_segment = pArgs->PreferredSegment.Value,
    };
    struct kmt_call call = {
        .command = WIRE_UPDATE_ALLOCATION, .fixed = &request, .fixed_size = sizeof(request)};
    status = kmt_channel_call(channel, &call);
    if (NT_SUCCESS(status))
        pArgs->PagingFenceValue = 0;
    kmt_channel_unref(channel);
    return status;
}

static NTSTATUS query_over(struct kmt_channel *channel, D3DKMT_QUERYVIDEOMEMORYINFO *args)
{
    const struct wire_query_video_memory_request request = {
        .adapter = args->hAdapter,
        .group = (uint32_t)args->MemorySegmentGroup,
        .physical_adapter = args->PhysicalAdapterIndex,
    };
    struct wire_query_video_memory_reply reply;
    struct kmt_call call = {
        .command = WIRE_QUERY_VIDEO_MEMORY,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .reply = &reply,
        .reply_min = sizeof(reply),
        .reply_max = sizeof(reply),
    };
    if (!kmt_channel_speaks(channel, 3))
        return STATUS_NOT_SUPPORTED;
    NTSTATUS status = kmt_channel_call(channel, &call);
    if (NT_SUCCESS(status)) {
        args->Budget = reply.budget;
        args->CurrentUsage = reply.usage;
        args->CurrentReservation = 0;
        args->AvailableForReservation = 0;
    }
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTQueryVideoMemoryInfo(D3DKMT_QUERYVIDEOMEMORYINFO *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    if (pArgs->hProcess)
        return STATUS_NOT_SUPPORTED;
    struct kmt_channel *channel;
    NTSTATUS status = kmt_process_channel_of(pArgs->hAdapter, KMT_ADAPTER, &channel);
    if (!NT_SUCCESS(status))
        return status;
    status = query_over(channel, pArgs);
    kmt_channel_unref(channel);
    return status;
}
