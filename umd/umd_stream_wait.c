/* SPDX-License-Identifier: MIT */
/* Waiting on a stream: what the worker reports, spinning and sleeping. */
#include "umd/stream_internal.h"

#include "umd/umd.h"

#define SLICE_NS 100000000u /* the longest sleep before another look */
#define SHORT_SLICE_NS 1000000u
/* A processor that sleeps takes so long to wake that it is worth spinning that much longer. */
#define WAKE_NS 120000u
/* A worker that has taken nothing of what it was sent by then waits for a processor: it gets this
 * one, if the thread here sleeps. */
#define LIFE_NS 70000u

/* --- Words of shared memory --- */

/* The two halves of a counter that only grows, on machines that cannot read both at once. */
static uint64_t read_counter(const uint64_t *word)
{
#if UINTPTR_MAX > UINT32_MAX
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
#else
    const uint32_t *half = (const uint32_t *)(const void *)word;
    for (;;) {
        uint32_t high = __atomic_load_n(&half[1], __ATOMIC_ACQUIRE);
        uint32_t low = __atomic_load_n(&half[0], __ATOMIC_ACQUIRE);
        if (__atomic_load_n(&half[1], __ATOMIC_ACQUIRE) == high)
            return (uint64_t)high << 32 | low;
    }
#endif
}

static uint32_t *fence_word(const struct umd_stream *stream)
{
    return (uint32_t *)(void *)&stream->fence->value;
}

/* The service writes UINT64_MAX. The high half alone tells, because nobody counts that far. */
static bool fence_says_lost(const struct umd_stream *stream)
{
    return __atomic_load_n(fence_word(stream) + 1, __ATOMIC_ACQUIRE) == UINT32_MAX;
}

uint64_t umd_stream_completed(const struct umd_stream *stream, uint32_t queue)
{
    return queue < STREAM_MAX_QUEUES ? read_counter(&stream->shared->completed[queue]) : 0;
}

uint32_t umd_stream_executed(const struct umd_stream *stream)
{
    return __atomic_load_n(&stream->shared->executed, __ATOMIC_ACQUIRE);
}

VkResult umd_stream_status(const struct umd_stream *stream)
{
    bool lost = atomic_load_explicit(&stream->dead, memory_order_relaxed) ||
                __atomic_load_n(&stream->shared->lost, __ATOMIC_ACQUIRE) != STREAM_ALIVE ||
                fence_says_lost(stream);
    return lost ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;
}

VkResult umd_stream_look(struct umd_stream *stream)
{
    VkResult status = umd_stream_status(stream);
    uint32_t now = (uint32_t)(spin_now() / SLICE_NS);
    if (status != VK_SUCCESS || atomic_load_explicit(&stream->looked, memory_order_relaxed) == now)
        return status;
    atomic_store_explicit(&stream->looked, now, memory_order_relaxed);
    /* Who sleeps, however shortly, finds out. */
    uint32_t *word = fence_word(stream);
    stream->callbacks->Wait(word, __atomic_load_n(word, __ATOMIC_RELAXED), 1);
    return umd_stream_status(stream);
}

bool umd_stream_is_lost(struct umd_stream *stream)
{
    if (umd_stream_status(stream) == VK_SUCCESS)
        return false;
    if (!atomic_exchange(&stream->logged, true) && !umd_stream_is_inherited(stream)) {
        uint32_t reason = __atomic_load_n(&stream->shared->lost, __ATOMIC_RELAXED);
        umd_error("the device is lost: %s",
                  reason == STREAM_LOST_DEVICE   ? "the host's driver lost it"
                  : reason == STREAM_LOST_MEMORY ? "the host could not create an object; its log "
                                                   "says which"
                  : reason != STREAM_ALIVE       ? "the host refused a command; its log says why"
                                                 : "the host's worker process is gone");
    }
    return true;
}

/* --- Waiting: ready() is not asked again once it has said yes --- */

/* What waits unseen may be what the caller waits for. False: another thread has the lock, or the
 * ring is full, and it is to be tried again. */
static bool flush_and_ring(struct umd_stream *stream)
{
    if (!umd_lock_try(&stream->lock))
        return false;
    size_t used = stream->encoder.used;
    bool fits = used == 0 ||
                (used <= STREAM_MAX_BATCH && ring_producer_fits(&stream->ring, (uint32_t)used) > 0);
    if (fits)
        (void)umd_stream_flush_locked(stream, true);
    umd_lock_release(&stream->lock);
    return fits;
}

/* One sleep, or none when it is ready: true. The order of the three reads decides: who changes what
 * is waited for changes the fence after it, and then looks for waiters. */
static bool sleep_once(struct umd_stream *stream, bool (*ready)(void *data), void *data,
                       uint64_t slice)
{
    uint32_t *word = fence_word(stream);
    __atomic_fetch_add(&stream->fence->waiters, 1, __ATOMIC_SEQ_CST);
    uint32_t seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    bool is_ready = ready(data);
    if (!is_ready && umd_stream_status(stream) == VK_SUCCESS)
        stream->callbacks->Wait(word, seen, slice);
    __atomic_fetch_sub(&stream->fence->waiters, 1, __ATOMIC_SEQ_CST);
    return is_ready;
}

