/* SPDX-License-Identifier: MIT */
/* Monitored fences and CPU notifications. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gpupv/kmt.h"
#include "kmt/mapping.h"
#include "kmt/process.h"
#include "kmt/public.h"
#include "wire/spin.h"

#define SLICE_MS 100

/* --- Objects -------------------------------------------------------------------------------- */

static int event_of(HANDLE event)
{
    return (int)(intptr_t)event;
}

static NTSTATUS enter(struct kmt_channel *channel, D3DKMT_CREATESYNCHRONIZATIONOBJECT2 *args,
                      const struct wire_create_sync_object_reply *reply)
{
    struct kmt_handle entry = {.handle = reply->handle,
                               .type = KMT_SYNC,
                               .parents = {args->hDevice},
                               .channel = kmt_channel_id(channel),
                               .offset = reply->offset};
    bool fence = args->Info.Type == D3DDDI_MONITORED_FENCE;
    if (fence != (reply->offset != WIRE_NO_OFFSET))
        return kmt_channel_reject(channel, "a fence has no place in the aperture");
    NTSTATUS status = kmt_process_enter(channel, &entry);
    void *address = NULL;
    if (NT_SUCCESS(status) && fence)
        status = kmt_process_map_fence(channel, reply->handle, &address);
    if (!NT_SUCCESS(status)) {
        if (status != STATUS_DEVICE_REMOVED &&
            !NT_SUCCESS(kmt_process_close(reply->handle, KMT_SYNC)))
            kmt_process_tell_closed(channel, reply->handle, KMT_SYNC);
        return status;
    }
    if (fence) {
        args->Info.MonitoredFence.FenceValueCPUVirtualAddress = address;
        args->Info.MonitoredFence.FenceValueGPUVirtualAddress = 0;
    }
    args->Info.SharedHandle = 0;
    args->hSyncObject = reply->handle;
    return STATUS_SUCCESS;
}

static NTSTATUS create_over(struct kmt_channel *channel, D3DKMT_CREATESYNCHRONIZATIONOBJECT2 *args)
{
    struct wire_create_sync_object_request request = {
        .device = args->hDevice,
        .type = (uint32_t)args->Info.Type,
        .flags = args->Info.Flags.Value,
    };
    int event = -1;
    switch (args->Info.Type) {
    case D3DDDI_MONITORED_FENCE:
        request.initial_value = args->Info.MonitoredFence.InitialFenceValue;
        request.engine_affinity = args->Info.MonitoredFence.EngineAffinity;
        break;
    case D3DDDI_CPU_NOTIFICATION:
        event = event_of(args->Info.CPUNotification.Event);
        break;
    default:
        return STATUS_NOT_SUPPORTED;
    }
    struct wire_create_sync_object_reply reply;
    struct kmt_call call = {
        .command = WIRE_CREATE_SYNC_OBJECT,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .reply = &reply,
        .reply_min = sizeof(reply),
        .reply_max = sizeof(reply),
        .descriptor = event >= 0 ? &event : NULL,
    };
    NTSTATUS status = kmt_channel_call(channel, &call);
    return NT_SUCCESS(status) ? enter(channel, args, &reply) : status;
}

