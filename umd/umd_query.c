/* SPDX-License-Identifier: MIT */
/*
 * Query pools. Results are asked of the worker, which never waits for the device on the stream's
 * thread; a program that wants to wait does so here.
 */
#include "umd/umd.h"

#include <stdlib.h>
#include <string.h>

#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"
#include "wire/query.h"
#include "wire/spin.h"

#define QUERIES_PER_CALL 1024u
#define FIRST_PAUSE_NS 50000u
#define LONGEST_PAUSE_NS 10000000u
/* So long do queries that are not available wait for a submission when the device has none. */
#define IDLE_LIMIT_NS 2000000000u

struct umd_query_pool {
    struct wire_query_layout layout;
};

VkResult umd_CreateQueryPool(VkDevice handle, const VkQueryPoolCreateInfo *pCreateInfo,
                             const VkAllocationCallbacks *pAllocator, VkQueryPool *pQueryPool)
{
    struct umd_device *device = umd_device_from(handle);
    struct wire_query_layout layout;
    if (!wire_query_layout(pCreateInfo, &layout)) {
        umd_error("vkCreateQueryPool: queries of type %d cannot be used in a guest",
                  (int)pCreateInfo->queryType);
        return VK_ERROR_UNKNOWN;
    }
    struct umd_query_pool *pool =
        umd_alloc(pAllocator, &device->allocator, sizeof(*pool), VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!pool)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    pool->layout = layout;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_QUERY_POOL, pool);
    if (id) {
        VkQueryPool query_pool = UMD_HANDLE(VkQueryPool, id);
        wire_put_CreateQueryPool(umd_stream_begin(device->stream), pCreateInfo, &query_pool);
        result = umd_stream_end(device->stream, false);
        *pQueryPool = query_pool;
    }
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY) {
        umd_id_free(&device->ids, id);
        umd_free(pAllocator, &device->allocator, pool);
        return result;
    }
    return VK_SUCCESS; /* a lost device still has objects */
}

void umd_DestroyQueryPool(VkDevice handle, VkQueryPool queryPool,
                          const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(handle);
    if (!queryPool)
        return;
    struct umd_query_pool *pool = umd_object(device, UMD_ID(queryPool));
    wire_put_DestroyQueryPool(umd_stream_begin(device->stream), queryPool);
    umd_stream_end(device->stream, false);
    umd_id_free(&device->ids, UMD_ID(queryPool));
    umd_free(pAllocator, &device->allocator, pool);
}

/* --- Waiting --- */

struct progress {
    const struct umd_device *device;
    uint64_t completed[STREAM_MAX_QUEUES];
};

static void note_progress(struct progress *progress, const struct umd_device *device)
{
    progress->device = device;
    for (uint32_t i = 0; i < device->queue_count; i++)
        progress->completed[i] = umd_stream_completed(device->stream, i);
}

static bool has_progressed(void *data)
{
    const struct progress *progress = data;
    const struct umd_device *device = progress->device;
    for (uint32_t i = 0; i < device->queue_count; i++) {
        if (umd_stream_completed(device->stream, i) != progress->completed[i])
            return true;
    }
    return false;
}

/* --- Results --- */

/* Some queries of a call of vkGetQueryPoolResults. */
struct query_request {
    struct umd_device *device;
    VkQueryPool pool;
    uint32_t first, count;
    VkQueryResultFlags flags;
    uint32_t width, size; /* bytes of a value, of a query */
    uint8_t *results;     /* as wire/query.h says */
    uint8_t *to;          /* the program's */
    size_t room;          /* bytes there */
    VkDeviceSize stride;
};

static VkResult ask(const struct query_request *request, VkQueryResultFlags flags)
{
    return umd_call_GetQueryPoolResults(
        request->device->stream, request->pool, request->first, request->count,
        (size_t)request->count * (request->size + 1u), request->results, request->size, flags);
}

static bool all_available(const struct query_request *request)
{
    const uint8_t *written = request->results + (size_t)request->count * request->size;
    for (uint32_t i = 0; i < request->count; i++) {
        if (written[i] != WIRE_QUERY_ALL)
            return false;
    }
    return true;
}

