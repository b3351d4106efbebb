/* SPDX-License-Identifier: MIT */
/* Buffers: created without waiting; requirements by what they were created with. */
#include <string.h>

#include "umd/umd_memory.h"
#include "umd/umd_resource.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateBuffer(VkDevice device_handle,
                                                const VkBufferCreateInfo *pCreateInfo,
                                                const VkAllocationCallbacks *pAllocator,
                                                VkBuffer *pBuffer)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_buffer *buffer = umd_alloc(pAllocator, &device->allocator, sizeof(*buffer),
                                          VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!buffer)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_BUFFER, buffer);
    if (!id)
        goto free_buffer;
    VkBuffer handle = UMD_HANDLE(VkBuffer, id);
    struct wire_encoder *e = umd_stream_begin(device->stream);
    size_t create_info = e->used + sizeof(struct vkwire_CreateBuffer);
    wire_put_CreateBuffer(e, pCreateInfo, &handle);
    result = umd_resource_end_create(device, e, create_info, id, &buffer->key);
    if (result)
        goto free_buffer;
    *pBuffer = handle;
    return VK_SUCCESS;
free_buffer:
    umd_free(pAllocator, &device->allocator, buffer);
    return result;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroyBuffer(VkDevice device_handle, VkBuffer handle,
                                             const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_buffer *buffer = umd_object(device, UMD_ID(handle));
    if (!buffer)
        return;
    struct wire_encoder *e = umd_stream_begin(device->stream);
    wire_put_DestroyBuffer(e, handle);
    umd_stream_end(device->stream, false);
    umd_id_free(&device->ids, UMD_ID(handle));
    umd_resource_key_finish(&buffer->key);
    umd_free(pAllocator, &device->allocator, buffer);
}

/* --- Requirements --- */

static void fill_from(const VkMemoryRequirements2 *answer,
                      const VkMemoryDedicatedRequirements *dedicated,
                      struct umd_requirements *requirements)
{
    requirements->memory = answer->memoryRequirements;
    requirements->prefers_dedicated = dedicated->prefersDedicatedAllocation;
    requirements->requires_dedicated = dedicated->requiresDedicatedAllocation;
}

static void get_requirements(struct umd_device *device, VkBuffer handle,
                             struct umd_requirements *requirements)
{
    memset(requirements, 0, sizeof(*requirements));
    const struct umd_buffer *buffer = umd_object(device, UMD_ID(handle));
    if (!buffer)
        return;
    struct umd_requirements_key key =
        umd_resource_requirements_key(&buffer->key, UMD_REQUIREMENTS_BUFFER);
    if (umd_requirements_find(device, &key, requirements))
        return;
    VkMemoryDedicatedRequirements dedicated = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS,
    };
    VkMemoryRequirements2 answer = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
        .pNext = &dedicated,
    };
    VkBufferMemoryRequirementsInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2,
        .buffer = handle,
    };
    if (umd_call_GetBufferMemoryRequirements2(device->stream, &info, &answer) != VK_SUCCESS)
        return;
    fill_from(&answer, &dedicated, requirements);
    umd_requirements_add(device, &key, requirements);
}

VKAPI_ATTR void VKAPI_CALL umd_GetBufferMemoryRequirements(
    VkDevice device, VkBuffer buffer, VkMemoryRequirements *pMemoryRequirements)
{
    struct umd_requirements requirements;
    get_requirements(umd_device_from(device), buffer, &requirements);
    *pMemoryRequirements = requirements.memory;
}

VKAPI_ATTR void VKAPI_CALL
umd_GetBufferMemoryRequirements2(VkDevice device, const VkBufferMemoryRequirementsInfo2 *pInfo,
                                 VkMemoryRequirements2 *pMemoryRequirements)
{
    struct umd_requirements requirements;
    get_requirements(umd_device_from(device), pInfo->buffer, &requirements);
    umd_requirements_fill(&requirements, pMemoryRequirements);
}

VKAPI_ATTR void VKAPI_CALL umd_GetDeviceBufferMemoryRequirements(
    VkDevice device_handle, const VkDeviceBufferMemoryRequirements *pInfo,
    VkMemoryRequirements2 *pMemoryRequirements)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_requirements requirements = {0};
    struct wire_encoder e;
    wire_encoder_init(&e);
    wire_put_VkBufferCreateInfo(&e, pInfo->pCreateInfo);
    struct umd_requirements_key key = {
        .size = e.failed ? 0 : (uint32_t)e.used,
        .kind = UMD_REQUIREMENTS_BUFFER,
        .data = e.data,
    };
    if (!umd_requirements_find(device, &key, &requirements)) {
        VkMemoryDedicatedRequirements dedicated = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS,
        };
        VkMemoryRequirements2 answer = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
            .pNext = &dedicated,
        };
        if (umd_call_GetDeviceBufferMemoryRequirements(device->stream, pInfo, &answer) ==
            VK_SUCCESS) {
            fill_from(&answer, &dedicated, &requirements);
            umd_requirements_add(device, &key, &requirements);
        }
    }
    wire_encoder_finish(&e);
    umd_requirements_fill(&requirements, pMemoryRequirements);
}

/* --- Memory and addresses --- */

VKAPI_ATTR VkResult VKAPI_CALL umd_BindBufferMemory2(VkDevice device_handle, uint32_t bindInfoCount,
                                                     const VkBindBufferMemoryInfo *pBindInfos)
{
    struct umd_device *device = umd_device_from(device_handle);
    for (uint32_t i = 0; i < bindInfoCount; i++) {
        VkBindBufferMemoryInfo info = pBindInfos[i];
        umd_memory_resolve(device, &info.memory, &info.memoryOffset);
        struct wire_encoder *e = umd_stream_begin(device->stream);
        wire_put_BindBufferMemory2(e, 1, &info);
        VkResult result = umd_stream_end(device->stream, false);
        if (result)
            return result;
    }
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_BindBufferMemory(VkDevice device, VkBuffer buffer,
                                                    VkDeviceMemory memory,
                                                    VkDeviceSize memoryOffset)
{
    VkBindBufferMemoryInfo info = {
        .sType = VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO,
        .buffer = buffer,
        .memory = memory,
        .memoryOffset = memoryOffset,
    };
    return umd_BindBufferMemory2(device, 1, &info);
}

/* An address is the buffer's for its life. */
VKAPI_ATTR VkDeviceAddress VKAPI_CALL
umd_GetBufferDeviceAddress(VkDevice device_handle, const VkBufferDeviceAddressInfo *pInfo)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_buffer *buffer = umd_object(device, UMD_ID(pInfo->buffer));
    if (!buffer)
        return 0;
    VkDeviceAddress address = atomic_load_explicit(&buffer->address, memory_order_relaxed);
    if (address)
        return address;
    if (umd_call_GetBufferDeviceAddress(device->stream, pInfo, &address) != VK_SUCCESS)
        return 0;
    atomic_store_explicit(&buffer->address, address, memory_order_relaxed);
    return address;
}
