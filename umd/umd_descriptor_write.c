/* SPDX-License-Identifier: MIT */
/*
 * Descriptor updates, pushed descriptors, and templates, which exist in the guest alone: all become
 * writes of one form (struct stream_descriptor_write). Which members of a write count depends on
 * the descriptor type; the others may hold anything and are not sent.
 */
#include <string.h>

#include "umd/umd_chain.h"
#include "umd/umd_descriptor.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "wire/descriptor_form.h"

/* Where a command ends that holds many writes. */
#define COMMAND_LIMIT (32u * 1024u)

/* A write, in the terms of a template's entry. `data` is the first descriptor. */
struct write {
    uint64_t set;
    uint32_t binding, element, count;
    VkDescriptorType type;
    enum descriptor_form form;
    const void *data;
    size_t stride;
};

static void copy_images(struct stream_descriptor_image *to, const struct write *write)
{
    const uint8_t *from = write->data;
    for (uint32_t i = 0; i < write->count; i++, from += write->stride) {
        const VkDescriptorImageInfo *info = (const void *)from;
        bool view = write->form != DESCRIPTOR_SAMPLER;
        to[i].sampler = write->form != DESCRIPTOR_IMAGE ? UMD_ID(info->sampler) : 0;
        to[i].view = view ? UMD_ID(info->imageView) : 0;
        to[i].layout = view ? (uint32_t)info->imageLayout : 0;
        to[i].reserved = 0;
    }
}

static void copy_buffers(struct stream_descriptor_buffer *to, const struct write *write)
{
    const uint8_t *from = write->data;
    for (uint32_t i = 0; i < write->count; i++, from += write->stride) {
        const VkDescriptorBufferInfo *info = (const void *)from;
        to[i].buffer = UMD_ID(info->buffer);
        to[i].offset = info->offset;
        to[i].range = info->range;
    }
}

static void copy_handles(uint64_t *to, const struct write *write)
{
    const uint8_t *from = write->data;
    for (uint32_t i = 0; i < write->count; i++, from += write->stride)
        to[i] = UMD_ID(*(const VkBufferView *)(const void *)from);
}

static void put_write(struct wire_encoder *e, const struct write *write)
{
    size_t size = (write->count * descriptor_form_size(write->form) + 7) & ~(size_t)7;
    struct stream_descriptor_write *head = wire_put(e, sizeof(*head) + size);
    if (!head)
        return;
    *head = (struct stream_descriptor_write){
        .set = write->set,
        .binding = write->binding,
        .element = write->element,
        .count = write->form == DESCRIPTOR_NONE ? 0 : write->count,
        .type = (uint32_t)write->type,
    };
    void *to = head + 1;
    switch (write->form) {
    case DESCRIPTOR_NONE:
        break;
    case DESCRIPTOR_BUFFER:
        copy_buffers(to, write);
        break;
    case DESCRIPTOR_TEXELS:
    case DESCRIPTOR_STRUCTURE:
        copy_handles(to, write);
        break;
    case DESCRIPTOR_BYTES:
        if (size > write->count)
            memset((uint8_t *)to + size - 8, 0, 8);
        memcpy(to, write->data, write->count);
        break;
    default:
        copy_images(to, write);
    }
}

/* False: there is nothing to write. */
static bool write_of(const VkWriteDescriptorSet *source, struct write *write)
{
    *write = (struct write){
        .set = UMD_ID(source->dstSet),
        .binding = source->dstBinding,
        .element = source->dstArrayElement,
        .count = source->descriptorCount,
        .type = source->descriptorType,
        .form = descriptor_form_of(source->descriptorType),
    };
    switch (write->form) {
    case DESCRIPTOR_BUFFER:
        write->data = source->pBufferInfo;
        write->stride = sizeof(VkDescriptorBufferInfo);
        break;
    case DESCRIPTOR_SAMPLER:
    case DESCRIPTOR_COMBINED:
    case DESCRIPTOR_IMAGE:
        write->data = source->pImageInfo;
        write->stride = sizeof(VkDescriptorImageInfo);
        break;
    case DESCRIPTOR_BYTES: {
        const VkWriteDescriptorSetInlineUniformBlock *block = umd_chain_find(
            source->pNext, VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK);
        write->data = block ? block->pData : NULL;
        break;
    }
    case DESCRIPTOR_TEXELS:
        write->data = source->pTexelBufferView;
        write->stride = sizeof(VkBufferView);
        break;
    case DESCRIPTOR_STRUCTURE: {
        const VkWriteDescriptorSetAccelerationStructureKHR *structures = umd_chain_find(
            source->pNext, VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_ACCELERATION_STRUCTURE_KHR);
        write->data = structures ? structures->pAccelerationStructures : NULL;
        write->stride = sizeof(VkAccelerationStructureKHR);
        break;
    }
    case DESCRIPTOR_NONE:
        break;
    }
    return write->data && write->count;
}

