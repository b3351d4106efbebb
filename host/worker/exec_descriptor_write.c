/* SPDX-License-Identifier: MIT */
/* Descriptor writes, which the guest sends in a form of their own (wire/stream.h). The descriptors
 * are patched where they lie and are then what Vulkan wants. */
#include "host/worker/decoder.h"
#include "host/worker/exec_private.h"
#include "vkwire.h"
#include "vkwire_exec.h"
#include "wire/descriptor_form.h"

_Static_assert(sizeof(VkDescriptorImageInfo) == sizeof(struct stream_descriptor_image) &&
                   offsetof(VkDescriptorImageInfo, imageView) ==
                       offsetof(struct stream_descriptor_image, view) &&
                   offsetof(VkDescriptorImageInfo, imageLayout) ==
                       offsetof(struct stream_descriptor_image, layout),
               "patched in place");
_Static_assert(sizeof(VkDescriptorBufferInfo) == sizeof(struct stream_descriptor_buffer) &&
                   offsetof(VkDescriptorBufferInfo, offset) ==
                       offsetof(struct stream_descriptor_buffer, offset),
               "patched in place");

/* A sampler may be garbage where the layout has immutable ones: then it is none. */
static void patch_images(struct exec_decoder *d, struct stream_descriptor_image *images,
                         uint32_t count, enum descriptor_form form)
{
    for (uint32_t i = 0; i < count; i++) {
        images[i].sampler =
            form == DESCRIPTOR_SAMPLER
                ? exec_decoder_handle_needed(d, images[i].sampler, VKWIRE_OBJECT_SAMPLER)
                : exec_decoder_handle_lenient(d, images[i].sampler, VKWIRE_OBJECT_SAMPLER);
        images[i].view = exec_decoder_handle(d, images[i].view, VKWIRE_OBJECT_IMAGE_VIEW);
    }
}

static void patch_buffers(struct exec_decoder *d, struct stream_descriptor_buffer *buffers,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        buffers[i].buffer = exec_decoder_handle(d, buffers[i].buffer, VKWIRE_OBJECT_BUFFER);
}

static void get_structures(struct exec_decoder *d, VkWriteDescriptorSet *write, uint32_t count)
{
    VkWriteDescriptorSetAccelerationStructureKHR *next = exec_decoder_room(d, 1, sizeof(*next));
    void *handles = exec_decoder_handles(d, count, VKWIRE_OBJECT_ACCELERATION_STRUCTURE_KHR, false);
    if (!next || !handles)
        return;
    *next = (VkWriteDescriptorSetAccelerationStructureKHR){
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_ACCELERATION_STRUCTURE_KHR,
        .accelerationStructureCount = count,
        .pAccelerationStructures = handles,
    };
    write->pNext = next;
}

static void get_bytes(struct exec_decoder *d, VkWriteDescriptorSet *write, uint32_t count)
{
    VkWriteDescriptorSetInlineUniformBlock *next = exec_decoder_room(d, 1, sizeof(*next));
    const void *data = exec_decoder_take(d, count, 1);
    if (!next || !data)
        return;
    *next = (VkWriteDescriptorSetInlineUniformBlock){
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK,
        .dataSize = count,
        .pData = data,
    };
    write->pNext = next;
}

static void get_descriptors(struct exec_decoder *d, VkWriteDescriptorSet *write,
                            enum descriptor_form form)
{
    uint32_t count = write->descriptorCount;
    switch (form) {
    case DESCRIPTOR_NONE:
        exec_decoder_refuse(d, "it writes descriptors of an unknown type");
        break;
    case DESCRIPTOR_BUFFER: {
        void *buffers = exec_decoder_take(d, count, sizeof(struct stream_descriptor_buffer));
        if (buffers)
            patch_buffers(d, buffers, count);
        write->pBufferInfo = buffers;
        break;
    }
    case DESCRIPTOR_TEXELS:
        write->pTexelBufferView = exec_decoder_handles(d, count, VKWIRE_OBJECT_BUFFER_VIEW, false);
        break;
    case DESCRIPTOR_STRUCTURE:
        get_structures(d, write, count);
        break;
    case DESCRIPTOR_BYTES:
        get_bytes(d, write, count);
        break;
    default: {
        void *images = exec_decoder_take(d, count, sizeof(struct stream_descriptor_image));
        if (images)
            patch_images(d, images, count, form);
        write->pImageInfo = images;
        break;
    }
    }
}

