/* SPDX-License-Identifier: MIT */
/* Making a stream: a D3DKMT device and context, an allocation that both sides see, a hardware
 * queue. */
#include "umd/stream_internal.h"

#include <stdlib.h>
#include <string.h>

#include "gpupv/kmt.h"
#include "umd/umd.h"
#include "vkwire.h"

#define RING_SIZE (512u * 1024u)
#define SLOT_SIZE (16u * 1024u)
#define SLOT_COUNT 16u
#define MESSAGE_SLOT_COUNT 8u
#define PAGE 4096u

_Static_assert(sizeof(struct stream_shared) <= PAGE, "the ring begins on the second page");
_Static_assert(SLOT_COUNT <= STREAM_MAX_REPLY_SLOTS, "one bit for each");
_Static_assert(sizeof(STREAM_BUILD) <= sizeof(((struct stream_open *)0)->build), "fits");

static VkResult result_of(NTSTATUS status)
{
    switch (status) {
    case STATUS_NO_MEMORY:
    case STATUS_INSUFFICIENT_RESOURCES:
    case STATUS_GRAPHICS_NO_VIDEO_MEMORY:
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    case STATUS_DEVICE_REMOVED:
        return VK_ERROR_DEVICE_LOST;
    default:
        return VK_ERROR_INITIALIZATION_FAILED;
    }
}

static VkResult failed(const char *what, NTSTATUS status)
{
    umd_error("%s failed with status 0x%08x", what, (unsigned)status);
    return result_of(status);
}

static VkResult create_context(struct umd_stream *stream, D3DKMT_HANDLE adapter)
{
    D3DKMT_CREATEDEVICE device = {.hAdapter = adapter};
    NTSTATUS status = stream->callbacks->CreateDevice(&device);
    if (!NT_SUCCESS(status))
        return failed("making a device on the host", status);
    stream->device = device.hDevice;
    D3DKMT_CREATECONTEXTVIRTUAL context = {
        .hDevice = stream->device, .EngineAffinity = 1, .ClientHint = D3DKMT_CLIENTHINT_VULKAN};
    status = stream->callbacks->CreateContextVirtual(&context);
    if (!NT_SUCCESS(status))
        return failed("making a context on the host", status);
    stream->context = context.hContext;
    return VK_SUCCESS;
}

static void lay_out(struct umd_stream *stream, uint8_t *memory, uint32_t slot_size,
                    uint32_t slot_count)
{
    stream->shared = (struct stream_shared *)(void *)memory;
    stream->slots = memory + PAGE + RING_SIZE;
    stream->slot_size = slot_size;
    stream->slot_count = slot_count;
    stream->free_slots = (1u << slot_count) - 1;
    ring_producer_init(&stream->ring, stream->shared, memory + PAGE, RING_SIZE);
}

/* The host shares no memory with this guest. */
static VkResult create_messages(struct umd_stream *stream, D3DKMT_HANDLE adapter)
{
    void *memory;
    VkResult result = umd_stream_messages_create(
        stream, adapter, PAGE + RING_SIZE + MESSAGE_SLOT_COUNT * UMD_STREAM_MESSAGE_SLOT, &memory);
    if (result == VK_SUCCESS)
        lay_out(stream, memory, UMD_STREAM_MESSAGE_SLOT, MESSAGE_SLOT_COUNT);
    return result;
}

static VkResult create_shared(struct umd_stream *stream, D3DKMT_HANDLE adapter)
{
    struct gpupv_allocation_private private = {.magic = GPUPV_ALLOCATION_MAGIC,
                                               .flags = GPUPV_ALLOCATION_CPU_VISIBLE,
                                               .size = PAGE + RING_SIZE + SLOT_COUNT * SLOT_SIZE};
    D3DDDI_ALLOCATIONINFO2 info = {.pPrivateDriverData = &private,
                                   .PrivateDriverDataSize = sizeof(private)};
    D3DKMT_CREATEALLOCATION create = {
        .hDevice = stream->device, .NumAllocations = 1, .pAllocationInfo2 = &info};
    NTSTATUS status = stream->callbacks->CreateAllocation2(&create);
    if (status == STATUS_NOT_SUPPORTED)
        return create_messages(stream, adapter);
    if (!NT_SUCCESS(status))
        return failed("taking memory for a stream from the host", status);
    stream->allocation = info.hAllocation;
    D3DKMT_LOCK2 lock = {.hDevice = stream->device, .hAllocation = stream->allocation};
    status = stream->callbacks->Lock2(&lock);
    if (!NT_SUCCESS(status))
        return failed("mapping a stream's memory", status);
    lay_out(stream, lock.pData, SLOT_SIZE, SLOT_COUNT);
    return VK_SUCCESS;
}

