/* SPDX-License-Identifier: MIT */
/*
 * Submissions. They are sent without waiting; every batch counts as one submission of its queue,
 * here and in the worker (exec_queue.c), and what it signals towards the guest is that count: a
 * fence gets the last batch's point, a timeline each of its values with the batch's point. Host
 * objects see only the semaphores.
 */
#include "umd/umd_sync.h"

#include <stdlib.h>

#include "umd/umd_chain.h"
#include "umd/umd_memory_cache.h"
#include "umd/umd_mirror.h"
#include "umd/umd_sparse.h"
#include "umd_commands.h"
#include "vkwire_encode.h"

enum submit_kind { SUBMIT_1, SUBMIT_2, SUBMIT_SPARSE };

/* The batches of one call. */
struct submission {
    struct umd_queue *queue;
    enum submit_kind kind;
    uint32_t count;
    const void *batches; /* VkSubmitInfo, VkSubmitInfo2 or VkBindSparseInfo */
    bool watched;        /* the last batch, even without a fence */
};

/* A place among the semaphores that the batches signal. */
struct signal_cursor {
    const struct submission *submission;
    uint32_t batch, next; /* the next semaphore, of a batch */
    struct umd_timeline *timeline;
    uint64_t value;
    uint32_t of_batch; /* the batch that `timeline` and `value` come from */
};

