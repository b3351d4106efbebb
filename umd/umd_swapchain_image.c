/* SPDX-License-Identifier: MIT */
/*
 * The images of swapchains. Where the device is a CPU they are linear and lie in CPU-visible
 * memory: the window system reads what was drawn, and nothing is copied. Elsewhere they are as the
 * device likes them best, and the presenting queue copies each into a buffer in CPU-visible memory.
 */
#include "umd/umd_wsi.h"

#include <stdlib.h>
#include <string.h>

#include "umd/umd_chain.h"
#include "umd/umd_facts.h"
#include "umd_commands.h"

#define PIXEL_BYTES 4u

struct umd_swapchain_recipe {
    VkImageCreateInfo info;
    VkImageFormatListCreateInfo formats;
    bool direct; /* the window system reads the images themselves */
};

/* --- The recipe --- */

static void *copy_of(const void *array, size_t count, size_t size)
{
    void *copy = malloc(count ? count * size : 1);
    if (copy && count)
        memcpy(copy, array, count * size);
    return copy;
}

static VkResult init_recipe(struct umd_swapchain_recipe *recipe,
                            const VkSwapchainCreateInfoKHR *info)
{
    const VkImageFormatListCreateInfo *formats =
        umd_chain_find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO);
    bool shared = info->imageSharingMode == VK_SHARING_MODE_CONCURRENT;
    recipe->info = (VkImageCreateInfo){
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .flags = VK_IMAGE_CREATE_ALIAS_BIT, /* for VkImageSwapchainCreateInfoKHR */
        .imageType = VK_IMAGE_TYPE_2D,
        .format = info->imageFormat,
        .extent = {info->imageExtent.width, info->imageExtent.height, 1},
        .mipLevels = 1,
        .arrayLayers = info->imageArrayLayers,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = info->imageUsage,
        .sharingMode = info->imageSharingMode,
        .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
    };
    if (info->flags & VK_SWAPCHAIN_CREATE_MUTABLE_FORMAT_BIT_KHR)
        recipe->info.flags |=
            VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT | VK_IMAGE_CREATE_EXTENDED_USAGE_BIT;
    if (shared) {
        recipe->info.queueFamilyIndexCount = info->queueFamilyIndexCount;
        recipe->info.pQueueFamilyIndices =
            copy_of(info->pQueueFamilyIndices, info->queueFamilyIndexCount, sizeof(uint32_t));
        if (!recipe->info.pQueueFamilyIndices)
            return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    if (formats) {
        recipe->formats = *formats;
        recipe->formats.pNext = NULL;
        recipe->formats.pViewFormats =
            copy_of(formats->pViewFormats, formats->viewFormatCount, sizeof(VkFormat));
        if (!recipe->formats.pViewFormats)
            return VK_ERROR_OUT_OF_HOST_MEMORY;
        recipe->info.pNext = &recipe->formats;
    }
    return VK_SUCCESS;
}

static void finish_recipe(struct umd_swapchain_recipe *recipe)
{
    free((void *)(uintptr_t)recipe->info.pQueueFamilyIndices);
    free((void *)(uintptr_t)recipe->formats.pViewFormats);
    free(recipe);
}

static bool device_makes(const struct umd_device *device, const VkImageCreateInfo *info)
{
    VkPhysicalDeviceImageFormatInfo2 asked = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
        .pNext = info->pNext,
        .format = info->format,
        .type = info->imageType,
        .tiling = info->tiling,
        .usage = info->usage,
        .flags = info->flags,
    };
    VkImageFormatProperties2 answer = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2};
    return umd_GetPhysicalDeviceImageFormatProperties2((VkPhysicalDevice)device->physical, &asked,
                                                       &answer) == VK_SUCCESS &&
           answer.imageFormatProperties.maxExtent.width >= info->extent.width &&
           answer.imageFormatProperties.maxExtent.height >= info->extent.height &&
           answer.imageFormatProperties.maxArrayLayers >= info->arrayLayers;
}

/* GPUPV_WINDOW_IMAGES, which is for tests: `direct` or `copy` whatever the device is. */
static bool wants_direct(const struct umd_device *device)
{
    const char *asked = secure_getenv("GPUPV_WINDOW_IMAGES");
    if (asked && !strcmp(asked, "copy"))
        return false;
    if (asked && !strcmp(asked, "direct"))
        return true;
    return device->physical->facts->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

/* --- Memory --- */

/* The first type of `allowed` with all of `flags`, which may be none. */
static bool find_type(const struct umd_device *device, uint32_t allowed,
                      VkMemoryPropertyFlags flags, uint32_t *type)
{
    const VkPhysicalDeviceMemoryProperties *memory = &device->physical->facts->memory;
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
        VkMemoryPropertyFlags has = memory->memoryTypes[i].propertyFlags;
        if ((allowed & 1u << i) && (has & flags) == flags &&
            !(has & VK_MEMORY_PROPERTY_PROTECTED_BIT)) {
            *type = i;
            return true;
        }
    }
    return false;
}

