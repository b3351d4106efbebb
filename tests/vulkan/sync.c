/* SPDX-License-Identifier: MIT */
/* Fences, semaphores of both kinds, events; across queues and threads, and waits that come first.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "common/vt.h"

#define COMPUTE VK_PIPELINE_BIND_POINT_COMPUTE
#define ALL_STAGES VK_PIPELINE_STAGE_ALL_COMMANDS_BIT

/* A sequence of steps on one buffer; each step is its own command buffer, and the order shows. */
struct sequence {
    struct vt_buffer data;
    struct vt_set set;
    struct vt_pipeline pipeline;
    uint32_t expected;
};

static struct sequence sequence(struct vt *vt)
{
    struct sequence sequence = {.data = vt_buffer(vt, 256, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT)};
    struct vt_binding binding = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .buffer = &sequence.data};
    for (uint32_t i = 0; i < 64; i++)
        ((uint32_t *)sequence.data.data)[i] = i;
    sequence.set = vt_set(vt, &binding, 1);
    sequence.pipeline = vt_compute(vt, "step.comp", &sequence.set, 8, NULL);
    return sequence;
}

static void record_step(VkCommandBuffer cmd, const struct sequence *sequence, uint32_t number)
{
    const uint32_t words[2] = {number * 2 + 3, number * 7 + 1};
    vt_barrier(cmd);
    vt_bind(cmd, COMPUTE, &sequence->pipeline, &sequence->set);
    vkCmdPushConstants(cmd, sequence->pipeline.layout, VK_SHADER_STAGE_ALL, 0, 8, words);
    vkCmdDispatch(cmd, 1, 1, 1);
    vt_barrier(cmd);
}

static VkCommandBuffer step(struct vt *vt, struct sequence *sequence, uint32_t number)
{
    VkCommandBuffer cmd = vt_begin(vt);
    record_step(cmd, sequence, number);
    VT_CHECK(vt, vkEndCommandBuffer(cmd));
    sequence->expected = sequence->expected * (number * 2 + 3) + number * 7 + 1;
    return cmd;
}

static void check(struct vt *vt, const struct sequence *sequence)
{
    VT_EXPECT(vt, *(uint32_t *)sequence->data.data == sequence->expected);
    vt_put_buffer(vt, &sequence->data);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void fences(struct vt *vt)
{
    struct sequence work = sequence(vt);
    VkFence fence[4] = {vt_fence(vt, false), vt_fence(vt, true), vt_fence(vt, false),
                        vt_fence(vt, false)};
    const uint64_t wait = 20000000;
    VT_RESULT(vt, vkGetFenceStatus(vt->device, fence[0]), VK_NOT_READY);
    VT_CHECK(vt, vkGetFenceStatus(vt->device, fence[1]));
    VT_RESULT(vt, vkWaitForFences(vt->device, 1, fence, VK_TRUE, 0), VK_TIMEOUT);
    uint64_t start = now();
    VT_RESULT(vt, vkWaitForFences(vt->device, 2, fence, VK_TRUE, wait), VK_TIMEOUT);
    VT_EXPECT(vt, now() - start >= wait);
    VT_CHECK(vt, vkWaitForFences(vt->device, 2, fence, VK_FALSE, 0));
    VT_CHECK(vt, vkResetFences(vt->device, 1, &fence[1]));
    VT_RESULT(vt, vkWaitForFences(vt->device, 4, fence, VK_FALSE, wait), VK_TIMEOUT);
    vt_submit(vt, step(vt, &work, 0), fence[2]);
    VT_CHECK(vt, vkWaitForFences(vt->device, 4, fence, VK_FALSE, UINT64_MAX));
    VT_CHECK(vt, vkGetFenceStatus(vt->device, fence[2]));
    vt_submit(vt, step(vt, &work, 1), fence[0]);
    vt_submit(vt, step(vt, &work, 2), fence[1]);
    VT_CHECK(vt, vkQueueSubmit(vt->queue, 0, NULL, fence[3])); /* a fence alone */
    VT_CHECK(vt, vkWaitForFences(vt->device, 4, fence, VK_TRUE, UINT64_MAX));
    VT_CHECK(vt, vkResetFences(vt->device, 4, fence));
    for (uint32_t i = 0; i < 4; i++)
        VT_RESULT(vt, vkGetFenceStatus(vt->device, fence[i]), VK_NOT_READY);
    check(vt, &work);
}

/* A chain of batches, each waiting for the one before. */
static void binary_semaphores(struct vt *vt)
{
    enum { COUNT = 16 };
    struct sequence work = sequence(vt);
    VkSemaphore semaphores[COUNT];
    VkCommandBuffer cmds[COUNT];
    VkSubmitInfo infos[COUNT];
    const VkPipelineStageFlags stage = ALL_STAGES;
    for (uint32_t i = 0; i < COUNT; i++) {
        semaphores[i] = vt_semaphore(vt);
        cmds[i] = step(vt, &work, i);
        infos[i] = (VkSubmitInfo){
            .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
            .waitSemaphoreCount = i ? 1 : 0,
            .pWaitSemaphores = i ? &semaphores[i - 1] : NULL,
            .pWaitDstStageMask = &stage,
            .commandBufferCount = 1,
            .pCommandBuffers = &cmds[i],
            .signalSemaphoreCount = i + 1 < COUNT ? 1 : 0,
            .pSignalSemaphores = &semaphores[i],
        };
    }
    VkFence fence = vt_fence(vt, false);
    VT_CHECK(vt, vkQueueSubmit(vt->queue, COUNT / 2, infos, VK_NULL_HANDLE));
    VT_CHECK(vt, vkQueueSubmit(vt->queue, COUNT / 2, infos + COUNT / 2, fence));
    VT_CHECK(vt, vkWaitForFences(vt->device, 1, &fence, VK_TRUE, UINT64_MAX));
    check(vt, &work);
}

static void signal_timeline(struct vt *vt, VkSemaphore semaphore, uint64_t value)
{
    VkSemaphoreSignalInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, .semaphore = semaphore, .value = value};
    VT_CHECK(vt, vkSignalSemaphore(vt->device, &info));
}

