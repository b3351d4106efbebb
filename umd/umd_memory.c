/* SPDX-License-Identifier: MIT */
/* vkAllocateMemory and what a program does with memory: see umd_memory.h. */
#include "umd/umd_memory.h"
#include "umd/umd_facts.h"
#include "umd/umd_memory_block.h"
#include "umd/umd_memory_cache.h"
#include "umd/umd_mirror.h"
#include "umd_commands.h"
#include "vkwire.h"

/* What the chain of VkMemoryAllocateInfo asks for. */
enum request {
    REQUEST_PLAIN,
    REQUEST_DEVICE_ADDRESS,
    REQUEST_WHOLE, /* an object of its own on the host */
};

static enum request request_of(const struct umd_device *device, const void *next)
{
    enum request request = REQUEST_PLAIN;
    for (const VkBaseInStructure *in = next; in; in = in->pNext) {
        switch ((uint32_t)in->sType) {
        case VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO: {
            const VkMemoryAllocateFlagsInfo *info = (const void *)in;
            if (info->flags & ~(VkMemoryAllocateFlags)VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT)
                return REQUEST_WHOLE;
            if (info->flags && device->capture_replay)
                return REQUEST_WHOLE; /* it may be asked for its opaque address */
            if (info->flags)
                request = REQUEST_DEVICE_ADDRESS;
            break;
        }
        case VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO: {
            const VkMemoryDedicatedAllocateInfo *info = (const void *)in;
            if (info->buffer || info->image)
                return REQUEST_WHOLE;
            break;
        }
        case VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO: {
            const VkExportMemoryAllocateInfo *info = (const void *)in;
            if (info->handleTypes)
                return REQUEST_WHOLE;
            break;
        }
        default:
            return REQUEST_WHOLE;
        }
    }
    return request;
}

static void set_whole(struct umd_memory *memory, const struct umd_host_memory *whole)
{
    memory->id = whole->id;
    memory->host_size = whole->size;
    memory->map = whole->map;
    memory->mirror = whole->mirror;
    memory->allocation = whole->allocation;
}

/* An object of its own. */
static VkResult allocate_whole(struct umd_device *device, const VkMemoryAllocateInfo *info,
                               struct umd_memory *memory, uint64_t *id)
{
    *id = umd_id_create(&device->ids, VKWIRE_OBJECT_DEVICE_MEMORY, memory);
    if (!*id)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    struct umd_host_memory whole;
    VkResult result = umd_host_memory_allocate(device, info->memoryTypeIndex, info->allocationSize,
                                               info->pNext, *id, &whole);
    if (result) {
        umd_id_free(&device->ids, *id);
        return result;
    }
    set_whole(memory, &whole);
    return VK_SUCCESS;
}

/* The same, of what the program has freed if there is something like it. The program's handle is
 * not the host's, which outlives it. */
static VkResult allocate_kept(struct umd_device *device, const VkMemoryAllocateInfo *info,
                              struct umd_memory *memory, uint64_t *id)
{
    struct umd_host_memory whole;
    umd_cache_look(device);
    *id = umd_id_create(&device->ids, VKWIRE_OBJECT_DEVICE_MEMORY, memory);
    if (!*id)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!umd_cache_take(device, memory->type, memory->device_address, memory->size, &whole)) {
        uint64_t host_id = umd_id_create(&device->ids, VKWIRE_OBJECT_DEVICE_MEMORY, NULL);
        VkResult result = host_id ? umd_host_memory_allocate(device, memory->type, memory->size,
                                                             info->pNext, host_id, &whole)
                                  : VK_ERROR_OUT_OF_HOST_MEMORY;
        if (result) {
            umd_id_free(&device->ids, host_id);
            umd_id_free(&device->ids, *id);
            return result;
        }
    }
    set_whole(memory, &whole);
    memory->kept = true;
    return VK_SUCCESS;
}