/* The index-th semaphore that the batch signals and its value; VK_NULL_HANDLE behind the last. */
static VkSemaphore signal_at(const struct submission *submission, uint32_t batch, uint32_t index,
                             uint64_t *value)
{
    uint32_t count;
    const VkSemaphore *semaphores;
    const void *next;
    if (submission->kind == SUBMIT_2) {
        const VkSubmitInfo2 *info = (const VkSubmitInfo2 *)submission->batches + batch;
        if (index >= info->signalSemaphoreInfoCount)
            return VK_NULL_HANDLE;
        *value = info->pSignalSemaphoreInfos[index].value;
        return info->pSignalSemaphoreInfos[index].semaphore;
    } else if (submission->kind == SUBMIT_1) {
        const VkSubmitInfo *info = (const VkSubmitInfo *)submission->batches + batch;
        count = info->signalSemaphoreCount;
        semaphores = info->pSignalSemaphores;
        next = info->pNext;
    } else {
        const VkBindSparseInfo *info = (const VkBindSparseInfo *)submission->batches + batch;
        count = info->signalSemaphoreCount;
        semaphores = info->pSignalSemaphores;
        next = info->pNext;
    }
    if (index >= count)
        return VK_NULL_HANDLE;
    const VkTimelineSemaphoreSubmitInfo *values =
        umd_chain_find(next, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    bool valued = values && index < values->signalSemaphoreValueCount;
    *value = valued ? values->pSignalSemaphoreValues[index] : 0;
    return semaphores[index];
}

/* Goes to the next timeline that is signalled. */
static bool next_signal(struct signal_cursor *cursor)
{
    const struct submission *submission = cursor->submission;
    while (cursor->batch < submission->count) {
        VkSemaphore semaphore = signal_at(submission, cursor->batch, cursor->next, &cursor->value);
        if (!semaphore) {
            cursor->batch++;
            cursor->next = 0;
            continue;
        }
        cursor->next++;
        cursor->of_batch = cursor->batch;
        cursor->timeline = umd_object(submission->queue->device, UMD_ID(semaphore));
        if (cursor->timeline)
            return true;
    }
    return false;
}

static void cancel_signals(const struct submission *submission, uint32_t count)
{
    struct signal_cursor cursor = {submission};
    while (count-- && next_signal(&cursor))
        umd_timeline_cancel(cursor.timeline);
}

/* Makes room in the timelines for what the batches signal; counts the signals. */
static bool reserve_signals(const struct submission *submission, uint32_t *count)
{
    struct signal_cursor cursor = {submission};
    *count = 0;
    while (next_signal(&cursor)) {
        if (!umd_timeline_reserve(cursor.timeline, submission->queue->device->stream)) {
            cancel_signals(submission, *count);
            return false;
        }
        ++*count;
    }
    return true;
}

/* Only the guest has fences: that there is one tells the worker that the last batch is watched. */
#define SOME_FENCE ((VkFence)1)

static void put_batches(struct wire_encoder *encoder, const struct submission *submission,
                        VkFence fence)
{
    VkQueue queue = (VkQueue)submission->queue;
    if (submission->watched)
        fence = SOME_FENCE;
    switch (submission->kind) {
    case SUBMIT_1:
        wire_put_QueueSubmit(encoder, queue, submission->count, submission->batches, fence);
        break;
    case SUBMIT_2:
        wire_put_QueueSubmit2(encoder, queue, submission->count, submission->batches, fence);
        break;
    case SUBMIT_SPARSE:
        wire_put_QueueBindSparse(encoder, queue, submission->count, submission->batches, fence);
        break;
    }
}

/* What the batches will signal, now that they are on their way. The stream is locked. */
static void commit_locked(const struct submission *submission, uint32_t signals, VkFence fence)
{
    struct umd_queue *queue = submission->queue;
    uint64_t before = atomic_load_explicit(&queue->submitted, memory_order_relaxed);
    struct signal_cursor cursor = {submission};
    while (signals-- && next_signal(&cursor)) {
        umd_timeline_submit(cursor.timeline, cursor.value,
                            umd_point_make(queue->number, before + cursor.of_batch + 1));
    }
    atomic_store(&queue->submitted, before + submission->count);
    umd_fence_submit(queue->device, fence,
                     umd_point_make(queue->number, before + submission->count));
}

static VkResult submit(const struct submission *submission, VkFence fence)
{
    struct umd_queue *queue = submission->queue;
    struct umd_device *device = queue->device;
    if (!submission->count) { /* the fence stands for what was submitted before */
        umd_fence_submit(device, fence,
                         umd_point_make(queue->number, atomic_load(&queue->submitted)));
        umd_sync_changed(device);
        return umd_stream_status(device->stream);
    }
    umd_cache_look(device);
    VkResult result = umd_memory_send(device);
    if (result)
        return result;
    uint32_t signals;
    if (!reserve_signals(submission, &signals))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    struct wire_encoder *encoder = umd_stream_begin(device->stream);
    size_t before = encoder->used;
    put_batches(encoder, submission, fence);
    if (encoder->used - before > STREAM_MAX_COMMAND) {
        encoder->used = before;
        encoder->failed = true;
    }
    bool dropped = encoder->failed;
    if (dropped)
        cancel_signals(submission, signals);
    else
        commit_locked(submission, signals, fence);
    result = umd_stream_end(device->stream, true);
    umd_sync_changed(device);
    return dropped ? VK_ERROR_OUT_OF_HOST_MEMORY : result;
}

VkResult umd_QueueSubmit(VkQueue queue, uint32_t submitCount, const VkSubmitInfo *pSubmits,
                         VkFence fence)
{
    struct submission submission = {umd_queue_from(queue), SUBMIT_1, submitCount, pSubmits};
    return submit(&submission, fence);
}

VkResult umd_queue_submit_watched(struct umd_queue *queue, const VkSubmitInfo *batch,
                                  umd_point *point)
{
    struct submission submission = {queue, SUBMIT_1, 1, batch, .watched = true};
    VkResult result = submit(&submission, VK_NULL_HANDLE);
    *point = umd_point_make(queue->number, atomic_load(&queue->submitted));
    return result;
}

VkResult umd_QueueSubmit2(VkQueue queue, uint32_t submitCount, const VkSubmitInfo2 *pSubmits,
                          VkFence fence)
{
    struct submission submission = {umd_queue_from(queue), SUBMIT_2, submitCount, pSubmits};
    return submit(&submission, fence);
}

VkResult umd_QueueBindSparse(VkQueue queue, uint32_t bindInfoCount,
                             const VkBindSparseInfo *pBindInfo, VkFence fence)
{
    struct umd_queue *state = umd_queue_from(queue);
    VkBindSparseInfo *resolved = NULL;
    if (bindInfoCount && !(resolved = umd_sparse_resolve(state->device, bindInfoCount, pBindInfo)))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    struct submission submission = {state, SUBMIT_SPARSE, bindInfoCount, resolved};
    VkResult result = submit(&submission, fence);
    free(resolved);
    return result;
}
