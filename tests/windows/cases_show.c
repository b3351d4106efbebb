/* SPDX-License-Identifier: MIT */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>

#define WIDTH 150
#define HEIGHT 90

static const VkPresentModeKHR all_modes[] = {VK_PRESENT_MODE_IMMEDIATE_KHR,
                                             VK_PRESENT_MODE_MAILBOX_KHR, VK_PRESENT_MODE_FIFO_KHR,
                                             VK_PRESENT_MODE_FIFO_RELAXED_KHR};

static void must_show(struct app *app, const struct window *window, uint32_t seed, const char *what)
{
    if (!window_shows(app, window, seed))
        wrong(app, "%s: the window does not show the frame %u", what, seed);
}

/* Every mode shows the last frame, and each frame that the program waits for. */
void case_modes(struct app *app)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
        struct chain chain = chain_open(app, &window, all_modes[i]);
        char what[32];
        snprintf(what, sizeof(what), "present mode %u", all_modes[i]);
        for (uint32_t seed = 0; seed < 3; seed++) {
            must(app, chain_frame(&chain, seed), what);
            must_show(app, &window, seed, what);
        }
        for (uint32_t seed = 3; seed < 12; seed++)
            must(app, chain_frame(&chain, seed), what);
        must_show(app, &window, 11, what);
        chain_close(&chain);
        window_close(app, &window);
    }
}

/* Rows of all lengths. */
void case_sizes(struct app *app)
{
    static const uint16_t sizes[][2] = {{1, 1}, {3, 5}, {17, 100}, {63, 2}, {130, 37}};
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint32_t mode = 0; mode < 3; mode += 2) {
            struct window window = window_open(app, sizes[i][0], sizes[i][1], 24, false);
            struct chain chain = chain_open(app, &window, all_modes[mode]);
            for (uint32_t seed = 0; seed < 5; seed++)
                must(app, chain_frame(&chain, seed), "a frame");
            must_show(app, &window, 4, "the size");
            chain_close(&chain);
            window_close(app, &window);
        }
    }
}

void case_alpha(struct app *app)
{
    struct window window = window_open(app, WIDTH, HEIGHT, 32, false);
    struct window plain = window_open(app, WIDTH, HEIGHT, 24, false);
    VkCompositeAlphaFlagsKHR with = window_capabilities(app, &window).supportedCompositeAlpha;
    VkCompositeAlphaFlagsKHR without = window_capabilities(app, &plain).supportedCompositeAlpha;
    printf("alpha: 0x%x with, 0x%x without\n", with, without);
    for (uint32_t mode = 0; mode < 3; mode += 2) {
        struct chain chain = chain_open(app, &window, all_modes[mode]);
        must(app, chain_frame(&chain, 1 + mode), "a frame");
        must_show(app, &window, 1 + mode, "32 bits");
        chain_close(&chain);
    }
    window_close(app, &plain);
    window_close(app, &window);
}

/* One vkQueuePresentKHR to three windows. */
void case_several(struct app *app)
{
    struct window windows[3];
    struct chain chains[3];
    for (uint32_t i = 0; i < 3; i++) {
        windows[i] = window_open(app, (uint16_t)(100 + 10 * i), HEIGHT, 24, false);
        chains[i] = chain_open(app, &windows[i], all_modes[i]);
    }
    for (uint32_t seed = 0; seed < 4; seed++) {
        VkSwapchainKHR handles[3];
        VkSemaphore done[3];
        uint32_t indices[3];
        VkResult results[3] = {VK_NOT_READY, VK_NOT_READY, VK_NOT_READY};
        for (uint32_t i = 0; i < 3; i++) {
            must(app, chain_acquire(&chains[i], FOR_EVER, &indices[i]), "acquiring");
            must(app, chain_draw(&chains[i], indices[i], seed * 10 + i, true), "drawing");
            handles[i] = chains[i].handle;
            done[i] = chains[i].done[indices[i]];
        }
        const VkPresentInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                       .waitSemaphoreCount = 3,
                                       .pWaitSemaphores = done,
                                       .swapchainCount = 3,
                                       .pSwapchains = handles,
                                       .pImageIndices = indices,
                                       .pResults = results};
        must(app, vkQueuePresentKHR(app->queue, &info), "presenting");
        for (uint32_t i = 0; i < 3; i++) {
            must(app, results[i], "one of several");
            must_show(app, &windows[i], seed * 10 + i, "one of several");
        }
    }
    for (uint32_t i = 0; i < 3; i++) {
        chain_close(&chains[i]);
        window_close(app, &windows[i]);
    }
}

