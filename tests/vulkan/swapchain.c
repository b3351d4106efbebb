/* SPDX-License-Identifier: MIT */
/*
 * Swapchains of headless surfaces. What is drawn into their images is read back before it is
 * presented. A driver without VK_EXT_headless_surface draws the same into images of the program's
 * own, so that its pictures can be compared; what asks about swapchains alone is skipped there.
 */
#include <pthread.h>

#include "common/vt.h"

#define IMAGES 3
#define MAX_IMAGES 16
#define FORMAT VK_FORMAT_R8G8B8A8_UNORM
#define FOR_EVER UINT64_MAX
#define SECOND UINT64_C(1000000000)

struct quad { /* the push constants of quad.vert */
    float rect[4], tint[4], depth;
};

struct chain {
    VkSurfaceKHR surface;
    VkSwapchainKHR handle; /* VK_NULL_HANDLE: the images are the program's own */
    uint32_t count, next;
    struct vt_image images[MAX_IMAGES];
    VkFramebuffer framebuffers[MAX_IMAGES];
    struct vt_target target; /* its pass and size */
    struct vt_pipeline pipeline;
};

static void need_windows(struct vt *vt)
{
    vt_need(vt, vt->windows, VK_EXT_HEADLESS_SURFACE_EXTENSION_NAME);
}

/* --- Surfaces and swapchains --- */

static VkSurfaceKHR make_surface(struct vt *vt)
{
    const VkHeadlessSurfaceCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT};
    PFN_vkCreateHeadlessSurfaceEXT create = (PFN_vkCreateHeadlessSurfaceEXT)vkGetInstanceProcAddr(
        vt->instance, "vkCreateHeadlessSurfaceEXT");
    VkSurfaceKHR surface;
    VkBool32 supported;
    VT_CHECK(vt, create(vt->instance, &info, NULL, &surface));
    VT_OWN(vt, SURFACE_KHR, surface);
    VT_CHECK(vt, vkGetPhysicalDeviceSurfaceSupportKHR(vt->physical, vt->queues[0].family, surface,
                                                      &supported));
    VT_EXPECT(vt, supported);
    return surface;
}

static VkSwapchainCreateInfoKHR usual(VkSurfaceKHR surface, uint32_t width, uint32_t height)
{
    return (VkSwapchainCreateInfoKHR){
        .sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
        .surface = surface,
        .minImageCount = IMAGES,
        .imageFormat = FORMAT,
        .imageColorSpace = VK_COLOR_SPACE_SRGB_NONLINEAR_KHR,
        .imageExtent = {width, height},
        .imageArrayLayers = 1,
        .imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
                      VK_IMAGE_USAGE_TRANSFER_DST_BIT,
        .preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR,
        .compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
        .presentMode = VK_PRESENT_MODE_FIFO_KHR,
        .clipped = VK_TRUE,
    };
}

static struct vt_image window_image(VkImage handle, const VkSwapchainCreateInfoKHR *info)
{
    return (struct vt_image){
        .handle = handle,
        .format = info->imageFormat,
        .aspect = VK_IMAGE_ASPECT_COLOR_BIT,
        .extent = {info->imageExtent.width, info->imageExtent.height, 1},
        .levels = 1,
        .layers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
    };
}

static void take_images(struct vt *vt, struct chain *chain, const VkSwapchainCreateInfoKHR *info)
{
    VkImage images[MAX_IMAGES];
    chain->count = 0;
    VT_CHECK(vt, vkGetSwapchainImagesKHR(vt->device, chain->handle, &chain->count, NULL));
    VT_EXPECT(vt, chain->count >= info->minImageCount && chain->count <= MAX_IMAGES);
    uint32_t one = 1;
    VT_RESULT(vt, vkGetSwapchainImagesKHR(vt->device, chain->handle, &one, images), VK_INCOMPLETE);
    VT_CHECK(vt, vkGetSwapchainImagesKHR(vt->device, chain->handle, &chain->count, images));
    for (uint32_t i = 0; i < chain->count; i++)
        chain->images[i] = window_image(images[i], info);
}

