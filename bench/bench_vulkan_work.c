/* SPDX-License-Identifier: MIT */
/* What work costs: submissions and waits, transfers, frames, dispatches, pipelines. */
#include "bench_vulkan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 9 };

/* --- Submissions --- */

static double submit_and_wait(struct bench *bench, VkFence fence)
{
    double start = bench_now();
    BENCH_CHECK(vkQueueSubmit(bench->queue, 0, NULL, fence));
    BENCH_CHECK(vkWaitForFences(bench->device, 1, &fence, VK_TRUE, UINT64_MAX));
    double seconds = bench_now() - start;
    BENCH_CHECK(vkResetFences(bench->device, 1, &fence));
    return seconds * 1e6;
}

/* One batch without command buffers: more than a fence alone, which has nothing to wait for. */
static double batch_and_wait(struct bench *bench, VkFence fence)
{
    VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO};
    double start = bench_now();
    BENCH_CHECK(vkQueueSubmit(bench->queue, 1, &info, fence));
    BENCH_CHECK(vkWaitForFences(bench->device, 1, &fence, VK_TRUE, UINT64_MAX));
    double seconds = bench_now() - start;
    BENCH_CHECK(vkResetFences(bench->device, 1, &fence));
    return seconds * 1e6;
}

void bench_submit(struct bench *bench)
{
    enum { WAITS = 2000, IDLE = 40, BURST = 200 };
    static double values[WAITS];
    VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkSubmitInfo batch = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO};
    VkFence fence;
    BENCH_CHECK(vkCreateFence(bench->device, &info, NULL, &fence));
    for (int i = 0; i < 100; i++) /* warm */
        batch_and_wait(bench, fence);
    for (int i = 0; i < WAITS; i++)
        values[i] = batch_and_wait(bench, fence);
    bench_print("submit.empty.median", bench_quantile(values, WAITS, 0.5), "us");
    bench_print("submit.empty.p99", bench_quantile(values, WAITS, 0.99), "us");
    for (int i = 0; i < WAITS; i++)
        values[i] = submit_and_wait(bench, fence);
    bench_print("submit.fence-alone.median", bench_quantile(values, WAITS, 0.5), "us");
    for (int i = 0; i < IDLE; i++) {
        nanosleep(&(struct timespec){0, 20000000}, NULL);
        values[i] = batch_and_wait(bench, fence);
    }
    bench_print("submit.after-idle.median", bench_quantile(values, IDLE, 0.5), "us");
    for (int round = 0; round < ROUNDS * 3; round++) {
        double start = bench_now();
        for (int i = 0; i < BURST; i++)
            BENCH_CHECK(
                vkQueueSubmit(bench->queue, 1, &batch, i + 1 < BURST ? VK_NULL_HANDLE : fence));
        BENCH_CHECK(vkWaitForFences(bench->device, 1, &fence, VK_TRUE, UINT64_MAX));
        values[round] = (bench_now() - start) * 1e6;
        BENCH_CHECK(vkResetFences(bench->device, 1, &fence));
    }
    bench_print("submit.burst-200.done", bench_quantile(values, ROUNDS * 3, 0.5), "us");
    vkDestroyFence(bench->device, fence, NULL);
}

/* --- Work --- */

struct transfer {
    VkBuffer buffers[2]; /* mapped, and the device's own */
    VkDeviceMemory memory[2];
    void *data;
};

#define TRANSFER_SIZE ((VkDeviceSize)32 << 20)

static struct transfer make_transfer(struct bench *bench)
{
    struct transfer transfer;
    for (int i = 0; i < 2; i++) {
        VkBufferCreateInfo info = {
            .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
            .size = TRANSFER_SIZE,
            .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
        };
        VkMemoryRequirements needs;
        BENCH_CHECK(vkCreateBuffer(bench->device, &info, NULL, &transfer.buffers[i]));
        vkGetBufferMemoryRequirements(bench->device, transfer.buffers[i], &needs);
        VkMemoryAllocateInfo allocate = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
            .allocationSize = needs.size,
            .memoryTypeIndex = i ? (uint32_t)__builtin_ctz(needs.memoryTypeBits) : bench->host_type,
        };
        BENCH_CHECK(vkAllocateMemory(bench->device, &allocate, NULL, &transfer.memory[i]));
        BENCH_CHECK(vkBindBufferMemory(bench->device, transfer.buffers[i], transfer.memory[i], 0));
    }
    BENCH_CHECK(
        vkMapMemory(bench->device, transfer.memory[0], 0, VK_WHOLE_SIZE, 0, &transfer.data));
    return transfer;
}

