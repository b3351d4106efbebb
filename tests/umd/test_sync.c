/* SPDX-License-Identifier: MIT */
/* Fences, timelines and submissions of the guest, with a fake stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fake_stream.h"
#include "umd/umd_memory.h"
#include "umd/umd_sync.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"

#define SECOND UINT64_C(1000000000)

/* --- Encoders: a command of 8 bytes, or none when the test wants memory to be short --- */

static _Atomic bool memory_is_short;
static uint32_t batches_put;
static bool watched;
static VkSparseMemoryBind bound;

static void put(struct wire_encoder *encoder)
{
    if (memory_is_short)
        encoder->failed = true;
    else
        assert_non_null(wire_put(encoder, 8));
}

static void put_batches(struct wire_encoder *encoder, uint32_t count, VkFence fence)
{
    put(encoder);
    batches_put = count;
    watched = fence != VK_NULL_HANDLE; /* all that the worker takes from it */
}

void wire_put_QueueSubmit(struct wire_encoder *e, VkQueue queue, uint32_t submitCount,
                          const VkSubmitInfo *pSubmits, VkFence fence)
{
    (void)queue, (void)pSubmits;
    put_batches(e, submitCount, fence);
}

void wire_put_QueueSubmit2(struct wire_encoder *e, VkQueue queue, uint32_t submitCount,
                           const VkSubmitInfo2 *pSubmits, VkFence fence)
{
    (void)queue, (void)pSubmits;
    put_batches(e, submitCount, fence);
}

void wire_put_QueueBindSparse(struct wire_encoder *e, VkQueue queue, uint32_t bindInfoCount,
                              const VkBindSparseInfo *pBindInfo, VkFence fence)
{
    (void)queue;
    if (pBindInfo->bufferBindCount)
        bound = pBindInfo->pBufferBinds[0].pBinds[0];
    put_batches(e, bindInfoCount, fence);
}

void wire_put_CreateSemaphore(struct wire_encoder *e, const VkSemaphoreCreateInfo *pCreateInfo,
                              const VkSemaphore *pSemaphore)
{
    (void)pCreateInfo, (void)pSemaphore;
    put(e);
}

void wire_put_DestroySemaphore(struct wire_encoder *e, VkSemaphore semaphore)
{
    (void)semaphore;
    put(e);
}

void wire_put_SignalSemaphore(struct wire_encoder *e, const VkSemaphoreSignalInfo *pSignalInfo)
{
    (void)pSignalInfo;
    put(e);
}

void umd_memory_resolve(const struct umd_device *device, VkDeviceMemory *memory,
                        VkDeviceSize *offset)
{
    (void)device, (void)memory;
    *offset += 4096;
}

/* --- Fixture --- */

struct fixture {
    struct umd_device device;
    struct umd_stream stream;
    VkDevice handle;
    VkQueue queues[2];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    fake_device_init(&f->device, &f->stream);
    f->handle = (VkDevice)&f->device;
    f->queues[0] = (VkQueue)&f->device.queues[0];
    f->queues[1] = (VkQueue)&f->device.queues[1];
    memory_is_short = false;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fake_device_finish(&f->device);
    free(f);
    return 0;
}

static VkFence create_fence(struct fixture *f, bool signalled)
{
    VkFenceCreateInfo info = {VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, NULL,
                              signalled ? VK_FENCE_CREATE_SIGNALED_BIT : 0};
    VkFence fence;
    assert_int_equal(umd_CreateFence(f->handle, &info, NULL, &fence), VK_SUCCESS);
    return fence;
}

static VkSemaphore create_timeline(struct fixture *f, uint64_t value)
{
    VkSemaphoreTypeCreateInfo type = {VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, NULL,
                                      VK_SEMAPHORE_TYPE_TIMELINE, value};
    VkSemaphoreCreateInfo info = {VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0};
    VkSemaphore semaphore;
    assert_int_equal(umd_CreateSemaphore(f->handle, &info, NULL, &semaphore), VK_SUCCESS);
    return semaphore;
}

static VkResult submit(struct fixture *f, uint32_t queue, uint32_t batches, VkFence fence)
{
    VkSubmitInfo infos[4] = {{VK_STRUCTURE_TYPE_SUBMIT_INFO}};
    return umd_QueueSubmit(f->queues[queue], batches, infos, fence);
}

