/* SPDX-License-Identifier: MIT */
#include "hostile.h"

static const float one = 1.0f;

void put_device(struct stream *s, uint32_t reply)
{
    size_t at = s->encoder.used;
    PUT(s, (struct stream_create_device){.head = {.opcode = STREAM_CREATE_DEVICE}, .reply = reply});
    PUT(s, (VkDeviceCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                .queueCreateInfoCount = 1,
                                .pQueueCreateInfos = HERE});
    PUT(s, (VkDeviceQueueCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueCount = 1,
                                     .pQueuePriorities = HERE});
    put(s, &one, sizeof(one));
    end_command(s, at);
}

void put_buffer_head(struct stream *s, uint64_t id, const void *next)
{
    PUT(s, (struct vkwire_CreateBuffer){.head = {.opcode = VKWIRE_CreateBuffer}, .pBuffer = id});
    PUT(s, (VkBufferCreateInfo){.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .pNext = next,
                                .size = MEMORY_SIZE,
                                .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                                         VK_BUFFER_USAGE_TRANSFER_SRC_BIT});
}

void put_buffer(struct stream *s, uint64_t id)
{
    size_t at = s->encoder.used;
    put_buffer_head(s, id, NULL);
    end_command(s, at);
}

void put_destroy_buffer(struct stream *s, uint64_t id)
{
    PUT(s, (struct vkwire_DestroyBuffer){.head = {VKWIRE_DestroyBuffer, 2}, .buffer = id});
}

uint32_t put_memory(struct stream *s, uint64_t id, uint64_t size, D3DKMT_HANDLE allocation)
{
    uint32_t word = new_word(s);
    PUT(s, (struct stream_allocate_memory){.head = {STREAM_ALLOCATE_MEMORY, 5},
                                           .reply = word,
                                           .id = id,
                                           .size = size,
                                           .allocation = allocation});
    PUT(s, (uint64_t){0}); /* no chain */
    return word;
}

void put_bind(struct stream *s, uint64_t offset)
{
    size_t at = s->encoder.used;
    PUT(s, (struct vkwire_BindBufferMemory2){.head = {.opcode = VKWIRE_BindBufferMemory2},
                                             .bindInfoCount = 1});
    PUT(s, (VkBindBufferMemoryInfo){.sType = VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO,
                                    .buffer = (VkBuffer)ID(BUFFER, BUFFER),
                                    .memory = (VkDeviceMemory)ID(MEMORY, DEVICE_MEMORY),
                                    .memoryOffset = offset});
    end_command(s, at);
}

void make_device(struct stream *s)
{
    int32_t result;
    uint32_t word = new_word(s);
    put_device(s, word);
    send_commands(s);
    if (!await_reply(s, word, &result) || result != VK_SUCCESS)
        die("vkCreateDevice", (NTSTATUS)lost(s));
}

void make_objects(struct stream *s)
{
    int32_t result;
    size_t at;
    put_buffer(s, ID(BUFFER, BUFFER));
    uint32_t word = put_memory(s, ID(MEMORY, DEVICE_MEMORY), MEMORY_SIZE, allocate(s, MEMORY_SIZE));
    send_commands(s);
    if (!await_reply(s, word, &result) || result != VK_SUCCESS)
        die("vkAllocateMemory", (NTSTATUS)lost(s));

    at = s->encoder.used;
    PUT(s, (struct vkwire_CreateCommandPool){.head = {.opcode = VKWIRE_CreateCommandPool},
                                             .pCommandPool = ID(POOL, COMMAND_POOL)});
    PUT(s, (VkCommandPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO});
    end_command(s, at);
    at = s->encoder.used;
    PUT(s,
        (struct vkwire_AllocateCommandBuffers){.head = {.opcode = VKWIRE_AllocateCommandBuffers}});
    PUT(s, (VkCommandBufferAllocateInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                         .commandPool = (VkCommandPool)ID(POOL, COMMAND_POOL),
                                         .commandBufferCount = 1});
    PUT(s, (uint64_t){ID(COMMANDS, COMMAND_BUFFER)});
    end_command(s, at);
    send_commands(s);
    PUT(s, (struct vkwire_BeginCommandBuffer){.head = {VKWIRE_BeginCommandBuffer, 5}});
    PUT(s, (VkCommandBufferBeginInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO});
    send_batch(s, STREAM_BATCH_RECORDING, ID(COMMANDS, COMMAND_BUFFER));
    must_answer(s, "making objects");
}
