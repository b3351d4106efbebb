/* SPDX-License-Identifier: MIT */
/* Structures, what their pointers promise, unions and enumerations. */
#include "hostile.h"

#include <stdlib.h>
#include <string.h>

static void structure_unknown(struct stream *s)
{
    size_t at = s->encoder.used;
    put_buffer_head(s, ID(OTHER, BUFFER), HERE);
    PUT(s, (VkBaseInStructure){.sType = (VkStructureType)0x7ffffff0});
    end_command(s, at);
    send_commands(s);
}

/* One that exists, where it has no place. */
static void structure_misplaced(struct stream *s)
{
    size_t at = s->encoder.used;
    put_buffer_head(s, ID(OTHER, BUFFER), HERE);
    PUT(s, (VkDeviceQueueCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO});
    end_command(s, at);
    send_commands(s);
}

static void structure_type(struct stream *s)
{
    size_t at = s->encoder.used;
    put_buffer(s, ID(OTHER, BUFFER));
    ((VkBufferCreateInfo *)(void *)(s->encoder.data + at + sizeof(struct vkwire_CreateBuffer)))
        ->sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    send_commands(s);
}

/* Sends what the encoder has as one command in parts. */
static void send_parts(struct stream *s)
{
    const uint32_t piece = 60000;
    size_t size = s->encoder.used;
    uint8_t *payload = malloc(sizeof(struct stream_part) + piece);
    if (!payload)
        die("memory", STATUS_NO_MEMORY);
    ((struct stream_command *)(void *)s->encoder.data)->words = 0;
    for (size_t at = 0; at < size;) {
        uint32_t length = size - at < piece ? (uint32_t)(size - at) : piece;
        struct stream_batch batch = {.size = (uint32_t)sizeof(struct stream_part) + length,
                                     .kind = STREAM_BATCH_PART,
                                     .target = at ? 0 : size};
        memset(payload, 0, sizeof(struct stream_part));
        memcpy(payload + sizeof(struct stream_part), s->encoder.data + at, length);
        if (!send_as(s, &batch, payload, batch.size))
            break;
        at += length;
    }
    free(payload);
    wire_encoder_reset(&s->encoder);
}

static void put_chain(struct stream *s, size_t size, bool ends)
{
    put_buffer_head(s, ID(OTHER, BUFFER), HERE);
    VkExternalMemoryBufferCreateInfo link = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, .pNext = HERE};
    while (s->encoder.used + sizeof(link) < size)
        PUT(s, link);
    if (ends)
        link.pNext = NULL;
    PUT(s, link);
}

static void chain_endless(struct stream *s)
{
    put_chain(s, 32u << 20, false);
    send_parts(s);
}

/* Long, but with an end: what the driver makes of it is its own business. */
static void chain_long(struct stream *s)
{
    put_chain(s, 32u << 20, true);
    send_parts(s);
}

static void pointer_without_pointee(struct stream *s)
{
    size_t at = s->encoder.used;
    PUT(s, (struct stream_create_device){.head = {.opcode = STREAM_CREATE_DEVICE},
                                         .reply = new_word(s)});
    PUT(s, (VkDeviceCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                .queueCreateInfoCount = 1,
                                .pQueueCreateInfos = HERE});
    end_command(s, at);
    send_commands(s);
}

static void pointer_of_guest(struct stream *s)
{
    size_t at = s->encoder.used;
    put_buffer_head(s, ID(OTHER, BUFFER), s);
    end_command(s, at);
    send_commands(s);
}

/* A layout of one set, whose binding 0 has one descriptor. */
static void put_layouts(struct stream *s, uint32_t type)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateDescriptorSetLayout){
               .head = {.opcode = VKWIRE_CreateDescriptorSetLayout},
               .pSetLayout = ID(ANOTHER, DESCRIPTOR_SET_LAYOUT)});
    PUT(s, (VkDescriptorSetLayoutCreateInfo){
               .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
               .flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR,
               .bindingCount = 1,
               .pBindings = HERE});
    PUT(s, (VkDescriptorSetLayoutBinding){.descriptorType = (VkDescriptorType)type,
                                          .descriptorCount = 1,
                                          .stageFlags = VK_SHADER_STAGE_ALL});
    end_command(s, at);
    at = s->encoder.used;
    PUT(s, (struct vkwire_CreatePipelineLayout){.head = {.opcode = VKWIRE_CreatePipelineLayout},
                                                .pPipelineLayout = ID(OTHER, PIPELINE_LAYOUT)});
    PUT(s, (VkPipelineLayoutCreateInfo){.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                        .setLayoutCount = 1,
                                        .pSetLayouts = HERE});
    PUT(s, (uint64_t){ID(ANOTHER, DESCRIPTOR_SET_LAYOUT)});
    end_command(s, at);
    send_commands(s);
}

