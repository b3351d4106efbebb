/* SPDX-License-Identifier: MIT */
/* Copies, blits, resolves, fills, updates and clears. */
#include <stdlib.h>

#include "common/vt.h"

#define RGBA VK_FORMAT_R8G8B8A8_UNORM
#define SRC VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL
#define DST VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL
#define COLOR VK_IMAGE_ASPECT_COLOR_BIT

static struct vt_buffer counted(struct vt *vt, VkDeviceSize size)
{
    struct vt_buffer buffer = vt_buffer(vt, size, 0);
    uint8_t *bytes = buffer.data;
    for (VkDeviceSize i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8) * 17);
    return buffer;
}

static void clear(VkCommandBuffer cmd, struct vt_image *image, float value)
{
    VkClearColorValue color = {.float32 = {value, 1.0f - value, 0.5f, 0.75f}};
    VkImageSubresourceRange range = vt_range(image);
    vt_layout(cmd, image, DST);
    vkCmdClearColorImage(cmd, image->handle, DST, &color, 1, &range);
}

/* An image of a pattern, ready to be read. */
static struct vt_image pattern(struct vt *vt, uint32_t size, uint32_t seed)
{
    struct vt_image image = vt_image(vt, RGBA, size, size, 0);
    uint8_t *pixels = malloc(4ul * size * size);
    vt_fill_pattern(pixels, size, size, seed);
    vt_upload(vt, &image, pixels, 4ul * size * size, SRC);
    free(pixels);
    return image;
}

static void copy_buffer(struct vt *vt)
{
    struct vt_buffer from = counted(vt, 100000), to = vt_buffer(vt, 100000, 0);
    const VkBufferCopy regions[] = {
        {0, 1, 4097}, {5000, 50000, 33333}, {99999, 99999, 1}, {40000, 10000, 64}};
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdCopyBuffer(cmd, from.handle, to.handle, VT_COUNT(regions), regions);
    vt_barrier(cmd);
    vkCmdCopyBuffer2(cmd, &(VkCopyBufferInfo2){
                              .sType = VK_STRUCTURE_TYPE_COPY_BUFFER_INFO_2,
                              .srcBuffer = to.handle,
                              .dstBuffer = to.handle,
                              .regionCount = 1,
                              .pRegions = &(VkBufferCopy2){.sType = VK_STRUCTURE_TYPE_BUFFER_COPY_2,
                                                           .srcOffset = 50001,
                                                           .dstOffset = 20003,
                                                           .size = 777}});
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    VT_EXPECT(vt, !memcmp((char *)to.data + 1, from.data, 4097));
    VT_EXPECT(vt, !memcmp((char *)to.data + 20003, (char *)from.data + 5001, 777));
    vt_put_buffer(vt, &to);
}

/* vkCmdUpdateBuffer of 64 KiB, its greatest size; and vkCmdFillBuffer. */
static void update_and_fill(struct vt *vt)
{
    struct vt_buffer source = counted(vt, 65536), to = vt_buffer(vt, 3 * 65536, 0);
    VkCommandBuffer cmd = vt_begin(vt);
    vkCmdFillBuffer(cmd, to.handle, 0, VK_WHOLE_SIZE, 0xdeadbeef);
    vt_barrier(cmd);
    vkCmdUpdateBuffer(cmd, to.handle, 65536 + 4, 65536, source.data);
    memset(source.data, 0, 65536); /* the command has its own copy */
    vkCmdUpdateBuffer(cmd, to.handle, 16, 4, "abcd");
    vkCmdFillBuffer(cmd, to.handle, 1024, 2048, 0x01020304);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    const uint8_t *bytes = to.data;
    VT_EXPECT(vt, bytes[65536 + 4 + 300] == (uint8_t)(300 * 31 + 17));
    VT_EXPECT(vt, bytes[17] == 'b' && bytes[20] == 0xef);
    vt_put_buffer(vt, &to);
}

