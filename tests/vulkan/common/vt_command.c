/* SPDX-License-Identifier: MIT */
/* Command buffers, submission, synchronisation objects, query pools. */
#include "vt.h"

VkCommandPool vt_pool(struct vt *vt, uint32_t family, VkCommandPoolCreateFlags flags)
{
    VkCommandPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = flags | VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = family,
    };
    VkCommandPool pool;
    VT_CHECK(vt, vkCreateCommandPool(vt->device, &info, NULL, &pool));
    VT_OWN(vt, COMMAND_POOL, pool);
    return pool;
}

VkCommandBuffer vt_begin_in(struct vt *vt, VkCommandPool pool, VkCommandBufferLevel level,
                            const VkCommandBufferInheritanceInfo *inheritance,
                            VkCommandBufferUsageFlags flags)
{
    VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = pool,
        .level = level,
        .commandBufferCount = 1,
    };
    VkCommandBufferBeginInfo begin_info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = flags,
        .pInheritanceInfo = inheritance,
    };
    VkCommandBuffer cmd;
    VT_CHECK(vt, vkAllocateCommandBuffers(vt->device, &info, &cmd));
    VT_CHECK(vt, vkBeginCommandBuffer(cmd, &begin_info));
    return cmd;
}

VkCommandBuffer vt_begin(struct vt *vt)
{
    return vt_begin_in(vt, vt->pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, NULL, 0);
}

VkCommandBuffer vt_begin_secondary(struct vt *vt, const VkCommandBufferInheritanceInfo *inheritance,
                                   VkCommandBufferUsageFlags flags)
{
    return vt_begin_in(vt, vt->pool, VK_COMMAND_BUFFER_LEVEL_SECONDARY, inheritance, flags);
}

void vt_submit(struct vt *vt, VkCommandBuffer cmd, VkFence fence)
{
    VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &cmd,
    };
    VT_CHECK(vt, vkQueueSubmit(vt->queue, 1, &info, fence));
}

void vt_finish(struct vt *vt, VkCommandBuffer cmd)
{
    VkFence fence = vt_fence(vt, false);
    VT_CHECK(vt, vkEndCommandBuffer(cmd));
    vt_submit(vt, cmd, fence);
    VT_CHECK(vt, vkWaitForFences(vt->device, 1, &fence, VK_TRUE, UINT64_MAX));
}

void vt_barrier(VkCommandBuffer cmd)
{
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
    };
    vkCmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT,
                         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                         &barrier, 0, NULL, 0, NULL);
}

VkFence vt_fence(struct vt *vt, bool signalled)
{
    VkFenceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
        .flags = signalled ? VK_FENCE_CREATE_SIGNALED_BIT : 0,
    };
    VkFence fence;
    VT_CHECK(vt, vkCreateFence(vt->device, &info, NULL, &fence));
    VT_OWN(vt, FENCE, fence);
    return fence;
}

static VkSemaphore create_semaphore(struct vt *vt, const VkSemaphoreTypeCreateInfo *type)
{
    VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = type};
    VkSemaphore semaphore;
    VT_CHECK(vt, vkCreateSemaphore(vt->device, &info, NULL, &semaphore));
    VT_OWN(vt, SEMAPHORE, semaphore);
    return semaphore;
}

VkSemaphore vt_semaphore(struct vt *vt)
{
    return create_semaphore(vt, NULL);
}

VkSemaphore vt_timeline(struct vt *vt, uint64_t value)
{
    return create_semaphore(vt, &(VkSemaphoreTypeCreateInfo){
                                    .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                    .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
                                    .initialValue = value,
                                });
}

VkQueryPool vt_queries(struct vt *vt, VkQueryType type, uint32_t count,
                       VkQueryPipelineStatisticFlags statistics)
{
    VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = type,
        .queryCount = count,
        .pipelineStatistics = statistics,
    };
    VkQueryPool pool;
    VT_CHECK(vt, vkCreateQueryPool(vt->device, &info, NULL, &pool));
    VT_OWN(vt, QUERY_POOL, pool);
    return pool;
}