_Static_assert(sizeof(struct stream_descriptor_buffer) == sizeof(VkDescriptorBufferInfo) &&
                   offsetof(VkWriteDescriptorSet, descriptorType) -
                           offsetof(VkWriteDescriptorSet, dstBinding) ==
                       offsetof(struct stream_descriptor_write, type) -
                           offsetof(struct stream_descriptor_write, binding),
               "copied whole");

/* One buffer, by far the most frequent write, which has the same form here and there. False: it is
 * another write. */
static inline bool put_one_buffer(struct wire_encoder *e, const VkWriteDescriptorSet *source)
{
    if (source->descriptorCount != 1 || !source->pBufferInfo ||
        descriptor_form_of(source->descriptorType) != DESCRIPTOR_BUFFER)
        return false;
    struct stream_descriptor_write *head =
        wire_put(e, sizeof(*head) + sizeof(struct stream_descriptor_buffer));
    if (!head)
        return true;
    head->set = UMD_ID(source->dstSet);
    memcpy(&head->binding, &source->dstBinding, sizeof(*head) - sizeof(head->set));
    memcpy(head + 1, source->pBufferInfo, sizeof(struct stream_descriptor_buffer));
    return true;
}

/* --- vkUpdateDescriptorSets: one command, or several when there is much --- */

struct update {
    struct wire_encoder *e;
    size_t at;
    uint32_t writes, copies;
};

static void begin_update(struct update *update)
{
    update->at = update->e->used;
    update->writes = update->copies = 0;
    wire_put(update->e, sizeof(struct stream_write_descriptors));
}

static void end_update(struct update *update)
{
    if (!update->e->failed) {
        *(struct stream_write_descriptors *)(void *)(update->e->data + update->at) =
            (struct stream_write_descriptors){
                .head.opcode = STREAM_WRITE_DESCRIPTORS,
                .writes = update->writes,
                .copies = update->copies,
            };
    }
    wire_end_command(update->e, update->at);
}

static void make_room(struct update *update)
{
    if (update->e->used - update->at > COMMAND_LIMIT) {
        end_update(update);
        begin_update(update);
    }
}

static inline void add_write(struct update *update, const VkWriteDescriptorSet *source)
{
    struct write write;
    make_room(update);
    if (!put_one_buffer(update->e, source)) {
        if (!write_of(source, &write))
            return;
        put_write(update->e, &write);
    }
    update->writes++;
}

static void add_copy(struct update *update, const VkCopyDescriptorSet *copy)
{
    make_room(update);
    struct stream_descriptor_copy *to = wire_put(update->e, sizeof(*to));
    if (!to)
        return;
    *to = (struct stream_descriptor_copy){
        .from = UMD_ID(copy->srcSet),
        .to = UMD_ID(copy->dstSet),
        .from_binding = copy->srcBinding,
        .from_element = copy->srcArrayElement,
        .to_binding = copy->dstBinding,
        .to_element = copy->dstArrayElement,
        .count = copy->descriptorCount,
    };
    update->copies++;
}

VKAPI_ATTR void VKAPI_CALL umd_UpdateDescriptorSets(VkDevice device_handle,
                                                    uint32_t descriptorWriteCount,
                                                    const VkWriteDescriptorSet *pDescriptorWrites,
                                                    uint32_t descriptorCopyCount,
                                                    const VkCopyDescriptorSet *pDescriptorCopies)
{
    struct umd_device *device = umd_device_from(device_handle);
    if (descriptorWriteCount + (uint64_t)descriptorCopyCount == 0)
        return;
    struct update update = {.e = umd_stream_begin(device->stream)};
    begin_update(&update);
    for (uint32_t i = 0; i < descriptorWriteCount; i++)
        add_write(&update, &pDescriptorWrites[i]);
    for (uint32_t i = 0; i < descriptorCopyCount; i++)
        add_copy(&update, &pDescriptorCopies[i]);
    end_update(&update);
    umd_stream_end(device->stream, false);
}

/* --- vkCmdPushDescriptorSetKHR --- */

static size_t begin_push(struct umd_command_buffer *command_buffer, VkPipelineBindPoint bind_point,
                         uint64_t layout, uint32_t set)
{
    struct stream_push_descriptors *command =
        umd_record(command_buffer, STREAM_PUSH_DESCRIPTORS, sizeof(*command));
    if (!command)
        return SIZE_MAX;
    command->writes = 0;
    command->bind_point = (uint32_t)bind_point;
    command->set = set;
    command->layout = layout;
    return command_buffer->encoder.used - sizeof(*command);
}

static void end_push(struct umd_command_buffer *command_buffer, size_t at, uint32_t writes)
{
    struct wire_encoder *e = &command_buffer->encoder;
    if (!e->failed)
        ((struct stream_push_descriptors *)(void *)(e->data + at))->writes = writes;
    wire_end_command(e, at);
}