/* `view` is the format that is drawn in: the images' own, or another of a list. */
static void make_framebuffers(struct vt *vt, struct chain *chain, VkFormat view)
{
    const VkExtent3D extent = chain->images[0].extent;
    struct vt_graphics graphics;
    chain->target = vt_target(vt, view, VK_FORMAT_UNDEFINED, extent.width, extent.height,
                              VK_SAMPLE_COUNT_1_BIT);
    vt_graphics_init(&graphics, "quad.vert", "color.frag");
    graphics.assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    chain->pipeline =
        vt_graphics_create(vt, &graphics, NULL, sizeof(struct quad), chain->target.pass);
    for (uint32_t i = 0; i < chain->count; i++) {
        struct vt_image viewed = chain->images[i];
        viewed.format = view;
        viewed.view = vt_view(vt, &viewed, VK_IMAGE_VIEW_TYPE_2D, vt_range(&viewed));
        const VkFramebufferCreateInfo info = {
            .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
            .renderPass = chain->target.pass,
            .attachmentCount = 1,
            .pAttachments = &viewed.view,
            .width = extent.width,
            .height = extent.height,
            .layers = 1,
        };
        VT_CHECK(vt, vkCreateFramebuffer(vt->device, &info, NULL, &chain->framebuffers[i]));
        VT_OWN(vt, FRAMEBUFFER, chain->framebuffers[i]);
    }
}

static VkFormat viewed_format(const VkSwapchainCreateInfoKHR *info)
{
    const VkImageFormatListCreateInfo *formats = info->pNext;
    return formats ? formats->pViewFormats[formats->viewFormatCount - 1] : info->imageFormat;
}

static void make_own_images(struct vt *vt, struct chain *chain,
                            const VkSwapchainCreateInfoKHR *info)
{
    const VkImageCreateInfo image = {
        .pNext = info->pNext,
        .flags = info->pNext ? VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT : 0,
        .format = info->imageFormat,
        .extent = {info->imageExtent.width, info->imageExtent.height, 0},
        .usage = info->imageUsage,
    };
    chain->count = IMAGES;
    for (uint32_t i = 0; i < IMAGES; i++)
        chain->images[i] = vt_image_create(vt, &image, VK_IMAGE_VIEW_TYPE_2D);
}

/* A swapchain, where there are windows, and all that it takes to draw into it. */
static struct chain open_chain(struct vt *vt, const VkSwapchainCreateInfoKHR *info)
{
    struct chain chain = {.surface = info->surface};
    if (vt->windows) {
        VT_CHECK(vt, vkCreateSwapchainKHR(vt->device, info, NULL, &chain.handle));
        VT_OWN(vt, SWAPCHAIN_KHR, chain.handle);
        take_images(vt, &chain, info);
    } else {
        make_own_images(vt, &chain, info);
    }
    make_framebuffers(vt, &chain, viewed_format(info));
    return chain;
}

/* --- Frames --- */

/* Waits for the image by a fence. */
static uint32_t acquire_within(struct vt *vt, struct chain *chain, uint64_t timeout)
{
    uint32_t index;
    if (!chain->handle)
        return chain->next++ % chain->count;
    VkFence fence = vt_fence(vt, false);
    VT_CHECK(vt, vkAcquireNextImageKHR(vt->device, chain->handle, timeout, VK_NULL_HANDLE, fence,
                                       &index));
    VT_EXPECT(vt, index < chain->count);
    VT_CHECK(vt, vkWaitForFences(vt->device, 1, &fence, VK_TRUE, FOR_EVER));
    return index;
}

static uint32_t acquire(struct vt *vt, struct chain *chain)
{
    return acquire_within(vt, chain, FOR_EVER);
}

static void draw(struct vt *vt, struct chain *chain, uint32_t index, uint32_t frame)
{
    const float x = -0.9f + 0.2f * (float)(frame % 8);
    const struct quad quads[] = {
        {{x, -0.8f, x + 0.5f, 0.7f}, {1.0f, 0.25f * (float)(frame % 4), 0.5f, 1.0f}, 0.0f},
        {{-0.5f, x, 0.5f, x + 0.25f}, {0.0f, 0.75f, 0.125f * (float)(frame % 8), 1.0f}, 0.0f},
    };
    struct vt_target target = chain->target;
    target.framebuffer = chain->framebuffers[index];
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vt_bind(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, &chain->pipeline, NULL);
    for (uint32_t i = 0; i < VT_COUNT(quads); i++) {
        vkCmdPushConstants(cmd, chain->pipeline.layout, VK_SHADER_STAGE_ALL, 0, sizeof(quads[i]),
                           &quads[i]);
        vkCmdDraw(cmd, 4, 1, 0, 0);
    }
    vt_end_target(cmd, &target);
    vt_finish(vt, cmd);
    chain->images[index].layout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
}

