/* SPDX-License-Identifier: MIT */
/*
 * Answers of the host to what programs ask about formats, by the bytes of the question. Bounded:
 * when it is full it is emptied. Thread-safe.
 */
#ifndef GPUPV_UMD_QUERY_CACHE_H
#define GPUPV_UMD_QUERY_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include <vulkan/vulkan_core.h>

struct umd_query_cache;

struct umd_query_cache *umd_query_cache_create(void); /* NULL when memory is short */
void umd_query_cache_destroy(struct umd_query_cache *cache);

/* Copies the answer of `size` bytes. False when the question is new. */
bool umd_query_cache_find(struct umd_query_cache *cache, const void *key, size_t key_size,
                          VkResult *result, void *answer, size_t size);
/* Keeps an answer; does nothing when memory is short. */
void umd_query_cache_add(struct umd_query_cache *cache, const void *key, size_t key_size,
                         VkResult result, const void *answer, size_t size);

#endif