VKAPI_ATTR void VKAPI_CALL umd_CmdPushDescriptorSetKHR(
    VkCommandBuffer commandBuffer, VkPipelineBindPoint pipelineBindPoint, VkPipelineLayout layout,
    uint32_t set, uint32_t descriptorWriteCount, const VkWriteDescriptorSet *pDescriptorWrites)
{
    struct umd_command_buffer *command_buffer = umd_command_buffer_from(commandBuffer);
    size_t at = begin_push(command_buffer, pipelineBindPoint, UMD_ID(layout), set);
    if (at == SIZE_MAX)
        return;
    uint32_t writes = 0;
    for (uint32_t i = 0; i < descriptorWriteCount; i++) {
        struct write write;
        if (!write_of(&pDescriptorWrites[i], &write))
            continue;
        write.set = 0;
        put_write(&command_buffer->encoder, &write);
        writes++;
    }
    end_push(command_buffer, at, writes);
}

/* --- Templates --- */

struct template
{
    VkPipelineBindPoint bind_point; /* for pushing */
    uint32_t count;
    VkDescriptorUpdateTemplateEntry entries[];
};

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateDescriptorUpdateTemplate(
    VkDevice device_handle, const VkDescriptorUpdateTemplateCreateInfo *pCreateInfo,
    const VkAllocationCallbacks *pAllocator, VkDescriptorUpdateTemplate *pDescriptorUpdateTemplate)
{
    struct umd_device *device = umd_device_from(device_handle);
    uint32_t count = pCreateInfo->descriptorUpdateEntryCount;
    size_t size = count * sizeof(VkDescriptorUpdateTemplateEntry);
    struct template *template = umd_alloc(pAllocator, &device->allocator, sizeof(*template) + size,
                                          VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!template)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    if (pCreateInfo->templateType == VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_PUSH_DESCRIPTORS_KHR)
        template->bind_point = pCreateInfo->pipelineBindPoint;
    template->count = count;
    if (count)
        memcpy(template->entries, pCreateInfo->pDescriptorUpdateEntries, size);
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_DESCRIPTOR_UPDATE_TEMPLATE, template);
    if (!id) {
        umd_free(pAllocator, &device->allocator, template);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    *pDescriptorUpdateTemplate = UMD_HANDLE(VkDescriptorUpdateTemplate, id);
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL
umd_DestroyDescriptorUpdateTemplate(VkDevice device_handle, VkDescriptorUpdateTemplate handle,
                                    const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct template *template = umd_object(device, UMD_ID(handle));
    if (!template)
        return;
    umd_id_free(&device->ids, UMD_ID(handle));
    umd_free(pAllocator, &device->allocator, template);
}

static struct write write_of_entry(const VkDescriptorUpdateTemplateEntry *entry, uint64_t set,
                                   const void *data)
{
    return (struct write){
        .set = set,
        .binding = entry->dstBinding,
        .element = entry->dstArrayElement,
        .count = entry->descriptorCount,
        .type = entry->descriptorType,
        .form = descriptor_form_of(entry->descriptorType),
        .data = (const uint8_t *)data + entry->offset,
        .stride = entry->stride,
    };
}

VKAPI_ATTR void VKAPI_CALL umd_UpdateDescriptorSetWithTemplate(VkDevice device_handle,
                                                               VkDescriptorSet descriptorSet,
                                                               VkDescriptorUpdateTemplate handle,
                                                               const void *pData)
{
    struct umd_device *device = umd_device_from(device_handle);
    const struct template *template = umd_object(device, UMD_ID(handle));
    if (!template)
        return;
    struct update update = {.e = umd_stream_begin(device->stream)};
    begin_update(&update);
    for (uint32_t i = 0; i < template->count; i++) {
        struct write write = write_of_entry(&template->entries[i], UMD_ID(descriptorSet), pData);
        if (write.count == 0)
            continue;
        make_room(&update);
        put_write(update.e, &write);
        update.writes++;
    }
    end_update(&update);
    umd_stream_end(device->stream, false);
}

VKAPI_ATTR void VKAPI_CALL umd_CmdPushDescriptorSetWithTemplateKHR(
    VkCommandBuffer commandBuffer, VkDescriptorUpdateTemplate handle, VkPipelineLayout layout,
    uint32_t set, const void *pData)
{
    struct umd_command_buffer *command_buffer = umd_command_buffer_from(commandBuffer);
    const struct template *template = umd_object(command_buffer->device, UMD_ID(handle));
    if (!template)
        return;
    size_t at = begin_push(command_buffer, template->bind_point, UMD_ID(layout), set);
    if (at == SIZE_MAX)
        return;
    uint32_t writes = 0;
    for (uint32_t i = 0; i < template->count; i++) {
        struct write write = write_of_entry(&template->entries[i], 0, pData);
        if (write.count == 0)
            continue;
        put_write(&command_buffer->encoder, &write);
        writes++;
    }
    end_push(command_buffer, at, writes);
}