static void bring_to_present(struct vt *vt, struct chain *chain, uint32_t index)
{
    VkCommandBuffer cmd = vt_begin(vt);
    vt_layout(cmd, &chain->images[index], VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
    vt_finish(vt, cmd);
}

static VkResult present(struct vt *vt, struct chain *chain, uint32_t index, const void *next)
{
    const VkPresentInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
        .pNext = next,
        .swapchainCount = 1,
        .pSwapchains = &chain->handle,
        .pImageIndices = &index,
    };
    if (!chain->handle)
        return VK_SUCCESS;
    bring_to_present(vt, chain, index);
    return vkQueuePresentKHR(vt->queue, &info);
}

static void show_frames(struct vt *vt, struct chain *chain, uint32_t count)
{
    for (uint32_t frame = 0; frame < count; frame++) {
        uint32_t index = acquire(vt, chain);
        draw(vt, chain, index, frame);
        vt_put_image(vt, &chain->images[index]);
        VT_CHECK(vt, present(vt, chain, index, NULL));
    }
}

static VkSurfaceKHR surface_or_none(struct vt *vt)
{
    return vt->windows ? make_surface(vt) : VK_NULL_HANDLE;
}

static void frames(struct vt *vt)
{
    VkSwapchainCreateInfoKHR info = usual(surface_or_none(vt), 160, 96);
    struct chain chain = open_chain(vt, &info);
    show_frames(vt, &chain, 10);
}

/* Another size, another format, and widths whose rows do not end where memory likes it. */
static void sizes(struct vt *vt)
{
    static const VkExtent2D extents[] = {{1, 1}, {3, 5}, {131, 67}, {640, 360}};
    VkSwapchainCreateInfoKHR info = usual(surface_or_none(vt), 1, 1);
    struct chain chain = {0};
    for (uint32_t i = 0; i < VT_COUNT(extents); i++) {
        info.imageExtent = extents[i];
        info.imageFormat = i % 2 ? VK_FORMAT_B8G8R8A8_UNORM : FORMAT;
        info.oldSwapchain = chain.handle;
        chain = open_chain(vt, &info);
        show_frames(vt, &chain, 4);
    }
}

/* Drawn in one format, read back in another. */
static void mutable_format(struct vt *vt)
{
    static const VkFormat list[] = {VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_R8G8B8A8_SRGB};
    const VkImageFormatListCreateInfo formats = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO,
        .viewFormatCount = VT_COUNT(list),
        .pViewFormats = list,
    };
    VkSwapchainCreateInfoKHR info = usual(surface_or_none(vt), 64, 64);
    info.pNext = &formats;
    info.flags = VK_SWAPCHAIN_CREATE_MUTABLE_FORMAT_BIT_KHR;
    struct chain chain = open_chain(vt, &info);
    show_frames(vt, &chain, 5);
}

/* --- What a surface says --- */

