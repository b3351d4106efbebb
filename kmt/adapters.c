/* SPDX-License-Identifier: MIT */
/* Enumerating, opening and closing adapters. */
#include <stdlib.h>
#include <string.h>

#include "kmt/process.h"
#include "kmt/public.h"
#include "util/log.h"

/* No host has more; a larger count is a broken reply. */
#define MAX_ADAPTERS 256u

struct adapter_list {
    struct wire_enum_adapters_reply head;
    struct wire_adapter adapters[MAX_ADAPTERS];
};

static NTSTATUS connect_host(struct kmt_channel **channel)
{
    struct error err;
    NTSTATUS status = kmt_process_connect(channel, &err);
    if (!NT_SUCCESS(status))
        log_info("kmt", "%s", err.text);
    return status;
}

static NTSTATUS ask(struct kmt_channel *channel, uint32_t filter, uint32_t capacity,
                    struct adapter_list *list)
{
    const struct wire_enum_adapters_request request = {filter, capacity};
    struct kmt_call call = {
        .command = WIRE_ENUM_ADAPTERS,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .reply = list,
        .reply_min = sizeof(list->head),
        .reply_max = sizeof(list->head) + capacity * sizeof(list->adapters[0]),
        .failure_max = sizeof(list->head),
    };
    list->head.count = 0;
    NTSTATUS status = kmt_channel_call(channel, &call);
    if (status == STATUS_DEVICE_REMOVED)
        return status;
    if (!NT_SUCCESS(status) && status != STATUS_BUFFER_TOO_SMALL)
        return status;
    uint32_t opened = capacity && NT_SUCCESS(status) ? list->head.count : 0;
    if (list->head.count > MAX_ADAPTERS || opened > capacity ||
        call.reply_size != sizeof(list->head) + opened * sizeof(list->adapters[0]))
        return kmt_channel_reject(channel,
                                  "an adapter list for %u adapters has %zu bytes and says "
                                  "that it has %u",
                                  capacity, call.reply_size, list->head.count);
    if (status == STATUS_BUFFER_TOO_SMALL && list->head.count <= capacity)
        return kmt_channel_reject(channel, "%u adapters did not fit where %u do", list->head.count,
                                  capacity);
    return status;
}

/* All are entered, or none. */
static NTSTATUS enter(struct kmt_channel *channel, const struct adapter_list *list)
{
    NTSTATUS status = STATUS_SUCCESS;
    uint32_t entered = 0;
    for (; entered < list->head.count; entered++) {
        status = kmt_process_add(channel, list->adapters[entered].handle, KMT_ADAPTER, 0);
        if (!NT_SUCCESS(status))
            break;
    }
    if (NT_SUCCESS(status))
        return status;
    for (uint32_t i = 0; i < list->head.count; i++) {
        if (i < entered)
            (void)kmt_process_close(list->adapters[i].handle, KMT_ADAPTER);
        else if (i > entered)
            kmt_process_tell_closed(channel, list->adapters[i].handle, KMT_ADAPTER);
    }
    return status;
}

static void tell(const struct adapter_list *list, D3DKMT_ADAPTERINFO *adapters)
{
    for (uint32_t i = 0; i < list->head.count; i++) {
        const struct wire_adapter *from = &list->adapters[i];
        adapters[i] = (D3DKMT_ADAPTERINFO){
            .hAdapter = from->handle,
            .AdapterLuid = {.LowPart = from->luid.low, .HighPart = from->luid.high},
            .NumOfSources = from->sources,
            .bPrecisePresentRegionsPreferred = from->precise_present_regions,
        };
    }
}

/* `adapters` NULL: only the count. Its capacity 0 with an array is a capacity, not that. */
static NTSTATUS enumerate(uint32_t filter, D3DKMT_ADAPTERINFO *adapters, ULONG *number)
{
    struct kmt_channel *channel;
    NTSTATUS status = connect_host(&channel);
    if (!NT_SUCCESS(status))
        return status;
    uint32_t capacity = adapters ? *number : 0;
    if (capacity > MAX_ADAPTERS)
        capacity = MAX_ADAPTERS;
    struct adapter_list list;
    status = ask(channel, filter, capacity, &list);
    if (NT_SUCCESS(status) && capacity)
        status = enter(channel, &list);
    if (NT_SUCCESS(status) && capacity)
        tell(&list, adapters);
    if (NT_SUCCESS(status) && adapters && list.head.count > capacity)
        status = STATUS_BUFFER_TOO_SMALL;
    if (NT_SUCCESS(status) || status == STATUS_BUFFER_TOO_SMALL)
        *number = list.head.count;
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTEnumAdapters2(CONST D3DKMT_ENUMADAPTERS2 *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    const D3DKMT_ENUMADAPTERS_FILTER all = {
        {.IncludeComputeOnly = 1, .IncludeDisplayOnly = 1},
    };
    /* The API's const notwithstanding, the number is an output. */
    D3DKMT_ENUMADAPTERS2 *args = (D3DKMT_ENUMADAPTERS2 *)pArgs;
    return enumerate((uint32_t)all.Value, args->pAdapters, &args->NumAdapters);
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTEnumAdapters3(D3DKMT_ENUMADAPTERS3 *pArgs)
{
    if (!pArgs || pArgs->Filter.Reserved)
        return STATUS_INVALID_PARAMETER;
    return enumerate((uint32_t)pArgs->Filter.Value, pArgs->pAdapters, &pArgs->NumAdapters);
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTOpenAdapterFromLuid(CONST D3DKMT_OPENADAPTERFROMLUID *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = connect_host(&channel);
    if (!NT_SUCCESS(status))
        return status;
    const struct wire_open_adapter_request request = {
        {pArgs->AdapterLuid.LowPart, pArgs->AdapterLuid.HighPart},
    };
    struct wire_handle reply;
    struct kmt_call call = {
        .command = WIRE_OPEN_ADAPTER_FROM_LUID,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .reply = &reply,
        .reply_min = sizeof(reply),
        .reply_max = sizeof(reply),
    };
    status = kmt_channel_call(channel, &call);
    if (NT_SUCCESS(status))
        status = kmt_process_add(channel, reply.handle, KMT_ADAPTER, 0);
    if (NT_SUCCESS(status))
        ((D3DKMT_OPENADAPTERFROMLUID *)pArgs)->hAdapter = reply.handle;
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTCloseAdapter(CONST D3DKMT_CLOSEADAPTER *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    return kmt_process_close(pArgs->hAdapter, KMT_ADAPTER);
}
