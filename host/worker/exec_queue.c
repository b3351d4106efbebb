/* SPDX-License-Identifier: MIT */
/*
 * Submissions: batches additionally signal their queue's internal timeline to the batch's number,
 * which is how the guest learns that they have finished (exec_sync.c). The guest's fences stay
 * there.
 *
 * A signal costs drivers about as much as a small submission. A batch that nobody can see finish by
 * itself, since it has no fence and signals no timeline, leaves it to a later one while more is to
 * be done at once: exec_signal_queues gives it when nothing followed.
 */
#include "host/worker/exec_sync.h"

#include <stdatomic.h>

#include "host/worker/exec_acquired.h"
#include "host/worker/exec_sparse.h"
#include "host/worker/stream_io.h"
#include "host/worker/worker.h"
#include "vkwire.h"
#include "vkwire_exec.h"

static struct exec_queue *find_queue(struct exec *x, uint64_t id)
{
    uint32_t number = STREAM_ID_SLOT(id) - 1;
    if (number < x->queue_count)
        return &x->queues[number];
    exec_fail(x, STREAM_LOST_PROTOCOL, "a submission to queue %u of %u", number, x->queue_count);
    return NULL;
}

void *exec_find_in_chain(const void *next, VkStructureType type)
{
    for (const VkBaseInStructure *structure = next; structure; structure = structure->pNext) {
        if (structure->sType == type)
            return (void *)(uintptr_t)structure;
    }
    return NULL;
}

/* A copy of `count` values with one more behind; values that are missing in the source are 0. */
static uint64_t *values_and(struct exec *x, uint32_t count, const uint64_t *source,
                            uint32_t source_count, uint64_t last)
{
    uint64_t *values = arena_take_array(&x->arena, (size_t)count + 1, sizeof(*values));
    for (uint32_t i = 0; values && source && i < count && i < source_count; i++)
        values[i] = source[i];
    if (values)
        values[count] = last;
    return values;
}

/* A batch's semaphores to signal, as VkSubmitInfo and VkBindSparseInfo have them. */
struct signals {
    uint32_t *count;
    const VkSemaphore **semaphores;
    const void **next;
};

