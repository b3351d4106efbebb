/* SPDX-License-Identifier: MIT */
/* What single calls cost: recording, descriptor updates, objects, memory, a fence's state. */
#include "bench_vulkan.h"

#include <stdio.h>
#include <string.h>

enum { ROUNDS = 9, CALLS = 5000, OBJECTS = 1000 };

/* --- Commands --- */

static void record_draw(struct bench *bench, VkCommandBuffer cmd, uint32_t number)
{
    (void)bench;
    (void)number;
    vkCmdDraw(cmd, 3, 1, 0, 0);
}

/* No instances: nearly nothing to do for the device, so that what lies between shows. */
static void record_empty_draw(struct bench *bench, VkCommandBuffer cmd, uint32_t number)
{
    (void)bench;
    (void)number;
    vkCmdDraw(cmd, 3, 0, 0, 0);
}

static void record_push(struct bench *bench, VkCommandBuffer cmd, uint32_t number)
{
    const uint32_t words[4] = {number, number + 1, number + 2, number + 3};
    vkCmdPushConstants(cmd, bench->layout, VK_SHADER_STAGE_ALL, 0, sizeof(words), words);
}

static void record_bind(struct bench *bench, VkCommandBuffer cmd, uint32_t number)
{
    (void)number;
    vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, bench->layout, 0, 1, &bench->set,
                            0, NULL);
}

static void record_barrier(struct bench *bench, VkCommandBuffer cmd, uint32_t number)
{
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT,
    };
    (void)bench;
    (void)number;
    vkCmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                         VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
}

static void measure_commands(struct bench *bench, const char *name, bool in_pass,
                             void (*record)(struct bench *, VkCommandBuffer, uint32_t))
{
    double called[ROUNDS], done[ROUNDS];
    char text[64];
    for (int round = 0; round < ROUNDS; round++) {
        VkCommandBuffer cmd = bench_begin(bench);
        if (in_pass) {
            bench_begin_pass(bench, cmd);
            vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, bench->draw);
            record_bind(bench, cmd, 0);
            record_push(bench, cmd, 0);
        }
        double start = bench_now();
        for (uint32_t i = 0; i < CALLS; i++)
            record(bench, cmd, i);
        called[round] = (bench_now() - start) / CALLS * 1e9;
        if (in_pass)
            vkCmdEndRenderPass(cmd);
        BENCH_CHECK(vkEndCommandBuffer(cmd));
        bench_submit_and_wait(bench, cmd);
        done[round] = (bench_now() - start) / CALLS * 1e9;
        vkFreeCommandBuffers(bench->device, bench->pool, 1, &cmd);
    }
    snprintf(text, sizeof(text), "record.%s.call", name);
    bench_print(text, bench_quantile(called, ROUNDS, 0.5), "ns");
    snprintf(text, sizeof(text), "record.%s.done", name);
    bench_print(text, bench_quantile(done, ROUNDS, 0.5), "ns");
}

void bench_record(struct bench *bench)
{
    measure_commands(bench, "draw", true, record_draw);
    measure_commands(bench, "draw-empty", true, record_empty_draw);
    measure_commands(bench, "push-constants", true, record_push);
    measure_commands(bench, "bind-sets", true, record_bind);
    measure_commands(bench, "barrier", false, record_barrier);
}

/* --- Objects: what `each` does, OBJECTS times, and until the device's side has done it --- */

static void measure_objects(struct bench *bench, const char *name,
                            void (*each)(struct bench *, uint32_t))
{
    double called[ROUNDS], done[ROUNDS];
    char text[64];
    static uint32_t number; /* ever new */
    each(bench, number++);
    for (int round = 0; round < ROUNDS; round++) {
        double start = bench_now();
        for (uint32_t i = 0; i < OBJECTS; i++)
            each(bench, number++);
        called[round] = (bench_now() - start) / OBJECTS * 1e9;
        bench_submit_and_wait(bench, VK_NULL_HANDLE);
        done[round] = (bench_now() - start) / OBJECTS * 1e9;
    }
    snprintf(text, sizeof(text), "%s.call", name);
    bench_print(text, bench_quantile(called, ROUNDS, 0.5), "ns");
    snprintf(text, sizeof(text), "%s.done", name);
    bench_print(text, bench_quantile(done, ROUNDS, 0.5), "ns");
}