static VkResult allocate_piece(struct umd_device *device, const VkMemoryAllocateInfo *info,
                               struct umd_memory *memory, uint64_t *id)
{
    VkResult result =
        umd_block_take(device, info->memoryTypeIndex, memory->device_address, info->allocationSize,
                       &memory->block, &memory->offset, &memory->order);
    if (result)
        return result;
    *id = umd_id_create(&device->ids, VKWIRE_OBJECT_DEVICE_MEMORY, memory);
    if (!*id) {
        umd_block_give(device, memory->block, memory->offset, memory->order);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    memory->id = memory->block->memory.id;
    if (memory->block->memory.map)
        memory->map = memory->block->memory.map + memory->offset;
    memory->mirror = memory->block->memory.mirror;
    return VK_SUCCESS;
}

static VkResult check_size(const struct umd_device *device, const VkMemoryAllocateInfo *info)
{
    const struct umd_facts *facts = device->physical->facts;
    if (info->memoryTypeIndex >= facts->memory.memoryTypeCount)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    uint32_t heap = facts->memory.memoryTypes[info->memoryTypeIndex].heapIndex;
    return info->allocationSize <= facts->memory.memoryHeaps[heap].size
               ? VK_SUCCESS
               : VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_AllocateMemory(VkDevice device_handle,
                                                  const VkMemoryAllocateInfo *pAllocateInfo,
                                                  const VkAllocationCallbacks *pAllocator,
                                                  VkDeviceMemory *pMemory)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_memory_state *state = device->memory;
    *pMemory = VK_NULL_HANDLE;
    if (pAllocateInfo->allocationSize == 0)
        return VK_SUCCESS; /* not valid, but done: no memory is what there is */
    VkResult result = check_size(device, pAllocateInfo);
    if (result)
        return result;
    if (atomic_fetch_add_explicit(&state->allocations, 1, memory_order_relaxed) >=
        device->physical->facts->properties.limits.maxMemoryAllocationCount) {
        result = VK_ERROR_TOO_MANY_OBJECTS;
        goto uncount;
    }
    struct umd_memory *memory = umd_alloc(pAllocator, &device->allocator, sizeof(*memory),
                                          VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!memory) {
        result = VK_ERROR_OUT_OF_HOST_MEMORY;
        goto uncount;
    }
    memory->size = pAllocateInfo->allocationSize;
    memory->type = pAllocateInfo->memoryTypeIndex;
    uint64_t id;
    enum request request = request_of(device, pAllocateInfo->pNext);
    memory->device_address = request == REQUEST_DEVICE_ADDRESS;
    result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    if (request != REQUEST_WHOLE && memory->size <= UMD_MAX_PIECE &&
        state->block_order[memory->type])
        result = allocate_piece(device, pAllocateInfo, memory, &id);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_TOO_MANY_OBJECTS)
        result = request != REQUEST_WHOLE && memory->size > UMD_MAX_PIECE &&
                         state->block_order[memory->type]
                     ? allocate_kept(device, pAllocateInfo, memory, &id)
                     : allocate_whole(device, pAllocateInfo, memory, &id);
    if (result)
        goto free_memory;
    *pMemory = UMD_HANDLE(VkDeviceMemory, id);
    return VK_SUCCESS;
free_memory:
    umd_free(pAllocator, &device->allocator, memory);
uncount:
    atomic_fetch_sub_explicit(&state->allocations, 1, memory_order_relaxed);
    return result;
}

VKAPI_ATTR void VKAPI_CALL umd_FreeMemory(VkDevice device_handle, VkDeviceMemory memory_handle,
                                          const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_memory *memory = umd_object(device, UMD_ID(memory_handle));
    if (!memory)
        return;
    if (memory->mirror)
        umd_mirror_unmap(device, UMD_ID(memory_handle));
    struct umd_host_memory whole = {memory->id, memory->host_size, memory->allocation, memory->map,
                                    memory->mirror};
    if (memory->block) {
        umd_id_free(&device->ids, UMD_ID(memory_handle));
        umd_block_give(device, memory->block, memory->offset, memory->order);
    } else if (memory->kept) {
        umd_id_free(&device->ids, UMD_ID(memory_handle));
        umd_cache_look(device);
        umd_cache_give(device, memory->type, memory->device_address, &whole);
    } else {
        umd_host_memory_free(device, &whole);
    }
    umd_free(pAllocator, &device->allocator, memory);
    atomic_fetch_sub_explicit(&device->memory->allocations, 1, memory_order_relaxed);
}

