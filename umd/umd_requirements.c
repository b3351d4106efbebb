/* SPDX-License-Identifier: MIT */
/* The cache: a table of sets; in a full set the entry that was longest not asked for makes room. */
#include "umd/umd_requirements.h"

#include <stdlib.h>
#include <string.h>

#include "umd/umd_memory.h"

#define SETS 256u
#define WAYS 4u

struct entry {
    uint64_t hash;
    uint8_t *key; /* NULL: empty */
    uint32_t size, kind;
    uint32_t used; /* the cache's clock at its last use */
    struct umd_requirements requirements;
};

struct umd_requirements_cache {
    pthread_mutex_t lock;
    uint32_t clock;
    struct entry entries[SETS][WAYS];
};

VkResult umd_requirements_init(struct umd_device *device)
{
    struct umd_requirements_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    if (pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    device->requirements = cache;
    return VK_SUCCESS;
}

void umd_requirements_finish(struct umd_device *device)
{
    struct umd_requirements_cache *cache = device->requirements;
    if (!cache)
        return;
    for (uint32_t i = 0; i < SETS * WAYS; i++)
        free(cache->entries[i / WAYS][i % WAYS].key);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
    device->requirements = NULL;
}

static uint64_t hash_of(const struct umd_requirements_key *key)
{
    uint64_t hash = key->kind * 0x9e3779b97f4a7c15u + key->size;
    for (uint32_t i = 0; i < key->size; i += 8) {
        uint64_t word;
        memcpy(&word, key->data + i, sizeof(word));
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}

static struct entry *find_locked(struct umd_requirements_cache *cache, uint64_t hash,
                                 const struct umd_requirements_key *key)
{
    struct entry *set = cache->entries[hash % SETS];
    for (uint32_t i = 0; i < WAYS; i++) {
        if (set[i].key && set[i].hash == hash && set[i].size == key->size &&
            set[i].kind == key->kind && memcmp(set[i].key, key->data, key->size) == 0)
            return &set[i];
    }
    return NULL;
}

/* An empty entry of a set, or the one that was longest not used. */
static struct entry *oldest_locked(struct entry *set)
{
    struct entry *oldest = &set[0];
    for (uint32_t i = 0; i < WAYS; i++) {
        if (!set[i].key)
            return &set[i];
        if ((int32_t)(set[i].used - oldest->used) < 0)
            oldest = &set[i];
    }
    return oldest;
}

bool umd_requirements_find(struct umd_device *device, const struct umd_requirements_key *key,
                           struct umd_requirements *requirements)
{
    struct umd_requirements_cache *cache = device->requirements;
    if (key->size == 0 || key->size > UMD_KEY_MAX)
        return false;
    uint64_t hash = hash_of(key);
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find_locked(cache, hash, key);
    if (entry) {
        entry->used = ++cache->clock;
        *requirements = entry->requirements;
    }
    pthread_mutex_unlock(&cache->lock);
    return entry;
}

void umd_requirements_add(struct umd_device *device, const struct umd_requirements_key *key,
                          const struct umd_requirements *requirements)
{
    struct umd_requirements_cache *cache = device->requirements;
    umd_memory_note_alignment(device, requirements->memory.size, requirements->memory.alignment);
    if (key->size == 0 || key->size > UMD_KEY_MAX)
        return;
    uint8_t *copy = malloc(key->size);
    if (!copy)
        return; /* it is asked for again */
    memcpy(copy, key->data, key->size);
    uint64_t hash = hash_of(key);
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find_locked(cache, hash, key);
    if (!entry)
        entry = oldest_locked(cache->entries[hash % SETS]);
    uint8_t *old = entry->key;
    *entry = (struct entry){hash, copy, key->size, key->kind, ++cache->clock, *requirements};
    pthread_mutex_unlock(&cache->lock);
    free(old);
}

void umd_requirements_fill(const struct umd_requirements *requirements, VkMemoryRequirements2 *out)
{
    out->memoryRequirements = requirements->memory;
    for (VkBaseOutStructure *next = out->pNext; next; next = next->pNext) {
        if (next->sType == VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS) {
            VkMemoryDedicatedRequirements *dedicated = (void *)next;
            dedicated->prefersDedicatedAllocation = requirements->prefers_dedicated;
            dedicated->requiresDedicatedAllocation = requirements->requires_dedicated;
        }
    }
}