static uint32_t taken(const struct umd_stream *stream)
{
    return __atomic_load_n(&stream->shared->head, __ATOMIC_RELAXED);
}

static bool worker_stands_still(const struct umd_stream *stream, uint32_t taken_before)
{
    uint32_t sent = __atomic_load_n(&stream->shared->tail, __ATOMIC_RELAXED);
    return sent != taken_before && taken(stream) == taken_before;
}

/* Looks until the budget or the time is used up, or the stream is lost. True when ready. */
static bool spin(struct umd_stream *stream, bool (*ready)(void *data), void *data, uint64_t start,
                 uint64_t budget, bool *flushed)
{
    uint32_t taken_before = taken(stream);
    for (;;) {
        for (uint32_t look = 0; look < SPIN_LOOKS; look++) {
            if (ready(data))
                return true;
            spin_pause();
        }
        if (!*flushed)
            *flushed = flush_and_ring(stream);
        uint64_t passed = spin_step(start);
        if (passed >= budget || umd_stream_status(stream) != VK_SUCCESS ||
            (passed >= LIFE_NS && worker_stands_still(stream, taken_before)))
            return ready(data);
    }
}

static VkResult wait(struct umd_stream *stream, bool (*ready)(void *data), void *data,
                     uint64_t timeout, struct spin_estimate *estimate, bool flushed)
{
    uint64_t start = spin_now(), budget = spin_budget(estimate);
    bool locked = flushed;
    if (!flushed)
        flushed = flush_and_ring(stream);
    if (atomic_exchange_explicit(&stream->rang, false, memory_order_relaxed))
        budget += WAKE_NS;
    if (spin(stream, ready, data, start, budget < timeout ? budget : timeout, &flushed))
        return VK_SUCCESS;
    for (;;) {
        if (umd_stream_is_lost(stream))
            return ready(data) ? VK_SUCCESS : VK_ERROR_DEVICE_LOST;
        uint64_t passed = spin_now() - start;
        if (passed >= timeout)
            return ready(data) ? VK_SUCCESS : VK_TIMEOUT;
        uint64_t slice = flushed ? SLICE_NS : SHORT_SLICE_NS;
        if (sleep_once(stream, ready, data, slice < timeout - passed ? slice : timeout - passed) ||
            ready(data))
            return VK_SUCCESS;
        if (!locked)
            flushed = flush_and_ring(stream);
    }
}

/* The same without shared memory: one thread asks the host, the others sleep until it knows more.
 */
static VkResult wait_by_messages(struct umd_stream *stream, bool (*ready)(void *data), void *data,
                                 uint64_t timeout, bool locked)
{
    bool flushed = locked;
    for (uint64_t start = spin_now();;) {
        if (!flushed)
            flushed = flush_and_ring(stream);
        if (umd_stream_is_lost(stream))
            return ready(data) ? VK_SUCCESS : VK_ERROR_DEVICE_LOST;
        uint64_t passed = spin_now() - start;
        if (passed >= timeout)
            return ready(data) ? VK_SUCCESS : VK_TIMEOUT;
        uint64_t slice = flushed ? UMD_STREAM_POLL_US * 1000u : UMD_STREAM_POLL_US * 100u;
        if (slice > timeout - passed)
            slice = timeout - passed;
        bool is_ready = umd_stream_ask(stream, (uint32_t)(slice / 1000))
                            ? ready(data)
                            : sleep_once(stream, ready, data, slice);
        if (is_ready || ready(data))
            return VK_SUCCESS;
    }
}

VkResult umd_stream_wait_for(struct umd_stream *stream, bool (*ready)(void *data), void *data,
                             uint64_t timeout, struct spin_estimate *estimate, bool locked)
{
    if (ready(data))
        return VK_SUCCESS;
    if (timeout == 0) {
        if (!locked)
            (void)flush_and_ring(stream);
        umd_stream_refresh(stream);
        if (stream->messages && ready(data))
            return VK_SUCCESS;
        if (umd_stream_look(stream) == VK_SUCCESS || !umd_stream_is_lost(stream))
            return VK_TIMEOUT;
        return ready(data) ? VK_SUCCESS : VK_ERROR_DEVICE_LOST;
    }
    uint64_t start = spin_now();
    atomic_fetch_add_explicit(&stream->waiting, 1, memory_order_relaxed);
    VkResult result = stream->messages ? wait_by_messages(stream, ready, data, timeout, locked)
                                       : wait(stream, ready, data, timeout, estimate, locked);
    atomic_fetch_sub_explicit(&stream->waiting, 1, memory_order_relaxed);
    spin_learn(estimate, spin_now() - start);
    return result;
}

VkResult umd_stream_wait(struct umd_stream *stream, bool (*ready)(void *data), void *data,
                         uint64_t timeout)
{
    return umd_stream_wait_for(stream, ready, data, timeout, &stream->wait_time, false);
}

void umd_stream_wake(struct umd_stream *stream)
{
    uint32_t *word = fence_word(stream);
    __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&stream->fence->waiters, __ATOMIC_SEQ_CST) != 0)
        stream->callbacks->Wake(word);
}