/* Adds the timeline to what a batch signals. */
static bool add_signal(struct exec *x, const struct signals *signals, VkSemaphore timeline,
                       uint64_t number)
{
    uint32_t count = *signals->count;
    VkSemaphore *semaphores = arena_take_array(&x->arena, (size_t)count + 1, sizeof(*semaphores));
    VkTimelineSemaphoreSubmitInfo *info =
        exec_find_in_chain(*signals->next, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    if (!info) {
        info = arena_take(&x->arena, sizeof(*info));
        if (info) {
            info->sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
            info->pNext = *signals->next;
            *signals->next = info;
        }
    }
    uint64_t *values = info ? values_and(x, count, info->pSignalSemaphoreValues,
                                         info->signalSemaphoreValueCount, number)
                            : NULL;
    if (!semaphores || !values)
        return false;
    for (uint32_t i = 0; i < count; i++)
        semaphores[i] = (*signals->semaphores)[i];
    semaphores[count] = timeline;
    info->signalSemaphoreValueCount = count + 1;
    info->pSignalSemaphoreValues = values;
    *signals->semaphores = semaphores;
    *signals->count = count + 1;
    return true;
}

/* With device groups each signal names its device. */
static bool add_device_index(struct exec *x, const VkSubmitInfo *batch)
{
    VkDeviceGroupSubmitInfo *group =
        exec_find_in_chain(batch->pNext, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);
    if (!group)
        return true;
    uint32_t *indices = arena_take_array(&x->arena, batch->signalSemaphoreCount, sizeof(*indices));
    if (!indices)
        return false;
    for (uint32_t i = 0; i < group->signalSemaphoreCount && i < batch->signalSemaphoreCount; i++)
        indices[i] = group->pSignalSemaphoreDeviceIndices[i];
    group->signalSemaphoreCount = batch->signalSemaphoreCount;
    group->pSignalSemaphoreDeviceIndices = indices;
    return true;
}

/* Whether a batch signals a timeline of the guest, who sees that in the batch's number. */
static bool is_seen(const VkSubmitInfo *batch)
{
    const VkTimelineSemaphoreSubmitInfo *info =
        exec_find_in_chain(batch->pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    return info && info->signalSemaphoreValueCount;
}

static bool is_seen2(const VkSubmitInfo2 *batch)
{
    for (uint32_t i = 0; i < batch->signalSemaphoreInfoCount; i++) {
        if (batch->pSignalSemaphoreInfos[i].value)
            return true;
    }
    return false;
}

static void note_signal(struct exec_queue *queue, uint64_t number, bool signals)
{
    _Atomic uint64_t *word = &queue->signals[number % EXEC_SIGNALS / 64];
    const uint64_t bit = UINT64_C(1) << number % 64;
    uint64_t bits = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, signals ? bits | bit : bits & ~bit, memory_order_relaxed);
    if (signals)
        queue->signalled = number;
}

uint64_t exec_queue_next_signal(const struct exec_queue *queue, uint64_t completed, uint64_t until)
{
    for (uint64_t number = completed + 1; number < until; number++) {
        uint64_t bits = atomic_load_explicit(&queue->signals[number % EXEC_SIGNALS / 64],
                                             memory_order_relaxed) >>
                        number % 64;
        if (bits & 1)
            return number;
        if (!bits)
            number |= 63;
    }
    return until;
}

static bool prepare_submit(struct exec *x, struct exec_queue *queue, uint32_t count,
                           VkSubmitInfo *batches, bool told)
{
    for (uint32_t i = 0; i < count; i++) {
        bool signals_it = (told && i + 1 == count) || is_seen(&batches[i]);
        note_signal(queue, queue->submitted + i + 1, signals_it);
        if (!signals_it)
            continue;
        struct signals signals = {&batches[i].signalSemaphoreCount, &batches[i].pSignalSemaphores,
                                  &batches[i].pNext};
        if (!add_signal(x, &signals, queue->timeline, queue->submitted + i + 1) ||
            !add_device_index(x, &batches[i]))
            return false;
    }
    return true;
}

static bool prepare_submit2(struct exec *x, struct exec_queue *queue, uint32_t count,
                            VkSubmitInfo2 *batches, bool told)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before = batches[i].signalSemaphoreInfoCount;
        bool signals_it = (told && i + 1 == count) || is_seen2(&batches[i]);
        note_signal(queue, queue->submitted + i + 1, signals_it);
        if (!signals_it)
            continue;
        VkSemaphoreSubmitInfo *infos =
            arena_take_array(&x->arena, (size_t)before + 1, sizeof(*infos));
        if (!infos)
            return false;
        for (uint32_t j = 0; j < before; j++)
            infos[j] = batches[i].pSignalSemaphoreInfos[j];
        infos[before] = (VkSemaphoreSubmitInfo){
            .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
            .semaphore = queue->timeline,
            .value = queue->submitted + i + 1,
            .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
        };
        batches[i].pSignalSemaphoreInfos = infos;
        batches[i].signalSemaphoreInfoCount = before + 1;
    }
    return true;
}

static bool prepare_sparse(struct exec *x, struct exec_queue *queue, uint32_t count,
                           VkBindSparseInfo *batches)
{
    for (uint32_t i = 0; i < count; i++) {
        struct signals signals = {&batches[i].signalSemaphoreCount, &batches[i].pSignalSemaphores,
                                  &batches[i].pNext};
        if (!add_signal(x, &signals, queue->timeline, queue->submitted + i + 1))
            return false;
        note_signal(queue, queue->submitted + i + 1, true);
    }
    return true;
}

static void no_memory(struct exec *x)
{
    exec_fail(x, STREAM_LOST_MEMORY, "no memory for a submission");
}

