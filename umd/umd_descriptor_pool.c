/* SPDX-License-Identifier: MIT */
/* Descriptor set layouts, pools and sets: see umd_descriptor.h. The program synchronises access to
 * a pool and to the sets taken from it. */
#include <stdlib.h>

#include "umd/umd_chain.h"
#include "umd/umd_descriptor.h"
#include "umd_commands.h"
#include "vkwire.h"
#include "vkwire_encode.h"

struct set {
    struct set *next,
        *previous; /* in the pool's list of live sets; `next` alone in that of free ones */
    uint64_t id;
    struct umd_set_layout *layout;
    uint32_t variable_count;
};

struct chunk {
    struct chunk *next;
    struct set sets[];
};

struct pool {
    struct umd_pool_account account, full; /* left; and when nothing is taken */
    struct set *live, *free;
    struct chunk *chunks;
    uint32_t chunk_sets; /* of the next chunk */
};

/* --- Layouts --- */

VKAPI_ATTR VkResult VKAPI_CALL umd_CreateDescriptorSetLayout(
    VkDevice device_handle, const VkDescriptorSetLayoutCreateInfo *pCreateInfo,
    const VkAllocationCallbacks *pAllocator, VkDescriptorSetLayout *pSetLayout)
{
    (void)pAllocator; /* sets may outlive the layout: it is the C library's */
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_set_layout *layout = malloc(sizeof(*layout));
    if (!layout)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    umd_set_layout_init(layout, pCreateInfo);
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_DESCRIPTOR_SET_LAYOUT, layout);
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!id)
        goto release;
    VkDescriptorSetLayout handle = UMD_HANDLE(VkDescriptorSetLayout, id);
    struct wire_encoder *e = umd_stream_begin(device->stream);
    wire_put_CreateDescriptorSetLayout(e, pCreateInfo, &handle);
    result = umd_stream_end(device->stream, false);
    if (result)
        goto free_id;
    *pSetLayout = handle;
    return VK_SUCCESS;
free_id:
    umd_id_free(&device->ids, id);
release:
    umd_set_layout_release(layout);
    return result;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroyDescriptorSetLayout(VkDevice device_handle,
                                                          VkDescriptorSetLayout handle,
                                                          const VkAllocationCallbacks *pAllocator)
{
    (void)pAllocator;
    struct umd_device *device = umd_device_from(device_handle);
    struct umd_set_layout *layout = umd_object(device, UMD_ID(handle));
    if (!layout)
        return;
    struct wire_encoder *e = umd_stream_begin(device->stream);
    wire_put_DestroyDescriptorSetLayout(e, handle);
    umd_stream_end(device->stream, false);
    umd_id_free(&device->ids, UMD_ID(handle));
    umd_set_layout_release(layout);
}

/* --- Pools --- */

VKAPI_ATTR VkResult VKAPI_CALL
umd_CreateDescriptorPool(VkDevice device_handle, const VkDescriptorPoolCreateInfo *pCreateInfo,
                         const VkAllocationCallbacks *pAllocator, VkDescriptorPool *pDescriptorPool)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct pool *pool =
        umd_alloc(pAllocator, &device->allocator, sizeof(*pool), VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    if (!pool)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    umd_pool_account_init(&pool->full, pCreateInfo);
    pool->account = pool->full;
    pool->chunk_sets = pCreateInfo->maxSets < 32 ? pCreateInfo->maxSets + 1 : 32;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    uint64_t id = umd_id_create(&device->ids, VKWIRE_OBJECT_DESCRIPTOR_POOL, pool);
    if (!id)
        goto free_pool;
    VkDescriptorPool handle = UMD_HANDLE(VkDescriptorPool, id);
    struct wire_encoder *e = umd_stream_begin(device->stream);
    wire_put_CreateDescriptorPool(e, pCreateInfo, &handle);
    result = umd_stream_end(device->stream, false);
    if (result)
        goto free_id;
    *pDescriptorPool = handle;
    return VK_SUCCESS;
free_id:
    umd_id_free(&device->ids, id);
free_pool:
    umd_free(pAllocator, &device->allocator, pool);
    return result;
}

/* All sets of a pool end; their ids are free. */
static void forget_sets(struct umd_device *device, struct pool *pool)
{
    umd_lock_take(&device->ids.lock);
    for (struct set *set = pool->live; set; set = set->next)
        umd_id_free_locked(&device->ids, set->id);
    umd_lock_release(&device->ids.lock);
    struct set *last = NULL;
    for (struct set *set = pool->live; set; set = set->next) {
        umd_set_layout_release(set->layout);
        last = set;
    }
    if (last) {
        last->next = pool->free;
        pool->free = pool->live;
        pool->live = NULL;
    }
    pool->account = pool->full;
}

VKAPI_ATTR void VKAPI_CALL umd_DestroyDescriptorPool(VkDevice device_handle,
                                                     VkDescriptorPool handle,
                                                     const VkAllocationCallbacks *pAllocator)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct pool *pool = umd_object(device, UMD_ID(handle));
    if (!pool)
        return;
    struct wire_encoder *e = umd_stream_begin(device->stream);
    wire_put_DestroyDescriptorPool(e, handle);
    umd_stream_end(device->stream, false);
    forget_sets(device, pool);
    umd_id_free(&device->ids, UMD_ID(handle));
    for (struct chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    umd_free(pAllocator, &device->allocator, pool);
}

