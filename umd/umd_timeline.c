/* SPDX-License-Identifier: MIT */
/*
 * The guest's state of a timeline semaphore: the highest value known to be reached, and the signals
 * that were submitted and may not have happened. The values of one timeline grow in the order in
 * which they happen, so what brings a value is the smallest pending one that is not below it.
 */
#include "umd/umd_sync.h"

#include <stdlib.h>

void umd_timeline_init(struct umd_timeline *timeline, uint64_t value)
{
    *timeline = (struct umd_timeline){.value = value};
    pthread_mutex_init(&timeline->lock, NULL);
}

void umd_timeline_finish(struct umd_timeline *timeline)
{
    pthread_mutex_destroy(&timeline->lock);
    free(timeline->pending);
}

/* Takes out the signals that have happened. */
static void settle_locked(struct umd_timeline *timeline, const struct umd_stream *stream)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < timeline->count; i++) {
        struct umd_timeline_signal signal = timeline->pending[i];
        if (!umd_point_reached(stream, signal.point))
            timeline->pending[kept++] = signal;
        else if (signal.value > timeline->value)
            timeline->value = signal.value;
    }
    timeline->count = kept;
}

uint64_t umd_timeline_value(struct umd_timeline *timeline, const struct umd_stream *stream)
{
    pthread_mutex_lock(&timeline->lock);
    settle_locked(timeline, stream);
    uint64_t value = timeline->value;
    pthread_mutex_unlock(&timeline->lock);
    return value;
}

void umd_timeline_raise(struct umd_timeline *timeline, uint64_t value)
{
    pthread_mutex_lock(&timeline->lock);
    if (value > timeline->value)
        timeline->value = value;
    atomic_fetch_add(&timeline->changes, 1);
    pthread_mutex_unlock(&timeline->lock);
}

static bool grow_locked(struct umd_timeline *timeline)
{
    uint32_t capacity = timeline->capacity ? timeline->capacity * 2 : 8;
    struct umd_timeline_signal *pending = realloc(timeline->pending, capacity * sizeof(*pending));
    if (!pending)
        return false;
    timeline->pending = pending;
    timeline->capacity = capacity;
    return true;
}

bool umd_timeline_reserve(struct umd_timeline *timeline, const struct umd_stream *stream)
{
    pthread_mutex_lock(&timeline->lock);
    if (timeline->count + timeline->reserved == timeline->capacity) {
        settle_locked(timeline, stream);
        /* Half is free afterwards, so that settling is rare. */
        if (timeline->count + timeline->reserved >= timeline->capacity / 2)
            (void)grow_locked(timeline);
    }
    bool room = timeline->count + timeline->reserved < timeline->capacity;
    if (room)
        timeline->reserved++;
    pthread_mutex_unlock(&timeline->lock);
    return room;
}

void umd_timeline_submit(struct umd_timeline *timeline, uint64_t value, umd_point point)
{
    pthread_mutex_lock(&timeline->lock);
    timeline->reserved--;
    timeline->pending[timeline->count++] = (struct umd_timeline_signal){value, point};
    atomic_fetch_add(&timeline->changes, 1);
    pthread_mutex_unlock(&timeline->lock);
}

void umd_timeline_cancel(struct umd_timeline *timeline)
{
    pthread_mutex_lock(&timeline->lock);
    timeline->reserved--;
    pthread_mutex_unlock(&timeline->lock);
}

static void look(struct umd_timeline_wait *wait, const struct umd_stream *stream)
{
    struct umd_timeline *timeline = wait->timeline;
    pthread_mutex_lock(&timeline->lock);
    settle_locked(timeline, stream);
    wait->changes = atomic_load_explicit(&timeline->changes, memory_order_relaxed);
    wait->reached = timeline->value >= wait->value;
    wait->point = UMD_POINT_NEVER;
    uint64_t best = UINT64_MAX;
    for (uint32_t i = 0; i < timeline->count; i++) {
        const struct umd_timeline_signal *signal = &timeline->pending[i];
        if (signal->value >= wait->value && signal->value <= best) {
            best = signal->value;
            wait->point = signal->point;
        }
    }
    pthread_mutex_unlock(&timeline->lock);
    wait->looked = true;
}

bool umd_timeline_reached(struct umd_timeline_wait *wait, const struct umd_stream *stream)
{
    if (!wait->looked || wait->changes != atomic_load(&wait->timeline->changes))
        look(wait, stream);
    if (!wait->reached)
        wait->reached = umd_point_reached(stream, wait->point);
    return wait->reached;
}
