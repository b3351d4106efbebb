/* SPDX-License-Identifier: MIT */
/* Memory and buffers. */
#include "vt.h"

uint32_t vt_memory_type(struct vt *vt, uint32_t bits, VkMemoryPropertyFlags flags)
{
    for (uint32_t i = 0; i < vt->memory.memoryTypeCount; i++)
        if ((bits & (1u << i)) && (vt->memory.memoryTypes[i].propertyFlags & flags) == flags)
            return i;
    vt_fail(vt, "no memory type of 0x%x has the properties 0x%x", bits, flags);
}

VkDeviceMemory vt_allocate(struct vt *vt, const VkMemoryRequirements *requirements,
                           VkMemoryPropertyFlags flags)
{
    VkMemoryAllocateFlagsInfo flags_info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .flags = vt->features.v12.bufferDeviceAddress ? VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT : 0,
    };
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = &flags_info,
        .allocationSize = requirements->size,
        .memoryTypeIndex = vt_memory_type(vt, requirements->memoryTypeBits, flags),
    };
    VkDeviceMemory memory;
    VT_CHECK(vt, vkAllocateMemory(vt->device, &info, NULL, &memory));
    VT_OWN(vt, DEVICE_MEMORY, memory);
    return memory;
}

void vt_put_requirements(struct vt *vt, const VkMemoryRequirements *requirements)
{
    vt_put_number(vt, requirements->size);
    vt_put_number(vt, requirements->alignment);
    vt_put_number(vt, requirements->memoryTypeBits);
}

struct vt_buffer vt_buffer(struct vt *vt, VkDeviceSize size, VkBufferUsageFlags usage)
{
    struct vt_buffer buffer = {.size = size};
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = size,
        .usage = usage | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
    };
    VT_CHECK(vt, vkCreateBuffer(vt->device, &info, NULL, &buffer.handle));
    VT_OWN(vt, BUFFER, buffer.handle);
    VkMemoryRequirements requirements;
    vkGetBufferMemoryRequirements(vt->device, buffer.handle, &requirements);
    buffer.memory =
        vt_allocate(vt, &requirements,
                    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
    VT_CHECK(vt, vkBindBufferMemory(vt->device, buffer.handle, buffer.memory, 0));
    VT_CHECK(vt, vkMapMemory(vt->device, buffer.memory, 0, VK_WHOLE_SIZE, 0, &buffer.data));
    memset(buffer.data, 0, size);
    if (usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) {
        VkBufferDeviceAddressInfo address = {
            .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
            .buffer = buffer.handle,
        };
        buffer.address = vkGetBufferDeviceAddress(vt->device, &address);
        VT_EXPECT(vt, buffer.address != 0);
    }
    return buffer;
}

struct vt_buffer vt_buffer_of(struct vt *vt, const void *data, VkDeviceSize size,
                              VkBufferUsageFlags usage)
{
    struct vt_buffer buffer = vt_buffer(vt, size, usage);
    memcpy(buffer.data, data, size);
    return buffer;
}

void vt_put_buffer(struct vt *vt, const struct vt_buffer *buffer)
{
    vt_put(vt, buffer->data, buffer->size);
}