static void update_set(struct bench *bench, uint32_t number)
{
    VkDescriptorBufferInfo info = {bench->buffer, number % 64 * 256, 65536};
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = bench->set,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = &info,
    };
    vkUpdateDescriptorSets(bench->device, 1, &write, 0, NULL);
}

static void make_buffer(struct bench *bench, uint32_t number)
{
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = 65536,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
    };
    VkBuffer buffer;
    (void)number;
    BENCH_CHECK(vkCreateBuffer(bench->device, &info, NULL, &buffer));
    vkDestroyBuffer(bench->device, buffer, NULL);
}

static void make_view(struct bench *bench, uint32_t number)
{
    VkImageViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = bench->target,
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
    };
    VkImageView view;
    (void)number;
    BENCH_CHECK(vkCreateImageView(bench->device, &info, NULL, &view));
    vkDestroyImageView(bench->device, view, NULL);
}

static void make_image(struct bench *bench, uint32_t width, uint32_t height)
{
    VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .extent = {width, height, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = VK_IMAGE_USAGE_SAMPLED_BIT,
    };
    VkMemoryRequirements needs;
    VkImage image;
    BENCH_CHECK(vkCreateImage(bench->device, &info, NULL, &image));
    vkGetImageMemoryRequirements(bench->device, image, &needs);
    vkDestroyImage(bench->device, image, NULL);
}

static void make_same_image(struct bench *bench, uint32_t number)
{
    (void)number;
    make_image(bench, 200, 100);
}

static void make_new_image(struct bench *bench, uint32_t number)
{
    make_image(bench, 1 + number % 500, 1 + number / 500);
}

static void fence_status(struct bench *bench)
{
    enum { STATUS_CALLS = 200000 };
    VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence;
    double each[ROUNDS];
    BENCH_CHECK(vkCreateFence(bench->device, &info, NULL, &fence));
    BENCH_CHECK(vkQueueSubmit(bench->queue, 0, NULL, fence));
    BENCH_CHECK(vkWaitForFences(bench->device, 1, &fence, VK_TRUE, UINT64_MAX));
    BENCH_CHECK(vkResetFences(bench->device, 1, &fence));
    for (int round = 0; round < ROUNDS; round++) {
        double start = bench_now();
        for (int i = 0; i < STATUS_CALLS; i++)
            if (vkGetFenceStatus(bench->device, fence) != VK_NOT_READY)
                bench_check(VK_ERROR_UNKNOWN, "vkGetFenceStatus");
        each[round] = (bench_now() - start) / STATUS_CALLS * 1e9;
    }
    bench_print("objects.fence-status", bench_quantile(each, ROUNDS, 0.5), "ns");
    vkDestroyFence(bench->device, fence, NULL);
}

void bench_objects(struct bench *bench)
{
    measure_objects(bench, "objects.update-set", update_set);
    measure_objects(bench, "objects.buffer", make_buffer);
    measure_objects(bench, "objects.image-view", make_view);
    measure_objects(bench, "objects.image-same-size", make_same_image);
    measure_objects(bench, "objects.image-new-size", make_new_image);
    fence_status(bench);
}

/* --- Memory --- */

static void allocate(struct bench *bench, VkDeviceSize size, uint32_t number)
{
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = size,
        .memoryTypeIndex = bench->host_type,
    };
    VkDeviceMemory memory;
    void *data;
    BENCH_CHECK(vkAllocateMemory(bench->device, &info, NULL, &memory));
    BENCH_CHECK(vkMapMemory(bench->device, memory, 0, VK_WHOLE_SIZE, 0, &data));
    *(volatile uint32_t *)data = number;
    vkUnmapMemory(bench->device, memory);
    vkFreeMemory(bench->device, memory, NULL);
}

static void allocate_64k(struct bench *bench, uint32_t number)
{
    allocate(bench, 64 << 10, number);
}

static void allocate_4m(struct bench *bench, uint32_t number)
{
    allocate(bench, 4 << 20, number);
}

void bench_memory(struct bench *bench)
{
    measure_objects(bench, "memory.allocate-64k", allocate_64k);
    measure_objects(bench, "memory.allocate-4m", allocate_4m);
}
