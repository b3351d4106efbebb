/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "kmt/private_data.h"
#include "kmt/process.h"
#include "kmt/public.h"

static NTSTATUS create_over(struct kmt_channel *channel, D3DKMT_CREATECONTEXTVIRTUAL *args)
{
    const struct wire_create_context_request request = {
        .device = args->hDevice,
        .node_ordinal = args->NodeOrdinal,
        .engine_affinity = args->EngineAffinity,
        .flags = args->Flags.Value,
        .client_hint = (uint32_t)args->ClientHint,
        .size = args->PrivateDriverDataSize,
    };
    void *data;
    NTSTATUS status = private_data_copy(channel, "a context", args->pPrivateDriverData,
                                        args->PrivateDriverDataSize, sizeof(request), &data);
    if (!NT_SUCCESS(status))
        return status;
    status = private_data_guard(channel, "a context", data, args->PrivateDriverDataSize);
    if (!NT_SUCCESS(status))
        goto out_free;
    struct wire_handle reply;
    struct kmt_call call = {
        .command = WIRE_CREATE_CONTEXT_VIRTUAL,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .data = data,
        .data_size = args->PrivateDriverDataSize,
        .reply = &reply,
        .reply_min = sizeof(reply),
        .reply_max = sizeof(reply),
    };
    status = kmt_channel_call(channel, &call);
    if (NT_SUCCESS(status))
        status = kmt_process_add(channel, reply.handle, KMT_CONTEXT, request.device);
    if (NT_SUCCESS(status))
        args->hContext = reply.handle;
out_free:
    free(data);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTCreateContextVirtual(D3DKMT_CREATECONTEXTVIRTUAL *pArgs)
{
    if (!pArgs || (pArgs->PrivateDriverDataSize && !pArgs->pPrivateDriverData))
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = kmt_process_channel_of(pArgs->hDevice, KMT_DEVICE, &channel);
    if (!NT_SUCCESS(status))
        return status;
    status = create_over(channel, pArgs);
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTDestroyContext(CONST D3DKMT_DESTROYCONTEXT *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    return kmt_process_close(pArgs->hContext, KMT_CONTEXT);
}