static void measure_transfers(struct bench *bench)
{
    struct transfer transfer = make_transfer(bench);
    const VkBufferCopy region = {0, 0, TRANSFER_SIZE};
    double up[ROUNDS], down[ROUNDS];
    char *own = malloc(TRANSFER_SIZE);
    if (!own)
        bench_check(VK_ERROR_OUT_OF_HOST_MEMORY, "malloc");
    memset(own, 1, TRANSFER_SIZE);
    VkCommandBuffer cmds[2];
    for (int i = 0; i < 2; i++) {
        cmds[i] = bench_begin(bench);
        vkCmdCopyBuffer(cmds[i], transfer.buffers[i], transfer.buffers[!i], 1, &region);
        BENCH_CHECK(vkEndCommandBuffer(cmds[i]));
    }
    for (int round = -1; round < ROUNDS; round++) { /* the first one touches the pages */
        double start = bench_now();
        memcpy(transfer.data, own, TRANSFER_SIZE);
        bench_submit_and_wait(bench, cmds[0]);
        double half = bench_now();
        bench_submit_and_wait(bench, cmds[1]);
        memcpy(own, transfer.data, TRANSFER_SIZE);
        if (round < 0)
            continue;
        up[round] = (half - start) * 1e3;
        down[round] = (bench_now() - half) * 1e3;
    }
    bench_print("work.upload-32m.done", bench_quantile(up, ROUNDS, 0.5), "ms");
    bench_print("work.readback-32m.done", bench_quantile(down, ROUNDS, 0.5), "ms");
    free(own);
    vkFreeCommandBuffers(bench->device, bench->pool, 2, cmds);
    for (int i = 0; i < 2; i++) {
        vkDestroyBuffer(bench->device, transfer.buffers[i], NULL);
        vkFreeMemory(bench->device, transfer.memory[i], NULL);
    }
}

static void record_frame(struct bench *bench, VkCommandBuffer cmd, int draws)
{
    bench_begin_pass(bench, cmd);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, bench->draw);
    vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, bench->layout, 0, 1, &bench->set,
                            0, NULL);
    for (int i = 0; i < draws; i++) {
        const float place[4] = {(float)(i % 50) / 25.0f - 1.0f, (float)(i / 50) / 20.0f - 1.0f};
        vkCmdPushConstants(cmd, bench->layout, VK_SHADER_STAGE_ALL, 0, sizeof(place), place);
        vkCmdDraw(cmd, 3, 1, 0, 0);
    }
    vkCmdEndRenderPass(cmd);
}

static void record_dispatches(struct bench *bench, VkCommandBuffer cmd, int dispatches)
{
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
    };
    const uint32_t words[4] = {1};
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, bench->step);
    vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, bench->layout, 0, 1, &bench->set,
                            0, NULL);
    vkCmdPushConstants(cmd, bench->layout, VK_SHADER_STAGE_ALL, 0, sizeof(words), words);
    for (int i = 0; i < dispatches; i++) {
        vkCmdDispatch(cmd, 64, 1, 1);
        vkCmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                             VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, NULL, 0,
                             NULL);
    }
}

static void measure_work(struct bench *bench, const char *name, int count, int frames,
                         void (*record)(struct bench *, VkCommandBuffer, int))
{
    double values[100];
    for (int frame = -2; frame < frames; frame++) {
        double start = bench_now();
        VkCommandBuffer cmd = bench_begin(bench);
        record(bench, cmd, count);
        BENCH_CHECK(vkEndCommandBuffer(cmd));
        bench_submit_and_wait(bench, cmd);
        vkFreeCommandBuffers(bench->device, bench->pool, 1, &cmd);
        if (frame >= 0)
            values[frame] = (bench_now() - start) * 1e3;
    }
    bench_print(name, bench_quantile(values, (size_t)frames, 0.5), "ms");
}

void bench_work(struct bench *bench)
{
    measure_transfers(bench);
    measure_work(bench, "work.frame-2000-draws.done", 2000, 60, record_frame);
    measure_work(bench, "work.dispatches-500.done", 500, 30, record_dispatches);
}

/* --- Pipelines: made, and made and drawn with once; each has a shader of its own --- */

void bench_pipelines(struct bench *bench)
{
    enum { COUNT = 24 };
    double called[COUNT], done[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        double start = bench_now();
        VkPipeline pipeline =
            bench_create_pipeline(bench, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST, 1000 + i);
        called[i] = (bench_now() - start) * 1e3;
        VkCommandBuffer cmd = bench_begin(bench);
        const float place[4] = {0};
        bench_begin_pass(bench, cmd);
        vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
        vkCmdPushConstants(cmd, bench->layout, VK_SHADER_STAGE_ALL, 0, sizeof(place), place);
        vkCmdDraw(cmd, 3, 1, 0, 0);
        vkCmdEndRenderPass(cmd);
        BENCH_CHECK(vkEndCommandBuffer(cmd));
        bench_submit_and_wait(bench, cmd);
        done[i] = (bench_now() - start) * 1e3;
        vkFreeCommandBuffers(bench->device, bench->pool, 1, &cmd);
        vkDestroyPipeline(bench->device, pipeline, NULL);
    }
    bench_print("pipeline.create.call", bench_quantile(called, COUNT, 0.5), "ms");
    bench_print("pipeline.create.done", bench_quantile(done, COUNT, 0.5), "ms");
}