static bool is_idle(const struct umd_device *device)
{
    for (uint32_t i = 0; i < device->queue_count; i++) {
        if (umd_stream_completed(device->stream, i) < atomic_load(&device->queues[i].submitted))
            return false;
    }
    return true;
}

/* Asks until all are available: a submission that finishes may have made them so; a long one may do
 * it before it finishes. Drivers exist that never make some of them available (lavapipe those of
 * the further views of a render pass) and do not wait for them either: VK_NOT_READY, which takes a
 * while here, for another thread may be about to submit what they wait for. */
static VkResult ask_patiently(const struct query_request *request)
{
    VkQueryResultFlags flags = request->flags & ~(VkQueryResultFlags)(VK_QUERY_RESULT_WAIT_BIT |
                                                                      VK_QUERY_RESULT_PARTIAL_BIT);
    uint64_t busy = spin_now();
    for (uint64_t pause = FIRST_PAUSE_NS;;) {
        struct progress progress;
        note_progress(&progress, request->device);
        bool idle = is_idle(request->device);
        VkResult result = ask(request, flags);
        if (result < 0)
            return result;
        if (all_available(request))
            return VK_SUCCESS;
        uint64_t now = spin_now();
        if (!idle)
            busy = now;
        else if (now - busy >= IDLE_LIMIT_NS)
            return VK_NOT_READY;
        result = umd_stream_wait(request->device->stream, has_progressed, &progress, pause);
        if (result < 0)
            return result;
        if (pause < LONGEST_PAUSE_NS)
            pause *= 2;
    }
}

/* Copies what the driver wrote, and leaves the other bytes of the program's memory alone. */
static void deliver(const struct query_request *request)
{
    const uint8_t *written = request->results + (size_t)request->count * request->size;
    uint32_t values = request->size;
    if (wire_query_has_state(request->flags))
        values -= request->width;
    for (uint32_t i = 0; i < request->count; i++) {
        const uint8_t *from = request->results + (size_t)i * request->size;
        uint64_t at = i * request->stride;
        if (written[i] == WIRE_QUERY_NOTHING || at > request->room ||
            request->room - at < request->size)
            continue;
        uint8_t *to = request->to + (size_t)at;
        if (written[i] == WIRE_QUERY_ALL)
            memcpy(to, from, values);
        memcpy(to + values, from + values, request->size - values);
    }
}

VkResult umd_GetQueryPoolResults(VkDevice handle, VkQueryPool queryPool, uint32_t firstQuery,
                                 uint32_t queryCount, size_t dataSize, void *pData,
                                 VkDeviceSize stride, VkQueryResultFlags flags)
{
    struct umd_device *device = umd_device_from(handle);
    const struct umd_query_pool *pool = umd_object(device, UMD_ID(queryPool));
    struct query_request request = {device, queryPool, .flags = flags, .stride = stride};
    request.width = wire_query_width(&pool->layout, flags);
    request.size = wire_query_size(&pool->layout, flags);
    uint32_t largest = queryCount < QUERIES_PER_CALL ? queryCount : QUERIES_PER_CALL;
    _Alignas(8) uint8_t few[1024];
    size_t size = (size_t)largest * (request.size + 1u);
    request.results = size <= sizeof(few) ? few : malloc(size);
    if (!request.results)
        return VK_ERROR_OUT_OF_HOST_MEMORY;

    VkResult result = VK_SUCCESS;
    for (uint32_t done = 0; done < queryCount && result >= 0; done += request.count) {
        request.first = firstQuery + done;
        request.count = queryCount - done < QUERIES_PER_CALL ? queryCount - done : QUERIES_PER_CALL;
        uint64_t at = done * stride;
        if (at >= dataSize)
            break;
        request.to = (uint8_t *)pData + (size_t)at;
        request.room = dataSize - (size_t)at;
        VkResult answer =
            flags & VK_QUERY_RESULT_WAIT_BIT ? ask_patiently(&request) : ask(&request, flags);
        if (answer >= 0)
            deliver(&request);
        if (answer)
            result = answer;
    }
    if (request.results != few)
        free(request.results);
    return result;
}
