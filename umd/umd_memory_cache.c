/* SPDX-License-Identifier: MIT */
#include "umd/umd_memory_cache.h"

#include <string.h>
#include <time.h>

#include "umd/umd_facts.h"

#define KEEP_NS UINT64_C(1000000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What is kept of a type's heap. */
static VkDeviceSize limit_of(const struct umd_device *device, uint32_t type)
{
    const VkPhysicalDeviceMemoryProperties *memory = &device->physical->facts->memory;
    VkDeviceSize part = memory->memoryHeaps[memory->memoryTypes[type].heapIndex].size / 32;
    return part < UMD_CACHE_BYTES ? part : UMD_CACHE_BYTES;
}

static struct umd_host_memory remove_locked(struct umd_cache *cache, uint32_t index)
{
    uint32_t count = atomic_load_explicit(&cache->count, memory_order_relaxed) - 1;
    struct umd_host_memory memory = cache->entries[index].memory;
    cache->bytes -= memory.size;
    memmove(&cache->entries[index], &cache->entries[index + 1],
            (count - index) * sizeof(cache->entries[0]));
    atomic_store_explicit(&cache->count, count, memory_order_relaxed);
    return memory;
}

bool umd_cache_take(struct umd_device *device, uint32_t type, bool device_address,
                    VkDeviceSize size, struct umd_host_memory *memory)
{
    struct umd_memory_state *state = device->memory;
    struct umd_cache *cache = &state->cache;
    bool found = false;
    pthread_mutex_lock(&state->lock);
    /* The last that came is the likeliest to lie in the processor's caches. */
    for (uint32_t i = atomic_load_explicit(&cache->count, memory_order_relaxed); i-- && !found;) {
        const struct umd_cached *entry = &cache->entries[i];
        found = entry->type == type && entry->device_address == device_address &&
                entry->memory.size >= size && entry->memory.size - size <= size / 8;
        if (found)
            *memory = remove_locked(cache, i);
    }
    pthread_mutex_unlock(&state->lock);
    return found;
}

/* The oldest, if there is one that was freed before `before`. */
static bool take_oldest(struct umd_memory_state *state, uint64_t before,
                        struct umd_host_memory *memory)
{
    struct umd_cache *cache = &state->cache;
    pthread_mutex_lock(&state->lock);
    bool found = atomic_load_explicit(&cache->count, memory_order_relaxed) > 0 &&
                 cache->entries[0].freed_ns < before;
    if (found)
        *memory = remove_locked(cache, 0);
    pthread_mutex_unlock(&state->lock);
    return found;
}

static void give_back_before(struct umd_device *device, uint64_t before)
{
    struct umd_host_memory memory;
    while (take_oldest(device->memory, before, &memory))
        umd_host_memory_free(device, &memory);
}

static bool try_give(struct umd_device *device, const struct umd_cached *entry)
{
    struct umd_memory_state *state = device->memory;
    struct umd_cache *cache = &state->cache;
    pthread_mutex_lock(&state->lock);
    uint32_t count = atomic_load_explicit(&cache->count, memory_order_relaxed);
    bool fits = count < UMD_CACHE_ENTRIES &&
                cache->bytes + entry->memory.size <= limit_of(device, entry->type);
    if (fits) {
        cache->entries[count] = *entry;
        cache->bytes += entry->memory.size;
        atomic_store_explicit(&cache->count, count + 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&state->lock);
    return fits;
}

void umd_cache_give(struct umd_device *device, uint32_t type, bool device_address,
                    const struct umd_host_memory *memory)
{
    const struct umd_cached entry = {*memory, now_ns(), type, device_address};
    bool kept = false;
    if (memory->size <= limit_of(device, type) && umd_stream_status(device->stream) == VK_SUCCESS) {
        struct umd_host_memory oldest;
        while (!(kept = try_give(device, &entry)) &&
               take_oldest(device->memory, UINT64_MAX, &oldest))
            umd_host_memory_free(device, &oldest);
    }
    if (!kept)
        umd_host_memory_free(device, memory);
}

void umd_cache_drop(struct umd_device *device)
{
    give_back_before(device, UINT64_MAX);
}

void umd_cache_age(struct umd_device *device)
{
    uint64_t now = now_ns();
    if (now > KEEP_NS)
        give_back_before(device, now - KEEP_NS);
}
