/* SPDX-License-Identifier: MIT */
/* Command buffers: secondary ones, reuse, resets, great ones, many threads. */
#include <pthread.h>

#include "common/vt.h"

#define RGBA VK_FORMAT_R8G8B8A8_UNORM
#define GRAPHICS VK_PIPELINE_BIND_POINT_GRAPHICS
#define COMPUTE VK_PIPELINE_BIND_POINT_COMPUTE

struct grid {
    struct vt_target target;
    struct vt_pipeline pipeline;
};

static struct grid grid_of(struct vt *vt)
{
    struct grid grid = {.target = vt_target(vt, RGBA, VK_FORMAT_UNDEFINED, 256, 256, 1)};
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "grid.vert", "color.frag");
    grid.pipeline = vt_graphics_create(vt, &graphics, NULL, 8, grid.target.pass);
    return grid;
}

static void draw_cells(VkCommandBuffer cmd, const struct grid *grid, uint32_t first, uint32_t count)
{
    vkCmdPushConstants(cmd, grid->pipeline.layout, VK_SHADER_STAGE_ALL, 0, 8,
                       (uint32_t[2]){first, 0});
    vkCmdDraw(cmd, 3, count, 0, 0);
}

/* Secondary command buffers inside of a render pass, in an order of their own. */
static void secondary_in_pass(struct vt *vt)
{
    struct grid grid = grid_of(vt);
    VkCommandBufferInheritanceInfo inheritance = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
        .renderPass = grid.target.pass,
        .framebuffer = grid.target.framebuffer};
    VkCommandBuffer list[6];
    for (uint32_t i = 0; i < 6; i++) {
        list[i] =
            vt_begin_secondary(vt, &inheritance, VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT);
        vt_set_viewport(list[i], 256, 256);
        vt_bind(list[i], GRAPHICS, &grid.pipeline, NULL);
        draw_cells(list[i], &grid, i * 500, 400 + i * 20);
        VT_CHECK(vt, vkEndCommandBuffer(list[i]));
    }
    VkCommandBuffer order[] = {list[3], list[0], list[5], list[1], list[2]};
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &grid.target, VK_SUBPASS_CONTENTS_SECONDARY_COMMAND_BUFFERS);
    vkCmdExecuteCommands(cmd, VT_COUNT(order), order);
    vkCmdExecuteCommands(cmd, 1, &list[4]);
    vt_end_target(cmd, &grid.target);
    vt_finish(vt, cmd);
    vt_put_image(vt, &grid.target.color);
}

static void secondary_dynamic_rendering(struct vt *vt)
{
    vt_need(vt, vt->features.v13.dynamicRendering, "dynamicRendering");
    const VkFormat format = RGBA;
    struct vt_image image = vt_image(vt, RGBA, 256, 256, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT);
    VkPipelineRenderingCreateInfo rendering = {.sType =
                                                   VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
                                               .colorAttachmentCount = 1,
                                               .pColorAttachmentFormats = &format};
    struct grid grid = {0};
    struct vt_graphics graphics;
    vt_graphics_init(&graphics, "grid.vert", "color.frag");
    graphics.info.pNext = &rendering;
    grid.pipeline = vt_graphics_create(vt, &graphics, NULL, 8, VK_NULL_HANDLE);
    VkCommandBufferInheritanceRenderingInfo inherited = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_RENDERING_INFO,
        .colorAttachmentCount = 1,
        .pColorAttachmentFormats = &format,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
    VkCommandBufferInheritanceInfo inheritance = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO, .pNext = &inherited};
    VkCommandBuffer inner =
        vt_begin_secondary(vt, &inheritance, VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT);
    vt_set_viewport(inner, 256, 256);
    vt_bind(inner, GRAPHICS, &grid.pipeline, NULL);
    draw_cells(inner, &grid, 1000, 1500);
    VT_CHECK(vt, vkEndCommandBuffer(inner));
    VkRenderingAttachmentInfo attachment = {.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                            .imageView = image.view,
                                            .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
                                            .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                            .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                            .clearValue.color.float32 = {0.5f, 0.2f, 0.1f, 1}};
    VkRenderingInfo info = {.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                            .flags = VK_RENDERING_CONTENTS_SECONDARY_COMMAND_BUFFERS_BIT,
                            .renderArea.extent = {256, 256},
                            .layerCount = 1,
                            .colorAttachmentCount = 1,
                            .pColorAttachments = &attachment};
    VkCommandBuffer cmd = vt_begin(vt);
    vt_layout(cmd, &image, VK_IMAGE_LAYOUT_GENERAL);
    vkCmdBeginRendering(cmd, &info);
    vkCmdExecuteCommands(cmd, 1, &inner);
    vkCmdEndRendering(cmd);
    vt_finish(vt, cmd);
    vt_put_image(vt, &image);
}