static VkResult allocate(VkDevice handle, const VkMemoryRequirements *requirements, uint32_t type,
                         const VkMemoryDedicatedAllocateInfo *dedicated, VkDeviceMemory *memory)
{
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = dedicated,
        .allocationSize = requirements->size,
        .memoryTypeIndex = type,
    };
    return umd_AllocateMemory(handle, &info, NULL, memory);
}

/* The device may insist on memory of the image's own; others may bind more images to it. */
static VkResult allocate_for_image(struct umd_device *device, VkImage image, bool visible,
                                   VkDeviceMemory *memory)
{
    VkDevice handle = (VkDevice)device;
    VkMemoryDedicatedRequirements own = {.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS};
    VkMemoryRequirements2 requirements = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
                                          .pNext = &own};
    const VkImageMemoryRequirementsInfo2 asked = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2, .image = image};
    const VkMemoryDedicatedAllocateInfo dedicated = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, .image = image};
    umd_GetImageMemoryRequirements2(handle, &asked, &requirements);
    uint32_t allowed = requirements.memoryRequirements.memoryTypeBits, type;
    bool found = visible ? find_type(device, allowed, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, &type)
                         : find_type(device, allowed, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, &type) ||
                               find_type(device, allowed, 0, &type);
    if (!found)
        return VK_ERROR_FORMAT_NOT_SUPPORTED;
    return allocate(handle, &requirements.memoryRequirements, type,
                    own.requiresDedicatedAllocation ? &dedicated : NULL, memory);
}

static VkResult make_copy(struct umd_swapchain *swapchain, struct umd_swapchain_image *image)
{
    VkDevice handle = (VkDevice)swapchain->device;
    image->stride = swapchain->extent.width * PIXEL_BYTES;
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = (VkDeviceSize)image->stride * swapchain->extent.height,
        .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
    };
    VkResult result = umd_CreateBuffer(handle, &info, NULL, &image->copy);
    if (result)
        return result;
    VkMemoryRequirements requirements;
    umd_GetBufferMemoryRequirements(handle, image->copy, &requirements);
    const VkMemoryPropertyFlags cached =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    uint32_t type;
    if (!find_type(swapchain->device, requirements.memoryTypeBits, cached, &type) &&
        !find_type(swapchain->device, requirements.memoryTypeBits,
                   VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, &type))
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    result = allocate(handle, &requirements, type, NULL, &image->copy_memory);
    if (!result)
        result = umd_BindBufferMemory(handle, image->copy, image->copy_memory, 0);
    void *pixels = NULL;
    if (!result)
        result = umd_MapMemory(handle, image->copy_memory, 0, VK_WHOLE_SIZE, 0, &pixels);
    image->pixels = pixels;
    return result;
}

static VkResult map_direct(struct umd_swapchain *swapchain, struct umd_swapchain_image *image)
{
    VkDevice handle = (VkDevice)swapchain->device;
    const VkImageSubresource color = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT};
    VkSubresourceLayout layout;
    void *pixels;
    umd_GetImageSubresourceLayout(handle, image->image, &color, &layout);
    if (layout.rowPitch < (VkDeviceSize)swapchain->extent.width * PIXEL_BYTES ||
        layout.rowPitch % PIXEL_BYTES || layout.rowPitch > UINT32_MAX)
        return VK_ERROR_DEVICE_LOST; /* there is no answer, or none that can be */
    VkResult result = umd_MapMemory(handle, image->memory, 0, VK_WHOLE_SIZE, 0, &pixels);
    if (result)
        return result;
    image->pixels = (const uint8_t *)pixels + layout.offset;
    image->stride = (uint32_t)layout.rowPitch;
    return VK_SUCCESS;
}

/* --- Images --- */

static VkResult make_image(struct umd_swapchain *swapchain, struct umd_swapchain_image *image)
{
    const struct umd_swapchain_recipe *recipe = swapchain->recipe;
    VkDevice handle = (VkDevice)swapchain->device;
    VkResult result = umd_CreateImage(handle, &recipe->info, NULL, &image->image);
    if (!result)
        result =
            allocate_for_image(swapchain->device, image->image, recipe->direct, &image->memory);
    if (!result)
        result = umd_BindImageMemory(handle, image->image, image->memory, 0);
    if (!result)
        result = recipe->direct ? map_direct(swapchain, image) : make_copy(swapchain, image);
    return result;
}

static void free_image(struct umd_swapchain *swapchain, struct umd_swapchain_image *image)
{
    VkDevice handle = (VkDevice)swapchain->device;
    umd_DestroyBuffer(handle, image->copy, NULL);
    umd_DestroyImage(handle, image->image, NULL);
    umd_FreeMemory(handle, image->copy_memory, NULL);
    umd_FreeMemory(handle, image->memory, NULL);
    free(image->commands);
    *image = (struct umd_swapchain_image){0};
}

static VkResult make_all(struct umd_swapchain *swapchain)
{
    VkResult result = VK_SUCCESS;
    for (uint32_t i = 0; i < swapchain->image_count && !result; i++)
        result = make_image(swapchain, &swapchain->images[i]);
    return result;
}