/* Row lengths, image heights, offsets, levels and layers. */
static void copy_buffer_and_image(struct vt *vt)
{
    struct vt_buffer from = counted(vt, 65536), to = vt_buffer(vt, 65536, 0);
    VkImageCreateInfo info = {
        .format = RGBA, .extent = {40, 24, 0}, .mipLevels = 3, .arrayLayers = 3};
    struct vt_image image = vt_image_create(vt, &info, VK_IMAGE_VIEW_TYPE_2D_ARRAY);
    const VkBufferImageCopy in[] = {
        {0, 0, 0, {COLOR, 0, 0, 3}, {0, 0, 0}, {40, 24, 1}},
        {20000, 50, 15, {COLOR, 0, 1, 2}, {3, 5, 0}, {33, 11, 1}},
        {40000, 0, 0, {COLOR, 1, 0, 3}, {0, 0, 0}, {20, 12, 1}},
        {44, 10, 6, {COLOR, 2, 0, 3}, {0, 0, 0}, {10, 6, 1}},
    };
    VkBufferImageCopy2 out = {.sType = VK_STRUCTURE_TYPE_BUFFER_IMAGE_COPY_2,
                              .bufferOffset = 1028,
                              .bufferRowLength = 64,
                              .bufferImageHeight = 20,
                              .imageSubresource = {COLOR, 0, 1, 2},
                              .imageOffset = {2, 2, 0},
                              .imageExtent = {30, 18, 1}};
    VkCommandBuffer cmd = vt_begin(vt);
    clear(cmd, &image, 0.25f);
    vt_layout(cmd, &image, DST);
    for (uint32_t i = 0; i < VT_COUNT(in); i++) {
        vkCmdCopyBufferToImage(cmd, from.handle, image.handle, DST, 1, &in[i]);
        vt_barrier(cmd);
    }
    vt_layout(cmd, &image, SRC);
    vkCmdCopyImageToBuffer2(
        cmd, &(VkCopyImageToBufferInfo2){.sType = VK_STRUCTURE_TYPE_COPY_IMAGE_TO_BUFFER_INFO_2,
                                         .srcImage = image.handle,
                                         .srcImageLayout = SRC,
                                         .dstBuffer = to.handle,
                                         .regionCount = 1,
                                         .pRegions = &out});
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    vt_put_buffer(vt, &to);
    vt_put_image(vt, &image);
}

static void copy_image(struct vt *vt)
{
    struct vt_image from = pattern(vt, 64, 1);
    VkImageCreateInfo array = {
        .format = VK_FORMAT_R8G8B8A8_UINT, .extent = {64, 64, 0}, .arrayLayers = 2, .mipLevels = 2};
    VkImageCreateInfo solid = {
        .format = RGBA, .extent = {32, 32, 4}, .imageType = VK_IMAGE_TYPE_3D};
    VkImageCreateInfo line = {.format = RGBA, .extent = {64, 1, 1}, .imageType = VK_IMAGE_TYPE_1D};
    struct vt_image layers = vt_image_create(vt, &array, 0);
    struct vt_image volume = vt_image_create(vt, &solid, 0);
    struct vt_image row = vt_image_create(vt, &line, 0), other = vt_image_create(vt, &line, 0);
    const VkImageCopy to_layers[] = {
        {{COLOR, 0, 0, 1}, {0, 0, 0}, {COLOR, 0, 1, 1}, {5, 7, 0}, {50, 40, 1}},
        {{COLOR, 0, 0, 1}, {9, 3, 0}, {COLOR, 1, 0, 1}, {0, 0, 0}, {32, 32, 1}}};
    const VkImageCopy to_volume = {
        {COLOR, 0, 0, 1}, {8, 8, 0}, {COLOR, 0, 0, 1}, {2, 2, 3}, {28, 28, 1}};
    VkImageCopy2 to_row = {.sType = VK_STRUCTURE_TYPE_IMAGE_COPY_2,
                           .srcSubresource = {COLOR, 0, 0, 1},
                           .srcOffset = {3, 0, 0},
                           .dstSubresource = {COLOR, 0, 0, 1},
                           .extent = {40, 1, 1}};
    VkCommandBuffer cmd = vt_begin(vt);
    vt_layout(cmd, &layers, DST);
    vkCmdClearColorImage(cmd, layers.handle, DST, &(VkClearColorValue){.uint32 = {1, 2, 3, 4}}, 1,
                         (VkImageSubresourceRange[]){vt_range(&layers)});
    clear(cmd, &volume, 0.5f);
    clear(cmd, &row, 0.0f);
    clear(cmd, &other, 0.9f);
    vt_layout(cmd, &other, SRC);
    vt_layout(cmd, &layers, DST);
    vt_layout(cmd, &volume, DST);
    vt_layout(cmd, &row, DST);
    vkCmdCopyImage(cmd, from.handle, SRC, layers.handle, DST, 2, to_layers);
    vkCmdCopyImage(cmd, from.handle, SRC, volume.handle, DST, 1, &to_volume);
    vkCmdCopyImage2(cmd, &(VkCopyImageInfo2){.sType = VK_STRUCTURE_TYPE_COPY_IMAGE_INFO_2,
                                             .srcImage = other.handle,
                                             .srcImageLayout = SRC,
                                             .dstImage = row.handle,
                                             .dstImageLayout = DST,
                                             .regionCount = 1,
                                             .pRegions = &to_row});
    vt_finish(vt, cmd);
    vt_put_image(vt, &layers);
    vt_put_image(vt, &volume);
    vt_put_image(vt, &row);
}

