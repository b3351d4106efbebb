/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kmt/process.h"
#include "kmt/public.h"

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTCreateDevice(D3DKMT_CREATEDEVICE *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = kmt_process_channel_of(pArgs->hAdapter, KMT_ADAPTER, &channel);
    if (!NT_SUCCESS(status))
        return status;
    struct wire_create_device_request request = {.adapter = pArgs->hAdapter};
    _Static_assert(sizeof(pArgs->Flags) == sizeof(request.flags), "the flags are one word");
    memcpy(&request.flags, &pArgs->Flags, sizeof(request.flags));
    struct wire_handle reply;
    struct kmt_call call = {
        .command = WIRE_CREATE_DEVICE,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .reply = &reply,
        .reply_min = sizeof(reply),
        .reply_max = sizeof(reply),
    };
    status = kmt_channel_call(channel, &call);
    if (NT_SUCCESS(status))
        status = kmt_process_add(channel, reply.handle, KMT_DEVICE, 0);
    if (NT_SUCCESS(status)) {
        pArgs->hDevice = reply.handle;
        pArgs->pCommandBuffer = NULL;
        pArgs->CommandBufferSize = 0;
        pArgs->pAllocationList = NULL;
        pArgs->AllocationListSize = 0;
        pArgs->pPatchLocationList = NULL;
        pArgs->PatchLocationListSize = 0;
    }
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTDestroyDevice(CONST D3DKMT_DESTROYDEVICE *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    return kmt_process_close(pArgs->hDevice, KMT_DEVICE);
}