static VkResult submit_signal(struct fixture *f, uint32_t queue, VkSemaphore semaphore,
                              uint64_t value)
{
    VkTimelineSemaphoreSubmitInfo values = {VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                            .signalSemaphoreValueCount = 1,
                                            .pSignalSemaphoreValues = &value};
    VkSubmitInfo info = {VK_STRUCTURE_TYPE_SUBMIT_INFO, &values, .signalSemaphoreCount = 1,
                         .pSignalSemaphores = &semaphore};
    return umd_QueueSubmit(f->queues[queue], 1, &info, VK_NULL_HANDLE);
}

static uint64_t value_of(struct fixture *f, VkSemaphore semaphore)
{
    uint64_t value;
    assert_int_equal(umd_GetSemaphoreCounterValue(f->handle, semaphore, &value), VK_SUCCESS);
    return value;
}

static VkResult signal_from_host(struct fixture *f, VkSemaphore semaphore, uint64_t value)
{
    VkSemaphoreSignalInfo info = {VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, NULL, semaphore, value};
    return umd_SignalSemaphore(f->handle, &info);
}

static VkResult wait_for_value(struct fixture *f, VkSemaphore semaphore, uint64_t value,
                               uint64_t timeout)
{
    VkSemaphoreWaitInfo info = {
        VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, NULL, 0, 1, &semaphore, &value};
    return umd_WaitSemaphores(f->handle, &info, timeout);
}

/* --- Fences --- */

static void a_fence_follows_its_submission(void **state)
{
    struct fixture *f = *state;
    VkFence fence = create_fence(f, false), done = create_fence(f, true);
    assert_int_equal(umd_GetFenceStatus(f->handle, fence), VK_NOT_READY);
    assert_int_equal(umd_GetFenceStatus(f->handle, done), VK_SUCCESS);
    assert_int_equal(f->stream.sent, 0);

    assert_int_equal(submit(f, 1, 3, fence), VK_SUCCESS);
    assert_int_equal(f->stream.kicked, 1);
    assert_int_equal(f->device.queues[1].submitted, 3);
    assert_int_equal(batches_put, 3);
    assert_true(watched);
    fake_complete(&f->stream, 1, 2);
    fake_complete(&f->stream, 0, 9);
    assert_int_equal(umd_GetFenceStatus(f->handle, fence), VK_NOT_READY);
    fake_complete(&f->stream, 1, 3);
    assert_int_equal(umd_GetFenceStatus(f->handle, fence), VK_SUCCESS);

    VkFence both[] = {fence, done};
    assert_int_equal(umd_ResetFences(f->handle, 2, both), VK_SUCCESS);
    assert_int_equal(umd_GetFenceStatus(f->handle, fence), VK_NOT_READY);
    assert_int_equal(umd_GetFenceStatus(f->handle, done), VK_NOT_READY);
    umd_DestroyFence(f->handle, fence, NULL);
    umd_DestroyFence(f->handle, done, NULL);
    umd_DestroyFence(f->handle, VK_NULL_HANDLE, NULL);
}

static void what_is_waited_for_without_a_fence(void **state)
{
    struct fixture *f = *state;
    VkSubmitInfo info = {VK_STRUCTURE_TYPE_SUBMIT_INFO};
    struct umd_queue *queue = umd_queue_from(f->queues[1]);
    umd_point point;
    assert_int_equal(umd_queue_submit_watched(queue, &info, &point), VK_SUCCESS);
    assert_true(watched);
    assert_false(umd_point_reached(f->device.stream, point));
    fake_complete(&f->stream, 1, 1);
    assert_true(umd_point_reached(f->device.stream, point));
}

static void a_fence_alone_stands_for_what_was_submitted(void **state)
{
    struct fixture *f = *state;
    VkFence fence = create_fence(f, false);
    assert_int_equal(submit(f, 0, 2, VK_NULL_HANDLE), VK_SUCCESS);
    assert_false(watched);
    assert_int_equal(submit(f, 0, 0, fence), VK_SUCCESS);
    assert_int_equal(f->device.queues[0].submitted, 2);
    assert_int_equal(f->stream.sent, 1);
    assert_int_equal(umd_GetFenceStatus(f->handle, fence), VK_NOT_READY);
    fake_complete(&f->stream, 0, 2);
    assert_int_equal(umd_GetFenceStatus(f->handle, fence), VK_SUCCESS);
    umd_DestroyFence(f->handle, fence, NULL);
}