/* Scaled, mirrored, of other formats, with both filters. */
static void blits(struct vt *vt)
{
    struct vt_image from = pattern(vt, 48, 5);
    struct vt_image to = vt_image(vt, RGBA, 128, 128, 0);
    struct vt_image half = vt_image(vt, VK_FORMAT_R16G16B16A16_SFLOAT, 40, 40, 0);
    const VkImageBlit regions[] = {
        {{COLOR, 0, 0, 1}, {{0, 0, 0}, {48, 48, 1}}, {COLOR, 0, 0, 1}, {{0, 0, 0}, {64, 64, 1}}},
        {{COLOR, 0, 0, 1}, {{0, 0, 0}, {48, 48, 1}}, {COLOR, 0, 0, 1}, {{128, 0, 0}, {70, 60, 1}}},
        {{COLOR, 0, 0, 1}, {{8, 8, 0}, {20, 20, 1}}, {COLOR, 0, 0, 1}, {{0, 128, 0}, {60, 66, 1}}}};
    VkImageBlit2 to_half = {.sType = VK_STRUCTURE_TYPE_IMAGE_BLIT_2,
                            .srcSubresource = {COLOR, 0, 0, 1},
                            .srcOffsets = {{0}, {48, 48, 1}},
                            .dstSubresource = {COLOR, 0, 0, 1},
                            .dstOffsets = {{0}, {40, 40, 1}}};
    VkCommandBuffer cmd = vt_begin(vt);
    clear(cmd, &to, 0.1f);
    clear(cmd, &half, 0.1f);
    vt_layout(cmd, &to, DST);
    vt_layout(cmd, &half, DST);
    vkCmdBlitImage(cmd, from.handle, SRC, to.handle, DST, 2, regions, VK_FILTER_LINEAR);
    vkCmdBlitImage(cmd, from.handle, SRC, to.handle, DST, 1, regions + 2, VK_FILTER_NEAREST);
    vkCmdBlitImage2(cmd, &(VkBlitImageInfo2){.sType = VK_STRUCTURE_TYPE_BLIT_IMAGE_INFO_2,
                                             .srcImage = from.handle,
                                             .srcImageLayout = SRC,
                                             .dstImage = half.handle,
                                             .dstImageLayout = DST,
                                             .regionCount = 1,
                                             .pRegions = &to_half,
                                             .filter = VK_FILTER_LINEAR});
    vt_finish(vt, cmd);
    vt_put_image(vt, &to);
    vt_put_image(vt, &half);
}

