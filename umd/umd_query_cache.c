/* SPDX-License-Identifier: MIT */
#include "umd/umd_query_cache.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024u
#define MAX_ENTRIES 4096u
#define MAX_BYTES (2u << 20)

struct entry {
    struct entry *next;
    uint32_t hash;
    VkResult result;
    size_t key_size, size;
    uint8_t bytes[]; /* key, then answer */
};

struct umd_query_cache {
    pthread_mutex_t lock;
    uint32_t count;
    size_t used;
    struct entry *buckets[BUCKETS];
};

/* FNV-1a */
static uint32_t hash_of(const uint8_t *bytes, size_t size)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

struct umd_query_cache *umd_query_cache_create(void)
{
    struct umd_query_cache *cache = calloc(1, sizeof(*cache));

    if (cache)
        pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void clear_locked(struct umd_query_cache *cache)
{
    for (uint32_t i = 0; i < BUCKETS; i++) {
        while (cache->buckets[i]) {
            struct entry *entry = cache->buckets[i];

            cache->buckets[i] = entry->next;
            free(entry);
        }
    }
    cache->count = 0;
    cache->used = 0;
}

void umd_query_cache_destroy(struct umd_query_cache *cache)
{
    if (!cache)
        return;
    clear_locked(cache);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static struct entry *find_locked(struct umd_query_cache *cache, uint32_t hash, const void *key,
                                 size_t key_size, size_t size)
{
    for (struct entry *entry = cache->buckets[hash % BUCKETS]; entry; entry = entry->next)
        if (entry->hash == hash && entry->key_size == key_size && entry->size == size &&
            !memcmp(entry->bytes, key, key_size))
            return entry;
    return NULL;
}

bool umd_query_cache_find(struct umd_query_cache *cache, const void *key, size_t key_size,
                          VkResult *result, void *answer, size_t size)
{
    uint32_t hash = hash_of(key, key_size);
    struct entry *entry;

    pthread_mutex_lock(&cache->lock);
    entry = find_locked(cache, hash, key, key_size, size);
    if (entry) {
        *result = entry->result;
        memcpy(answer, entry->bytes + key_size, size);
    }
    pthread_mutex_unlock(&cache->lock);
    return entry != NULL;
}

void umd_query_cache_add(struct umd_query_cache *cache, const void *key, size_t key_size,
                         VkResult result, const void *answer, size_t size)
{
    struct entry *entry;
    size_t bytes;

    if (key_size > MAX_BYTES / 4 || size > MAX_BYTES / 4)
        return;
    bytes = sizeof(*entry) + key_size + size;
    entry = malloc(bytes);
    if (!entry)
        return;
    *entry = (struct entry){NULL, hash_of(key, key_size), result, key_size, size};
    memcpy(entry->bytes, key, key_size);
    memcpy(entry->bytes + key_size, answer, size);
    pthread_mutex_lock(&cache->lock);
    if (find_locked(cache, entry->hash, key, key_size, size)) { /* another thread was faster */
        free(entry);
    } else {
        if (cache->count == MAX_ENTRIES || cache->used + bytes > MAX_BYTES)
            clear_locked(cache);
        entry->next = cache->buckets[entry->hash % BUCKETS];
        cache->buckets[entry->hash % BUCKETS] = entry;
        cache->count++;
        cache->used += bytes;
    }
    pthread_mutex_unlock(&cache->lock);
}
