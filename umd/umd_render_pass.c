/* SPDX-License-Identifier: MIT */
/* Render passes: see umd_render_pass.h. */
#include "umd/umd_render_pass.h"

#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"

static struct umd_render_pass *create_state(struct umd_device *device,
                                            const VkAllocationCallbacks *allocator, uint32_t count,
                                            uint64_t *id)
{
    struct umd_render_pass *pass =
        umd_alloc(allocator, &device->allocator, sizeof(*pass) + count * sizeof(pass->subpasses[0]),
                  VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!pass)
        return NULL;
    pass->subpass_count = count;
    *id = umd_id_create(&device->ids, VKWIRE_OBJECT_RENDER_PASS, pass);
    if (*id)
        return pass;
    umd_free(allocator, &device->allocator, pass);
    return NULL;
}

/* After the command was put. */
static VkResult end_create(struct umd_device *device, const VkAllocationCallbacks *allocator,
                           struct umd_render_pass *pass, VkRenderPass handle, VkRenderPass *out)
{
    VkResult result = umd_stream_end(device->stream, false);
    if (result) {
        umd_id_free(&device->ids, UMD_ID(handle));
        umd_free(allocator, &device->allocator, pass);
        return result;
    }
    *out = handle;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateRenderPass(VkDevice device_handle,
                                                    const VkRenderPassCreateInfo *pCreateInfo,
                                                    const VkAllocationCallbacks *pAllocator,
                                                    VkRenderPass *pRenderPass)
{
    struct umd_device *device = umd_device_from(device_handle);
    uint64_t id;
    struct umd_render_pass *pass = create_state(device, pAllocator, pCreateInfo->subpassCount, &id);
    if (!pass)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    for (uint32_t i = 0; i < pCreateInfo->subpassCount; i++) {
        const VkSubpassDescription *subpass = &pCreateInfo->pSubpasses[i];
        pass->subpasses[i].depth_stencil =
            subpass->pDepthStencilAttachment &&
            subpass->pDepthStencilAttachment->attachment != VK_ATTACHMENT_UNUSED;
        for (uint32_t j = 0; j < subpass->colorAttachmentCount; j++) {
            if (subpass->pColorAttachments[j].attachment != VK_ATTACHMENT_UNUSED)
                pass->subpasses[i].color = true;
        }
    }
    VkRenderPass handle = UMD_HANDLE(VkRenderPass, id);
    wire_put_CreateRenderPass(umd_stream_begin(device->stream), pCreateInfo, &handle);
    return end_create(device, pAllocator, pass, handle, pRenderPass);
}

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateRenderPass2(VkDevice device_handle,
                                                     const VkRenderPassCreateInfo2 *pCreateInfo,
                                                     const VkAllocationCallbacks *pAllocator,
                                                     VkRenderPass *pRenderPass)
{
    struct umd_device *device = umd_device_from(device_handle);
    uint64_t id;
    struct umd_render_pass *pass = create_state(device, pAllocator, pCreateInfo->subpassCount, &id);
    if (!pass)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    for (uint32_t i = 0; i < pCreateInfo->subpassCount; i++) {
        const VkSubpassDescription2 *subpass = &pCreateInfo->pSubpasses[i];
        pass->subpasses[i].depth_stencil =
            subpass->pDepthStencilAttachment &&
            subpass->pDepthStencilAttachment->attachment != VK_ATTACHMENT_UNUSED;
        for (uint32_t j = 0; j < subpass->colorAttachmentCount; j++) {
            if (subpass->pColorAttachments[j].attachment != VK_ATTACHMENT_UNUSED)
                pass->subpasses[i].color = true;
        }
    }
    VkRenderPass handle = UMD_HANDLE(VkRenderPass, id);
    wire_put_CreateRenderPass2(umd_stream_begin(device->stream), pCreateInfo, &handle);
    return end_create(device, pAllocator, pass, handle, pRenderPass);
}

VKAPI_ATTR void VKAPI_CALL umd_DestroyRenderPass(VkDevice device_handle, VkRenderPass handle,
                                                 const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_render_pass *pass = umd_object(device, UMD_ID(handle));
    if (!pass)
        return;
    wire_put_DestroyRenderPass(umd_stream_begin(device->stream), handle);
    umd_stream_end(device->stream, false);
    umd_id_free(&device->ids, UMD_ID(handle));
    umd_free(pAllocator, &device->allocator, pass);
}

void umd_sanitize_begin(VkCommandBufferBeginInfo *copy, VkCommandBufferInheritanceInfo *inheritance,
                        const VkCommandBufferBeginInfo *source, VkCommandBufferLevel level)
{
    *copy = *source;
    if (level == VK_COMMAND_BUFFER_LEVEL_PRIMARY)
        copy->pInheritanceInfo = NULL;
    if (!copy->pInheritanceInfo)
        return;
    *inheritance = *copy->pInheritanceInfo;
    copy->pInheritanceInfo = inheritance;
    if (!(source->flags & VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT)) {
        inheritance->renderPass = VK_NULL_HANDLE;
        inheritance->framebuffer = VK_NULL_HANDLE;
        inheritance->subpass = 0;
    } else if (!inheritance->renderPass) {
        inheritance->framebuffer = VK_NULL_HANDLE; /* dynamic rendering */
    }
}