/* A chain of levels, each blitted from the one before. */
static void mip_chain(struct vt *vt)
{
    VkImageCreateInfo info = {.format = RGBA, .extent = {64, 64, 0}, .mipLevels = 7};
    struct vt_image image = vt_image_create(vt, &info, VK_IMAGE_VIEW_TYPE_2D);
    uint8_t pixels[64 * 64 * 4];
    vt_fill_pattern(pixels, 64, 64, 9);
    vt_upload(vt, &image, pixels, sizeof(pixels), VK_IMAGE_LAYOUT_GENERAL);
    VkCommandBuffer cmd = vt_begin(vt);
    for (uint32_t level = 1; level < 7; level++) {
        const int32_t size = 64 >> level;
        VkImageBlit region = {{COLOR, level - 1, 0, 1},
                              {{0}, {size * 2, size * 2, 1}},
                              {COLOR, level, 0, 1},
                              {{0}, {size, size, 1}}};
        vkCmdBlitImage(cmd, image.handle, VK_IMAGE_LAYOUT_GENERAL, image.handle,
                       VK_IMAGE_LAYOUT_GENERAL, 1, &region, VK_FILTER_LINEAR);
        vt_barrier(cmd);
    }
    vt_finish(vt, cmd);
    vt_put_image(vt, &image);
}

static void resolve_image(struct vt *vt)
{
    VkImageCreateInfo info = {.format = RGBA,
                              .extent = {32, 32, 0},
                              .samples = VK_SAMPLE_COUNT_4_BIT,
                              .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT};
    struct vt_image from = vt_image_create(vt, &info, VK_IMAGE_VIEW_TYPE_2D);
    struct vt_image to = vt_image(vt, RGBA, 48, 48, 0);
    VkImageResolve region = {
        {COLOR, 0, 0, 1}, {4, 4, 0}, {COLOR, 0, 0, 1}, {10, 12, 0}, {24, 20, 1}};
    VkImageResolve2 region2 = {.sType = VK_STRUCTURE_TYPE_IMAGE_RESOLVE_2,
                               .srcSubresource = {COLOR, 0, 0, 1},
                               .dstSubresource = {COLOR, 0, 0, 1},
                               .extent = {8, 8, 1}};
    VkCommandBuffer cmd = vt_begin(vt);
    clear(cmd, &from, 0.75f);
    clear(cmd, &to, 0.0f);
    vt_layout(cmd, &from, SRC);
    vt_layout(cmd, &to, DST);
    vkCmdResolveImage(cmd, from.handle, SRC, to.handle, DST, 1, &region);
    vkCmdResolveImage2(cmd, &(VkResolveImageInfo2){.sType = VK_STRUCTURE_TYPE_RESOLVE_IMAGE_INFO_2,
                                                   .srcImage = from.handle,
                                                   .srcImageLayout = SRC,
                                                   .dstImage = to.handle,
                                                   .dstImageLayout = DST,
                                                   .regionCount = 1,
                                                   .pRegions = &region2});
    vt_finish(vt, cmd);
    vt_put_image(vt, &to);
}