static void clear_view(struct app *app, struct chain *chain, uint32_t index, VkFormat format,
                       VkImageView *view)
{
    const VkImageViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = chain->images[index],
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = format,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
    must(app, vkCreateImageView(app->device, &info, NULL, view), "a view");
    VkCommandBuffer commands = chain_begin(chain, index, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL);
    const VkRenderingAttachmentInfo attachment = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
        .imageView = *view,
        .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
        .clearValue = {{{0.5f, 0.0f, 1.0f, 1.0f}}}};
    const VkRenderingInfo rendering = {.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                                       .renderArea = {{0, 0}, chain->extent},
                                       .layerCount = 1,
                                       .colorAttachmentCount = 1,
                                       .pColorAttachments = &attachment};
    vkCmdBeginRendering(commands, &rendering);
    vkCmdEndRendering(commands);
    must(app, chain_end(chain, index, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL, true), "drawing");
}

/* Rendering through views: of the image's own format, and of the other one. */
void case_views(struct app *app)
{
    static const VkFormat formats[] = {VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_B8G8R8A8_SRGB};
    if (!app->has_mutable) {
        app->skipped = true;
        return;
    }
    struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
    for (uint32_t i = 0; i < 4; i++) {
        const VkImageFormatListCreateInfo list = {
            .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO,
            .viewFormatCount = 2,
            .pViewFormats = formats};
        struct chain chain = chain_open_as(
            app, &window,
            (VkSwapchainCreateInfoKHR){.pNext = &list,
                                       .flags = VK_SWAPCHAIN_CREATE_MUTABLE_FORMAT_BIT_KHR,
                                       .imageFormat = formats[i / 2],
                                       .imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
                                       .presentMode = VK_PRESENT_MODE_FIFO_KHR});
        uint32_t index;
        VkImageView view;
        must(app, chain_acquire(&chain, FOR_EVER, &index), "acquiring");
        clear_view(app, &chain, index, formats[i % 2], &view);
        must(app, chain_present(&chain, index, NULL), "presenting");
        uint32_t wanted = i % 2 ? 0xbc00ff : 0x8000ff;
        bool shown = window_shows_color(app, &window, wanted);
        uint32_t pixel = window_pixel(app, &window, 5, 5);
        if (!shown || pixel != wanted)
            wrong(app, "a view: 0x%06x", pixel);
        chain_close(&chain);
        vkDestroyImageView(app->device, view, NULL);
    }
    window_close(app, &window);
}

/* What has not changed need not be said. */
void case_regions(struct app *app)
{
    if (!app->has_incremental) {
        app->skipped = true;
        return;
    }
    struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
    for (uint32_t i = 0; i < 4; i++) {
        struct chain chain = chain_open(app, &window, all_modes[i]);
        VkRectLayerKHR *many = calloc(20000, sizeof(*many));
        if (!many)
            die(app, "memory");
        many[0] = many[1] = (VkRectLayerKHR){{10, 20}, {50, 30}, 0};
        for (uint32_t j = 2; j < 20000; j++)
            many[j] =
                (VkRectLayerKHR){{(int32_t)(j % WIDTH), (int32_t)(j / WIDTH % HEIGHT)}, {1, 1}, 0};
        for (uint32_t seed = 0; seed < 6; seed++) {
            uint32_t index;
            const VkPresentRegionKHR region = {seed % 3 == 2 ? 20000 : seed % 3, many};
            const VkPresentRegionsKHR regions = {.sType = VK_STRUCTURE_TYPE_PRESENT_REGIONS_KHR,
                                                 .swapchainCount = 1,
                                                 .pRegions = &region};
            must(app, chain_acquire(&chain, FOR_EVER, &index), "acquiring");
            must(app, chain_draw(&chain, index, seed, true), "drawing");
            must(app, chain_present(&chain, index, seed % 3 ? &regions : NULL), "presenting");
        }
        must(app, chain_frame(&chain, 6), "a frame");
        must_show(app, &window, 6, "after regions");
        free(many);
        chain_close(&chain);
    }
    window_close(app, &window);
}

