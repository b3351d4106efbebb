/* SPDX-License-Identifier: MIT */
/* Images: creation, layouts, upload, reading back. */
#include <stdlib.h>

#include "vt.h"

static VkImageAspectFlags aspects_of(VkFormat format)
{
    switch (format) {
    case VK_FORMAT_D16_UNORM:
    case VK_FORMAT_D32_SFLOAT:
    case VK_FORMAT_X8_D24_UNORM_PACK32:
        return VK_IMAGE_ASPECT_DEPTH_BIT;
    case VK_FORMAT_S8_UINT:
        return VK_IMAGE_ASPECT_STENCIL_BIT;
    case VK_FORMAT_D24_UNORM_S8_UINT:
    case VK_FORMAT_D32_SFLOAT_S8_UINT:
        return VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT;
    default:
        return VK_IMAGE_ASPECT_COLOR_BIT;
    }
}

static bool is_block(VkFormat format)
{
    return format == VK_FORMAT_BC1_RGBA_UNORM_BLOCK || format == VK_FORMAT_BC3_UNORM_BLOCK;
}

uint32_t vt_texel_size(VkFormat format, VkImageAspectFlags aspect)
{
    if (aspect == VK_IMAGE_ASPECT_STENCIL_BIT)
        return 1;
    switch (format) {
    case VK_FORMAT_R8_UNORM:
        return 1;
    case VK_FORMAT_D16_UNORM:
    case VK_FORMAT_R5G6B5_UNORM_PACK16:
    case VK_FORMAT_R16_SFLOAT:
        return 2;
    case VK_FORMAT_R16G16B16A16_SFLOAT:
    case VK_FORMAT_R32G32_SFLOAT:
    case VK_FORMAT_BC1_RGBA_UNORM_BLOCK:
        return 8;
    case VK_FORMAT_R32G32B32A32_SFLOAT:
    case VK_FORMAT_R32G32B32A32_UINT:
    case VK_FORMAT_BC3_UNORM_BLOCK:
        return 16;
    default:
        return 4;
    }
}

VkImageSubresourceRange vt_range(const struct vt_image *image)
{
    return (VkImageSubresourceRange){image->aspect, 0, image->levels, 0, image->layers};
}

VkImageView vt_view(struct vt *vt, const struct vt_image *image, VkImageViewType type,
                    VkImageSubresourceRange range)
{
    VkImageViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = image->handle,
        .viewType = type,
        .format = image->format,
        .subresourceRange = range,
    };
    VkImageView view;
    VT_CHECK(vt, vkCreateImageView(vt->device, &info, NULL, &view));
    VT_OWN(vt, IMAGE_VIEW, view);
    return view;
}

struct vt_image vt_image_create(struct vt *vt, const VkImageCreateInfo *given, VkImageViewType type)
{
    const VkImageUsageFlags transfer =
        VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    VkImageCreateInfo info = *given;
    info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    if (!info.extent.depth) {
        info.extent.depth = 1;
        info.imageType = VK_IMAGE_TYPE_2D;
    }
    info.mipLevels = info.mipLevels ? info.mipLevels : 1;
    info.arrayLayers = info.arrayLayers ? info.arrayLayers : 1;
    info.samples = info.samples ? info.samples : VK_SAMPLE_COUNT_1_BIT;
    if (!(info.usage & VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT))
        info.usage |= transfer;
    struct vt_image image = {
        .format = info.format,
        .aspect = aspects_of(info.format),
        .extent = info.extent,
        .levels = info.mipLevels,
        .layers = info.arrayLayers,
        .samples = info.samples,
        .layout = info.initialLayout,
    };
    VT_CHECK(vt, vkCreateImage(vt->device, &info, NULL, &image.handle));
    VT_OWN(vt, IMAGE, image.handle);
    VkMemoryRequirements requirements;
    vkGetImageMemoryRequirements(vt->device, image.handle, &requirements);
    image.memory = vt_allocate(vt, &requirements, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    VT_CHECK(vt, vkBindImageMemory(vt->device, image.handle, image.memory, 0));
    if (info.usage & ~transfer)
        image.view = vt_view(vt, &image, type, vt_range(&image));
    return image;
}

struct vt_image vt_image(struct vt *vt, VkFormat format, uint32_t width, uint32_t height,
                         VkImageUsageFlags usage)
{
    return vt_image_create(
        vt, &(VkImageCreateInfo){.format = format, .extent = {width, height, 0}, .usage = usage},
        VK_IMAGE_VIEW_TYPE_2D);
}

void vt_layout(VkCommandBuffer cmd, struct vt_image *image, VkImageLayout layout)
{
    VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        .oldLayout = image->layout,
        .newLayout = layout,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = image->handle,
        .subresourceRange = vt_range(image),
    };
    vkCmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
    image->layout = layout;
}

