/* SPDX-License-Identifier: MIT */
/*
 * Memory of the host, and blocks of it.
 *
 * Freeing waits for nobody: the host frees its VkDeviceMemory when it comes to the command; the
 * D3DKMT allocation under it is destroyed after that, when somebody next allocates.
 */
#include <stdlib.h>
#include <string.h>

#include "gpupv/kmt.h"
#include "umd/umd_facts.h"
#include "umd/umd_memory.h"
#include "umd/umd_memory_block.h"
#include "umd/umd_memory_cache.h"
#include "umd/umd_mirror.h"
#include "vkwire.h"
#include "vkwire_encode.h"

/* --- D3DKMT allocations --- */

static VkResult result_of(NTSTATUS status)
{
    switch (status) {
    case STATUS_SUCCESS:
        return VK_SUCCESS;
    case STATUS_INSUFFICIENT_RESOURCES:
        return VK_ERROR_TOO_MANY_OBJECTS;
    case STATUS_DEVICE_REMOVED:
        return VK_ERROR_DEVICE_LOST;
    default: /* the quota, or the aperture */
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
}

static void destroy_allocations(struct umd_device *device, const D3DKMT_HANDLE *allocations,
                                uint32_t count)
{
    if (count == 0)
        return;
    const struct gpupv_umd_callbacks *callbacks = device->physical->adapter->shim.callbacks;
    D3DKMT_DESTROYALLOCATION2 destroy = {
        .hDevice = umd_stream_device(device->stream),
        .phAllocationList = allocations,
        .AllocationCount = count,
    };
    NTSTATUS status = callbacks->DestroyAllocation2(&destroy);
    if (status != STATUS_SUCCESS)
        umd_warning("%u allocations were not destroyed: status 0x%08x", count, (unsigned)status);
}

static VkResult lock_allocation(struct umd_device *device, struct umd_host_memory *memory)
{
    const struct gpupv_umd_callbacks *callbacks = device->physical->adapter->shim.callbacks;
    D3DKMT_LOCK2 lock = {.hDevice = umd_stream_device(device->stream),
                         .hAllocation = memory->allocation};
    if (callbacks->Lock2(&lock) != STATUS_SUCCESS)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    memory->map = lock.pData;
    return VK_SUCCESS;
}

/* `flags`: GPUPV_ALLOCATION_*. What lies in the aperture is mapped. */
static VkResult create_allocation(struct umd_device *device, VkDeviceSize size, uint32_t flags,
                                  struct umd_host_memory *memory)
{
    const struct gpupv_umd_callbacks *callbacks = device->physical->adapter->shim.callbacks;
    D3DKMT_HANDLE kmt_device = umd_stream_device(device->stream);
    struct gpupv_allocation_private private = {
        .magic = GPUPV_ALLOCATION_MAGIC,
        .flags = flags,
        .size = size,
    };
    D3DDDI_ALLOCATIONINFO2 info = {
        .pPrivateDriverData = &private,
        .PrivateDriverDataSize = sizeof(private),
    };
    D3DKMT_CREATEALLOCATION create = {
        .hDevice = kmt_device,
        .NumAllocations = 1,
        .pAllocationInfo2 = &info,
    };
    VkResult result = result_of(callbacks->CreateAllocation2(&create));
    if (result)
        return result;
    memory->allocation = info.hAllocation;
    memory->map = NULL;
    if (!(flags & GPUPV_ALLOCATION_CPU_VISIBLE))
        return VK_SUCCESS;
    result = lock_allocation(device, memory);
    if (result)
        destroy_allocations(device, &info.hAllocation, 1);
    return result;
}

/* --- The host's VkDeviceMemory --- */

static VkResult call_allocate(struct umd_device *device, uint32_t type, VkDeviceSize size,
                              const void *next, uint64_t id, D3DKMT_HANDLE allocation)
{
    struct umd_call call;
    struct wire_encoder *e = umd_call_begin(device->stream, &call);
    if (e) {
        size_t at = e->used;
        struct stream_allocate_memory *command = wire_put(e, sizeof(*command));
        if (command) {
            *command = (struct stream_allocate_memory){
                .head.opcode = STREAM_ALLOCATE_MEMORY,
                .reply = call.word,
                .id = id,
                .size = size,
                .memory_type = type,
                .allocation = allocation,
            };
            wire_put_chain(e, next);
        }
        wire_end_command(e, at);
    }
    VkResult result = umd_call_wait(&call);
    if (!result)
        result = call.result;
    umd_call_end(&call);
    return result;
}

static void tell_freed(struct umd_device *device, uint64_t id)
{
    struct wire_encoder *e = umd_stream_begin(device->stream);
    size_t at = e->used;
    struct stream_object *command = wire_put(e, sizeof(*command));
    if (command)
        *command = (struct stream_object){.head.opcode = STREAM_FREE_MEMORY, .id = id};
    wire_end_command(e, at);
    umd_stream_end(device->stream, false);
}

static uint32_t allocation_flags(const struct umd_device *device, bool visible)
{
    if (!visible || device->mirrors)
        return 0;
    return device->physical->facts->cpu_memory == FACTS_MEMORY_EXPORTED
               ? GPUPV_ALLOCATION_EXPORTED
               : GPUPV_ALLOCATION_CPU_VISIBLE;
}

static VkResult allocate_once(struct umd_device *device, uint32_t type, VkDeviceSize size,
                              const void *next, uint64_t id, struct umd_host_memory *memory)
{
    const VkMemoryType *kind = &device->physical->facts->memory.memoryTypes[type];
    bool visible = kind->propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    uint32_t flags = allocation_flags(device, visible);
    *memory = (struct umd_host_memory){.id = id, .size = size};
    VkResult result = create_allocation(device, size, flags, memory);
    if (result)
        return result;
    if (visible && device->mirrors) {
        memory->mirror = umd_mirror_create(id, size);
        result = memory->mirror ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
        memory->map = memory->mirror ? memory->mirror->memory : NULL;
    }
    if (!result)
        result = call_allocate(device, type, size, next, id, memory->allocation);
    if (result) {
        umd_mirror_destroy(memory->mirror);
        destroy_allocations(device, &memory->allocation, 1);
        return result;
    }
    if (!(flags & GPUPV_ALLOCATION_EXPORTED) || !lock_allocation(device, memory))
        return VK_SUCCESS;
    /* The host has it; the id is the caller's still. */
    tell_freed(device, id);
    destroy_allocations(device, &memory->allocation, 1);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

VkResult umd_host_memory_allocate(struct umd_device *device, uint32_t type, VkDeviceSize size,
                                  const void *next, uint64_t id, struct umd_host_memory *memory)
{
    umd_host_memory_reap(device, false);
    VkResult result = allocate_once(device, type, size, next, id, memory);
    if (result != VK_ERROR_OUT_OF_DEVICE_MEMORY && result != VK_ERROR_OUT_OF_HOST_MEMORY &&
        result != VK_ERROR_TOO_MANY_OBJECTS)
        return result;
    /* What this process holds without using it may make room. */
    umd_cache_drop(device);
    umd_block_trim(device);
    umd_host_memory_reap(device, true);
    return allocate_once(device, type, size, next, id, memory);
}

static bool remember_freed_locked(struct umd_memory_state *state, struct umd_freed freed)
{
    if (state->freed_count == state->freed_capacity) {
        uint32_t capacity = state->freed_capacity ? 2 * state->freed_capacity : 64;
        struct umd_freed *grown = realloc(state->freed, capacity * sizeof(*grown));
        if (!grown)
            return false;
        state->freed = grown;
        state->freed_capacity = capacity;
    }
    state->freed[state->freed_count++] = freed;
    return true;
}

void umd_host_memory_free(struct umd_device *device, const struct umd_host_memory *memory)
{
    struct umd_memory_state *state = device->memory;
    tell_freed(device, memory->id);
    umd_id_free(&device->ids, memory->id);
    umd_mirror_destroy(memory->mirror);
    struct umd_freed freed = {umd_stream_position(device->stream), memory->allocation};
    pthread_mutex_lock(&state->lock);
    bool remembered = remember_freed_locked(state, freed);
    pthread_mutex_unlock(&state->lock);
    if (!remembered) /* the service keeps it while the host's driver uses it */
        destroy_allocations(device, &memory->allocation, 1);
}

/* Waits until the host has run all that was sent before. Gives how far that is. */
static uint32_t wait_until_executed(struct umd_stream *stream)
{
    uint32_t position = umd_stream_position(stream);
    struct umd_call call;
    struct wire_encoder *e = umd_call_begin(stream, &call);
    if (e) {
        size_t at = e->used;
        struct stream_ask *command = wire_put(e, (sizeof(*command) + 7) & ~(size_t)7);
        if (command)
            *command = (struct stream_ask){{.opcode = STREAM_BARRIER}, call.word};
        wire_end_command(e, at);
    }
    VkResult result = umd_call_wait(&call);
    umd_call_end(&call);
    return result == VK_SUCCESS ? position : umd_stream_executed(stream);
}

void umd_host_memory_reap(struct umd_device *device, bool wait)
{
    struct umd_memory_state *state = device->memory;
    bool all = umd_stream_status(device->stream) != VK_SUCCESS;
    uint32_t executed =
        wait && !all ? wait_until_executed(device->stream) : umd_stream_executed(device->stream);
    D3DKMT_HANDLE done[64];
    uint32_t count;
    do {
        count = 0;
        pthread_mutex_lock(&state->lock);
        while (count < state->freed_count && count < sizeof(done) / sizeof(done[0])) {
            if (!all && (int32_t)(executed - state->freed[count].position) < 0)
                break;
            done[count] = state->freed[count].allocation;
            count++;
        }
        state->freed_count -= count;
        if (count)
            memmove(state->freed, state->freed + count, state->freed_count * sizeof(*state->freed));
        pthread_mutex_unlock(&state->lock);
        destroy_allocations(device, done, count);
    } while (count == sizeof(done) / sizeof(done[0]));
}

/* --- Blocks --- */

static void unlink_block(struct umd_block **list, struct umd_block *block)
{
    if (block->previous)
        block->previous->next = block->next;
    else
        *list = block->next;
    if (block->next)
        block->next->previous = block->previous;
}

static void push_block(struct umd_block **list, struct umd_block *block)
{
    block->previous = NULL;
    block->next = *list;
    if (*list)
        (*list)->previous = block;
    *list = block;
}

static VkResult create_block(struct umd_device *device, uint32_t type, bool device_address,
                             struct umd_block **created)
{
    struct umd_memory_state *state = device->memory;
    uint8_t order = state->block_order[type];
    VkMemoryAllocateFlagsInfo flags = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    };
    struct umd_block *block = calloc(1, sizeof(*block));
    if (!block)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!umd_buddy_init(&block->buddy, order, UMD_MIN_PIECE_ORDER))
        goto free_block;
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_DEVICE_MEMORY, NULL);
    if (!id)
        goto finish_buddy;
    result = umd_host_memory_allocate(device, type, (VkDeviceSize)1 << order,
                                      device_address ? &flags : NULL, id, &block->memory);
    if (result)
        goto free_id;
    block->pool = &state->pools[type][device_address];
    *created = block;
    return VK_SUCCESS;