VkResult umd_swapchain_make_images(struct umd_swapchain *swapchain,
                                   const VkSwapchainCreateInfoKHR *info)
{
    struct umd_swapchain_recipe *recipe = calloc(1, sizeof(*recipe));
    swapchain->recipe = recipe;
    swapchain->images = calloc(swapchain->image_count, sizeof(*swapchain->images));
    if (!recipe || !swapchain->images)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = init_recipe(recipe, info);
    if (result)
        return result;
    recipe->info.tiling = VK_IMAGE_TILING_LINEAR;
    recipe->direct =
        wants_direct(swapchain->device) && device_makes(swapchain->device, &recipe->info);
    if (recipe->direct) {
        result = make_all(swapchain);
        if (result != VK_ERROR_FORMAT_NOT_SUPPORTED)
            return result;
        recipe->direct = false; /* linear images have no CPU-visible memory here */
        for (uint32_t i = 0; i < swapchain->image_count; i++)
            free_image(swapchain, &swapchain->images[i]);
    }
    recipe->info.tiling = VK_IMAGE_TILING_OPTIMAL;
    recipe->info.usage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
    return make_all(swapchain);
}

void umd_swapchain_free_images(struct umd_swapchain *swapchain)
{
    uint32_t families = swapchain->device->physical->facts->queue_family_count;
    for (uint32_t i = 0; swapchain->images && i < swapchain->image_count; i++)
        free_image(swapchain, &swapchain->images[i]);
    for (uint32_t i = 0; swapchain->pools && i < families; i++)
        umd_DestroyCommandPool((VkDevice)swapchain->device, swapchain->pools[i], NULL);
    free(swapchain->pools);
    free(swapchain->images);
    if (swapchain->recipe)
        finish_recipe(swapchain->recipe);
    swapchain->pools = NULL;
    swapchain->images = NULL;
    swapchain->recipe = NULL;
}

/* --- Copies --- */

static VkResult record_copy(const struct umd_swapchain *swapchain,
                            const struct umd_swapchain_image *image, VkCommandBuffer commands)
{
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT,
        .oldLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR,
        .newLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = image->image,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
    };
    const VkMemoryBarrier to_host = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
    };
    const VkBufferImageCopy region = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = {swapchain->extent.width, swapchain->extent.height, 1},
    };
    VkResult result = umd_BeginCommandBuffer(commands, &begin);
    if (result)
        return result;
    umd_CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                           VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
    umd_CmdCopyImageToBuffer(commands, image->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                             image->copy, 1, &region);
    barrier.srcAccessMask = 0;
    barrier.dstAccessMask = 0;
    barrier.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
    barrier.newLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR;
    umd_CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                           VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, 1,
                           &to_host, 0, NULL, 1, &barrier);
    return umd_EndCommandBuffer(commands);
}

static VkResult find_pool(struct umd_swapchain *swapchain, uint32_t family, VkCommandPool *pool)
{
    uint32_t families = swapchain->device->physical->facts->queue_family_count;
    if (!swapchain->pools)
        swapchain->pools = calloc(families, sizeof(*swapchain->pools));
    if (!swapchain->pools)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = VK_SUCCESS;
    if (!swapchain->pools[family]) {
        const VkCommandPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                              .queueFamilyIndex = family};
        result = umd_CreateCommandPool((VkDevice)swapchain->device, &info, NULL,
                                       &swapchain->pools[family]);
    }
    *pool = swapchain->pools[family];
    return result;
}

VkResult umd_swapchain_copy_commands(struct umd_swapchain *swapchain,
                                     struct umd_swapchain_image *image, uint32_t family,
                                     VkCommandBuffer *commands)
{
    *commands = VK_NULL_HANDLE;
    if (swapchain->recipe->direct)
        return VK_SUCCESS;
    uint32_t families = swapchain->device->physical->facts->queue_family_count;
    if (!image->commands && !(image->commands = calloc(families, sizeof(*image->commands))))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    *commands = image->commands[family];
    if (*commands)
        return VK_SUCCESS;
    VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    VkResult result = find_pool(swapchain, family, &info.commandPool);
    if (!result)
        result = umd_AllocateCommandBuffers((VkDevice)swapchain->device, &info, commands);
    if (result)
        return result;
    result = record_copy(swapchain, image, *commands);
    if (!result)
        image->commands[family] = *commands;
    return result;
}

/* --- Images of the program's that share a swapchain's memory --- */

VkResult umd_swapchain_create_alias(VkDevice device, VkSwapchainKHR swapchain,
                                    const VkAllocationCallbacks *allocator, VkImage *image)
{
    const struct umd_swapchain *own = umd_object(umd_device_from(device), UMD_ID(swapchain));
    return own ? umd_CreateImage(device, &own->recipe->info, allocator, image)
               : VK_ERROR_OUT_OF_HOST_MEMORY;
}

VkDeviceMemory umd_swapchain_memory(const struct umd_device *device, VkSwapchainKHR swapchain,
                                    uint32_t index)
{
    const struct umd_swapchain *own = umd_object(device, UMD_ID(swapchain));
    return own && index < own->image_count ? own->images[index].memory : VK_NULL_HANDLE;
}