static void capabilities(struct vt *vt)
{
    need_windows(vt);
    VkSurfaceKHR surface = make_surface(vt);
    const VkPhysicalDeviceSurfaceInfo2KHR asked = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SURFACE_INFO_2_KHR, .surface = surface};
    VkSurfaceCapabilities2KHR newer = {.sType = VK_STRUCTURE_TYPE_SURFACE_CAPABILITIES_2_KHR};
    VkSurfaceCapabilitiesKHR older;
    VkSurfaceFormatKHR formats[16];
    uint32_t count = VT_COUNT(formats), one = 1;
    PFN_vkGetPhysicalDeviceSurfaceCapabilities2KHR get =
        (PFN_vkGetPhysicalDeviceSurfaceCapabilities2KHR)vkGetInstanceProcAddr(
            vt->instance, "vkGetPhysicalDeviceSurfaceCapabilities2KHR");
    VT_CHECK(vt, vkGetPhysicalDeviceSurfaceCapabilitiesKHR(vt->physical, surface, &older));
    VT_CHECK(vt, get(vt->physical, &asked, &newer));
    VT_EXPECT(vt, !memcmp(&older, &newer.surfaceCapabilities, sizeof(older)));
    VT_EXPECT(vt, older.currentExtent.width == UINT32_MAX);
    VT_EXPECT(vt, older.maxImageExtent.width >= vt->properties.limits.maxImageDimension2D);
    VT_EXPECT(vt, older.supportedUsageFlags & VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT);
    VT_CHECK(vt, vkGetPhysicalDeviceSurfaceFormatsKHR(vt->physical, surface, &count, formats));
    VT_EXPECT(vt, count > 1);
    VT_RESULT(vt, vkGetPhysicalDeviceSurfaceFormatsKHR(vt->physical, surface, &one, formats),
              VK_INCOMPLETE);
    VT_EXPECT(vt, one == 1);
    for (uint32_t i = 0; i < count; i++)
        VT_EXPECT(vt, formats[i].colorSpace == VK_COLOR_SPACE_SRGB_NONLINEAR_KHR);
}

static void modes(struct vt *vt)
{
    need_windows(vt);
    VkSwapchainCreateInfoKHR info = usual(make_surface(vt), 48, 48);
    VkPresentModeKHR all[8];
    uint32_t count = VT_COUNT(all);
    bool has_fifo = false;
    struct chain chain = {0};
    VT_CHECK(vt,
             vkGetPhysicalDeviceSurfacePresentModesKHR(vt->physical, info.surface, &count, all));
    for (uint32_t i = 0; i < count; i++) {
        has_fifo = has_fifo || all[i] == VK_PRESENT_MODE_FIFO_KHR;
        info.presentMode = all[i];
        info.oldSwapchain = chain.handle;
        chain = open_chain(vt, &info);
        show_frames(vt, &chain, 8);
    }
    VT_EXPECT(vt, has_fifo);
}

/* --- Acquiring --- */

/* Images that the program holds are not given out again; one that it presents is. */
static void timeouts(struct vt *vt)
{
    need_windows(vt);
    VkSwapchainCreateInfoKHR info = usual(make_surface(vt), 32, 32);
    struct chain chain = open_chain(vt, &info);
    uint32_t first = acquire(vt, &chain), index, held = 1u << first;
    VkFence fence = vt_fence(vt, false);
    for (uint32_t i = 1; i < chain.count; i++) {
        index = acquire_within(vt, &chain, 10 * SECOND);
        VT_EXPECT(vt, !(held & 1u << index));
        held |= 1u << index;
    }
    VT_RESULT(vt, vkAcquireNextImageKHR(vt->device, chain.handle, 0, VK_NULL_HANDLE, fence, &index),
              VK_NOT_READY);
    VT_RESULT(
        vt, vkAcquireNextImageKHR(vt->device, chain.handle, 1000000, VK_NULL_HANDLE, fence, &index),
        VK_TIMEOUT);
    VT_RESULT(vt, vkGetFenceStatus(vt->device, fence), VK_NOT_READY);
    draw(vt, &chain, first, 1);
    VT_CHECK(vt, present(vt, &chain, first, NULL));
    VT_CHECK(vt, vkAcquireNextImageKHR(vt->device, chain.handle, 10 * SECOND, VK_NULL_HANDLE, fence,
                                       &index));
    VT_EXPECT(vt, index == first);
    VT_CHECK(vt, vkWaitForFences(vt->device, 1, &fence, VK_TRUE, FOR_EVER));
}

