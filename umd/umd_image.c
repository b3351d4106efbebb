/* SPDX-License-Identifier: MIT */
/* Images: as buffers, and the layout of subresources. */
#include <stdlib.h>
#include <string.h>

#include "umd/umd_chain.h"
#include "umd/umd_memory.h"
#include "umd/umd_resource.h"
#include "umd/umd_wsi.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"

struct umd_layout {
    struct umd_layout *next;
    VkImageSubresource subresource;
    VkSubresourceLayout layout;
};

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateImage(VkDevice device_handle,
                                               const VkImageCreateInfo *pCreateInfo,
                                               const VkAllocationCallbacks *pAllocator,
                                               VkImage *pImage)
{
    struct umd_device *device = umd_device_from(device_handle);
    const VkImageSwapchainCreateInfoKHR *of_swapchain =
        umd_chain_find(pCreateInfo->pNext, VK_STRUCTURE_TYPE_IMAGE_SWAPCHAIN_CREATE_INFO_KHR);
    if (of_swapchain && of_swapchain->swapchain)
        return umd_swapchain_create_alias(device_handle, of_swapchain->swapchain, pAllocator,
                                          pImage);
    struct umd_image *image = umd_alloc(pAllocator, &device->allocator, sizeof(*image),
                                        VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!image)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_IMAGE, image);
    if (!id)
        goto free_image;
    VkImage handle = UMD_HANDLE(VkImage, id);
    struct wire_encoder *e = umd_stream_begin(device->stream);
    size_t create_info = e->used + sizeof(struct vkwire_CreateImage);
    wire_put_CreateImage(e, pCreateInfo, &handle);
    result = umd_resource_end_create(device, e, create_info, id, &image->key);
    if (result)
        goto free_image;
    *pImage = handle;
    return VK_SUCCESS;
free_image:
    umd_free(pAllocator, &device->allocator, image);
    return result;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroyImage(VkDevice device_handle, VkImage handle,
                                            const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_image *image = umd_object(device, UMD_ID(handle));
    if (!image)
        return;
    struct wire_encoder *e = umd_stream_begin(device->stream);
    wire_put_DestroyImage(e, handle);
    umd_stream_end(device->stream, false);
    umd_id_free(&device->ids, UMD_ID(handle));
    struct umd_layout *layout = atomic_load_explicit(&image->layouts, memory_order_relaxed);
    while (layout) {
        struct umd_layout *next = layout->next;
        free(layout);
        layout = next;
    }
    umd_resource_key_finish(&image->key);
    umd_free(pAllocator, &device->allocator, image);
}

/* --- Requirements --- */

static uint32_t kind_of_plane(VkImageAspectFlags plane)
{
    return plane ? UMD_REQUIREMENTS_PLANE | plane << 8 : UMD_REQUIREMENTS_IMAGE;
}

static void add_answer(struct umd_device *device, const struct umd_requirements_key *key,
                       const VkMemoryRequirements2 *answer,
                       const VkMemoryDedicatedRequirements *dedicated,
                       struct umd_requirements *requirements)
{
    requirements->memory = answer->memoryRequirements;
    requirements->prefers_dedicated = dedicated->prefersDedicatedAllocation;
    requirements->requires_dedicated = dedicated->requiresDedicatedAllocation;
    umd_requirements_add(device, key, requirements);
}

static void get_requirements(struct umd_device *device, VkImage handle, VkImageAspectFlagBits plane,
                             struct umd_requirements *requirements)
{
    memset(requirements, 0, sizeof(*requirements));
    const struct umd_image *image = umd_object(device, UMD_ID(handle));
    if (!image)
        return;
    struct umd_requirements_key key =
        umd_resource_requirements_key(&image->key, kind_of_plane(plane));
    if (umd_requirements_find(device, &key, requirements))
        return;
    VkMemoryDedicatedRequirements dedicated = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS,
    };
    VkMemoryRequirements2 answer = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
        .pNext = &dedicated,
    };
    VkImagePlaneMemoryRequirementsInfo plane_info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_PLANE_MEMORY_REQUIREMENTS_INFO,
        .planeAspect = plane,
    };
    VkImageMemoryRequirementsInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2,
        .pNext = plane ? &plane_info : NULL,
        .image = handle,
    };
    if (umd_call_GetImageMemoryRequirements2(device->stream, &info, &answer) == VK_SUCCESS)
        add_answer(device, &key, &answer, &dedicated, requirements);
}

VKAPI_ATTR void VKAPI_CALL umd_GetImageMemoryRequirements(VkDevice device, VkImage image,
                                                          VkMemoryRequirements *pMemoryRequirements)
{
    struct umd_requirements requirements;
    get_requirements(umd_device_from(device), image, 0, &requirements);
    *pMemoryRequirements = requirements.memory;
}

VKAPI_ATTR void VKAPI_CALL
umd_GetImageMemoryRequirements2(VkDevice device, const VkImageMemoryRequirementsInfo2 *pInfo,
                                VkMemoryRequirements2 *pMemoryRequirements)
{
    const VkImagePlaneMemoryRequirementsInfo *plane =
        umd_chain_find(pInfo->pNext, VK_STRUCTURE_TYPE_IMAGE_PLANE_MEMORY_REQUIREMENTS_INFO);
    struct umd_requirements requirements;
    get_requirements(umd_device_from(device), pInfo->image, plane ? plane->planeAspect : 0,
                     &requirements);
    umd_requirements_fill(&requirements, pMemoryRequirements);
}