struct steps {
    struct vt_buffer data;
    struct vt_set set;
    struct vt_pipeline pipeline;
};

static struct steps steps_of(struct vt *vt)
{
    struct steps steps = {.data = vt_buffer(vt, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT)};
    struct vt_binding binding = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .buffer = &steps.data};
    steps.set = vt_set(vt, &binding, 1);
    steps.pipeline = vt_compute(vt, "step.comp", &steps.set, 8, NULL);
    return steps;
}

static void record(VkCommandBuffer cmd, const struct steps *steps, uint32_t number)
{
    vt_bind(cmd, COMPUTE, &steps->pipeline, &steps->set);
    vkCmdPushConstants(cmd, steps->pipeline.layout, VK_SHADER_STAGE_ALL, 0, 8,
                       (uint32_t[2]){number * 2 + 3, number + 1});
    vkCmdDispatch(cmd, 16, 1, 1);
    vt_barrier(cmd);
}

/* Compute in secondary command buffers, one of them executed many times. */
static void secondary_compute(struct vt *vt)
{
    struct steps steps = steps_of(vt);
    VkCommandBufferInheritanceInfo inheritance = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO};
    VkCommandBuffer a =
        vt_begin_secondary(vt, &inheritance, VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
    record(a, &steps, 1);
    VT_CHECK(vt, vkEndCommandBuffer(a));
    VkCommandBuffer b = vt_begin_secondary(vt, &inheritance, 0);
    record(b, &steps, 2);
    VT_CHECK(vt, vkEndCommandBuffer(b));
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdExecuteCommands(cmd, 3, (VkCommandBuffer[]){a, b, a});
    record(cmd, &steps, 3);
    vkCmdExecuteCommands(cmd, 1, &a);
    vt_finish(vt, cmd);
    vt_put_buffer(vt, &steps.data);
}

/* One command buffer submitted again and again, also while it is pending. */
static void resubmission(struct vt *vt)
{
    struct steps steps = steps_of(vt);
    VkCommandBuffer cmd = vt_begin_in(vt, vt->pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, NULL,
                                      VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
    record(cmd, &steps, 5);
    VT_CHECK(vt, vkEndCommandBuffer(cmd));
    for (uint32_t i = 0; i < 50; i++)
        vt_submit(vt, cmd, VK_NULL_HANDLE);
    VT_CHECK(vt, vkQueueWaitIdle(vt->queue));
    vt_put_buffer(vt, &steps.data);
}

/* Resets of command buffers and pools, implicit and explicit; frees; trims. */
static void resets(struct vt *vt)
{
    struct steps steps = steps_of(vt);
    VkCommandPool pool = vt_pool(vt, vt->queues[0].family, VK_COMMAND_POOL_CREATE_TRANSIENT_BIT);
    VkCommandBuffer cmds[16];
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = pool,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = 16};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    VT_CHECK(vt, vkAllocateCommandBuffers(vt->device, &info, cmds));
    for (uint32_t i = 0; i < 60; i++) {
        VkCommandBuffer cmd = cmds[i % 16];
        VT_CHECK(vt, vkBeginCommandBuffer(cmd, &begin));
        record(cmd, &steps, i);
        if (i % 5 == 4) { /* what was recorded is thrown away */
            VT_CHECK(
                vt, i % 2 ? vkResetCommandBuffer(cmd, VK_COMMAND_BUFFER_RESET_RELEASE_RESOURCES_BIT)
                          : vkResetCommandPool(vt->device, pool, 0));
            continue;
        }
        VT_CHECK(vt, vkEndCommandBuffer(cmd));
        vt_submit(vt, cmd, VK_NULL_HANDLE);
        VT_CHECK(vt, vkQueueWaitIdle(vt->queue));
        if (i % 16 == 3) {
            vkFreeCommandBuffers(vt->device, pool, 4, cmds + 4);
            info.commandBufferCount = 4;
            VT_CHECK(vt, vkAllocateCommandBuffers(vt->device, &info, cmds + 4));
            vkTrimCommandPool(vt->device, pool, 0);
        }
    }
    vt_put_buffer(vt, &steps.data);
}

