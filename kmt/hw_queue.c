/* SPDX-License-Identifier: MIT */
/* Hardware queues, and submitting to them. */
#include <stdlib.h>
#include <string.h>

#include "kmt/private_data.h"
#include "kmt/process.h"
#include "kmt/public.h"
#include "wire/stream.h"

/* --- Creating ------------------------------------------------------------------------------- */

/* gpupv's own driver names the allocation of a stream. In data of that form, and in that place, an
 * allocation of this process is no finding of the guard's; nor is the form's number, where a
 * process has mapped much of the first 4 GiB (Chromium). */
static NTSTATUS guard_stream(struct kmt_channel *channel, const char *what, void *data,
                             uint32_t size)
{
    struct stream_open open;
    if (size != sizeof(open))
        return private_data_guard(channel, what, data, size);
    memcpy(&open, data, sizeof(open));
    uint32_t allocation = open.allocation;
    if (open.magic == STREAM_MAGIC &&
        NT_SUCCESS(kmt_process_check_optional(channel, allocation, KMT_ALLOCATION)))
        open.allocation = open.magic = 0;
    return private_data_guard(channel, what, &open, sizeof(open));
}

/* Enters the queue and its fence, and maps that. On failure neither is there. */
static NTSTATUS enter(struct kmt_channel *channel, uint32_t context, uint32_t device,
                      const struct wire_create_hw_queue_reply *reply, void **address)
{
    struct kmt_handle queue = {.handle = reply->queue,
                               .type = KMT_HW_QUEUE,
                               .parents = {context, device},
                               .channel = kmt_channel_id(channel),
                               .offset = WIRE_NO_OFFSET};
    struct kmt_handle fence = {.handle = reply->fence,
                               .type = KMT_SYNC,
                               .parents = {reply->queue, context, device},
                               .channel = queue.channel,
                               .offset = reply->fence_offset};
    NTSTATUS status = kmt_process_enter(channel, &queue);
    if (NT_SUCCESS(status))
        status = kmt_process_enter(channel, &fence);
    *address = NULL;
    if (NT_SUCCESS(status) && reply->fence_offset != WIRE_NO_OFFSET)
        status = kmt_process_map_fence(channel, reply->fence, address);
    if (NT_SUCCESS(status) || status == STATUS_DEVICE_REMOVED)
        return status;
    if (!NT_SUCCESS(kmt_process_close(reply->queue, KMT_HW_QUEUE)))
        kmt_process_tell_closed(channel, reply->queue, KMT_HW_QUEUE);
    return status;
}

struct hw_queue_reply {
    struct wire_create_hw_queue_reply head;
    uint8_t data[WIRE_MAX_PAYLOAD - sizeof(struct wire_create_hw_queue_reply)];
};

static NTSTATUS ask(struct kmt_channel *channel, const D3DKMT_CREATEHWQUEUE *args, const void *data,
                    struct hw_queue_reply *reply, size_t *returned)
{
    const struct wire_create_hw_queue_request request = {
        .context = args->hHwContext,
        .flags = args->Flags.Value,
        .size = args->PrivateDriverDataSize,
    };
    struct kmt_call call = {
        .command = WIRE_CREATE_HW_QUEUE,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .data = data,
        .data_size = request.size,
        .reply = reply,
        .reply_min = sizeof(reply->head),
        .reply_max = sizeof(reply->head) + request.size,
    };
    NTSTATUS status = kmt_channel_call(channel, &call);
    if (!NT_SUCCESS(status))
        return status;
    *returned = call.reply_size - sizeof(reply->head);
    if (*returned && *returned != request.size)
        return kmt_channel_reject(channel, "a queue's private data of %u bytes came back with %zu",
                                  request.size, *returned);
    return STATUS_SUCCESS;
}