static VkResult wait_timelines(struct vt *vt, const VkSemaphore *semaphores, const uint64_t *values,
                               uint32_t count, bool any, uint64_t timeout)
{
    VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                .flags = any ? VK_SEMAPHORE_WAIT_ANY_BIT : 0,
                                .semaphoreCount = count,
                                .pSemaphores = semaphores,
                                .pValues = values};
    return vkWaitSemaphores(vt->device, &info, timeout);
}

/* One step that waits for a value and signals another (0: none), on a queue. */
static void submit_timeline(struct vt *vt, VkQueue queue, VkCommandBuffer cmd,
                            VkSemaphore semaphore, uint64_t wait, uint64_t signal)
{
    const VkPipelineStageFlags stage = ALL_STAGES;
    VkTimelineSemaphoreSubmitInfo values = {.sType =
                                                VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                            .waitSemaphoreValueCount = wait ? 1 : 0,
                                            .pWaitSemaphoreValues = &wait,
                                            .signalSemaphoreValueCount = signal ? 1 : 0,
                                            .pSignalSemaphoreValues = &signal};
    VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                         .pNext = &values,
                         .waitSemaphoreCount = wait ? 1 : 0,
                         .pWaitSemaphores = &semaphore,
                         .pWaitDstStageMask = &stage,
                         .commandBufferCount = cmd ? 1 : 0,
                         .pCommandBuffers = &cmd,
                         .signalSemaphoreCount = signal ? 1 : 0,
                         .pSignalSemaphores = &semaphore};
    VT_CHECK(vt, vkQueueSubmit(queue, 1, &info, VK_NULL_HANDLE));
}

static void timeline(struct vt *vt)
{
    struct sequence work = sequence(vt);
    VkSemaphore semaphores[2] = {vt_timeline(vt, 5), vt_timeline(vt, 0)};
    uint64_t value;
    VT_CHECK(vt, vkGetSemaphoreCounterValue(vt->device, semaphores[0], &value));
    VT_EXPECT(vt, value == 5);
    VT_CHECK(vt, wait_timelines(vt, semaphores, (uint64_t[]){5}, 1, false, 0));
    VT_RESULT(vt, wait_timelines(vt, semaphores, (uint64_t[]){6}, 1, false, 1000000), VK_TIMEOUT);
    VT_CHECK(vt, wait_timelines(vt, semaphores, (uint64_t[]){4, 9}, 2, true, 0));
    VT_RESULT(vt, wait_timelines(vt, semaphores, (uint64_t[]){4, 9}, 2, false, 1000000),
              VK_TIMEOUT);
    for (uint32_t i = 0; i < 20; i++)
        submit_timeline(vt, vt->queue, step(vt, &work, i), semaphores[0], i ? 9 + i : 0, 10 + i);
    VT_CHECK(vt, wait_timelines(vt, semaphores, (uint64_t[]){29}, 1, false, UINT64_MAX));
    VT_CHECK(vt, vkGetSemaphoreCounterValue(vt->device, semaphores[0], &value));
    VT_EXPECT(vt, value == 29);
    VT_CHECK(vt, vkQueueWaitIdle(vt->queue));
    signal_timeline(vt, semaphores[1], UINT32_MAX + 7ull);
    VT_CHECK(vt, wait_timelines(vt, semaphores, (uint64_t[]){29, UINT32_MAX + 7ull}, 2, false, 0));
    VT_CHECK(vt, vkGetSemaphoreCounterValue(vt->device, semaphores[1], &value));
    vt_put_number(vt, value);
    check(vt, &work);
}

