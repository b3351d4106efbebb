/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kmt/private_data.h"
#include "kmt/process.h"
#include "kmt/public.h"
#include "wire/stream.h"

/* A known escape carries handles by its nature. Only one that has the size of its structure is
 * exempt from the guard: else the flag alone would lead around it. */
static bool is_known_escape(const D3DKMT_ESCAPE *args, const void *data, uint32_t size)
{
    uint32_t type;
    if (!args->Flags.DriverKnownEscape || args->Type != D3DKMT_ESCAPE_DRIVERPRIVATE ||
        size < sizeof(type))
        return false;
    memcpy(&type, data, sizeof(type));
    switch (type) {
    case D3DDDI_DRIVERESCAPETYPE_TRANSLATEALLOCATIONHANDLE:
        return size == sizeof(D3DDDI_DRIVERESCAPE_TRANSLATEALLOCATIONEHANDLE);
    case D3DDDI_DRIVERESCAPETYPE_TRANSLATERESOURCEHANDLE:
        return size == sizeof(D3DDDI_DRIVERESCAPE_TRANSLATERESOURCEHANDLE);
    case D3DDDI_DRIVERESCAPETYPE_CPUEVENTUSAGE:
        return size == sizeof(D3DDDI_DRIVERESCAPE_CPUEVENTUSAGE);
    default:
        return false;
    }
}

/* What gpupv's own driver asks of a stream that shares no memory. */
static bool is_poll_of_stream(const D3DKMT_ESCAPE *args, const void *data, uint32_t size)
{
    return args->Type == D3DKMT_ESCAPE_DRIVERPRIVATE && !args->Flags.DriverKnownEscape &&
           args->hContext && stream_is_poll(data, size);
}

static NTSTATUS escape_over(struct kmt_channel *channel, const D3DKMT_ESCAPE *args)
{
    const uint32_t size = args->PrivateDriverDataSize;
    const struct wire_escape_request request = {
        .adapter = args->hAdapter,
        .device = args->hDevice,
        .context = args->hContext,
        .type = (uint32_t)args->Type,
        .flags = args->Flags.Value,
        .size = size,
    };
    void *data;
    NTSTATUS status = private_data_copy(channel, "an escape", args->pPrivateDriverData, size,
                                        sizeof(request), &data);
    if (!NT_SUCCESS(status))
        return status;
    if (!is_known_escape(args, data, size) && !is_poll_of_stream(args, data, size))
        status = private_data_guard(channel, "an escape", data, size);
    if (!NT_SUCCESS(status))
        goto out_free;
    struct kmt_call call = {
        .command = WIRE_ESCAPE,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .data = data,
        .data_size = size,
        .reply = data, /* the request is gone when the reply comes */
        .reply_min = size,
        .reply_max = size,
    };
    status = kmt_channel_call(channel, &call);
    if (NT_SUCCESS(status) && size)
        memcpy(args->pPrivateDriverData, data, size);
out_free:
    free(data);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTEscape(CONST D3DKMT_ESCAPE *pArgs)
{
    if (!pArgs || pArgs->Flags.VirtualMachineData ||
        (pArgs->PrivateDriverDataSize && !pArgs->pPrivateDriverData))
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = kmt_process_channel_of(pArgs->hAdapter, KMT_ADAPTER, &channel);
    if (!NT_SUCCESS(status))
        return status;
    status = kmt_process_check_optional(channel, pArgs->hDevice, KMT_DEVICE);
    if (NT_SUCCESS(status))
        status = kmt_process_check_optional(channel, pArgs->hContext, KMT_CONTEXT);
    if (NT_SUCCESS(status))
        status = escape_over(channel, pArgs);
    kmt_channel_unref(channel);
    return status;
}