static NTSTATUS create_over(struct kmt_channel *channel, uint32_t device,
                            D3DKMT_CREATEHWQUEUE *args)
{
    const uint32_t size = args->PrivateDriverDataSize;
    static const char what[] = "a hardware queue";
    void *data;
    NTSTATUS status = private_data_copy(channel, what, args->pPrivateDriverData, size,
                                        sizeof(struct wire_create_hw_queue_request), &data);
    if (!NT_SUCCESS(status))
        return status;
    struct hw_queue_reply *reply = malloc(sizeof(reply->head) + size);
    size_t returned = 0;
    void *address = NULL;
    if (!reply)
        status = STATUS_NO_MEMORY;
    if (NT_SUCCESS(status))
        status = guard_stream(channel, what, data, size);
    if (NT_SUCCESS(status))
        status = ask(channel, args, data, reply, &returned);
    if (NT_SUCCESS(status))
        status = enter(channel, args->hHwContext, device, &reply->head, &address);
    if (NT_SUCCESS(status)) {
        args->hHwQueue = reply->head.queue;
        args->hHwQueueProgressFence = reply->head.fence;
        args->HwQueueProgressFenceCPUVirtualAddress = address;
        args->HwQueueProgressFenceGPUVirtualAddress = 0;
        if (returned)
            memcpy(args->pPrivateDriverData, reply->data, returned);
    }
    free(reply);
    free(data);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTCreateHwQueue(D3DKMT_CREATEHWQUEUE *pArgs)
{
    if (!pArgs || pArgs->Flags.Reserved ||
        (pArgs->PrivateDriverDataSize && !pArgs->pPrivateDriverData))
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel = NULL;
    uint32_t device;
    NTSTATUS status = kmt_process_parent_of(pArgs->hHwContext, KMT_CONTEXT, &device, &channel);
    if (NT_SUCCESS(status) && !kmt_channel_speaks(channel, 3))
        status = STATUS_NOT_SUPPORTED;
    if (NT_SUCCESS(status))
        status = create_over(channel, device, pArgs);
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTDestroyHwQueue(CONST D3DKMT_DESTROYHWQUEUE *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    return kmt_process_close(pArgs->hHwQueue, KMT_HW_QUEUE);
}

/* --- Submitting ----------------------------------------------------------------------------- */

static NTSTATUS submit(D3DKMT_HANDLE target, enum kmt_handle_type type, uint64_t fence_value,
                       const void *data, uint32_t size)
{
    struct kmt_channel *channel;
    NTSTATUS status = kmt_process_channel_of(target, type, &channel);
    if (!NT_SUCCESS(status))
        return status;
    const struct wire_submit_command_request request = {fence_value, target, size};
    void *copy = NULL;
    if (!kmt_channel_speaks(channel, 3))
        status = STATUS_NOT_SUPPORTED;
    else
        status = private_data_copy(channel, "a command", data, size, sizeof(request), &copy);
    if (NT_SUCCESS(status) && size && !stream_is_message(copy, size))
        status = private_data_guard(channel, "a command", copy, size);
    if (NT_SUCCESS(status))
        status = kmt_channel_send_async_with(channel, WIRE_SUBMIT_COMMAND, &request,
                                             sizeof(request), copy, size);
    free(copy);
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY
D3DKMTSubmitCommandToHwQueue(CONST D3DKMT_SUBMITCOMMANDTOHWQUEUE *pArgs)
{
    if (!pArgs || pArgs->CommandBuffer || pArgs->CommandLength || pArgs->NumPrimaries ||
        (pArgs->PrivateDriverDataSize && !pArgs->pPrivateDriverData))
        return STATUS_INVALID_PARAMETER;
    return submit(pArgs->hHwQueue, KMT_HW_QUEUE, pArgs->HwQueueProgressFenceId,
                  pArgs->pPrivateDriverData, pArgs->PrivateDriverDataSize);
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTSubmitCommand(CONST D3DKMT_SUBMITCOMMAND *pArgs)
{
    if (!pArgs || pArgs->Commands || pArgs->CommandLength || pArgs->Flags.Reserved ||
        pArgs->BroadcastContextCount != 1 || pArgs->NumPrimaries || pArgs->NumHistoryBuffers ||
        (pArgs->PrivateDriverDataSize && !pArgs->pPrivateDriverData))
        return STATUS_INVALID_PARAMETER;
    return submit(pArgs->BroadcastContext[0], KMT_CONTEXT, 0, pArgs->pPrivateDriverData,
                  pArgs->PrivateDriverDataSize);
}