void vt_upload(struct vt *vt, struct vt_image *image, const void *data, size_t size,
               VkImageLayout layout)
{
    struct vt_buffer staging = vt_buffer_of(vt, data, size, 0);
    VkBufferImageCopy region = {
        .imageSubresource = {image->aspect, 0, 0, 1},
        .imageExtent = image->extent,
    };
    VkCommandBuffer cmd = vt_begin(vt);
    vt_layout(cmd, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vkCmdCopyBufferToImage(cmd, staging.handle, image->handle, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                           1, &region);
    vt_layout(cmd, image, layout);
    vt_finish(vt, cmd);
}

void vt_fill_pattern(uint8_t *pixels, uint32_t width, uint32_t height, uint32_t seed)
{
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            uint8_t *pixel = pixels + ((size_t)y * width + x) * 4;
            bool dark = ((x * 8 / width) ^ (y * 8 / height)) & 1;
            pixel[0] = (uint8_t)(dark ? 40 + seed * 37 % 64 : 255 - x * 128 / width);
            pixel[1] = (uint8_t)(dark ? y * 128 / height : 220 - seed * 53 % 128);
            pixel[2] = (uint8_t)(dark ? 200 - seed * 29 % 64 : (x + y) * 255 / (width + height));
            pixel[3] = (uint8_t)(255 - (x ^ y) % 64);
        }
    }
}

struct vt_image vt_texture(struct vt *vt, uint32_t width, uint32_t height, uint32_t seed)
{
    struct vt_image image =
        vt_image(vt, VK_FORMAT_R8G8B8A8_UNORM, width, height, VK_IMAGE_USAGE_SAMPLED_BIT);
    size_t size = (size_t)width * height * 4;
    uint8_t *pixels = malloc(size);
    vt_fill_pattern(pixels, width, height, seed);
    vt_upload(vt, &image, pixels, size, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    free(pixels);
    return image;
}

VkSampler vt_sampler(struct vt *vt, VkFilter filter, VkSamplerAddressMode mode)
{
    VkSamplerCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
        .magFilter = filter,
        .minFilter = filter,
        .mipmapMode = filter == VK_FILTER_LINEAR ? VK_SAMPLER_MIPMAP_MODE_LINEAR
                                                 : VK_SAMPLER_MIPMAP_MODE_NEAREST,
        .addressModeU = mode,
        .addressModeV = mode,
        .addressModeW = mode,
        .maxLod = VK_LOD_CLAMP_NONE,
    };
    VkSampler sampler;
    VT_CHECK(vt, vkCreateSampler(vt->device, &info, NULL, &sampler));
    VT_OWN(vt, SAMPLER, sampler);
    return sampler;
}

static uint32_t level_size(uint32_t size, uint32_t level)
{
    return size >> level ? size >> level : 1;
}

static size_t level_bytes(const struct vt_image *image, VkImageAspectFlags aspect, uint32_t level)
{
    size_t width = level_size(image->extent.width, level);
    size_t height = level_size(image->extent.height, level);
    if (is_block(image->format)) {
        width = (width + 3) / 4;
        height = (height + 3) / 4;
    }
    return width * height * level_size(image->extent.depth, level) * image->layers *
           vt_texel_size(image->format, aspect);
}

static void put_aspect(struct vt *vt, struct vt_image *image, VkImageAspectFlags aspect)
{
    VkBufferImageCopy regions[16];
    size_t size = 0;
    for (uint32_t level = 0; level < image->levels; level++) {
        regions[level] = (VkBufferImageCopy){
            .bufferOffset = size,
            .imageSubresource = {aspect, level, 0, image->layers},
            .imageExtent = {level_size(image->extent.width, level),
                            level_size(image->extent.height, level),
                            level_size(image->extent.depth, level)},
        };
        size = (size + level_bytes(image, aspect, level) + 15) & ~(size_t)15;
    }
    struct vt_buffer buffer = vt_buffer(vt, size, 0);
    VkCommandBuffer cmd = vt_begin(vt);
    if (image->layout != VK_IMAGE_LAYOUT_GENERAL)
        vt_layout(cmd, image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    vkCmdCopyImageToBuffer(cmd, image->handle, image->layout, buffer.handle, image->levels,
                           regions);
    vt_barrier(cmd);
    vt_finish(vt, cmd);
    vt_put_buffer(vt, &buffer);
    if (image->format == VK_FORMAT_R8G8B8A8_UNORM && image->extent.depth == 1)
        vt_picture(vt, buffer.data, image->extent.width, image->extent.height * image->layers);
}

void vt_put_image(struct vt *vt, struct vt_image *image)
{
    for (uint32_t bit = 0; bit < 3; bit++)
        if (image->aspect & (1u << bit))
            put_aspect(vt, image, 1u << bit);
}