free_id:
    umd_id_free(&device->ids, id);
finish_buddy:
    umd_buddy_finish(&block->buddy);
free_block:
    free(block);
    return result;
}

static void destroy_block(struct umd_device *device, struct umd_block *block)
{
    umd_host_memory_free(device, &block->memory);
    umd_buddy_finish(&block->buddy);
    free(block);
}

static struct umd_block *take_locked(struct umd_pool *pool, VkDeviceSize size, VkDeviceSize *offset,
                                     uint8_t *order)
{
    for (struct umd_block *block = pool->open; block; block = block->next) {
        *order = umd_buddy_order(&block->buddy, size);
        if (!umd_buddy_take(&block->buddy, *order, offset))
            continue;
        if (block->pieces++ == 0)
            pool->empty--;
        if (umd_buddy_is_full(&block->buddy)) {
            unlink_block(&pool->open, block);
            push_block(&pool->full, block);
        } else if (block != pool->open) {
            unlink_block(&pool->open, block);
            push_block(&pool->open, block);
        }
        return block;
    }
    return NULL;
}

VkResult umd_block_take(struct umd_device *device, uint32_t type, bool device_address,
                        VkDeviceSize size, struct umd_block **block, VkDeviceSize *offset,
                        uint8_t *order)
{
    struct umd_memory_state *state = device->memory;
    struct umd_pool *pool = &state->pools[type][device_address];
    VkDeviceSize alignment = atomic_load_explicit(&state->alignment, memory_order_relaxed);
    if (size < alignment)
        size = alignment; /* pieces are aligned to their size */
    pthread_mutex_lock(&state->lock);
    *block = take_locked(pool, size, offset, order);
    pthread_mutex_unlock(&state->lock);
    if (*block)
        return VK_SUCCESS;
    struct umd_block *created;
    VkResult result = create_block(device, type, device_address, &created);
    if (result)
        return result;
    pthread_mutex_lock(&state->lock);
    push_block(&pool->open, created);
    pool->empty++;
    *block = take_locked(pool, size, offset, order);
    pthread_mutex_unlock(&state->lock);
    return *block ? VK_SUCCESS : VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

void umd_block_give(struct umd_device *device, struct umd_block *block, VkDeviceSize offset,
                    uint8_t order)
{
    struct umd_memory_state *state = device->memory;
    struct umd_pool *pool = block->pool;
    struct umd_block *unused = NULL;
    pthread_mutex_lock(&state->lock);
    if (umd_buddy_is_full(&block->buddy)) {
        unlink_block(&pool->full, block);
        push_block(&pool->open, block);
    }
    umd_buddy_give(&block->buddy, offset, order);
    if (--block->pieces == 0 && pool->empty++ > 0) { /* one empty block is kept */
        unlink_block(&pool->open, block);
        pool->empty--;
        unused = block;
    }
    pthread_mutex_unlock(&state->lock);
    if (unused)
        destroy_block(device, unused);
}

void umd_block_trim(struct umd_device *device)
{
    struct umd_memory_state *state = device->memory;
    struct umd_block *unused = NULL;
    pthread_mutex_lock(&state->lock);
    for (uint32_t i = 0; i < 2 * VK_MAX_MEMORY_TYPES; i++) {
        struct umd_pool *pool = &state->pools[i / 2][i % 2];
        for (struct umd_block *block = pool->open, *next; block; block = next) {
            next = block->next;
            if (block->pieces)
                continue;
            unlink_block(&pool->open, block);
            pool->empty--;
            push_block(&unused, block);
        }
    }
    pthread_mutex_unlock(&state->lock);
    while (unused) {
        struct umd_block *next = unused->next;
        destroy_block(device, unused);
        unused = next;
    }
}

/* --- The device's state --- */

/* Blocks of 16 MiB, less in a small heap; none of memory that is allocated lazily. */
static uint8_t block_order_of(const VkPhysicalDeviceMemoryProperties *memory, uint32_t type)
{
    const VkMemoryType *kind = &memory->memoryTypes[type];
    if (kind->propertyFlags &
        (VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT))
        return 0;
    VkDeviceSize heap = memory->memoryHeaps[kind->heapIndex].size;
    for (uint8_t order = 24; order >= 20; order--) {
        if ((VkDeviceSize)1 << order <= heap / 16)
            return order;
    }
    return 0;
}

VkResult umd_memory_init(struct umd_device *device)
{
    const struct umd_facts *facts = device->physical->facts;
    struct umd_memory_state *state = calloc(1, sizeof(*state));
    if (!state)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    if (pthread_mutex_init(&state->lock, NULL) != 0) {
        free(state);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    bool shared =
        umd_stream_shares_memory(device->stream) && facts->cpu_memory != FACTS_MEMORY_MESSAGES;
    if (!shared && umd_mirrors_init(device)) {
        pthread_mutex_destroy(&state->lock);
        free(state);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    for (uint32_t i = 0; i < facts->memory.memoryTypeCount; i++)
        state->block_order[i] = block_order_of(&facts->memory, i);
    /* Pieces stand for whole objects, whose neighbours are no neighbours. */
    VkDeviceSize alignment = facts->properties.limits.bufferImageGranularity;
    if (alignment < facts->properties.limits.nonCoherentAtomSize)
        alignment = facts->properties.limits.nonCoherentAtomSize;
    if (alignment < facts->properties.limits.minMemoryMapAlignment)
        alignment = facts->properties.limits.minMemoryMapAlignment;
    atomic_init(&state->alignment,
                (uint32_t)(alignment < UMD_MAX_PIECE ? alignment : UMD_MAX_PIECE));
    device->memory = state;
    return VK_SUCCESS;
}

void umd_memory_finish(struct umd_device *device)
{
    struct umd_memory_state *state = device->memory;
    if (!state)
        return;
    /* The host frees its objects with the device; what is left here are the allocations. */
    D3DKMT_HANDLE allocation;
    for (uint32_t i = 0; i < 2 * VK_MAX_MEMORY_TYPES; i++) {
        struct umd_block *lists[2] = {state->pools[i / 2][i % 2].open,
                                      state->pools[i / 2][i % 2].full};
        for (uint32_t j = 0; j < 2; j++) {
            for (struct umd_block *block = lists[j], *next; block; block = next) {
                next = block->next;
                allocation = block->memory.allocation;
                destroy_allocations(device, &allocation, 1);
                umd_mirror_destroy(block->memory.mirror);
                umd_buddy_finish(&block->buddy);
                free(block);
            }
        }
    }
    for (uint32_t i = 0; i < state->cache.count; i++) {
        const struct umd_host_memory *memory = &state->cache.entries[i].memory;
        destroy_allocations(device, &memory->allocation, 1);
        umd_mirror_destroy(memory->mirror);
    }
    for (uint32_t i = 0; i < state->freed_count; i++)
        destroy_allocations(device, &state->freed[i].allocation, 1);
    free(state->freed);
    pthread_mutex_destroy(&state->lock);
    free(state);
    device->memory = NULL;
    umd_mirrors_finish(device);
}

void umd_memory_note_alignment(struct umd_device *device, VkDeviceSize size, VkDeviceSize alignment)
{
    struct umd_memory_state *state = device->memory;
    if (size > UMD_MAX_PIECE || alignment > UMD_MAX_PIECE)
        return; /* has memory of its own, or is as large as its alignment */
    uint32_t known = atomic_load_explicit(&state->alignment, memory_order_relaxed);
    while (known < alignment &&
           !atomic_compare_exchange_weak_explicit(&state->alignment, &known, (uint32_t)alignment,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}