static void waits_for_all_and_any(void **state)
{
    struct fixture *f = *state;
    VkFence fences[] = {create_fence(f, false), create_fence(f, false), create_fence(f, false)};
    assert_int_equal(submit(f, 0, 1, fences[0]), VK_SUCCESS);
    assert_int_equal(submit(f, 0, 1, fences[1]), VK_SUCCESS);
    assert_int_equal(submit(f, 1, 1, fences[2]), VK_SUCCESS);
    assert_int_equal(umd_WaitForFences(f->handle, 3, fences, VK_FALSE, 0), VK_TIMEOUT);
    assert_int_equal(umd_WaitForFences(f->handle, 3, fences, VK_FALSE, 1000), VK_TIMEOUT);
    fake_complete(&f->stream, 1, 1);
    assert_int_equal(umd_WaitForFences(f->handle, 3, fences, VK_FALSE, 0), VK_SUCCESS);
    assert_int_equal(umd_WaitForFences(f->handle, 2, fences, VK_FALSE, 0), VK_TIMEOUT);
    assert_int_equal(umd_WaitForFences(f->handle, 3, fences, VK_TRUE, 1000), VK_TIMEOUT);
    fake_complete(&f->stream, 0, 2);
    assert_int_equal(umd_WaitForFences(f->handle, 3, fences, VK_TRUE, UINT64_MAX), VK_SUCCESS);
    for (int i = 0; i < 3; i++)
        umd_DestroyFence(f->handle, fences[i], NULL);
}

struct thread_wait {
    struct fixture *fixture;
    VkFence fence;
    VkSemaphore semaphore;
    uint64_t value;
    VkResult result;
};

static void *wait_in_thread(void *data)
{
    struct thread_wait *wait = data;
    if (wait->fence) {
        wait->result =
            umd_WaitForFences(wait->fixture->handle, 1, &wait->fence, VK_TRUE, 60 * SECOND);
    } else {
        wait->result = wait_for_value(wait->fixture, wait->semaphore, wait->value, 60 * SECOND);
    }
    return NULL;
}

static void a_waiter_sees_what_another_thread_submits(void **state)
{
    struct fixture *f = *state;
    struct thread_wait wait = {f, .fence = create_fence(f, false)};
    fake_complete(&f->stream, 0, 1); /* so that the submission is over at once */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_in_thread, &wait), 0);
    fake_await_sleepers(&f->stream, 1);
    assert_int_equal(submit(f, 0, 1, wait.fence), VK_SUCCESS);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(wait.result, VK_SUCCESS);
    umd_DestroyFence(f->handle, wait.fence, NULL);
}

static void submissions_wake_nobody_who_has_a_point(void **state)
{
    struct fixture *f = *state;
    struct thread_wait wait = {f, .fence = create_fence(f, false)};
    assert_int_equal(submit(f, 0, 1, wait.fence), VK_SUCCESS);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_in_thread, &wait), 0);
    fake_await_sleepers(&f->stream, 1);
    for (int i = 0; i < 10; i++)
        assert_int_equal(submit(f, 0, 1, VK_NULL_HANDLE), VK_SUCCESS);
    assert_int_equal(f->stream.wakes, 0);
    fake_complete(&f->stream, 0, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(wait.result, VK_SUCCESS);
    umd_DestroyFence(f->handle, wait.fence, NULL);
}

static void a_lost_device_ends_waits(void **state)
{
    struct fixture *f = *state;
    VkFence done = create_fence(f, true);
    VkSemaphore semaphore = create_timeline(f, 0);
    struct thread_wait waits[] = {{f, .fence = create_fence(f, false)},
                                  {f, .fence = create_fence(f, false)},
                                  {f, .semaphore = semaphore, .value = 3}};
    assert_int_equal(submit(f, 0, 1, waits[0].fence), VK_SUCCESS);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_in_thread, &waits[i]), 0);
    fake_await_sleepers(&f->stream, 3);
    fake_lose(&f->stream);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(waits[i].result, VK_ERROR_DEVICE_LOST);
    }
    assert_int_equal(umd_GetFenceStatus(f->handle, waits[0].fence), VK_ERROR_DEVICE_LOST);
    assert_int_equal(umd_GetFenceStatus(f->handle, done), VK_SUCCESS);
    assert_int_equal(umd_WaitForFences(f->handle, 1, &waits[0].fence, VK_TRUE, 0),
                     VK_ERROR_DEVICE_LOST);
    assert_int_equal(umd_QueueWaitIdle(f->queues[0]), VK_ERROR_DEVICE_LOST);
    assert_int_equal(umd_DeviceWaitIdle(f->handle), VK_ERROR_DEVICE_LOST);
    assert_int_equal(submit(f, 0, 1, VK_NULL_HANDLE), VK_ERROR_DEVICE_LOST);
    uint64_t value;
    assert_int_equal(umd_GetSemaphoreCounterValue(f->handle, semaphore, &value),
                     VK_ERROR_DEVICE_LOST);
    umd_DestroyFence(f->handle, done, NULL);
    umd_DestroyFence(f->handle, waits[0].fence, NULL);
    umd_DestroyFence(f->handle, waits[1].fence, NULL);
    umd_DestroySemaphore(f->handle, semaphore, NULL);
}