/* Submissions that wait for what the processor signals only later. */
static void wait_before_signal(struct vt *vt)
{
    struct sequence work = sequence(vt);
    VkSemaphore semaphore = vt_timeline(vt, 0);
    submit_timeline(vt, vt->queue, step(vt, &work, 1), semaphore, 3, 4);
    submit_timeline(vt, vt->queue, step(vt, &work, 2), semaphore, 6, 8);
    VT_RESULT(vt, wait_timelines(vt, &semaphore, (uint64_t[]){4}, 1, false, 5000000), VK_TIMEOUT);
    VT_EXPECT(vt, *(uint32_t *)work.data.data == 0);
    signal_timeline(vt, semaphore, 3);
    VT_CHECK(vt, wait_timelines(vt, &semaphore, (uint64_t[]){4}, 1, false, UINT64_MAX));
    VT_RESULT(vt, wait_timelines(vt, &semaphore, (uint64_t[]){8}, 1, false, 2000000), VK_TIMEOUT);
    signal_timeline(vt, semaphore, 7);
    VT_CHECK(vt, wait_timelines(vt, &semaphore, (uint64_t[]){8}, 1, false, UINT64_MAX));
    check(vt, &work);
}

/* Steps go round the queues there are, ordered by one timeline alone. */
static void across_queues(struct vt *vt)
{
    enum { COUNT = 12 };
    struct sequence work = sequence(vt);
    VkSemaphore semaphore = vt_timeline(vt, 0);
    uint32_t families[VT_MAX_QUEUES], count = 0;
    for (uint32_t i = 0; i < vt->queue_count; i++)
        if (vt->queues[i].flags & VK_QUEUE_COMPUTE_BIT)
            families[count++] = i;
    for (uint32_t i = 0; i < COUNT; i++) {
        const struct vt_queue *queue = &vt->queues[families[i % count]];
        VkCommandPool pool = vt_pool(vt, queue->family, 0);
        VkCommandBuffer cmd = vt_begin_in(vt, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, NULL, 0);
        record_step(cmd, &work, i);
        VT_CHECK(vt, vkEndCommandBuffer(cmd));
        work.expected = work.expected * (i * 2 + 3) + i * 7 + 1;
        submit_timeline(vt, queue->handle, cmd, semaphore, i, i + 1);
    }
    VT_CHECK(vt, wait_timelines(vt, &semaphore, (uint64_t[]){COUNT}, 1, false, UINT64_MAX));
    VT_CHECK(vt, vkDeviceWaitIdle(vt->device));
    check(vt, &work);
}

/* Threads pass a token: each waits for its value, submits a step, the device signals the next. */
struct relay {
    struct sequence *work;
    VkSemaphore semaphore;
    pthread_mutex_t lock; /* of the queue */
    VkCommandBuffer cmds[4][8];
};

static void relay_thread(struct vt *vt, uint32_t number, void *data)
{
    struct relay *relay = data;
    for (uint32_t turn = 0; turn < 8; turn++) {
        uint64_t value = turn * 4 + number;
        VT_CHECK(vt, wait_timelines(vt, &relay->semaphore, &value, 1, false, UINT64_MAX));
        pthread_mutex_lock(&relay->lock);
        submit_timeline(vt, vt->queue, relay->cmds[number][turn], relay->semaphore, 0, value + 1);
        pthread_mutex_unlock(&relay->lock);
    }
}

static void timeline_threads(struct vt *vt)
{
    struct sequence work = sequence(vt);
    struct relay relay = {
        .work = &work, .semaphore = vt_timeline(vt, 0), .lock = PTHREAD_MUTEX_INITIALIZER};
    for (uint32_t i = 0; i < 32; i++)
        relay.cmds[i % 4][i / 4] = step(vt, &work, i);
    vt_threads(vt, 4, relay_thread, &relay);
    VT_CHECK(vt, wait_timelines(vt, &relay.semaphore, (uint64_t[]){32}, 1, false, UINT64_MAX));
    VT_CHECK(vt, vkQueueWaitIdle(vt->queue));
    check(vt, &work);
}