/* What follows a descriptor write depends on its type. */
static void push_descriptor(struct stream *s, uint32_t type, uint32_t binding, uint32_t set,
                            uint32_t bind_point)
{
    PUT(s, (struct stream_push_descriptors){.head = {.opcode = STREAM_PUSH_DESCRIPTORS},
                                            .writes = 1,
                                            .bind_point = bind_point,
                                            .set = set,
                                            .layout = ID(OTHER, PIPELINE_LAYOUT)});
    PUT(s, (struct stream_descriptor_write){.binding = binding, .count = 1, .type = type});
    PUT(s, (struct stream_descriptor_buffer){.buffer = ID(BUFFER, BUFFER), .range = 16});
    end_command(s, 0);
    send_batch(s, STREAM_BATCH_RECORDING, ID(COMMANDS, COMMAND_BUFFER));
}

static void union_tag_unknown(struct stream *s)
{
    put_layouts(s, VK_DESCRIPTOR_TYPE_SAMPLER);
    push_descriptor(s, 0x12345678, 0, 0, 0);
}

static void union_tag_wrong(struct stream *s)
{
    put_layouts(s, VK_DESCRIPTOR_TYPE_SAMPLER);
    push_descriptor(s, VK_DESCRIPTOR_TYPE_SAMPLER, 0, 0, 0);
}

static void binding_unknown(struct stream *s)
{
    put_layouts(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
    push_descriptor(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 77, 0, 0);
}

static void set_unknown(struct stream *s)
{
    put_layouts(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
    push_descriptor(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0, 1, 0);
}

static void enum_unknown(struct stream *s)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateQueryPool){.head = {.opcode = VKWIRE_CreateQueryPool},
                                           .pQueryPool = ID(OTHER, QUERY_POOL)});
    PUT(s, (VkQueryPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = (VkQueryType)0x7654321,
                                   .queryCount = 1});
    end_command(s, at);
    send_commands(s);
}

static void enum_argument_unknown(struct stream *s)
{
    PUT(s, (struct vkwire_CmdSetFrontFace){.head = {VKWIRE_CmdSetFrontFace, 1}, .frontFace = 2});
    send_batch(s, STREAM_BATCH_RECORDING, ID(COMMANDS, COMMAND_BUFFER));
}

static void enum_pushed_unknown(struct stream *s)
{
    put_layouts(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
    push_descriptor(s, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0, 0, 2);
}

/* Vulkan ignores some members: values that nobody knows cost no stream there, and no worker. */
static void enums_replaced(struct stream *s)
{
    const int unknown = 0x7654321;
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateSampler){.head = {.opcode = VKWIRE_CreateSampler},
                                         .pSampler = ID(OTHER, SAMPLER)});
    PUT(s, (VkSamplerCreateInfo){.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                                 .magFilter = (VkFilter)unknown,
                                 .minFilter = (VkFilter)unknown,
                                 .mipmapMode = (VkSamplerMipmapMode)unknown,
                                 .addressModeU = (VkSamplerAddressMode)unknown,
                                 .addressModeV = (VkSamplerAddressMode)unknown,
                                 .addressModeW = (VkSamplerAddressMode)unknown,
                                 .compareEnable = VK_TRUE,
                                 .compareOp = (VkCompareOp)unknown,
                                 .borderColor = (VkBorderColor)unknown});
    end_command(s, at);
    must_answer(s, "a sampler of unknown values");
}

static const struct hostile_case cases[] = {
    CASE(structure_unknown, DEVICE, "vkCreateBuffer: "),
    CASE(structure_misplaced, DEVICE, "vkCreateBuffer: "),
    CASE(structure_type, DEVICE, "vkCreateBuffer: "),
    CASE(chain_endless, DEVICE, "vkCreateBuffer: "),
    CASE(chain_long, DEVICE, NULL),
    CASE(pointer_without_pointee, BARE, "vkCreateDevice: " SHORTER),
    CASE(pointer_of_guest, DEVICE, "vkCreateBuffer: "),
    CASE(union_tag_unknown, OBJECTS, "it writes descriptors that their layout does not have"),
    CASE(binding_unknown, OBJECTS, "it writes descriptors that their layout does not have"),
    CASE(set_unknown, OBJECTS, "its layout has no such set"),
    CASE(union_tag_wrong, OBJECTS, NO_OBJECT),
    CASE(enum_unknown, DEVICE, "vkCreateQueryPool: queryType is no VkQueryType"),
    CASE(enum_argument_unknown, OBJECTS, "vkCmdSetFrontFace: frontFace is no VkFrontFace"),
    CASE(enum_pushed_unknown, OBJECTS, "pipelineBindPoint is no VkPipelineBindPoint"),
    CASE(enums_replaced, DEVICE, NULL),
};
const struct hostile_group hostile_structures = GROUP(cases);