/* NULL after a failure, or for none. */
static VkWriteDescriptorSet *get_writes(struct exec_decoder *d, uint32_t count, bool push)
{
    /* Each takes some room: a count that cannot be is refused before memory is taken for it. */
    if (count > (size_t)(d->end - d->cur) / sizeof(struct stream_descriptor_write)) {
        exec_decoder_refuse(d, "it has fewer writes than it says");
        return NULL;
    }
    VkWriteDescriptorSet *writes = exec_decoder_room(d, count, sizeof(*writes));
    for (uint32_t i = 0; i < count && !d->fatal; i++) {
        const struct stream_descriptor_write *head = exec_decoder_take(d, 1, sizeof(*head));
        if (!head || !writes)
            return NULL;
        uint64_t set = 0;
        if (!push)
            set = exec_decoder_handle_needed(d, head->set, VKWIRE_OBJECT_DESCRIPTOR_SET);
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = (VkDescriptorSet)(uintptr_t)set,
            .dstBinding = head->binding,
            .dstArrayElement = head->element,
            .descriptorCount = head->count,
            .descriptorType = (VkDescriptorType)head->type,
        };
        if (head->count == 0)
            exec_decoder_refuse(d, "it writes no descriptors");
        get_descriptors(d, &writes[i], descriptor_form_of(writes[i].descriptorType));
    }
    return writes;
}

static VkCopyDescriptorSet *get_copies(struct exec_decoder *d, uint32_t count)
{
    const struct stream_descriptor_copy *from = exec_decoder_take(d, count, sizeof(*from));
    VkCopyDescriptorSet *copies = exec_decoder_room(d, count, sizeof(*copies));
    if (!from || !copies)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t source = exec_decoder_handle_needed(d, from[i].from, VKWIRE_OBJECT_DESCRIPTOR_SET);
        uint64_t target = exec_decoder_handle_needed(d, from[i].to, VKWIRE_OBJECT_DESCRIPTOR_SET);
        copies[i] = (VkCopyDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_COPY_DESCRIPTOR_SET,
            .srcSet = (VkDescriptorSet)(uintptr_t)source,
            .srcBinding = from[i].from_binding,
            .srcArrayElement = from[i].from_element,
            .dstSet = (VkDescriptorSet)(uintptr_t)target,
            .dstBinding = from[i].to_binding,
            .dstArrayElement = from[i].to_element,
            .descriptorCount = from[i].count,
        };
    }
    return copies;
}

void exec_write_descriptors(struct exec *x, uint8_t *command, size_t size)
{
    const struct stream_write_descriptors head =
        *(const struct stream_write_descriptors *)(const void *)command;
    struct exec_decoder d;
    exec_decoder_init(&d, x, command + sizeof(head), size - sizeof(head));
    const VkWriteDescriptorSet *writes = head.writes ? get_writes(&d, head.writes, false) : NULL;
    const VkCopyDescriptorSet *copies = head.copies ? get_copies(&d, head.copies) : NULL;
    if (!exec_decoder_done(&d)) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkUpdateDescriptorSets: %s", d.why);
        return;
    }
    x->vk->UpdateDescriptorSets(x->device, head.writes, writes, head.copies, copies);
}

void exec_push_descriptors(struct exec *x, uint8_t *command, size_t size)
{
    const struct stream_push_descriptors head =
        *(const struct stream_push_descriptors *)(const void *)command;
    struct exec_decoder d;
    exec_decoder_init(&d, x, command + sizeof(head), size - sizeof(head));
    uint64_t layout = exec_decoder_handle_needed(&d, head.layout, VKWIRE_OBJECT_PIPELINE_LAYOUT);
    const VkWriteDescriptorSet *writes = head.writes ? get_writes(&d, head.writes, true) : NULL;
    if (!x->vk->CmdPushDescriptorSetKHR)
        exec_decoder_refuse(&d, "the device does not have it");
    if (!exec_decoder_done(&d)) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkCmdPushDescriptorSetKHR: %s", d.why);
        return;
    }
    x->vk->CmdPushDescriptorSetKHR(x->command_buffer, (VkPipelineBindPoint)head.bind_point,
                                   (VkPipelineLayout)(uintptr_t)layout, head.set, head.writes,
                                   writes);
}
