/* SPDX-License-Identifier: MIT */
/*
 * Tells the guest which submissions have finished. Each queue has a timeline semaphore of the
 * worker's own, which submissions signal to their number (exec_queue.c); its counter is what the
 * guest is told.
 *
 * The stream's thread looks at the counters while it spins. Before it sleeps it hands each queue
 * with unfinished submissions to a thread of that queue, which sleeps in the driver until the next
 * one has finished. A thread per queue waits for one semaphore: drivers exist that busy-loop when
 * they wait for any of several. Both may see the same progress; `completed` grows under the lock,
 * so the guest sees it grow, too.
 */
#include "host/worker/exec_sync.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "host/worker/stream_io.h"
#include "util/log.h"
#include "vkwire_exec.h"
#include "wire/spin.h"

/* So long does a thread sleep in the driver before it looks whether it is still wanted. */
#define SLICE_NS 50000000u
/* In a burst of short submissions the guest is told of progress at most so often: being woken for
 * each costs it, and the device, more than they take. The last one is told at once. */
#define BURST_NS 40000u

struct queue_watch {
    struct exec *x;
    struct exec_queue *queue;
    uint32_t number;
    pthread_t thread;
    bool started; /* of the stream's thread */
    pthread_cond_t wanted;
    uint64_t until;   /* the submissions to watch for; with lock */
    uint64_t told_ns; /* when the guest was last told of progress; with lock */
};

struct exec_sync_state {
    pthread_mutex_t lock; /* also of the queues' `completed` */
    bool handed_over;     /* of the stream's thread: it has slept since it last looked */
    bool stop;            /* with lock */
    VkResult failure;     /* that a queue's thread has met; with lock */
    uint32_t watch_count;
    struct queue_watch *watches;
};

/* --- The device --- */

void exec_sync_plan(struct exec *x, struct exec_device_plan *plan)
{
    for (const VkBaseInStructure *next = plan->info.pNext; next; next = next->pNext) {
        if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES) {
            ((VkPhysicalDeviceVulkan12Features *)(uintptr_t)next)->timelineSemaphore = VK_TRUE;
            return;
        }
        if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES) {
            ((VkPhysicalDeviceTimelineSemaphoreFeatures *)(uintptr_t)next)->timelineSemaphore =
                VK_TRUE;
            return;
        }
    }
    VkPhysicalDeviceTimelineSemaphoreFeatures *features = arena_take(&x->arena, sizeof(*features));
    if (!features)
        return; /* exec_sync_init will fail */
    features->sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
    features->pNext = (void *)(uintptr_t)plan->info.pNext;
    features->timelineSemaphore = VK_TRUE;
    plan->info.pNext = features;
}

static VkResult create_timeline(struct exec *x, VkSemaphore *timeline)
{
    VkSemaphoreTypeCreateInfo type = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
    };
    VkSemaphoreCreateInfo info = {VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0};
    return x->vk->CreateSemaphore(x->device, &info, NULL, timeline);
}

VkResult exec_sync_init(struct exec *x)
{
    struct exec_sync_state *sync = calloc(1, sizeof(*sync));
    if (!sync)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    pthread_mutex_init(&sync->lock, NULL);
    x->sync = sync;
    sync->watches = calloc(x->queue_count + 1u, sizeof(*sync->watches));
    VkResult result = sync->watches ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
    for (uint32_t i = 0; i < x->queue_count && !result; i++) {
        struct queue_watch *watch = &sync->watches[i];
        *watch = (struct queue_watch){.x = x, .queue = &x->queues[i], .number = i};
        result = create_timeline(x, &x->queues[i].timeline);
        if (!result) {
            pthread_cond_init(&watch->wanted, NULL);
            sync->watch_count++;
        }
    }
    if (result)
        exec_sync_finish(x);
    return result;
}

uint64_t exec_sync_completed(struct exec *x, uint32_t queue)
{
    pthread_mutex_lock(&x->sync->lock);
    uint64_t completed = x->queues[queue].completed;
    pthread_mutex_unlock(&x->sync->lock);
    return completed;
}

void exec_sync_finish(struct exec *x)
{
    struct exec_sync_state *sync = x->sync;
    if (!sync)
        return;
    pthread_mutex_lock(&sync->lock);
    sync->stop = true;
    for (uint32_t i = 0; i < sync->watch_count; i++)
        pthread_cond_signal(&sync->watches[i].wanted);
    pthread_mutex_unlock(&sync->lock);
    /* What a submission that does not end will signal stays, with the device. Drivers clean up
     * after they have signalled: only an idle device has done so. */
    bool idle = exec_sync_idle(x, 0);
    if (idle)
        (void)x->vk->DeviceWaitIdle(x->device);
    exec_semaphores_finish(x, idle);
    for (uint32_t i = 0; i < sync->watch_count; i++) {
        struct queue_watch *watch = &sync->watches[i];
        if (watch->started)
            pthread_join(watch->thread, NULL);
        pthread_cond_destroy(&watch->wanted);
        if (idle)
            x->vk->DestroySemaphore(x->device, watch->queue->timeline, NULL);
        watch->queue->timeline = VK_NULL_HANDLE;
    }
    pthread_mutex_destroy(&sync->lock);
    free(sync->watches);
    free(sync);
    x->sync = NULL;
}

/* --- Progress --- */