VKAPI_ATTR VkResult VKAPI_CALL umd_ResetDescriptorPool(VkDevice device_handle,
                                                       VkDescriptorPool handle,
                                                       VkDescriptorPoolResetFlags flags)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct pool *pool = umd_object(device, UMD_ID(handle));
    if (!pool)
        return VK_SUCCESS;
    struct wire_encoder *e = umd_stream_begin(device->stream);
    wire_put_ResetDescriptorPool(e, handle, flags);
    VkResult result = umd_stream_end(device->stream, false);
    forget_sets(device, pool);
    return result;
}

/* --- Sets --- */

static struct set *take_set(struct pool *pool)
{
    if (!pool->free) {
        uint32_t count = pool->chunk_sets;
        struct chunk *chunk = malloc(sizeof(*chunk) + count * sizeof(struct set));
        if (!chunk)
            return NULL;
        chunk->next = pool->chunks;
        pool->chunks = chunk;
        pool->chunk_sets = count < 1024 ? 2 * count : count;
        for (uint32_t i = 0; i < count; i++)
            chunk->sets[i].next = i + 1 < count ? &chunk->sets[i + 1] : NULL;
        pool->free = chunk->sets;
    }
    struct set *set = pool->free;
    pool->free = set->next;
    set->previous = NULL;
    set->next = pool->live;
    if (pool->live)
        pool->live->previous = set;
    pool->live = set;
    return set;
}

static void give_set(struct pool *pool, struct set *set)
{
    if (set->previous)
        set->previous->next = set->next;
    else
        pool->live = set->next;
    if (set->next)
        set->next->previous = set->previous;
    umd_pool_account_give(&pool->account, set->layout, set->variable_count);
    umd_set_layout_release(set->layout);
    set->next = pool->free;
    pool->free = set;
}

/* One set, without an id; the pool's newest. */
static VkResult allocate_set(struct pool *pool, struct umd_set_layout *layout,
                             uint32_t variable_count)
{
    if (!layout->has_variable || variable_count > layout->variable.count)
        variable_count = layout->has_variable ? layout->variable.count : 0;
    if (!umd_pool_account_take(&pool->account, layout, variable_count))
        return VK_ERROR_OUT_OF_POOL_MEMORY;
    struct set *set = take_set(pool);
    if (!set) {
        umd_pool_account_give(&pool->account, layout, variable_count);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    atomic_fetch_add_explicit(&layout->references, 1, memory_order_relaxed);
    set->layout = layout;
    set->variable_count = variable_count;
    set->id = 0;
    return VK_SUCCESS;
}

/* Ids for the `count` newest sets, the newest the last. False: not for all. */
static bool name_sets(struct umd_device *device, struct pool *pool, uint32_t count,
                      VkDescriptorSet *handles)
{
    bool all = true;
    struct set *set = pool->live;
    umd_lock_take(&device->ids.lock);
    for (uint32_t i = count; i-- > 0; set = set->next) {
        set->id = umd_id_create_locked(&device->ids, VKWIRE_OBJECT_DESCRIPTOR_SET, set);
        all = all && set->id;
        handles[i] = UMD_HANDLE(VkDescriptorSet, set->id);
    }
    umd_lock_release(&device->ids.lock);
    return all;
}

VKAPI_ATTR VkResult VKAPI_CALL
umd_AllocateDescriptorSets(VkDevice device_handle, const VkDescriptorSetAllocateInfo *pAllocateInfo,
                           VkDescriptorSet *pDescriptorSets)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct pool *pool = umd_object(device, UMD_ID(pAllocateInfo->descriptorPool));
    const VkDescriptorSetVariableDescriptorCountAllocateInfo *variable =
        umd_chain_find(pAllocateInfo->pNext,
                       VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO);
    uint32_t count = pAllocateInfo->descriptorSetCount, done = 0;
    VkResult result = pool ? VK_SUCCESS : VK_ERROR_OUT_OF_POOL_MEMORY;
    while (!result && done < count) {
        struct umd_set_layout *layout =
            umd_object(device, UMD_ID(pAllocateInfo->pSetLayouts[done]));
        uint32_t variable_count =
            variable && done < variable->descriptorSetCount ? variable->pDescriptorCounts[done] : 0;
        result = layout ? allocate_set(pool, layout, variable_count) : VK_ERROR_OUT_OF_POOL_MEMORY;
        if (!result)
            done++;
    }
    if (result)
        goto give;
    result = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (!name_sets(device, pool, count, pDescriptorSets))
        goto give;
    struct wire_encoder *e = umd_stream_begin(device->stream);
    wire_put_AllocateDescriptorSets(e, pAllocateInfo, pDescriptorSets);
    result = umd_stream_end(device->stream, false);
    if (!result)
        return VK_SUCCESS;
give:
    while (done-- > 0) {
        umd_id_free(&device->ids, pool->live->id);
        give_set(pool, pool->live);
    }
    for (uint32_t i = 0; i < count; i++)
        pDescriptorSets[i] = VK_NULL_HANDLE;
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL umd_FreeDescriptorSets(VkDevice device_handle,
                                                      VkDescriptorPool pool_handle, uint32_t count,
                                                      const VkDescriptorSet *pDescriptorSets)
{
    struct umd_device *device = umd_device_from(device_handle);
    struct pool *pool = umd_object(device, UMD_ID(pool_handle));
    if (!pool)
        return VK_SUCCESS;
    struct wire_encoder *e = umd_stream_begin(device->stream);
    wire_put_FreeDescriptorSets(e, pool_handle, count, pDescriptorSets);
    VkResult result = umd_stream_end(device->stream, false);
    for (uint32_t i = 0; i < count; i++) {
        struct set *set = umd_object(device, UMD_ID(pDescriptorSets[i]));
        if (!set)
            continue;
        umd_id_free(&device->ids, set->id);
        give_set(pool, set);
    }
    return result;
}