VKAPI_ATTR void VKAPI_CALL umd_GetDeviceImageMemoryRequirements(
    VkDevice device_handle, const VkDeviceImageMemoryRequirements *pInfo,
    VkMemoryRequirements2 *pMemoryRequirements)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_requirements requirements = {0};
    bool disjoint = pInfo->pCreateInfo->flags & VK_IMAGE_CREATE_DISJOINT_BIT;
    struct wire_encoder e;
    wire_encoder_init(&e);
    wire_put_VkImageCreateInfo(&e, pInfo->pCreateInfo);
    struct umd_requirements_key key = {
        .size = e.failed ? 0 : (uint32_t)e.used,
        .kind = kind_of_plane(disjoint ? pInfo->planeAspect : 0),
        .data = e.data,
    };
    if (!umd_requirements_find(device, &key, &requirements)) {
        VkMemoryDedicatedRequirements dedicated = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS,
        };
        VkMemoryRequirements2 answer = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
            .pNext = &dedicated,
        };
        if (umd_call_GetDeviceImageMemoryRequirements(device->stream, pInfo, &answer) == VK_SUCCESS)
            add_answer(device, &key, &answer, &dedicated, &requirements);
    }
    wire_encoder_finish(&e);
    umd_requirements_fill(&requirements, pMemoryRequirements);
}

VKAPI_ATTR void VKAPI_CALL umd_GetImageSparseMemoryRequirements(
    VkDevice device, VkImage image, uint32_t *pSparseMemoryRequirementCount,
    VkSparseImageMemoryRequirements *pSparseMemoryRequirements)
{
    VkImageSparseMemoryRequirementsInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_SPARSE_MEMORY_REQUIREMENTS_INFO_2,
        .image = image,
    };
    /* One for each aspect, and one for metadata. */
    VkSparseImageMemoryRequirements2 all[8] = {0};
    uint32_t count = sizeof(all) / sizeof(all[0]);
    for (uint32_t i = 0; i < count; i++)
        all[i].sType = VK_STRUCTURE_TYPE_SPARSE_IMAGE_MEMORY_REQUIREMENTS_2;
    umd_GetImageSparseMemoryRequirements2(device, &info, &count, all);
    if (pSparseMemoryRequirements) {
        if (count > *pSparseMemoryRequirementCount)
            count = *pSparseMemoryRequirementCount;
        for (uint32_t i = 0; i < count; i++)
            pSparseMemoryRequirements[i] = all[i].memoryRequirements;
    }
    *pSparseMemoryRequirementCount = count;
}

/* --- Memory and layouts --- */

VKAPI_ATTR VkResult VKAPI_CALL umd_BindImageMemory2(VkDevice device_handle, uint32_t bindInfoCount,
                                                    const VkBindImageMemoryInfo *pBindInfos)
{
    struct umd_device *device = umd_device_from(device_handle);
    for (uint32_t i = 0; i < bindInfoCount; i++) {
        VkBindImageMemoryInfo info = pBindInfos[i];
        const VkBindImageMemorySwapchainInfoKHR *of_swapchain =
            umd_chain_find(info.pNext, VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_SWAPCHAIN_INFO_KHR);
        if (of_swapchain && of_swapchain->swapchain) {
            info.memory =
                umd_swapchain_memory(device, of_swapchain->swapchain, of_swapchain->imageIndex);
            info.memoryOffset = 0;
        }
        umd_memory_resolve(device, &info.memory, &info.memoryOffset);
        struct wire_encoder *e = umd_stream_begin(device->stream);
        wire_put_BindImageMemory2(e, 1, &info);
        VkResult result = umd_stream_end(device->stream, false);
        if (result)
            return result;
    }
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_BindImageMemory(VkDevice device, VkImage image,
                                                   VkDeviceMemory memory, VkDeviceSize memoryOffset)
{
    VkBindImageMemoryInfo info = {
        .sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO,
        .image = image,
        .memory = memory,
        .memoryOffset = memoryOffset,
    };
    return umd_BindImageMemory2(device, 1, &info);
}

VKAPI_ATTR void VKAPI_CALL umd_GetImageSubresourceLayout(VkDevice device_handle, VkImage handle,
                                                         const VkImageSubresource *pSubresource,
                                                         VkSubresourceLayout *pLayout)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_image *image = umd_object(device, UMD_ID(handle));
    memset(pLayout, 0, sizeof(*pLayout));
    if (!image)
        return;
    struct umd_layout *first = atomic_load_explicit(&image->layouts, memory_order_acquire);
    for (const struct umd_layout *known = first; known; known = known->next) {
        if (memcmp(&known->subresource, pSubresource, sizeof(*pSubresource)) == 0) {
            *pLayout = known->layout;
            return;
        }
    }
    if (umd_call_GetImageSubresourceLayout(device->stream, handle, pSubresource, pLayout) !=
        VK_SUCCESS)
        return;
    struct umd_layout *layout = malloc(sizeof(*layout));
    if (!layout)
        return;
    *layout = (struct umd_layout){first, *pSubresource, *pLayout};
    while (!atomic_compare_exchange_weak_explicit(&image->layouts, &layout->next, layout,
                                                  memory_order_acq_rel, memory_order_acquire))
        ;
}