/* The device has finished `completed` submissions, of `pending` that it has. */
static void tell_locked(struct queue_watch *watch, uint64_t completed, uint64_t pending)
{
    struct exec_queue *queue = watch->queue;
    if (completed <= queue->completed)
        return;
    uint64_t now = spin_now();
    if (completed < pending && now - watch->told_ns < BURST_NS)
        return;
    watch->told_ns = now;
    queue->completed = completed;
    stream_io_complete(watch->x->io, watch->number, completed);
}

bool exec_sync_poll(struct exec *x)
{
    struct exec_sync_state *sync = x->sync;
    if (!sync)
        return false;
    bool pending = false;
    pthread_mutex_lock(&sync->lock);
    VkResult failure = sync->failure;
    for (uint32_t i = 0; i < sync->watch_count && !failure; i++) {
        struct exec_queue *queue = &x->queues[i];
        if (sync->handed_over)
            sync->watches[i].until = 0;
        if (queue->completed == queue->submitted)
            continue;
        uint64_t value;
        failure = x->vk->GetSemaphoreCounterValue(x->device, queue->timeline, &value);
        if (!failure)
            tell_locked(&sync->watches[i], value, queue->submitted);
        pending |= queue->completed < queue->submitted;
    }
    sync->handed_over = false;
    pthread_mutex_unlock(&sync->lock);
    if (failure && !x->lost) {
        exec_fail(x, failure == VK_ERROR_DEVICE_LOST ? STREAM_LOST_DEVICE : STREAM_LOST_MEMORY,
                  "a queue's progress cannot be read: VkResult %d", (int)failure);
    }
    return pending && !failure;
}

/* Waits until submission `next` has finished, and in a burst until all up to `until` have or the
 * burst's time is over; first yielding to the driver, then asleep in it. VK_TIMEOUT after a slice
 * of time. */
static VkResult await_progress(const struct queue_watch *watch, uint64_t next, uint64_t until,
                               uint64_t burst_end, uint64_t *completed)
{
    const struct exec *x = watch->x;
    VkSemaphore timeline = watch->queue->timeline;
    for (;;) {
        VkResult result = x->vk->GetSemaphoreCounterValue(x->device, timeline, completed);
        bool burst = spin_now() < burst_end;
        if (result || *completed >= until || (*completed >= next && !burst))
            return result;
        if (!burst)
            break;
        sched_yield();
    }
    VkSemaphoreWaitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores = &timeline,
        .pValues = &next,
    };
    VkResult result = x->vk->WaitSemaphores(x->device, &info, SLICE_NS);
    return result ? result : x->vk->GetSemaphoreCounterValue(x->device, timeline, completed);
}

static void *watch_queue(void *data)
{
    struct queue_watch *watch = data;
    struct exec *x = watch->x;
    struct exec_sync_state *sync = x->sync;
    pthread_mutex_lock(&sync->lock);
    while (!sync->stop && !sync->failure) {
        if (watch->queue->completed >= watch->until) {
            pthread_cond_wait(&watch->wanted, &sync->lock);
            continue;
        }
        uint64_t completed, until = watch->until;
        uint64_t next = exec_queue_next_signal(watch->queue, watch->queue->completed, until);
        uint64_t burst_end = watch->told_ns + BURST_NS;
        pthread_mutex_unlock(&sync->lock);
        VkResult result = await_progress(watch, next, until, burst_end, &completed);
        pthread_mutex_lock(&sync->lock);
        if (!result) {
            tell_locked(watch, completed, watch->until);
        } else if (result != VK_TIMEOUT) {
            log_error("worker", "waiting for queue %u failed: VkResult %d", watch->number,
                      (int)result);
            sync->failure = result;
            stream_io_lose(x->io, result == VK_ERROR_DEVICE_LOST ? STREAM_LOST_DEVICE
                                                                 : STREAM_LOST_MEMORY);
        }
    }
    pthread_mutex_unlock(&sync->lock);
    return NULL;
}

bool exec_sync_idle(struct exec *x, uint64_t timeout)
{
    exec_signal_queues(x);
    for (uint32_t i = 0; x->sync && i < x->sync->watch_count; i++) {
        const struct exec_queue *queue = &x->queues[i];
        if (!queue->submitted)
            continue;
        VkSemaphoreWaitInfo info = {
            .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
            .semaphoreCount = 1,
            .pSemaphores = &queue->timeline,
            .pValues = &queue->submitted,
        };
        uint64_t begin = spin_now();
        if (x->vk->WaitSemaphores(x->device, &info, timeout) == VK_TIMEOUT)
            return false;
        uint64_t spent = spin_now() - begin;
        timeout = spent < timeout ? timeout - spent : 0;
    }
    return true;
}

void exec_sync_sleep(struct exec *x)
{
    struct exec_sync_state *sync = x->sync;
    if (!sync)
        return;
    int error = 0;
    pthread_mutex_lock(&sync->lock);
    for (uint32_t i = 0; i < sync->watch_count && !error && !sync->failure; i++) {
        struct queue_watch *watch = &sync->watches[i];
        if (watch->queue->completed == watch->queue->submitted)
            continue;
        watch->until = watch->queue->submitted;
        sync->handed_over = true;
        if (watch->started) {
            pthread_cond_signal(&watch->wanted);
        } else {
            error = pthread_create(&watch->thread, NULL, watch_queue, watch);
            watch->started = !error;
        }
    }
    pthread_mutex_unlock(&sync->lock);
    if (error)
        exec_fail(x, STREAM_LOST_MEMORY, "no thread to watch a queue: %s", strerror(error));
}