/* Acquire, draw and present without the program waiting for anything. */
static void semaphores(struct vt *vt)
{
    need_windows(vt);
    VkSwapchainCreateInfoKHR info = usual(make_surface(vt), 64, 48);
    struct chain chain = open_chain(vt, &info);
    VkSemaphore acquired[8], drawn[8];
    for (uint32_t i = 0; i < 8; i++) {
        acquired[i] = vt_semaphore(vt);
        drawn[i] = vt_semaphore(vt);
    }
    for (uint32_t frame = 0; frame < 24; frame++) {
        const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
        const VkClearColorValue color = {.float32 = {(float)frame / 24.0f, 0.5f, 0.25f, 1.0f}};
        uint32_t index, now = frame % 8;
        if (now == 0)
            VT_CHECK(vt, vkQueueWaitIdle(vt->queue)); /* the semaphores are used again */
        VT_CHECK(vt, vkAcquireNextImageKHR(vt->device, chain.handle, FOR_EVER, acquired[now],
                                           VK_NULL_HANDLE, &index));
        VkCommandBuffer cmd = vt_begin(vt);
        const VkImageSubresourceRange range = vt_range(&chain.images[index]);
        chain.images[index].layout = VK_IMAGE_LAYOUT_UNDEFINED;
        vt_layout(cmd, &chain.images[index], VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
        vkCmdClearColorImage(cmd, chain.images[index].handle, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                             &color, 1, &range);
        vt_layout(cmd, &chain.images[index], VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
        VT_CHECK(vt, vkEndCommandBuffer(cmd));
        const VkSubmitInfo batch = {
            .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
            .waitSemaphoreCount = 1,
            .pWaitSemaphores = &acquired[now],
            .pWaitDstStageMask = &stage,
            .commandBufferCount = 1,
            .pCommandBuffers = &cmd,
            .signalSemaphoreCount = 1,
            .pSignalSemaphores = &drawn[now],
        };
        const VkPresentInfoKHR shown = {
            .sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
            .waitSemaphoreCount = 1,
            .pWaitSemaphores = &drawn[now],
            .swapchainCount = 1,
            .pSwapchains = &chain.handle,
            .pImageIndices = &index,
        };
        VT_CHECK(vt, vkQueueSubmit(vt->queue, 1, &batch, VK_NULL_HANDLE));
        VT_CHECK(vt, vkQueuePresentKHR(vt->queue, &shown));
    }
    VT_CHECK(vt, vkDeviceWaitIdle(vt->device));
}

/* --- One swapchain after another, and several --- */

static void replaced(struct vt *vt)
{
    need_windows(vt);
    VkSwapchainCreateInfoKHR info = usual(make_surface(vt), 40, 40);
    struct chain old = open_chain(vt, &info);
    uint32_t kept = acquire(vt, &old);
    VkSwapchainKHR refused;
    show_frames(vt, &old, 2);
    VT_RESULT(vt, vkCreateSwapchainKHR(vt->device, &info, NULL, &refused),
              VK_ERROR_NATIVE_WINDOW_IN_USE_KHR);
    info.oldSwapchain = old.handle;
    info.imageExtent = (VkExtent2D){80, 24};
    struct chain fresh = open_chain(vt, &info);
    /* What the old one gave is still there to be drawn to. */
    draw(vt, &old, kept, 3);
    vt_put_image(vt, &old.images[kept]);
    show_frames(vt, &fresh, 6);
}

static void several(struct vt *vt)
{
    need_windows(vt);
    struct chain chains[3];
    VkSwapchainKHR handles[3];
    uint32_t indices[3];
    VkResult results[3];
    for (uint32_t i = 0; i < 3; i++) {
        VkSwapchainCreateInfoKHR info = usual(make_surface(vt), 24 + i * 8, 24);
        chains[i] = open_chain(vt, &info);
        handles[i] = chains[i].handle;
    }
    for (uint32_t frame = 0; frame < 6; frame++) {
        for (uint32_t i = 0; i < 3; i++) {
            indices[i] = acquire(vt, &chains[i]);
            draw(vt, &chains[i], indices[i], frame + i);
            vt_put_image(vt, &chains[i].images[indices[i]]);
            bring_to_present(vt, &chains[i], indices[i]);
            results[i] = VK_ERROR_UNKNOWN;
        }
        const VkPresentInfoKHR info = {
            .sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
            .swapchainCount = 3,
            .pSwapchains = handles,
            .pImageIndices = indices,
            .pResults = results,
        };
        VT_CHECK(vt, vkQueuePresentKHR(vt->queue, &info));
        for (uint32_t i = 0; i < 3; i++)
            VT_CHECK(vt, results[i]);
    }
}

/* Two windows, each of a thread of its own; the queue is for one at a time. */
struct pair {
    struct chain chains[2];
    pthread_mutex_t lock;
};

static void present_alone(struct vt *vt, uint32_t number, void *data)
{
    struct pair *pair = data;
    struct chain *chain = &pair->chains[number];
    for (uint32_t frame = 0; frame < 40; frame++) {
        VkFence fence = vt_fence(vt, false);
        uint32_t index;
        VT_CHECK(vt, vkAcquireNextImageKHR(vt->device, chain->handle, FOR_EVER, VK_NULL_HANDLE,
                                           fence, &index));
        VT_CHECK(vt, vkWaitForFences(vt->device, 1, &fence, VK_TRUE, FOR_EVER));
        pthread_mutex_lock(&pair->lock);
        draw(vt, chain, index, frame);
        VkResult result = present(vt, chain, index, NULL);
        pthread_mutex_unlock(&pair->lock);
        VT_CHECK(vt, result);
    }
}

static void threads(struct vt *vt)
{
    need_windows(vt);
    struct pair pair = {.lock = PTHREAD_MUTEX_INITIALIZER};
    for (uint32_t i = 0; i < 2; i++) {
        VkSwapchainCreateInfoKHR info = usual(make_surface(vt), 24, 24);
        pair.chains[i] = open_chain(vt, &info);
    }
    vt_threads(vt, 2, present_alone, &pair);
}

/* --- Extensions --- */

/* What the window need not look at has no say in what the image holds. */
static void regions(struct vt *vt)
{
    need_windows(vt);
    vt_need_extension(vt, VK_KHR_INCREMENTAL_PRESENT_EXTENSION_NAME);
    VkSwapchainCreateInfoKHR info = usual(make_surface(vt), 32, 32);
    struct chain chain = open_chain(vt, &info);
    for (uint32_t frame = 0; frame < 5; frame++) {
        const VkRectLayerKHR rects[] = {{{1, 2}, {3, 4}, 0}, {{0, 0}, {32, 1 + frame}, 0}};
        const VkPresentRegionKHR region = {1 + frame % 2, rects};
        const VkPresentRegionsKHR said = {
            .sType = VK_STRUCTURE_TYPE_PRESENT_REGIONS_KHR,
            .swapchainCount = 1,
            .pRegions = &region,
        };
        uint32_t index = acquire(vt, &chain);
        draw(vt, &chain, index, frame);
        vt_put_image(vt, &chain.images[index]);
        VT_CHECK(vt, present(vt, &chain, index, &said));
    }
}

static void present_ids(struct vt *vt)
{
    need_windows(vt);
    vt_need_extension(vt, VK_KHR_PRESENT_WAIT_EXTENSION_NAME);
    vt_need(vt, vt->features.present_wait.presentWait, "presentWait");
    PFN_vkWaitForPresentKHR wait = VT_LOAD(vt, vkWaitForPresentKHR);
    VkSwapchainCreateInfoKHR info = usual(make_surface(vt), 32, 32);
    struct chain chain = open_chain(vt, &info);
    for (uint64_t id = 3; id < 15; id += 4) {
        const VkPresentIdKHR named = {
            .sType = VK_STRUCTURE_TYPE_PRESENT_ID_KHR, .swapchainCount = 1, .pPresentIds = &id};
        uint32_t index = acquire(vt, &chain);
        draw(vt, &chain, index, (uint32_t)id);
        VT_RESULT(vt, wait(vt->device, chain.handle, id, 0), VK_TIMEOUT);
        VT_CHECK(vt, present(vt, &chain, index, &named));
        VT_CHECK(vt, wait(vt->device, chain.handle, id, FOR_EVER));
        VT_CHECK(vt, wait(vt->device, chain.handle, id - 1, 0));
    }
}

/* The device-group forms, of a group of one. */
static void groups(struct vt *vt)
{
    need_windows(vt);
    VkSwapchainCreateInfoKHR info = usual(make_surface(vt), 32, 32);
    const VkDeviceGroupSwapchainCreateInfoKHR group = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_SWAPCHAIN_CREATE_INFO_KHR,
        .modes = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR,
    };
    VkDeviceGroupPresentCapabilitiesKHR can = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_PRESENT_CAPABILITIES_KHR};
    VkDeviceGroupPresentModeFlagsKHR surface_modes;
    VkRect2D rects[4];
    uint32_t count = VT_COUNT(rects), mask = 1;
    VT_CHECK(vt, VT_LOAD(vt, vkGetDeviceGroupPresentCapabilitiesKHR)(vt->device, &can));
    VT_EXPECT(vt,
              can.presentMask[0] == 1 && (can.modes & VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR));
    VT_CHECK(vt, VT_LOAD(vt, vkGetDeviceGroupSurfacePresentModesKHR)(vt->device, info.surface,
                                                                     &surface_modes));
    VT_EXPECT(vt, surface_modes & VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR);
    VT_CHECK(vt,
             vkGetPhysicalDevicePresentRectanglesKHR(vt->physical, info.surface, &count, rects));
    VT_EXPECT(vt, count == 1);
    struct chain chain = {0};
    info.pNext = &group;
    VT_CHECK(vt, vkCreateSwapchainKHR(vt->device, &info, NULL, &chain.handle));
    VT_OWN(vt, SWAPCHAIN_KHR, chain.handle);
    take_images(vt, &chain, &info);
    make_framebuffers(vt, &chain, FORMAT);
    for (uint32_t frame = 0; frame < 5; frame++) {
        VkFence fence = vt_fence(vt, false);
        const VkAcquireNextImageInfoKHR wanted = {
            .sType = VK_STRUCTURE_TYPE_ACQUIRE_NEXT_IMAGE_INFO_KHR,
            .swapchain = chain.handle,
            .timeout = FOR_EVER,
            .fence = fence,
            .deviceMask = 1,
        };
        const VkDeviceGroupPresentInfoKHR shown = {
            .sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_PRESENT_INFO_KHR,
            .swapchainCount = 1,
            .pDeviceMasks = &mask,
            .mode = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR,
        };
        uint32_t index;
        VT_CHECK(vt, VT_LOAD(vt, vkAcquireNextImage2KHR)(vt->device, &wanted, &index));
        VT_CHECK(vt, vkWaitForFences(vt->device, 1, &fence, VK_TRUE, FOR_EVER));
        draw(vt, &chain, index, frame);
        vt_put_image(vt, &chain.images[index]);
        VT_CHECK(vt, present(vt, &chain, index, &shown));
    }
}