/* Of the device, and of the host's version. */
static NTSTATUS channel_of(D3DKMT_HANDLE handle, enum kmt_handle_type type,
                           struct kmt_channel **channel)
{
    NTSTATUS status = kmt_process_channel_of(handle, type, channel);
    if (NT_SUCCESS(status) && !kmt_channel_speaks(*channel, 3)) {
        kmt_channel_unref(*channel);
        status = STATUS_NOT_SUPPORTED;
    }
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY
D3DKMTCreateSynchronizationObject2(D3DKMT_CREATESYNCHRONIZATIONOBJECT2 *pArgs)
{
    if (!pArgs ||
        (pArgs->Info.Type == D3DDDI_CPU_NOTIFICATION && !pArgs->Info.CPUNotification.Event))
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = channel_of(pArgs->hDevice, KMT_DEVICE, &channel);
    if (!NT_SUCCESS(status))
        return status;
    status = create_over(channel, pArgs);
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY
D3DKMTDestroySynchronizationObject(CONST D3DKMT_DESTROYSYNCHRONIZATIONOBJECT *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    struct kmt_handle *entry;
    kmt_process_lock();
    NTSTATUS status = kmt_process_find_locked(pArgs->hSyncObject, KMT_SYNC, &entry);
    bool of_queue = NT_SUCCESS(status) && entry->parents[1];
    kmt_process_unlock();
    if (NT_SUCCESS(status) && of_queue)
        status = STATUS_INVALID_PARAMETER;
    return NT_SUCCESS(status) ? kmt_process_close(pArgs->hSyncObject, KMT_SYNC) : status;
}

/* --- Lists of fences ------------------------------------------------------------------------ */

struct fence_list {
    struct wire_fence_request head;
    struct wire_fence_value values[WIRE_MAX_FENCES];
};

_Static_assert(D3DDDI_MAX_OBJECT_WAITED_ON == WIRE_MAX_FENCES &&
                   D3DDDI_MAX_OBJECT_SIGNALED == WIRE_MAX_FENCES,
               "as many as the wire carries");

/* Copies the caller's arrays and checks that the handles came by the channel. */
static NTSTATUS make_list(const struct kmt_channel *channel, D3DKMT_HANDLE object, uint32_t flags,
                          UINT count, const D3DKMT_HANDLE *handles, const UINT64 *values,
                          struct fence_list *list)
{
    list->head = (struct wire_fence_request){.object = object, .flags = flags, .count = count};
    for (UINT i = 0; i < count; i++) {
        list->values[i] = (struct wire_fence_value){.value = values[i], .fence = handles[i]};
        NTSTATUS status = handles[i] ? kmt_process_check_optional(channel, handles[i], KMT_SYNC)
                                     : STATUS_INVALID_PARAMETER;
        if (!NT_SUCCESS(status))
            return status;
    }
    return STATUS_SUCCESS;
}

static bool arrays_are_there(UINT count, const D3DKMT_HANDLE *handles, const UINT64 *values)
{
    return count && count <= WIRE_MAX_FENCES && handles && values;
}

static NTSTATUS call_with(struct kmt_channel *channel, enum wire_command command,
                          const struct fence_list *list, const int *event)
{
    struct kmt_call call = {
        .command = command,
        .fixed = list,
        .fixed_size = sizeof(list->head) + list->head.count * sizeof(*list->values),
        .descriptor = event,
    };
    return kmt_channel_call(channel, &call);
}

/* --- From the CPU --------------------------------------------------------------------------- */

struct waited {
    struct kmt_mapping *mapping;
    struct wire_fence_cell *cell;
    uint64_t value;
};

static void let_go(struct waited *waited, uint32_t count)
{
    kmt_process_lock();
    for (uint32_t i = 0; i < count; i++)
        kmt_mapping_unref_locked(waited[i].mapping);
    kmt_process_unlock();
}

/* Takes references of what the fences lie in, so that they can be looked at without a lock. */
static NTSTATUS hold_all(struct kmt_channel *channel, const struct fence_list *list,
                         struct waited *waited)
{
    NTSTATUS status = STATUS_SUCCESS;
    uint32_t held = 0;
    kmt_process_lock();
    for (; held < list->head.count && NT_SUCCESS(status); held++) {
        struct kmt_handle *entry;
        void *address = NULL;
        waited[held].mapping = NULL;
        status = kmt_process_find_locked(list->values[held].fence, KMT_SYNC, &entry);
        if (NT_SUCCESS(status) && entry->offset == WIRE_NO_OFFSET)
            status = STATUS_INVALID_PARAMETER; /* a CPU notification */
        if (NT_SUCCESS(status))
            status = kmt_process_map_locked(channel, entry, &address);
        if (NT_SUCCESS(status))
            waited[held] = (struct waited){kmt_mapping_ref_locked(entry->mapping), address,
                                           list->values[held].value};
    }
    kmt_process_unlock();
    if (!NT_SUCCESS(status))
        let_go(waited, held);
    return status;
}

static bool has_reached(const struct waited *waited)
{
    return __atomic_load_n(&waited->cell->value, __ATOMIC_ACQUIRE) >= waited->value;
}

/* The first that is not there yet, or NULL when the wait is over. */
static const struct waited *still_awaited(const struct waited *waited, uint32_t count, bool any)
{
    const struct waited *missing = NULL;
    for (uint32_t i = 0; i < count; i++) {
        bool reached = has_reached(&waited[i]);
        if (reached && any)
            return NULL;
        if (!reached && !missing)
            missing = &waited[i];
    }
    return missing;
}

static bool spin(const struct waited *waited, uint32_t count, bool any)
{
    static struct spin_estimate estimate; /* racy, and harmless */
    uint64_t start = spin_now(), passed = 0;
    uint32_t budget = spin_budget(&estimate);
    bool over = false;
    while (!over && passed < budget) {
        for (unsigned i = 0; i < SPIN_LOOKS && !over; i++) {
            over = !still_awaited(waited, count, any);
            spin_pause();
        }
        passed = spin_step(start);
    }
    spin_learn(&estimate, over ? passed : 2 * SPIN_LIMIT_NS);
    return over;
}

/* Sleeps on one fence until it is there, or for a while. */
static void sleep_on(const struct waited *waited)
{
    struct wire_fence_cell *cell = waited->cell;
    __atomic_add_fetch(&cell->waiters, 1, __ATOMIC_SEQ_CST);
    uint64_t seen = __atomic_load_n(&cell->value, __ATOMIC_SEQ_CST);
    if (seen < waited->value)
        gpupv_kmt_wait((const uint32_t *)(const void *)&cell->value, (uint32_t)seen,
                       SLICE_MS * UINT64_C(1000000));
    __atomic_sub_fetch(&cell->waiters, 1, __ATOMIC_SEQ_CST);
}

/* For one of several fences: the host watches them. */
static NTSTATUS wait_for_any(struct kmt_channel *channel, const struct fence_list *list)
{
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return errno == ENOMEM ? STATUS_NO_MEMORY : STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = call_with(channel, WIRE_WAIT_FROM_CPU, list, &event);
    struct pollfd item = {.fd = event, .events = POLLIN};
    while (NT_SUCCESS(status) && poll(&item, 1, SLICE_MS) <= 0) {
        if (!kmt_channel_check(channel))
            status = STATUS_DEVICE_REMOVED;
    }
    close(event);
    return status;
}

static NTSTATUS wait_here(struct kmt_channel *channel, const struct fence_list *list)
{
    bool any = list->head.flags & WIRE_WAIT_ANY;
    uint32_t count = list->head.count;
    struct waited waited[WIRE_MAX_FENCES];
    NTSTATUS status = hold_all(channel, list, waited);
    if (!NT_SUCCESS(status))
        return status;
    const struct waited *missing = NULL;
    if (!spin(waited, count, any)) {
        while ((missing = still_awaited(waited, count, any)) && !(any && count > 1) &&
               kmt_channel_check(channel))
            sleep_on(missing);
    }
    let_go(waited, count);
    if (missing && any && count > 1)
        return wait_for_any(channel, list);
    return missing ? STATUS_DEVICE_REMOVED : STATUS_SUCCESS;
}

KMT_PUBLIC NTSTATUS APIENTRY
D3DKMTWaitForSynchronizationObjectFromCpu(CONST D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU *pArgs)
{
    if (!pArgs || pArgs->Flags.Reserved ||
        !arrays_are_there(pArgs->ObjectCount, pArgs->ObjectHandleArray, pArgs->FenceValueArray))
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = channel_of(pArgs->hDevice, KMT_DEVICE, &channel);
    if (!NT_SUCCESS(status))
        return status;
    struct fence_list list;
    status = make_list(channel, pArgs->hDevice, pArgs->Flags.WaitAny ? WIRE_WAIT_ANY : 0,
                       pArgs->ObjectCount, pArgs->ObjectHandleArray, pArgs->FenceValueArray, &list);
    int event = event_of(pArgs->hAsyncEvent);
    if (NT_SUCCESS(status))
        status = pArgs->hAsyncEvent ? call_with(channel, WIRE_WAIT_FROM_CPU, &list, &event)
                                    : wait_here(channel, &list);
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY
D3DKMTSignalSynchronizationObjectFromCpu(CONST D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU *pArgs)
{
    if (!pArgs ||
        !arrays_are_there(pArgs->ObjectCount, pArgs->ObjectHandleArray, pArgs->FenceValueArray))
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = channel_of(pArgs->hDevice, KMT_DEVICE, &channel);
    if (!NT_SUCCESS(status))
        return status;
    struct fence_list list;
    status = make_list(channel, pArgs->hDevice, pArgs->Flags.Value, pArgs->ObjectCount,
                       pArgs->ObjectHandleArray, pArgs->FenceValueArray, &list);
    if (NT_SUCCESS(status))
        status = call_with(channel, WIRE_SIGNAL_FROM_CPU, &list, NULL);
    kmt_channel_unref(channel);
    return status;
}

/* --- From the GPU --------------------------------------------------------------------------- */

static NTSTATUS send_list(D3DKMT_HANDLE context, enum wire_command command, UINT count,
                          const D3DKMT_HANDLE *handles, const UINT64 *values)
{
    if (!arrays_are_there(count, handles, values))
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = channel_of(context, KMT_CONTEXT, &channel);
    if (!NT_SUCCESS(status))
        return status;
    struct fence_list list;
    status = make_list(channel, context, 0, count, handles, values, &list);
    if (NT_SUCCESS(status))
        status = kmt_channel_send_async(channel, command, &list,
                                        sizeof(list.head) + count * sizeof(*list.values));
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY
D3DKMTWaitForSynchronizationObjectFromGpu(CONST D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMGPU *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    return send_list(pArgs->hContext, WIRE_WAIT_FROM_GPU, pArgs->ObjectCount,
                     pArgs->ObjectHandleArray, pArgs->MonitoredFenceValueArray);
}

KMT_PUBLIC NTSTATUS APIENTRY
D3DKMTSignalSynchronizationObjectFromGpu(CONST D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMGPU *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    return send_list(pArgs->hContext, WIRE_SIGNAL_FROM_GPU, pArgs->ObjectCount,
                     pArgs->ObjectHandleArray, pArgs->MonitoredFenceValueArray);
}
