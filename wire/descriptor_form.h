/* SPDX-License-Identifier: MIT */
/* What a descriptor of a type consists of in struct stream_descriptor_write (wire/stream.h). */
#ifndef GPUPV_WIRE_DESCRIPTOR_FORM_H
#define GPUPV_WIRE_DESCRIPTOR_FORM_H

#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "wire/stream.h"

enum descriptor_form {
    DESCRIPTOR_NONE, /* no type that crosses */
    DESCRIPTOR_SAMPLER,
    DESCRIPTOR_COMBINED, /* image and sampler */
    DESCRIPTOR_IMAGE,
    DESCRIPTOR_BUFFER,
    DESCRIPTOR_TEXELS,    /* a buffer view */
    DESCRIPTOR_STRUCTURE, /* an acceleration structure */
    DESCRIPTOR_BYTES,     /* inline uniforms: the count is of bytes */
};

static inline enum descriptor_form descriptor_form_of(VkDescriptorType type)
{
    switch (type) {
    case VK_DESCRIPTOR_TYPE_SAMPLER:
        return DESCRIPTOR_SAMPLER;
    case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER:
        return DESCRIPTOR_COMBINED;
    case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
    case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
    case VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT:
    case VK_DESCRIPTOR_TYPE_SAMPLE_WEIGHT_IMAGE_QCOM:
    case VK_DESCRIPTOR_TYPE_BLOCK_MATCH_IMAGE_QCOM:
        return DESCRIPTOR_IMAGE;
    case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
    case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
    case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC:
    case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC:
        return DESCRIPTOR_BUFFER;
    case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
    case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
        return DESCRIPTOR_TEXELS;
    case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR:
        return DESCRIPTOR_STRUCTURE;
    case VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK:
        return DESCRIPTOR_BYTES;
    default:
        return DESCRIPTOR_NONE;
    }
}

/* Bytes of one descriptor on the wire. */
static inline size_t descriptor_form_size(enum descriptor_form form)
{
    switch (form) {
    case DESCRIPTOR_NONE:
        return 0;
    case DESCRIPTOR_TEXELS:
    case DESCRIPTOR_STRUCTURE:
        return sizeof(stream_u64);
    case DESCRIPTOR_BYTES:
        return 1;
    case DESCRIPTOR_BUFFER:
        return sizeof(struct stream_descriptor_buffer);
    default:
        return sizeof(struct stream_descriptor_image);
    }
}

#endif