static void clear_images(struct vt *vt)
{
    static const VkFormat formats[] = {RGBA,
                                       VK_FORMAT_B8G8R8A8_SRGB,
                                       VK_FORMAT_R5G6B5_UNORM_PACK16,
                                       VK_FORMAT_R16G16B16A16_SFLOAT,
                                       VK_FORMAT_R32_UINT,
                                       VK_FORMAT_A2B10G10R10_UNORM_PACK32};
    for (uint32_t i = 0; i < VT_COUNT(formats); i++) {
        VkImageCreateInfo info = {
            .format = formats[i], .extent = {20, 12, 0}, .mipLevels = 2, .arrayLayers = 2};
        struct vt_image image = vt_image_create(vt, &info, VK_IMAGE_VIEW_TYPE_2D_ARRAY);
        VkClearColorValue first = {.float32 = {0.1f, 0.6f, 0.9f, 0.3f}};
        VkClearColorValue second = {.float32 = {1.5f, -0.5f, 0.45f, 1.0f}};
        if (formats[i] == VK_FORMAT_R32_UINT)
            first.uint32[0] = second.uint32[0] = 0x89abcdef;
        VkImageSubresourceRange ranges[2] = {{COLOR, 1, 1, 0, 1}, {COLOR, 0, 1, 1, 1}};
        VkCommandBuffer cmd = vt_begin(vt);
        vt_layout(cmd, &image, DST);
        vkCmdClearColorImage(cmd, image.handle, DST, &first, 1,
                             (VkImageSubresourceRange[]){vt_range(&image)});
        vt_layout(cmd, &image, DST);
        vkCmdClearColorImage(cmd, image.handle, DST, &second, 2, ranges);
        vt_finish(vt, cmd);
        vt_put_image(vt, &image);
    }
    struct vt_image depth = vt_image(vt, VK_FORMAT_D32_SFLOAT_S8_UINT, 16, 16, 0);
    VkCommandBuffer cmd = vt_begin(vt);
    vt_layout(cmd, &depth, DST);
    vkCmdClearDepthStencilImage(cmd, depth.handle, DST, &(VkClearDepthStencilValue){0.3f, 0x5a}, 1,
                                (VkImageSubresourceRange[]){vt_range(&depth)});
    vt_layout(cmd, &depth, DST);
    vkCmdClearDepthStencilImage(cmd, depth.handle, DST, &(VkClearDepthStencilValue){0.7f, 0xa5}, 1,
                                &(VkImageSubresourceRange){VK_IMAGE_ASPECT_DEPTH_BIT, 0, 1, 0, 1});
    vt_finish(vt, cmd);
    vt_put_image(vt, &depth);
}

static void clear_attachments(struct vt *vt)
{
    struct vt_target target =
        vt_target(vt, RGBA, VK_FORMAT_D32_SFLOAT_S8_UINT, 64, 64, VK_SAMPLE_COUNT_1_BIT);
    const VkImageAspectFlags both = VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT;
    VkClearAttachment attachments[2] = {{COLOR, 0, {.color.float32 = {0.9f, 0.1f, 0.4f, 1.0f}}},
                                        {both, 0, {.depthStencil = {0.25f, 0x33}}}};
    VkClearRect rects[2] = {{{{4, 4}, {20, 30}}, 0, 1}, {{{30, 10}, {34, 50}}, 0, 1}};
    VkCommandBuffer cmd = vt_begin(vt);
    vt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdClearAttachments(cmd, 2, attachments, 2, rects);
    attachments[1].aspectMask = VK_IMAGE_ASPECT_STENCIL_BIT;
    attachments[1].clearValue.depthStencil.stencil = 0x77;
    vkCmdClearAttachments(cmd, 1, attachments + 1, 1, rects);
    vt_end_target(cmd, &target);
    vt_finish(vt, cmd);
    vt_put_image(vt, &target.color);
    vt_put_image(vt, &target.depth);
}

/* Blocks go in and out unchanged, and are decoded by a sampler's filter of one texel. */
static void compressed(struct vt *vt)
{
    vt_need(vt, vt->features.core.features.textureCompressionBC, "textureCompressionBC");
    struct vt_image image =
        vt_image(vt, VK_FORMAT_BC3_UNORM_BLOCK, 32, 32, VK_IMAGE_USAGE_SAMPLED_BIT);
    struct vt_image other = vt_image(vt, VK_FORMAT_BC3_UNORM_BLOCK, 16, 16, 0);
    struct vt_buffer blocks = counted(vt, 1024);
    struct vt_buffer out = vt_buffer(vt, 32 * 32 * 16, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    vt_upload(vt, &image, blocks.data, 1024, VK_IMAGE_LAYOUT_GENERAL);
    VkImageCopy region = {{COLOR, 0, 0, 1}, {8, 4, 0}, {COLOR, 0, 0, 1}, {0, 0, 0}, {16, 16, 1}};
    VkCommandBuffer cmd = vt_begin(vt);
    vt_layout(cmd, &other, DST);
    vkCmdCopyImage(cmd, image.handle, VK_IMAGE_LAYOUT_GENERAL, other.handle, DST, 1, &region);
    vt_finish(vt, cmd);
    VkSampler sampler = vt_sampler(vt, VK_FILTER_NEAREST, VK_SAMPLER_ADDRESS_MODE_REPEAT);
    struct vt_binding bindings[] = {
        {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, .image = &image, .sampler = sampler},
        {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, .image = &image},
        {VK_DESCRIPTOR_TYPE_SAMPLER, .sampler = sampler},
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .buffer = &out}};
    vt_run_compute(vt, "sample.comp", bindings, 4, 4, 4);
    vt_put_buffer(vt, &out);
    vt_put_image(vt, &other);
    vt_put_image(vt, &image);
}

