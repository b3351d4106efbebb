/* SPDX-License-Identifier: MIT */
#include "fake_stream.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "umd/umd_memory_block.h"
#include "umd/umd_sync.h"

#define QUEUES 2

void fake_device_init(struct umd_device *device, struct umd_stream *stream)
{
    static struct umd_memory_state no_memory;
    memset(stream, 0, sizeof(*stream));
    pthread_mutex_init(&stream->lock, NULL);
    pthread_mutex_init(&stream->wait_lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&stream->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    memset(device, 0, sizeof(*device));
    device->stream = stream;
    device->memory = &no_memory;
    device->queue_count = QUEUES;
    device->queues = calloc(QUEUES, sizeof(*device->queues));
    assert_non_null(device->queues);
    for (uint32_t i = 0; i < QUEUES; i++) {
        device->queues[i].device = device;
        device->queues[i].number = i;
    }
    assert_int_equal(umd_ids_init(&device->ids, 1 + QUEUES), 0);
    assert_int_equal(umd_sync_init(device), VK_SUCCESS);
}

void fake_device_finish(struct umd_device *device)
{
    struct umd_stream *stream = device->stream;
    umd_sync_finish(device);
    umd_ids_finish(&device->ids);
    free(device->queues);
    wire_encoder_finish(&stream->encoder);
    wire_encoder_finish(&stream->recorded);
    pthread_mutex_destroy(&stream->lock);
    pthread_mutex_destroy(&stream->wait_lock);
    pthread_cond_destroy(&stream->changed);
}

static void wake(struct umd_stream *stream)
{
    pthread_mutex_lock(&stream->wait_lock);
    stream->wakes++;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->wait_lock);
}

void fake_complete(struct umd_stream *stream, uint32_t queue, uint64_t count)
{
    atomic_store(&stream->completed[queue], count);
    wake(stream);
}

void fake_lose(struct umd_stream *stream)
{
    atomic_store(&stream->lost, true);
    wake(stream);
}

void fake_await_sleepers(struct umd_stream *stream, uint32_t count)
{
    for (;;) {
        pthread_mutex_lock(&stream->wait_lock);
        uint32_t waiters = stream->waiters;
        pthread_mutex_unlock(&stream->wait_lock);
        if (waiters >= count)
            return;
        sched_yield();
    }
}

/* --- umd/stream.h --- */

struct wire_encoder *umd_stream_begin(struct umd_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    return &stream->encoder;
}

VkResult umd_stream_end(struct umd_stream *stream, bool kick)
{
    VkResult result = stream->encoder.failed ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS;
    stream->sent++;
    stream->kicked += kick;
    wire_encoder_reset(&stream->encoder);
    pthread_mutex_unlock(&stream->lock);
    return atomic_load(&stream->lost) ? VK_ERROR_DEVICE_LOST : result;
}

VkResult umd_stream_record(struct umd_stream *stream, uint64_t id, struct wire_encoder *recording)
{
    VkResult result = stream->record_result;
    stream->recorded_id = id;
    stream->records++;
    void *to = wire_put(&stream->recorded, recording->used);
    assert_non_null(to);
    memcpy(to, recording->data, recording->used);
    wire_encoder_reset(recording);
    return atomic_load(&stream->lost) ? VK_ERROR_DEVICE_LOST : result;
}

uint64_t umd_stream_completed(const struct umd_stream *stream, uint32_t queue)
{
    return atomic_load(&stream->completed[queue]);
}

VkResult umd_stream_status(const struct umd_stream *stream)
{
    return atomic_load(&stream->lost) ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;
}

VkResult umd_stream_look(struct umd_stream *stream)
{
    return umd_stream_status(stream);
}

void umd_stream_refresh(struct umd_stream *stream)
{
    (void)stream;
}

bool umd_stream_is_inherited(const struct umd_stream *stream)
{
    (void)stream;
    return false;
}

static bool has_passed(const struct timespec *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > end->tv_sec || (now.tv_sec == end->tv_sec && now.tv_nsec >= end->tv_nsec);
}

VkResult umd_stream_wait(struct umd_stream *stream, bool (*ready)(void *data), void *data,
                         uint64_t timeout)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    uint64_t seconds = timeout / 1000000000u;
    end.tv_sec += (time_t)(seconds < 3600 ? seconds : 3600);
    end.tv_nsec += (long)(timeout % 1000000000u);
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    VkResult result = VK_SUCCESS;
    pthread_mutex_lock(&stream->wait_lock);
    stream->waiters++;
    while (!ready(data)) {
        if (atomic_load(&stream->lost))
            result = VK_ERROR_DEVICE_LOST;
        else if (has_passed(&end))
            result = VK_TIMEOUT;
        if (result)
            break;
        stream->sleeps++;
        pthread_cond_timedwait(&stream->changed, &stream->wait_lock, &end);
    }
    stream->waiters--;
    pthread_mutex_unlock(&stream->wait_lock);
    return result;
}

void umd_stream_wake(struct umd_stream *stream)
{
    wake(stream);
}

void umd_log(enum gpupv_umd_log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}