static VkResult map(struct umd_device *device, VkDeviceMemory handle, VkDeviceSize offset,
                    VkDeviceSize size, void **data)
{
    const struct umd_memory *memory = umd_object(device, UMD_ID(handle));
    *data = NULL;
    if (!memory || !memory->map)
        return VK_ERROR_MEMORY_MAP_FAILED;
    if (memory->mirror) {
        if (size == VK_WHOLE_SIZE)
            size = memory->size - offset;
        VkResult result =
            umd_mirror_map(device, UMD_ID(handle), memory->mirror, memory->offset + offset, size);
        if (result)
            return result;
    }
    *data = memory->map + offset;
    return VK_SUCCESS;
}

static void unmap(struct umd_device *device, VkDeviceMemory handle)
{
    if (device->mirrors)
        umd_mirror_unmap(device, UMD_ID(handle));
}

VKAPI_ATTR VkResult VKAPI_CALL umd_MapMemory(VkDevice device, VkDeviceMemory memory,
                                             VkDeviceSize offset, VkDeviceSize size,
                                             VkMemoryMapFlags flags, void **ppData)
{
    (void)flags;
    return map(umd_device_from(device), memory, offset, size, ppData);
}

VKAPI_ATTR void VKAPI_CALL umd_UnmapMemory(VkDevice device, VkDeviceMemory memory)
{
    unmap(umd_device_from(device), memory);
}

#ifdef VK_VERSION_1_4
VKAPI_ATTR VkResult VKAPI_CALL umd_MapMemory2(VkDevice device, const VkMemoryMapInfo *info,
                                              void **ppData)
{
    return map(umd_device_from(device), info->memory, info->offset, info->size, ppData);
}

VKAPI_ATTR VkResult VKAPI_CALL umd_UnmapMemory2(VkDevice device, const VkMemoryUnmapInfo *info)
{
    unmap(umd_device_from(device), info->memory);
    return VK_SUCCESS;
}
#endif

/* All types that the guest sees are coherent: these calls are needed by nobody. Who watches what
 * the device does meanwhile may help itself with them where memory is not shared. */

VKAPI_ATTR VkResult VKAPI_CALL umd_FlushMappedMemoryRanges(VkDevice device, uint32_t count,
                                                           const VkMappedMemoryRange *pRanges)
{
    (void)count;
    (void)pRanges;
    return umd_memory_send(umd_device_from(device));
}

VKAPI_ATTR VkResult VKAPI_CALL umd_InvalidateMappedMemoryRanges(VkDevice device, uint32_t count,
                                                                const VkMappedMemoryRange *pRanges)
{
    (void)count;
    (void)pRanges;
    struct umd_device *own = umd_device_from(device);
    return own->mirrors ? umd_mirrors_receive(own, true) : VK_SUCCESS;
}

/* Memory that is allocated lazily is never a piece, and counts in full. */
VKAPI_ATTR void VKAPI_CALL umd_GetDeviceMemoryCommitment(VkDevice device, VkDeviceMemory handle,
                                                         VkDeviceSize *pCommittedMemoryInBytes)
{
    const struct umd_memory *memory = umd_object(umd_device_from(device), UMD_ID(handle));
    *pCommittedMemoryInBytes = memory ? memory->size : 0;
}

void umd_memory_resolve(const struct umd_device *device, VkDeviceMemory *handle,
                        VkDeviceSize *offset)
{
    const struct umd_memory *memory = umd_object(device, UMD_ID(*handle));
    if (!memory)
        return;
    *handle = UMD_HANDLE(VkDeviceMemory, memory->id);
    *offset += memory->offset;
}

/* Only where a program may replay a capture (request_of) is the address of any use; it may be asked
 * for elsewhere, too. */
VKAPI_ATTR uint64_t VKAPI_CALL umd_GetDeviceMemoryOpaqueCaptureAddress(
    VkDevice device_handle, const VkDeviceMemoryOpaqueCaptureAddressInfo *pInfo)
{
    struct umd_device *device = umd_device_from(device_handle);
    VkDeviceMemoryOpaqueCaptureAddressInfo info = *pInfo;
    VkDeviceSize offset = 0;
    uint64_t address = 0;
    umd_memory_resolve(device, &info.memory, &offset);
    if (umd_call_GetDeviceMemoryOpaqueCaptureAddress(device->stream, &info, &address) != VK_SUCCESS)
        return 0;
    return address ? address + offset : 0;
}