/* A linear image in host-visible memory, written by the processor at its layout's pitch. */
static void linear_image(struct vt *vt)
{
    VkImageCreateInfo info = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                              .imageType = VK_IMAGE_TYPE_2D,
                              .format = RGBA,
                              .extent = {33, 17, 1},
                              .mipLevels = 1,
                              .arrayLayers = 1,
                              .samples = VK_SAMPLE_COUNT_1_BIT,
                              .tiling = VK_IMAGE_TILING_LINEAR,
                              .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                              .initialLayout = VK_IMAGE_LAYOUT_PREINITIALIZED};
    struct vt_image to = vt_image(vt, RGBA, 33, 17, 0);
    VkImage image;
    VkMemoryRequirements requirements;
    VkSubresourceLayout layout;
    uint8_t pixels[33 * 17 * 4], *mapped;
    VT_CHECK(vt, vkCreateImage(vt->device, &info, NULL, &image));
    VT_OWN(vt, IMAGE, image);
    vkGetImageMemoryRequirements(vt->device, image, &requirements);
    VkDeviceMemory memory = vt_allocate(vt, &requirements, VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
    VT_CHECK(vt, vkBindImageMemory(vt->device, image, memory, 0));
    vkGetImageSubresourceLayout(vt->device, image, &(VkImageSubresource){COLOR, 0, 0}, &layout);
    VT_CHECK(vt, vkMapMemory(vt->device, memory, 0, VK_WHOLE_SIZE, 0, (void **)&mapped));
    vt_fill_pattern(pixels, 33, 17, 6);
    for (uint32_t y = 0; y < 17; y++)
        memcpy(mapped + layout.offset + y * layout.rowPitch, pixels + y * 33ul * 4, 33 * 4);
    struct vt_image from = {.handle = image,
                            .layout = VK_IMAGE_LAYOUT_PREINITIALIZED,
                            .aspect = COLOR,
                            .levels = 1,
                            .layers = 1};
    VkImageCopy region = {{COLOR, 0, 0, 1}, {0}, {COLOR, 0, 0, 1}, {0}, {33, 17, 1}};
    VkCommandBuffer cmd = vt_begin(vt);
    vt_layout(cmd, &from, VK_IMAGE_LAYOUT_GENERAL);
    vt_layout(cmd, &to, DST);
    vkCmdCopyImage(cmd, image, VK_IMAGE_LAYOUT_GENERAL, to.handle, DST, 1, &region);
    vt_finish(vt, cmd);
    vt_put_number(vt, layout.rowPitch);
    vt_put_image(vt, &to);
}

int main(int argc, char **argv)
{
    static const struct vt_case cases[] = {
        {"copy-buffer", copy_buffer},
        {"update-and-fill", update_and_fill},
        {"copy-buffer-and-image", copy_buffer_and_image},
        {"copy-image", copy_image},
        {"blits", blits},
        {"mip-chain", mip_chain},
        {"resolve-image", resolve_image},
        {"clear-images", clear_images},
        {"clear-attachments", clear_attachments},
        {"compressed", compressed},
        {"linear-image", linear_image},
    };
    return vt_main(argc, argv, cases, VT_COUNT(cases));
}