static void queues_become_idle(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(umd_DeviceWaitIdle(f->handle), VK_SUCCESS);
    assert_int_equal(submit(f, 1, 2, VK_NULL_HANDLE), VK_SUCCESS);
    assert_int_equal(umd_QueueWaitIdle(f->queues[0]), VK_SUCCESS);
    fake_complete(&f->stream, 1, 2);
    assert_int_equal(umd_QueueWaitIdle(f->queues[1]), VK_SUCCESS);
    assert_int_equal(umd_DeviceWaitIdle(f->handle), VK_SUCCESS);
}

/* --- Timelines --- */

static void a_timeline_follows_signals(void **state)
{
    struct fixture *f = *state;
    VkSemaphore semaphore = create_timeline(f, 5);
    assert_int_equal(value_of(f, semaphore), 5);
    assert_int_equal(signal_from_host(f, semaphore, 7), VK_SUCCESS);
    assert_int_equal(value_of(f, semaphore), 7);
    assert_int_equal(submit_signal(f, 0, semaphore, 10), VK_SUCCESS);
    assert_int_equal(value_of(f, semaphore), 7);
    assert_int_equal(wait_for_value(f, semaphore, 7, 0), VK_SUCCESS);
    assert_int_equal(wait_for_value(f, semaphore, 8, 0), VK_TIMEOUT);
    fake_complete(&f->stream, 0, 1);
    assert_int_equal(wait_for_value(f, semaphore, 8, 0), VK_SUCCESS);
    assert_int_equal(value_of(f, semaphore), 10);
    umd_DestroySemaphore(f->handle, semaphore, NULL);
}

static void an_early_batch_signals_before_a_later_one(void **state)
{
    struct fixture *f = *state;
    VkSemaphore semaphore = create_timeline(f, 0);
    VkSemaphoreSubmitInfo signals[] = {
        {VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO, .semaphore = semaphore, .value = 1},
        {VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO, .semaphore = semaphore, .value = 3}};
    VkSubmitInfo2 infos[] = {{VK_STRUCTURE_TYPE_SUBMIT_INFO_2, .signalSemaphoreInfoCount = 1,
                              .pSignalSemaphoreInfos = &signals[0]},
                             {VK_STRUCTURE_TYPE_SUBMIT_INFO_2, .signalSemaphoreInfoCount = 1,
                              .pSignalSemaphoreInfos = &signals[1]}};
    assert_int_equal(umd_QueueSubmit2(f->queues[0], 2, infos, VK_NULL_HANDLE), VK_SUCCESS);
    fake_complete(&f->stream, 0, 1); /* the second batch waits for value 2, which we signal */
    assert_int_equal(wait_for_value(f, semaphore, 1, UINT64_MAX), VK_SUCCESS);
    assert_int_equal(value_of(f, semaphore), 1);
    umd_DestroySemaphore(f->handle, semaphore, NULL);
}

static void values_come_in_order_over_queues(void **state)
{
    struct fixture *f = *state;
    VkSemaphore semaphore = create_timeline(f, 0);
    assert_int_equal(submit_signal(f, 0, semaphore, 10), VK_SUCCESS); /* waits for queue 1 */
    assert_int_equal(submit_signal(f, 1, semaphore, 4), VK_SUCCESS);
    fake_complete(&f->stream, 1, 1);
    assert_int_equal(wait_for_value(f, semaphore, 3, UINT64_MAX), VK_SUCCESS);
    assert_int_equal(value_of(f, semaphore), 4);
    assert_int_equal(wait_for_value(f, semaphore, 5, 1000), VK_TIMEOUT);
    fake_complete(&f->stream, 0, 1);
    assert_int_equal(value_of(f, semaphore), 10);
    umd_DestroySemaphore(f->handle, semaphore, NULL);
}