/* Whether the host answers. */
static VkResult try_messages(struct umd_stream *stream)
{
    NTSTATUS status = umd_stream_ask_once_locked(stream, 0);
    if (status == STATUS_ACCESS_DENIED) {
        umd_error("the host shares no memory with this guest and refuses its escapes: there is no "
                  "way for results to come back");
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    return NT_SUCCESS(status) ? VK_SUCCESS : failed("asking a stream for its state", status);
}

static VkResult create_queue(struct umd_stream *stream)
{
    struct stream_open open = {.magic = STREAM_MAGIC,
                               .allocation = stream->allocation,
                               .build = STREAM_BUILD,
                               .ring_offset = PAGE,
                               .ring_size = RING_SIZE,
                               .slots_offset = PAGE + RING_SIZE,
                               .slot_size = stream->slot_size,
                               .slot_count = stream->slot_count};
    D3DKMT_CREATEHWQUEUE create = {.hHwContext = stream->context,
                                   .pPrivateDriverData = &open,
                                   .PrivateDriverDataSize = sizeof(open)};
    NTSTATUS status = stream->callbacks->CreateHwQueue(&create);
    if (status == STATUS_REVISION_MISMATCH) {
        umd_error(
            "the host's worker is of another build than this driver: update the driver package "
            "in the host's store");
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    if (!NT_SUCCESS(status))
        return failed("opening a stream to the host's worker", status);
    stream->queue = create.hHwQueue;
    if (stream->messages)
        return try_messages(stream);
    stream->fence = create.HwQueueProgressFenceCPUVirtualAddress;
    if (!stream->fence) {
        umd_error("the host shares no memory on this connection");
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    return VK_SUCCESS;
}

static void destroy_objects(struct umd_stream *stream)
{
    const struct gpupv_umd_callbacks *callbacks = stream->callbacks;
    if (stream->queue)
        callbacks->DestroyHwQueue(&(D3DKMT_DESTROYHWQUEUE){stream->queue});
    if (stream->allocation)
        callbacks->DestroyAllocation2(
            &(D3DKMT_DESTROYALLOCATION2){.hDevice = stream->device,
                                         .phAllocationList = &stream->allocation,
                                         .AllocationCount = 1});
    if (stream->context)
        callbacks->DestroyContext(&(D3DKMT_DESTROYCONTEXT){stream->context});
    if (stream->device)
        callbacks->DestroyDevice(&(D3DKMT_DESTROYDEVICE){stream->device});
}

VkResult umd_stream_create(const struct gpupv_umd_adapter *adapter, struct umd_stream **stream)
{
    struct umd_stream *made = calloc(1, sizeof(*made));
    if (!made)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    made->callbacks = adapter->callbacks;
    made->guarded = umd_stream_guard_wanted(adapter->callbacks);
    wire_encoder_init(&made->encoder);
    VkResult result = create_context(made, adapter->handle);
    if (result == VK_SUCCESS)
        result = create_shared(made, adapter->handle);
    if (result == VK_SUCCESS)
        result = create_queue(made);
    if (result == VK_SUCCESS)
        result = umd_stream_register(made);
    if (result != VK_SUCCESS) {
        destroy_objects(made);
        umd_stream_messages_destroy(made);
        free(made);
        return result;
    }
    *stream = made;
    return VK_SUCCESS;
}

void umd_stream_destroy(struct umd_stream *stream)
{
    if (!stream)
        return;
    umd_stream_unregister(stream);
    /* The child knows none of its parent's handles, and has no business with them. */
    if (!umd_stream_is_inherited(stream))
        destroy_objects(stream);
    umd_stream_messages_destroy(stream);
    wire_encoder_finish(&stream->encoder);
    free(stream);
}
