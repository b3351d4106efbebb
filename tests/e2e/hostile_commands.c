/* SPDX-License-Identifier: MIT */
/* Commands that are none, too short or too long, and counts that lie. */
#include "hostile.h"

/* --- Commands as such --- */

static void opcode_zero(struct stream *s)
{
    send_words(s, 0, 1);
}

static void opcode_unknown(struct stream *s)
{
    send_words(s, 0xefff, 1);
}

static void opcode_private(struct stream *s)
{
    send_words(s, 0xffff, 1);
}

static void command_empty(struct stream *s)
{
    send_words(s, STREAM_BARRIER, 0);
}

static void command_beyond(struct stream *s)
{
    send_words(s, STREAM_BARRIER, 500);
}

static void truncated_block(struct stream *s)
{
    send_words(s, VKWIRE_CreateBuffer, 1);
}

static void truncated_structure(struct stream *s)
{
    PUT(s, (struct vkwire_CreateBuffer){.head = {VKWIRE_CreateBuffer, 3},
                                        .pBuffer = ID(OTHER, BUFFER)});
    PUT(s, (uint64_t){VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO});
    send_commands(s);
}

static void truncated_private(struct stream *s)
{
    send_words(s, STREAM_ALLOCATE_MEMORY, 1);
}

static void too_long(struct stream *s)
{
    size_t at = s->encoder.used;
    put_buffer(s, ID(OTHER, BUFFER));
    PUT(s, (uint64_t){0});
    end_command(s, at);
    send_commands(s);
}

/* --- Counts --- */

static void count_submits(struct stream *s)
{
    PUT(s, (struct vkwire_QueueSubmit){.head = {VKWIRE_QueueSubmit, 3},
                                       .submitCount = UINT32_MAX,
                                       .queue = ID(QUEUE, QUEUE)});
    send_commands(s);
}

static void count_regions(struct stream *s)
{
    PUT(s, (struct vkwire_CmdCopyBuffer){.head = {VKWIRE_CmdCopyBuffer, 3},
                                         .regionCount = UINT32_MAX,
                                         .srcBuffer = ID(BUFFER, BUFFER),
                                         .dstBuffer = ID(BUFFER, BUFFER)});
    send_batch(s, STREAM_BATCH_RECORDING, ID(COMMANDS, COMMAND_BUFFER));
}

static void count_command_buffers(struct stream *s)
{
    size_t at = s->encoder.used;
    PUT(s,
        (struct vkwire_AllocateCommandBuffers){.head = {.opcode = VKWIRE_AllocateCommandBuffers}});
    PUT(s, (VkCommandBufferAllocateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                         .commandPool = (VkCommandPool)ID(POOL, COMMAND_POOL),
                                         .commandBufferCount = UINT32_MAX});
    PUT(s, (uint64_t){ID(OTHER, COMMAND_BUFFER)});
    end_command(s, at);
    send_commands(s);
}

static void count_pool_sizes(struct stream *s)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateDescriptorPool){.head = {.opcode = VKWIRE_CreateDescriptorPool},
                                                .pDescriptorPool = ID(OTHER, DESCRIPTOR_POOL)});
    PUT(s, (VkDescriptorPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                        .maxSets = 1,
                                        .poolSizeCount = UINT32_MAX,
                                        .pPoolSizes = HERE});
    PUT(s, (VkDescriptorPoolSize){VK_DESCRIPTOR_TYPE_SAMPLER, 1});
    end_command(s, at);
    send_commands(s);
}

static void count_writes(struct stream *s)
{
    PUT(s, (struct stream_write_descriptors){
               .head = {STREAM_WRITE_DESCRIPTORS, 2}, .writes = UINT32_MAX, .copies = UINT32_MAX});
    send_commands(s);
}

static void count_results(struct stream *s)
{
    PUT(s, (struct stream_pipeline_results){
               .head = {STREAM_PIPELINE_RESULTS, 2}, .reply = new_word(s), .count = UINT32_MAX});
    send_commands(s);
}

/* More than the worker lends a command for its outputs. */
static void room_of_reply(struct stream *s)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_CreateQueryPool){.head = {.opcode = VKWIRE_CreateQueryPool},
                                           .pQueryPool = ID(OTHER, QUERY_POOL)});
    PUT(s, (VkQueryPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = VK_QUERY_TYPE_OCCLUSION,
                                   .queryCount = 8});
    end_command(s, at);
    PUT(s, (struct vkwire_GetQueryPoolResults){.head = {VKWIRE_GetQueryPoolResults, 6},
                                               .reply = new_word(s),
                                               .queryCount = 8,
                                               .queryPool = ID(OTHER, QUERY_POOL),
                                               .dataSize = UINT64_C(1) << 50,
                                               .stride = 4});
    send_commands(s);
}

/* --- All of them --- */

static const struct hostile_case cases[] = {
    CASE(opcode_zero, DEVICE, "opcode 0 does not exist"),
    CASE(opcode_unknown, DEVICE, "opcode 61439 does not exist"),
    CASE(opcode_private, DEVICE, "the unknown command 65535"),
    CASE(command_empty, BARE, "a command that is longer than its batch"),
    CASE(command_beyond, BARE, "a command that is longer than its batch"),
    CASE(truncated_block, DEVICE, "vkCreateBuffer: "),
    CASE(truncated_structure, DEVICE, "vkCreateBuffer: " SHORTER),
    CASE(truncated_private, DEVICE, "the command 61444 of only 8 bytes"),
    CASE(too_long, DEVICE, "vkCreateBuffer: it is longer than its counts say"),
    CASE(count_submits, DEVICE, "vkQueueSubmit: " SHORTER),
    CASE(count_regions, OBJECTS, "vkCmdCopyBuffer: " SHORTER),
    CASE(count_command_buffers, OBJECTS, "vkAllocateCommandBuffers: " SHORTER),
    CASE(count_pool_sizes, DEVICE, "vkCreateDescriptorPool: " SHORTER),
    CASE(count_writes, DEVICE, "fewer writes than it says"),
    CASE(count_results, DEVICE, "the results of 4294967295 pipelines: " SHORTER),
    CASE(room_of_reply, DEVICE, "vkGetQueryPoolResults: "),
};
const struct hostile_group hostile_commands = GROUP(cases);