static void any_of_two_timelines(void **state)
{
    struct fixture *f = *state;
    VkSemaphore semaphores[] = {create_timeline(f, 0), create_timeline(f, 0)};
    uint64_t values[] = {1, 2};
    VkSemaphoreWaitInfo info = {VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                NULL,
                                VK_SEMAPHORE_WAIT_ANY_BIT,
                                2,
                                semaphores,
                                values};
    assert_int_equal(umd_WaitSemaphores(f->handle, &info, 1000), VK_TIMEOUT);
    assert_int_equal(signal_from_host(f, semaphores[1], 2), VK_SUCCESS);
    assert_int_equal(umd_WaitSemaphores(f->handle, &info, 1000), VK_SUCCESS);
    info.flags = 0;
    assert_int_equal(umd_WaitSemaphores(f->handle, &info, 1000), VK_TIMEOUT);
    assert_int_equal(signal_from_host(f, semaphores[0], 5), VK_SUCCESS);
    assert_int_equal(umd_WaitSemaphores(f->handle, &info, 1000), VK_SUCCESS);
    umd_DestroySemaphore(f->handle, semaphores[0], NULL);
    umd_DestroySemaphore(f->handle, semaphores[1], NULL);
}

static void finished_signals_are_forgotten(void **state)
{
    struct fixture *f = *state;
    VkSemaphore semaphore = create_timeline(f, 0);
    const struct umd_timeline *timeline = umd_object(&f->device, UMD_ID(semaphore));
    for (uint64_t i = 1; i <= 10000; i++) {
        assert_int_equal(submit_signal(f, 0, semaphore, i), VK_SUCCESS);
        if (i > 3)
            fake_complete(&f->stream, 0, i - 3);
    }
    assert_true(timeline->capacity <= 16);
    assert_int_equal(value_of(f, semaphore), 9997);
    umd_DestroySemaphore(f->handle, semaphore, NULL);
}