/* 5000 draws in one command buffer, each with its own push constants. */
static void many_draws(struct vt *vt)
{
    struct grid grid = grid_of(vt);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &grid.target, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, GRAPHICS, &grid.pipeline, NULL);
    for (uint32_t i = 0; i < 5000; i++)
        draw_cells(cmd, &grid, i * 37 % 4096, 1);
    vt_end_target(cmd, &grid.target);
    vt_finish(vt, cmd);
    vt_put_image(vt, &grid.target.color);
}

/* 100 updates of 64 KiB: more than any ring or batch holds. */
static void large_updates(struct vt *vt)
{
    static uint32_t words[16384];
    struct vt_buffer data = vt_buffer(vt, 1 << 20, 0);
    VkCommandBuffer cmd = vt_begin(vt);
    for (uint32_t i = 0; i < 100; i++) {
        for (uint32_t k = 0; k < VT_COUNT(words); k++)
            words[k] = i * 2654435761u + k;
        vkCmdUpdateBuffer(cmd, data.handle, i % 16 * 65536ul, sizeof(words), words);
        vt_barrier(cmd);
    }
    vt_finish(vt, cmd);
    VT_EXPECT(vt, ((uint32_t *)data.data)[3 * 16384] == 99 * 2654435761u);
    vt_put_buffer(vt, &data);
}

/* Threads record into pools of their own and submit under one lock. */
struct recorders {
    struct steps steps[8];
    pthread_mutex_t lock; /* of the queue */
};

static void recorder(struct vt *vt, uint32_t number, void *data)
{
    struct recorders *recorders = data;
    VkCommandPool pool = vt_pool(vt, vt->queues[0].family, 0);
    for (uint32_t i = 0; i < 25; i++) {
        VkFence fence = vt_fence(vt, false);
        VkCommandBuffer cmd = vt_begin_in(vt, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, NULL, 0);
        for (uint32_t k = 0; k < 4; k++)
            record(cmd, &recorders->steps[number], number + i * 4 + k);
        VT_CHECK(vt, vkEndCommandBuffer(cmd));
        pthread_mutex_lock(&recorders->lock);
        vt_submit(vt, cmd, fence);
        pthread_mutex_unlock(&recorders->lock);
        if (i % 4 == 0)
            VT_CHECK(vt, vkWaitForFences(vt->device, 1, &fence, VK_TRUE, UINT64_MAX));
    }
}

static void recording_threads(struct vt *vt)
{
    struct recorders recorders = {.lock = PTHREAD_MUTEX_INITIALIZER};
    for (uint32_t i = 0; i < 8; i++)
        recorders.steps[i] = steps_of(vt);
    vt_threads(vt, 8, recorder, &recorders);
    VT_CHECK(vt, vkDeviceWaitIdle(vt->device));
    for (uint32_t i = 0; i < 8; i++)
        vt_put_buffer(vt, &recorders.steps[i].data);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {
        {"secondary-in-pass", secondary_in_pass},
        {"secondary-dynamic-rendering", secondary_dynamic_rendering},
        {"secondary-compute", secondary_compute},
        {"resubmission", resubmission},
        {"resets", resets},
        {"many-draws", many_draws},
        {"large-updates", large_updates},
        {"recording-threads", recording_threads},
    };
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}