/* Images of the program's with the swapchain's memory. */
void case_aliases(struct app *app)
{
    struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
    struct chain chain = chain_open(app, &window, VK_PRESENT_MODE_FIFO_KHR);
    const VkImageSwapchainCreateInfoKHR of = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_SWAPCHAIN_CREATE_INFO_KHR, .swapchain = chain.handle};
    const VkImageCreateInfo info = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                    .pNext = &of,
                                    .imageType = VK_IMAGE_TYPE_2D,
                                    .format = chain.format,
                                    .extent = {chain.extent.width, chain.extent.height, 1},
                                    .mipLevels = 1,
                                    .arrayLayers = 1,
                                    .samples = VK_SAMPLE_COUNT_1_BIT,
                                    .usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT};
    VkImage aliases[MAX_IMAGES];
    for (uint32_t i = 0; i < chain.count; i++) {
        must(app, vkCreateImage(app->device, &info, NULL, &aliases[i]), "an image");
        const VkBindImageMemorySwapchainInfoKHR memory = {
            .sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_SWAPCHAIN_INFO_KHR,
            .swapchain = chain.handle,
            .imageIndex = i};
        const VkBindImageMemoryInfo bind = {.sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO,
                                            .pNext = &memory,
                                            .image = aliases[i]};
        must(app, vkBindImageMemory2(app->device, 1, &bind), "binding");
        chain.images[i] = aliases[i];
    }
    for (uint32_t seed = 0; seed < 5; seed++)
        must(app, chain_frame(&chain, seed), "a frame");
    must_show(app, &window, 4, "the swapchain's memory");
    vkDeviceWaitIdle(app->device);
    for (uint32_t i = 0; i < chain.count; i++)
        vkDestroyImage(app->device, aliases[i], NULL);
    chain_close(&chain);
    window_close(app, &window);
}

void case_group(struct app *app)
{
    struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
    VkDeviceGroupPresentModeFlagsKHR modes = 0;
    VkDeviceGroupPresentCapabilitiesKHR capabilities = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_PRESENT_CAPABILITIES_KHR};
    must(app, vkGetDeviceGroupPresentCapabilitiesKHR(app->device, &capabilities), "capabilities");
    must(app, vkGetDeviceGroupSurfacePresentModesKHR(app->device, window.surface, &modes), "modes");
    if (capabilities.presentMask[0] != 1 || !(modes & VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR))
        wrong(app, "mask %u, modes %u", capabilities.presentMask[0], modes);
    uint32_t count = 1;
    VkRect2D rectangle = {{0, 0}, {0, 0}};
    must(app,
         vkGetPhysicalDevicePresentRectanglesKHR(app->physical, window.surface, &count, &rectangle),
         "rectangles");
    if (count != 1 || rectangle.extent.width != WIDTH || rectangle.extent.height != HEIGHT)
        wrong(app, "%u rectangles", count);

    struct chain chain = chain_open(app, &window, VK_PRESENT_MODE_MAILBOX_KHR);
    for (uint32_t seed = 0; seed < 3; seed++) {
        const VkAcquireNextImageInfoKHR acquire = {
            .sType = VK_STRUCTURE_TYPE_ACQUIRE_NEXT_IMAGE_INFO_KHR,
            .swapchain = chain.handle,
            .timeout = FOR_EVER,
            .semaphore = chain.acquired,
            .deviceMask = 1};
        uint32_t index, mask = 1;
        vkQueueWaitIdle(app->queue);
        must(app, vkAcquireNextImage2KHR(app->device, &acquire, &index), "acquiring");
        must(app, chain_draw(&chain, index, seed, true), "drawing");
        const VkDeviceGroupPresentInfoKHR group = {
            .sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_PRESENT_INFO_KHR,
            .swapchainCount = 1,
            .pDeviceMasks = &mask,
            .mode = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR};
        must(app, chain_present(&chain, index, &group), "presenting");
        must_show(app, &window, seed, "a group of one");
    }
    chain_close(&chain);
    window_close(app, &window);
}

/* Presentations that were waited for are in the window, or have been passed over. */
void case_present_wait(struct app *app)
{
    if (!app->has_present_wait)
        die(app, "VK_KHR_present_wait is not offered");
    PFN_vkWaitForPresentKHR wait = LOAD(app, vkWaitForPresentKHR);
    for (uint32_t i = 0; i < 4; i++) {
        struct window window = window_open(app, WIDTH, HEIGHT, 24, false);
        struct chain chain = chain_open(app, &window, all_modes[i]);
        for (uint64_t number = 1; number <= 12; number++) {
            uint32_t index;
            uint64_t present_id = number * 3;
            const VkPresentIdKHR ids = {.sType = VK_STRUCTURE_TYPE_PRESENT_ID_KHR,
                                        .swapchainCount = 1,
                                        .pPresentIds = &present_id};
            must(app, chain_acquire(&chain, FOR_EVER, &index), "acquiring");
            must(app, chain_draw(&chain, index, (uint32_t)number, true), "drawing");
            must(app, chain_present(&chain, index, &ids), "presenting");
            if (number % 4 == 0)
                must(app, wait(app->device, chain.handle, present_id, FOR_EVER), "waiting");
        }
        must_show(app, &window, 12, "waited for");
        must(app, wait(app->device, chain.handle, 5, 0), "waiting for an earlier one");
        expect_result(app, wait(app->device, chain.handle, 37, 0), VK_TIMEOUT, "waiting for none");
        expect_result(app, wait(app->device, chain.handle, 37, 3000000), VK_TIMEOUT,
                      "waiting for none for a while");
        chain_close(&chain);
        window_close(app, &window);
    }
}