static void short_memory_submits_nothing(void **state)
{
    struct fixture *f = *state;
    VkFence fence = create_fence(f, false);
    VkSemaphore semaphore = create_timeline(f, 0);
    const struct umd_timeline *timeline = umd_object(&f->device, UMD_ID(semaphore));
    uint64_t value = 4;
    VkTimelineSemaphoreSubmitInfo values = {VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                            .signalSemaphoreValueCount = 1,
                                            .pSignalSemaphoreValues = &value};
    VkSubmitInfo info = {VK_STRUCTURE_TYPE_SUBMIT_INFO, &values, .signalSemaphoreCount = 1,
                         .pSignalSemaphores = &semaphore};
    memory_is_short = true;
    assert_int_equal(umd_QueueSubmit(f->queues[0], 1, &info, fence), VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(signal_from_host(f, semaphore, 2), VK_ERROR_OUT_OF_HOST_MEMORY);
    VkSemaphore none;
    VkSemaphoreCreateInfo binary = {VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, NULL, 0};
    assert_int_equal(umd_CreateSemaphore(f->handle, &binary, NULL, &none),
                     VK_ERROR_OUT_OF_HOST_MEMORY);
    memory_is_short = false;
    assert_int_equal(f->device.queues[0].submitted, 0);
    assert_int_equal(timeline->count, 0);
    assert_int_equal(timeline->reserved, 0);
    assert_int_equal(value_of(f, semaphore), 0);
    fake_complete(&f->stream, 0, 1);
    assert_int_equal(umd_GetFenceStatus(f->handle, fence), VK_NOT_READY);
    umd_DestroySemaphore(f->handle, semaphore, NULL);
    umd_DestroyFence(f->handle, fence, NULL);
}

static void sparse_bindings_name_the_hosts_memory(void **state)
{
    struct fixture *f = *state;
    VkSparseMemoryBind bind = {
        .size = 65536, .memory = UMD_HANDLE(VkDeviceMemory, 77), .memoryOffset = 100};
    VkSparseBufferMemoryBindInfo buffer = {VK_NULL_HANDLE, 1, &bind};
    VkSemaphore semaphore = create_timeline(f, 0);
    VkBindSparseInfo info = {VK_STRUCTURE_TYPE_BIND_SPARSE_INFO, .bufferBindCount = 1,
                             .pBufferBinds = &buffer, .signalSemaphoreCount = 1,
                             .pSignalSemaphores = &semaphore};
    assert_int_equal(umd_QueueBindSparse(f->queues[0], 1, &info, VK_NULL_HANDLE), VK_SUCCESS);
    assert_int_equal(bound.memoryOffset, 4196);
    assert_int_equal(bound.size, 65536);
    assert_int_equal(bind.memoryOffset, 100);
    assert_int_equal(f->device.queues[0].submitted, 1);
    umd_DestroySemaphore(f->handle, semaphore, NULL);
}

/* --- Threads --- */

#define ROUNDS 2000

/* The worker: completes what is submitted, now and then. */
static void *work(void *data)
{
    struct fixture *f = data;
    uint64_t done[2] = {0, 0};
    while (done[0] < ROUNDS || done[1] < ROUNDS) {
        for (uint32_t i = 0; i < 2; i++) {
            uint64_t submitted = atomic_load(&f->device.queues[i].submitted);
            if (submitted > done[i])
                fake_complete(&f->stream, i, ++done[i]);
        }
    }
    return NULL;
}

struct ping {
    struct fixture *fixture;
    uint32_t queue;
    VkSemaphore own, other;
    VkFence fence;
    bool first;
    VkResult result;
};

static VkResult ping_once(struct ping *ping, uint64_t round)
{
    struct fixture *f = ping->fixture;
    VkResult result = wait_for_value(f, ping->other, ping->first ? round - 1 : round, 60 * SECOND);
    if (result)
        return result;
    VkTimelineSemaphoreSubmitInfo values = {VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                            .signalSemaphoreValueCount = 1,
                                            .pSignalSemaphoreValues = &round};
    VkSubmitInfo info = {VK_STRUCTURE_TYPE_SUBMIT_INFO, &values, .signalSemaphoreCount = 1,
                         .pSignalSemaphores = &ping->own};
    result = umd_QueueSubmit(f->queues[ping->queue], 1, &info, ping->fence);
    if (!result)
        result = umd_WaitForFences(f->handle, 1, &ping->fence, VK_TRUE, 60 * SECOND);
    return result ? result : umd_ResetFences(f->handle, 1, &ping->fence);
}

/* Two threads take turns: each waits for a value that the other has not submitted yet. */
static void *ping(void *data)
{
    struct ping *ping = data;
    for (uint64_t i = 1; i <= ROUNDS && !ping->result; i++)
        ping->result = ping_once(ping, i);
    return NULL;
}

static void threads_take_turns(void **state)
{
    struct fixture *f = *state;
    VkSemaphore a = create_timeline(f, 0), b = create_timeline(f, 0);
    struct ping pings[] = {{f, 0, a, b, create_fence(f, false), true},
                           {f, 1, b, a, create_fence(f, false), false}};
    pthread_t threads[3];
    assert_int_equal(pthread_create(&threads[0], NULL, work, f), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[1 + i], NULL, ping, &pings[i]), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pings[i].result, VK_SUCCESS);
        umd_DestroyFence(f->handle, pings[i].fence, NULL);
    }
    assert_int_equal(value_of(f, a), ROUNDS);
    assert_int_equal(value_of(f, b), ROUNDS);
    umd_DestroySemaphore(f->handle, a, NULL);
    umd_DestroySemaphore(f->handle, b, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fence_follows_its_submission),
        TEST(what_is_waited_for_without_a_fence),
        TEST(a_fence_alone_stands_for_what_was_submitted),
        TEST(waits_for_all_and_any),
        TEST(a_waiter_sees_what_another_thread_submits),
        TEST(submissions_wake_nobody_who_has_a_point),
        TEST(a_lost_device_ends_waits),
        TEST(queues_become_idle),
        TEST(a_timeline_follows_signals),
        TEST(an_early_batch_signals_before_a_later_one),
        TEST(values_come_in_order_over_queues),
        TEST(any_of_two_timelines),
        TEST(finished_signals_are_forgotten),
        TEST(short_memory_submits_nothing),
        TEST(sparse_bindings_name_the_hosts_memory),
        TEST(threads_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
