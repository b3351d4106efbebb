/* SPDX-License-Identifier: MIT */
/* Members that Vulkan ignores may hold anything: here they are cleared, so that nothing of it is
 * followed or sent. Each function makes a shallow copy. */
#include "umd_sanitize.h"

void umd_sanitize_VkBufferCreateInfo(VkBufferCreateInfo *copy, const VkBufferCreateInfo *source)
{
    *copy = *source;
    if (source->sharingMode != VK_SHARING_MODE_CONCURRENT) {
        copy->queueFamilyIndexCount = 0;
        copy->pQueueFamilyIndices = NULL;
    }
}

void umd_sanitize_VkImageCreateInfo(VkImageCreateInfo *copy, const VkImageCreateInfo *source)
{
    *copy = *source;
    if (source->sharingMode != VK_SHARING_MODE_CONCURRENT) {
        copy->queueFamilyIndexCount = 0;
        copy->pQueueFamilyIndices = NULL;
    }
}

void umd_sanitize_VkFramebufferCreateInfo(VkFramebufferCreateInfo *copy,
                                          const VkFramebufferCreateInfo *source)
{
    *copy = *source;
    if (source->flags & VK_FRAMEBUFFER_CREATE_IMAGELESS_BIT)
        copy->pAttachments = NULL; /* attachmentCount counts all the same */
}

void umd_sanitize_VkDescriptorSetLayoutBinding(VkDescriptorSetLayoutBinding *copy,
                                               const VkDescriptorSetLayoutBinding *source)
{
    *copy = *source;
    if ((source->descriptorType != VK_DESCRIPTOR_TYPE_SAMPLER &&
         source->descriptorType != VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER) ||
        source->descriptorCount == 0)
        copy->pImmutableSamplers = NULL;
}

void umd_sanitize_VkRenderingAttachmentInfo(VkRenderingAttachmentInfo *copy,
                                            const VkRenderingAttachmentInfo *source)
{
    *copy = *source;
    if (!source->imageView)
        copy->resolveMode = VK_RESOLVE_MODE_NONE;
    if (copy->resolveMode == VK_RESOLVE_MODE_NONE)
        copy->resolveImageView = VK_NULL_HANDLE;
}

void umd_sanitize_VkComputePipelineCreateInfo(VkComputePipelineCreateInfo *copy,
                                              const VkComputePipelineCreateInfo *source)
{
    *copy = *source;
    if (!(source->flags & VK_PIPELINE_CREATE_DERIVATIVE_BIT))
        copy->basePipelineHandle = VK_NULL_HANDLE;
}