/* Threads sleep in waits for a timeline, and for the fence of a batch that waits for it, until
 * another thread signals. */
struct sleepers {
    VkSemaphore semaphore;
    VkFence fence;
    atomic_uint awake;
};

static void sleeper(struct vt *vt, uint32_t number, void *data)
{
    struct sleepers *sleepers = data;
    const uint64_t value = number + 1;
    if (number == 3) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        for (uint64_t i = 1; i <= 3; i++)
            signal_timeline(vt, sleepers->semaphore, i);
    } else if (number == 2) {
        VT_CHECK(vt, vkWaitForFences(vt->device, 1, &sleepers->fence, VK_TRUE, UINT64_MAX));
    } else {
        VT_CHECK(vt, wait_timelines(vt, &sleepers->semaphore, &value, 1, false, UINT64_MAX));
    }
    atomic_fetch_add(&sleepers->awake, 1);
}

static void sleeping_threads(struct vt *vt)
{
    for (uint32_t turn = 0; turn < 5; turn++) {
        struct sleepers sleepers = {.semaphore = vt_timeline(vt, 0), .fence = vt_fence(vt, false)};
        submit_timeline(vt, vt->queue, VK_NULL_HANDLE, sleepers.semaphore, 3, 4);
        VT_CHECK(vt, vkQueueSubmit(vt->queue, 0, NULL, sleepers.fence));
        vt_threads(vt, 4, sleeper, &sleepers);
        VT_CHECK(vt,
                 wait_timelines(vt, &sleepers.semaphore, (uint64_t[]){4}, 1, false, UINT64_MAX));
        vt_put_number(vt, sleepers.awake);
        VT_CHECK(vt, vkDeviceWaitIdle(vt->device));
    }
}

/* vkQueueSubmit2 with both kinds of semaphores in one batch, and vkCmdPipelineBarrier2. */
static void submit2(struct vt *vt)
{
    vt_need(vt, vt->features.v13.synchronization2, "synchronization2");
    struct sequence work = sequence(vt);
    VkSemaphore line = vt_timeline(vt, 0), pair = vt_semaphore(vt);
    VkMemoryBarrier2 barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
        .srcStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
        .srcAccessMask = VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
        .dstStageMask = VK_PIPELINE_STAGE_2_COPY_BIT | VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
        .dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT};
    VkDependencyInfo dependency = {.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                   .memoryBarrierCount = 1,
                                   .pMemoryBarriers = &barrier};
    VkCommandBufferSubmitInfo cmds[3];
    for (uint32_t i = 0; i < 3; i++) {
        VkCommandBuffer cmd = vt_begin(vt);
        record_step(cmd, &work, i);
        vkCmdPipelineBarrier2(cmd, &dependency);
        VT_CHECK(vt, vkEndCommandBuffer(cmd));
        work.expected = work.expected * (i * 2 + 3) + i * 7 + 1;
        cmds[i] = (VkCommandBufferSubmitInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                              .commandBuffer = cmd};
    }
    VkSemaphoreSubmitInfo signals[2] = {{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                         .semaphore = line,
                                         .value = 7,
                                         .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT},
                                        {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                         .semaphore = pair,
                                         .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT}};
    VkSubmitInfo2 infos[2] = {{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                               .commandBufferInfoCount = 2,
                               .pCommandBufferInfos = cmds,
                               .signalSemaphoreInfoCount = 2,
                               .pSignalSemaphoreInfos = signals},
                              {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                               .waitSemaphoreInfoCount = 2,
                               .pWaitSemaphoreInfos = signals,
                               .commandBufferInfoCount = 1,
                               .pCommandBufferInfos = cmds + 2}};
    VkFence fence = vt_fence(vt, false);
    VT_CHECK(vt, vkQueueSubmit2(vt->queue, 2, infos, fence));
    VT_CHECK(vt, vkWaitForFences(vt->device, 1, &fence, VK_TRUE, UINT64_MAX));
    check(vt, &work);
}

static VkEvent create_event(struct vt *vt, VkEventCreateFlags flags)
{
    VkEventCreateInfo info = {.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO, .flags = flags};
    VkEvent event;
    VT_CHECK(vt, vkCreateEvent(vt->device, &info, NULL, &event));
    VT_OWN(vt, EVENT, event);
    return event;
}

