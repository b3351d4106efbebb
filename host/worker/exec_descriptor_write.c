/* SPDX-License-Identifier: MIT */
/* Descriptor writes, which the guest sends in a form of their own (wire/stream.h). The descriptors
 * are patched where they lie and are then what Vulkan wants. */
#include "host/worker/decoder.h"
#include "host/worker/exec_descriptor_layout.h"
#include "host/worker/exec_private.h"
#include "vkwire.h"
#include "vkwire_enums.h"
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

/* A sampler may be garbage where the layout has immutable ones: then it is none. So may the layout
 * of what has no image. */
static void patch_images(struct exec_decoder *d, struct stream_descriptor_image *images,
                         uint32_t count, enum descriptor_form form)
{
    for (uint32_t i = 0; i < count; i++) {
        images[i].sampler =
            form == DESCRIPTOR_SAMPLER
                ? exec_decoder_handle_needed(d, images[i].sampler, VKWIRE_OBJECT_SAMPLER)
                : exec_decoder_handle_lenient(d, images[i].sampler, VKWIRE_OBJECT_SAMPLER);
        images[i].view = exec_decoder_handle(d, images[i].view, VKWIRE_OBJECT_IMAGE_VIEW);
        if (!vkwire_known_VkImageLayout((int32_t)images[i].layout))
            images[i].layout = VK_IMAGE_LAYOUT_UNDEFINED;
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

/* A set, and its form; the driver's handle. */
static VkDescriptorSet get_set(struct exec_decoder *d, uint64_t id, struct exec_set_form *form)
{
    const struct exec_object *set =
        d->fatal ? NULL : exec_object_get(d->x, id, VKWIRE_OBJECT_DESCRIPTOR_SET);
    if (!set || !exec_set_form_of(set, form)) {
        exec_decoder_refuse(d, "it names a descriptor set that is not there");
        return VK_NULL_HANDLE;
    }
    return (VkDescriptorSet)(uintptr_t)set->handle[0];
}

/* `pushed`: the form of what is pushed, or NULL for writes into sets. NULL after a failure, or for
 * none. */
static VkWriteDescriptorSet *get_writes(struct exec_decoder *d, uint32_t count,
                                        const struct exec_set_form *pushed)
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
        struct exec_set_form form;
        VkDescriptorSet set = VK_NULL_HANDLE;
        if (pushed)
            form = *pushed;
        else
            set = get_set(d, head->set, &form);
        if (d->fatal)
            return NULL;
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set,
            .dstBinding = head->binding,
            .dstArrayElement = head->element,
            .descriptorCount = head->count,
            .descriptorType = (VkDescriptorType)head->type,
        };
        if (head->count == 0)
            exec_decoder_refuse(d, "it writes no descriptors");
        if (!exec_set_takes(&form, head->binding, head->element, head->count,
                            (VkDescriptorType)head->type))
            exec_decoder_refuse(d, "it writes descriptors that their layout does not have");
        get_descriptors(d, &writes[i], descriptor_form_of(writes[i].descriptorType));
    }
    return writes;
}

/* Of one type, but that a mutable one may hold any. */
static bool can_be_copied(const struct stream_descriptor_copy *copy,
                          const struct exec_set_form *source, const struct exec_set_form *target)
{
    VkDescriptorType from = exec_set_type(source, copy->from_binding);
    VkDescriptorType to = exec_set_type(target, copy->to_binding);
    return exec_set_takes(source, copy->from_binding, copy->from_element, copy->count, from) &&
           exec_set_takes(target, copy->to_binding, copy->to_element, copy->count, to) &&
           (from == to || from == VK_DESCRIPTOR_TYPE_MUTABLE_VALVE ||
            to == VK_DESCRIPTOR_TYPE_MUTABLE_VALVE);
}

static VkCopyDescriptorSet *get_copies(struct exec_decoder *d, uint32_t count)
{
    const struct stream_descriptor_copy *from = exec_decoder_take(d, count, sizeof(*from));
    VkCopyDescriptorSet *copies = exec_decoder_room(d, count, sizeof(*copies));
    if (!from || !copies)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct exec_set_form source_form, target_form;
        VkDescriptorSet source = get_set(d, from[i].from, &source_form);
        VkDescriptorSet target = get_set(d, from[i].to, &target_form);
        if (d->fatal)
            return NULL;
        if (!can_be_copied(&from[i], &source_form, &target_form))
            exec_decoder_refuse(d, "it copies descriptors that their layouts do not have");
        copies[i] = (VkCopyDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_COPY_DESCRIPTOR_SET,
            .srcSet = source,
            .srcBinding = from[i].from_binding,
            .srcArrayElement = from[i].from_element,
            .dstSet = target,
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
    const VkWriteDescriptorSet *writes = head.writes ? get_writes(&d, head.writes, NULL) : NULL;
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
    struct exec_set_form form;
    const struct exec_object *layout =
        exec_object_get(x, head.layout, VKWIRE_OBJECT_PIPELINE_LAYOUT);
    if (!layout)
        return; /* the stream has failed */
    if (!exec_pipeline_layout_form(layout, head.set, &form))
        exec_decoder_refuse(&d, "its layout has no such set");
    const VkWriteDescriptorSet *writes =
        head.writes && !d.fatal ? get_writes(&d, head.writes, &form) : NULL;
    if (!vkwire_known_VkPipelineBindPoint((int32_t)head.bind_point))
        exec_decoder_refuse(&d, "pipelineBindPoint is no VkPipelineBindPoint");
    if (!x->vk->CmdPushDescriptorSetKHR)
        exec_decoder_refuse(&d, "the device does not have it");
    if (!exec_decoder_done(&d)) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkCmdPushDescriptorSetKHR: %s", d.why);
        return;
    }
    x->vk->CmdPushDescriptorSetKHR(x->command_buffer, (VkPipelineBindPoint)head.bind_point,
                                   (VkPipelineLayout)(uintptr_t)layout->handle[0], head.set,
                                   head.writes, writes);
}
