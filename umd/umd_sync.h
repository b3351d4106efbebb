/* SPDX-License-Identifier: MIT */
/*
 * Synchronisation as the guest sees it. Fences and timeline semaphores are answered here, from what
 * the worker writes into stream_shared.completed: nothing of the host's is asked or waited for.
 *
 * A *point* names one submission: a batch of vkQueueSubmit, vkQueueSubmit2 or vkQueueBindSparse. It
 * is reached when the queue's count of finished submissions is at least the point's number. Batches
 * count one by one, because a timeline value that an early batch signals may be what the program
 * waits for before it lets a later one go on.
 */
#ifndef GPUPV_UMD_SYNC_H
#define GPUPV_UMD_SYNC_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "umd/umd.h"

typedef uint64_t umd_point;

#define UMD_POINT_REACHED ((umd_point)0) /* any queue has finished 0 submissions */
#define UMD_POINT_NEVER UINT64_MAX       /* nothing was submitted for it */
#define UMD_POINT_NUMBER_BITS 58

_Static_assert(STREAM_MAX_QUEUES <= 1u << (64 - UMD_POINT_NUMBER_BITS), "a queue fits in a point");

static inline umd_point umd_point_make(uint32_t queue, uint64_t number)
{
    return (uint64_t)queue << UMD_POINT_NUMBER_BITS | number;
}

static inline bool umd_point_reached(const struct umd_stream *stream, umd_point point)
{
    return point != UMD_POINT_NEVER &&
           umd_stream_completed(stream, (uint32_t)(point >> UMD_POINT_NUMBER_BITS)) >=
               (point & ((UINT64_C(1) << UMD_POINT_NUMBER_BITS) - 1));
}

struct umd_sync_state {
    /* Threads that wait for something which nobody had submitted or signalled when they began. */
    _Atomic uint32_t early_waiters;
};

/* Called after a fence or a timeline has got a point or a value: wakes those that wait for it
 * early. Cheap when there are none. */
static inline void umd_sync_changed(struct umd_device *device)
{
    if (__builtin_expect(atomic_load(&device->sync->early_waiters) != 0, 0))
        umd_stream_wake(device->stream);
}

/* Like umd_stream_wait. early(data), asked when it is not ready, tells whether anything waited for
 * has not been submitted: then the thread is woken by umd_sync_changed, too. */
VkResult umd_sync_wait(struct umd_device *device, bool (*ready)(void *data),
                       bool (*early)(void *data), void *data, uint64_t timeout);

/* --- Submissions (umd_queue.c) --- */

/* vkQueueSubmit of one batch whose point, *point, will be waited for without a fence. */
VkResult umd_queue_submit_watched(struct umd_queue *queue, const VkSubmitInfo *batch,
                                  umd_point *point);

/* --- Fences (umd_fence.c) --- */

struct umd_fence {
    _Atomic umd_point point;
};

/* A submission will signal the fence, which may be VK_NULL_HANDLE. */
static inline void umd_fence_submit(const struct umd_device *device, VkFence fence, umd_point point)
{
    struct umd_fence *state = umd_object(device, UMD_ID(fence));
    if (state)
        atomic_store(&state->point, point);
}

/* --- Timeline semaphores (umd_timeline.c); binary ones have no state here --- */

struct umd_timeline_signal {
    uint64_t value;
    umd_point point;
};

struct umd_timeline {
    pthread_mutex_t lock;
    uint64_t value;                      /* reached, as far as is known; with lock */
    struct umd_timeline_signal *pending; /* submitted signals, in no order; with lock */
    uint32_t count, reserved, capacity;  /* count + reserved <= capacity; with lock */
    _Atomic uint32_t changes;            /* of value or pending; written with lock */
};

void umd_timeline_init(struct umd_timeline *timeline, uint64_t value);
void umd_timeline_finish(struct umd_timeline *timeline);
/* The counter's value now. Thread-safe, as are all below. */
uint64_t umd_timeline_value(struct umd_timeline *timeline, const struct umd_stream *stream);
/* The program itself signals a value. */
void umd_timeline_raise(struct umd_timeline *timeline, uint64_t value);
/* Room for one more submitted signal; false when memory is short. Each reservation ends in
 * umd_timeline_submit or umd_timeline_cancel. */
bool umd_timeline_reserve(struct umd_timeline *timeline, const struct umd_stream *stream);
void umd_timeline_submit(struct umd_timeline *timeline, uint64_t value, umd_point point);
void umd_timeline_cancel(struct umd_timeline *timeline);

/* One thread's wait for a value. */
struct umd_timeline_wait {
    struct umd_timeline *timeline;
    uint64_t value;
    umd_point point;  /* that will bring it, as of `changes` */
    uint32_t changes; /* of the timeline when it was last looked at */
    bool looked, reached;
};

bool umd_timeline_reached(struct umd_timeline_wait *wait, const struct umd_stream *stream);
/* When it was last asked for, the value was not even on its way. */
static inline bool umd_timeline_early(const struct umd_timeline_wait *wait)
{
    return !wait->reached && (!wait->looked || wait->point == UMD_POINT_NEVER);
}

#endif