static void events(struct vt *vt)
{
    struct sequence work = sequence(vt);
    VkEvent host = create_event(vt, 0), device = create_event(vt, 0), other = create_event(vt, 0);
    VkMemoryBarrier2 barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
                                .srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                                .srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT,
                                .dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
                                .dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT};
    VkDependencyInfo dependency = {.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                   .memoryBarrierCount = 1,
                                   .pMemoryBarriers = &barrier};
    VT_RESULT(vt, vkGetEventStatus(vt->device, host), VK_EVENT_RESET);
    VT_CHECK(vt, vkSetEvent(vt->device, host));
    VT_RESULT(vt, vkGetEventStatus(vt->device, host), VK_EVENT_SET);
    VT_CHECK(vt, vkResetEvent(vt->device, host));
    VT_RESULT(vt, vkGetEventStatus(vt->device, host), VK_EVENT_RESET);
    VT_CHECK(vt, vkSetEvent(vt->device, host));
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdWaitEvents(cmd, 1, &host, VK_PIPELINE_STAGE_HOST_BIT, ALL_STAGES, 0, NULL, 0, NULL, 0,
                    NULL);
    record_step(cmd, &work, 1);
    vkCmdResetEvent(cmd, host, ALL_STAGES);
    vkCmdSetEvent(cmd, device, ALL_STAGES);
    vkCmdWaitEvents(cmd, 1, &device, ALL_STAGES, ALL_STAGES, 0, NULL, 0, NULL, 0, NULL);
    vkCmdSetEvent2(cmd, other, &dependency);
    vkCmdWaitEvents2(cmd, 1, &other, &dependency);
    record_step(cmd, &work, 2);
    vkCmdResetEvent2(cmd, device, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT);
    vt_finish(vt, cmd);
    work.expected = 1 * 7 + 1;
    work.expected = work.expected * 7 + 2 * 7 + 1;
    VT_RESULT(vt, vkGetEventStatus(vt->device, host), VK_EVENT_RESET);
    VT_RESULT(vt, vkGetEventStatus(vt->device, device), VK_EVENT_RESET);
    VT_RESULT(vt, vkGetEventStatus(vt->device, other), VK_EVENT_SET);
    check(vt, &work);
}

/* The device signals in the middle of a command buffer, the processor waits for it by looking. */
static void event_polling(struct vt *vt)
{
    struct sequence work = sequence(vt);
    VkEvent event = create_event(vt, 0);
    VkFence fence = vt_fence(vt, false);
    VkCommandBuffer cmd = vt_begin(vt);
    record_step(cmd, &work, 1);
    vkCmdSetEvent(cmd, event, ALL_STAGES);
    record_step(cmd, &work, 2);
    VT_CHECK(vt, vkEndCommandBuffer(cmd));
    vt_submit(vt, cmd, fence);
    VkResult status;
    while ((status = vkGetEventStatus(vt->device, event)) == VK_EVENT_RESET)
        ;
    VT_EXPECT(vt, status == VK_EVENT_SET);
    while ((status = vkGetFenceStatus(vt->device, fence)) == VK_NOT_READY)
        ;
    VT_CHECK(vt, status);
    vt_put_buffer(vt, &work.data);
}

static void many_submits(struct vt *vt)
{
    struct sequence work = sequence(vt);
    VkFence fence = vt_fence(vt, false);
    for (uint32_t i = 0; i < 200; i++)
        vt_submit(vt, step(vt, &work, i), i == 199 ? fence : VK_NULL_HANDLE);
    VT_CHECK(vt, vkWaitForFences(vt->device, 1, &fence, VK_TRUE, UINT64_MAX));
    check(vt, &work);
}

static void wait_idle(struct vt *vt)
{
    struct sequence work = sequence(vt);
    for (uint32_t i = 0; i < 20; i++) {
        vt_submit(vt, step(vt, &work, i), VK_NULL_HANDLE);
        VT_CHECK(vt, i & 1 ? vkQueueWaitIdle(vt->queue) : vkDeviceWaitIdle(vt->device));
        VT_EXPECT(vt, *(uint32_t *)work.data.data == work.expected);
    }
    check(vt, &work);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {
        {"fences", fences},
        {"binary-semaphores", binary_semaphores},
        {"timeline", timeline},
        {"wait-before-signal", wait_before_signal},
        {"across-queues", across_queues},
        {"timeline-threads", timeline_threads},
        {"sleeping-threads", sleeping_threads},
        {"submit-2", submit2},
        {"events", events},
        {"event-polling", event_polling},
        {"many-submits", many_submits},
        {"wait-idle", wait_idle},
    };
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}