/* An image of the program's own that is bound to a swapchain's: what is drawn into one is in the
 * other. */
static void aliases(struct vt *vt)
{
    need_windows(vt);
    VkSwapchainCreateInfoKHR info = usual(make_surface(vt), 40, 24);
    struct chain chain = open_chain(vt, &info);
    const VkImageSwapchainCreateInfoKHR of_chain = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_SWAPCHAIN_CREATE_INFO_KHR, .swapchain = chain.handle};
    const VkImageCreateInfo like = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .pNext = &of_chain,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = info.imageFormat,
        .extent = {info.imageExtent.width, info.imageExtent.height, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = info.imageUsage,
    };
    VkImage images[MAX_IMAGES];
    for (uint32_t i = 0; i < chain.count; i++) {
        const VkBindImageMemorySwapchainInfoKHR to_chain = {
            .sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_SWAPCHAIN_INFO_KHR,
            .swapchain = chain.handle,
            .imageIndex = i,
        };
        VT_CHECK(vt, vkCreateImage(vt->device, &like, NULL, &images[i]));
        VT_OWN(vt, IMAGE, images[i]);
        const VkBindImageMemoryInfo bind = {.sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO,
                                            .pNext = &to_chain,
                                            .image = images[i]};
        VT_CHECK(vt, vkBindImageMemory2(vt->device, 1, &bind));
    }
    for (uint32_t frame = 0; frame < 4; frame++) {
        uint32_t index = acquire(vt, &chain);
        struct vt_image alias = window_image(images[index], &info);
        draw(vt, &chain, index, frame);
        vt_put_image(vt, &chain.images[index]);
        alias.layout = chain.images[index].layout;
        vt_put_image(vt, &alias);
        VT_CHECK(vt, present(vt, &chain, index, NULL));
    }
}

static const struct vt_case cases[] = {
    {"frames", frames},
    {"sizes", sizes},
    {"mutable-format", mutable_format},
    {"capabilities", capabilities},
    {"modes", modes},
    {"timeouts", timeouts},
    {"semaphores", semaphores},
    {"replaced", replaced},
    {"several", several},
    {"threads", threads},
    {"regions", regions},
    {"present-ids", present_ids},
    {"groups", groups},
    {"aliases", aliases},
};

int main(int argc, char **argv)
{
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}
