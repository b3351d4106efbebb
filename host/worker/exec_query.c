/* SPDX-License-Identifier: MIT */
/*
 * Queries. The layout of a pool's results is kept, so that the driver never writes more than the
 * guest has made room for; which results it wrote is told beside them (wire/query.h). The stream's
 * thread does not wait for results.
 */
#include "host/worker/exec.h"

#include <stdlib.h>
#include <string.h>

#include "vkwire.h"
#include "vkwire_exec.h"
#include "wire/query.h"

struct query_pool {
    struct exec_aux aux;
    struct wire_query_layout layout;
    uint32_t count;
};

static void forget_pool(struct exec *x, struct exec_object *object)
{
    (void)x;
    free(object->aux);
}

VkResult exec_CreateQueryPool(struct exec *x, const struct args_CreateQueryPool *a)
{
    struct wire_query_layout layout;
    if (!wire_query_layout(a->pCreateInfo, &layout)) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "a pool of queries of type %d",
                  (int)a->pCreateInfo->queryType);
        return VK_ERROR_UNKNOWN;
    }
    struct query_pool *pool = malloc(sizeof(*pool));
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (pool)
        result = x->vk->CreateQueryPool(x->device, a->pCreateInfo, NULL, a->pQueryPool);
    if (result) {
        free(pool);
        exec_fail(x, STREAM_LOST_MEMORY, "vkCreateQueryPool: VkResult %d", (int)result);
        return result;
    }
    if (!exec_object_add(x, *a->pQueryPool_ids, VKWIRE_OBJECT_QUERY_POOL,
                         (uint64_t)*a->pQueryPool)) {
        x->vk->DestroyQueryPool(x->device, *a->pQueryPool, NULL);
        free(pool);
        return VK_SUCCESS;
    }
    *pool = (struct query_pool){{forget_pool}, layout, a->pCreateInfo->queryCount};
    exec_object_find(x, *a->pQueryPool_ids, VKWIRE_OBJECT_QUERY_POOL)->aux = pool;
    return VK_SUCCESS;
}

/* The pool of a request that fits: its queries exist, and there is room for its results. */
static const struct query_pool *check_request(struct exec *x,
                                              const struct args_GetQueryPoolResults *a)
{
    const struct exec_object *object =
        exec_object_get(x, a->queryPool_id, VKWIRE_OBJECT_QUERY_POOL);
    const struct query_pool *pool = object ? object->aux : NULL;
    if (!pool)
        return NULL;
    VkQueryResultFlags known = VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_PARTIAL_BIT |
                               VK_QUERY_RESULT_WITH_AVAILABILITY_BIT |
                               VK_QUERY_RESULT_WITH_STATUS_BIT_KHR;
    if (a->flags & ~known || a->firstQuery > pool->count ||
        a->queryCount > pool->count - a->firstQuery ||
        a->stride != wire_query_size(&pool->layout, a->flags) ||
        a->dataSize / (a->stride + 1) < a->queryCount) {
        exec_fail(x, STREAM_LOST_PROTOCOL,
                  "vkGetQueryPoolResults: queries %u + %u of %u, %zu bytes", a->firstQuery,
                  a->queryCount, pool->count, a->dataSize);
        return NULL;
    }
    return pool;
}

/* Whether the state behind a query's values, of availability or status, says that they are there.
 */
static bool is_available(const uint8_t *state, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++) {
        if (state[i])
            return true;
    }
    return false;
}

/* Results of queries without a state; not ready as a whole: asks for each what the driver wrote. */
static VkResult ask_one_by_one(struct exec *x, const struct args_GetQueryPoolResults *a,
                               uint8_t *written)
{
    VkResult all = VK_SUCCESS;
    for (uint32_t i = 0; i < a->queryCount; i++) {
        VkResult one = x->vk->GetQueryPoolResults(
            x->device, a->queryPool, a->firstQuery + i, 1, (size_t)a->stride,
            (uint8_t *)a->pData + i * a->stride, a->stride, a->flags);
        if (one < 0)
            return one;
        written[i] = one == VK_SUCCESS ? WIRE_QUERY_ALL : WIRE_QUERY_NOTHING;
        if (one)
            all = one;
    }
    return all;
}

VkResult exec_GetQueryPoolResults(struct exec *x, const struct args_GetQueryPoolResults *a)
{
    const struct query_pool *pool = check_request(x, a);
    if (!pool)
        return VK_ERROR_DEVICE_LOST;
    size_t results = (size_t)(a->queryCount * a->stride);
    uint8_t *written = (uint8_t *)a->pData + results;
    VkResult result = VK_SUCCESS;
    if (results) {
        result = x->vk->GetQueryPoolResults(x->device, a->queryPool, a->firstQuery, a->queryCount,
                                            results, a->pData, a->stride, a->flags);
    }
    if (result < 0)
        return result;
    memset(written, WIRE_QUERY_ALL, a->queryCount);
    if (a->flags & VK_QUERY_RESULT_PARTIAL_BIT)
        return result;
    if (wire_query_has_state(a->flags)) {
        uint32_t width = wire_query_width(&pool->layout, a->flags);
        for (uint32_t i = 0; i < a->queryCount; i++) {
            const uint8_t *end = (const uint8_t *)a->pData + (i + 1) * a->stride;
            if (!is_available(end - width, width))
                written[i] = WIRE_QUERY_STATE;
        }
        return result;
    }
    return result == VK_NOT_READY ? ask_one_by_one(x, a, written) : result;
}