/* The guest has counted the batches already: what the driver refuses is lost with the stream. */
static void finish_submit(struct exec *x, struct exec_queue *queue, uint32_t count, VkResult result)
{
    if (result) {
        exec_fail(x, result == VK_ERROR_DEVICE_LOST ? STREAM_LOST_DEVICE : STREAM_LOST_MEMORY,
                  "the driver refuses a submission: VkResult %d", (int)result);
        return;
    }
    queue->submitted += count;
    if (x->worker && x->worker->counters)
        __atomic_fetch_add(&x->worker->counters->submissions, count, __ATOMIC_RELAXED);
}

static void signal_all(struct exec *x, struct exec_queue *queue)
{
    if (queue->signalled >= queue->submitted)
        return;
    VkTimelineSemaphoreSubmitInfo values = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .signalSemaphoreValueCount = 1,
        .pSignalSemaphoreValues = &queue->submitted,
    };
    VkSubmitInfo batch = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &values,
        .signalSemaphoreCount = 1,
        .pSignalSemaphores = &queue->timeline,
    };
    note_signal(queue, queue->submitted, true);
    finish_submit(x, queue, 0, x->vk->QueueSubmit(queue->queue, 1, &batch, VK_NULL_HANDLE));
}

void exec_signal_queues(struct exec *x)
{
    for (uint32_t i = 0; i < x->queue_count; i++)
        signal_all(x, &x->queues[i]);
}

/* Whether the last batch of a submission signals the timeline. */
static bool is_told(struct exec *x, uint64_t fence)
{
    return fence || !stream_io_more(x->io);
}

VkResult exec_QueueSubmit(struct exec *x, const struct args_QueueSubmit *a)
{
    struct exec_queue *queue = find_queue(x, a->queue_id);
    if (!queue || !a->submitCount)
        return VK_SUCCESS;
    VkSubmitInfo *batches = (VkSubmitInfo *)(uintptr_t)a->pSubmits;
    exec_drop_acquired(x, a->submitCount, batches);
    if (!prepare_submit(x, queue, a->submitCount, batches, is_told(x, a->fence_id))) {
        no_memory(x);
        return VK_SUCCESS;
    }
    VkResult result = x->vk->QueueSubmit(queue->queue, a->submitCount, batches, VK_NULL_HANDLE);
    finish_submit(x, queue, a->submitCount, result);
    return result;
}

VkResult exec_QueueSubmit2(struct exec *x, const struct args_QueueSubmit2 *a)
{
    struct exec_queue *queue = find_queue(x, a->queue_id);
    if (!queue || !a->submitCount)
        return VK_SUCCESS;
    VkSubmitInfo2 *batches = (VkSubmitInfo2 *)(uintptr_t)a->pSubmits;
    exec_drop_acquired2(x, a->submitCount, batches);
    if (!prepare_submit2(x, queue, a->submitCount, batches, is_told(x, a->fence_id))) {
        no_memory(x);
        return VK_SUCCESS;
    }
    VkResult result = x->vk->QueueSubmit2(queue->queue, a->submitCount, batches, VK_NULL_HANDLE);
    finish_submit(x, queue, a->submitCount, result);
    return result;
}

VkResult exec_QueueBindSparse(struct exec *x, const struct args_QueueBindSparse *a)
{
    struct exec_queue *queue = find_queue(x, a->queue_id);
    if (!queue || !a->bindInfoCount)
        return VK_SUCCESS;
    signal_all(x, queue); /* what binds memory does not finish in order */
    VkBindSparseInfo *batches = (VkBindSparseInfo *)(uintptr_t)a->pBindInfo;
    exec_drop_acquired_sparse(x, a->bindInfoCount, batches);
    if (!exec_sparse_fits(x, a->bindInfoCount, batches))
        return VK_SUCCESS; /* the stream has failed */
    if (!prepare_sparse(x, queue, a->bindInfoCount, batches)) {
        no_memory(x);
        return VK_SUCCESS;
    }
    VkResult result =
        x->vk->QueueBindSparse(queue->queue, a->bindInfoCount, batches, VK_NULL_HANDLE);
    finish_submit(x, queue, a->bindInfoCount, result);
    return result;
}
