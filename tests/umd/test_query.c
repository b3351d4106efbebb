/* SPDX-License-Identifier: MIT */
/* Results of queries in the guest: what is written, and waiting for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "fake_stream.h"
#include "umd_commands.h"
#include "vkwire_encode.h"
#include "wire/query.h"

/* --- The worker's side: query i has the values 100 * i, 100 * i + 1 … --- */

static struct {
    uint32_t values;     /* of a query */
    uint32_t available;  /* the first queries */
    uint32_t asked;      /* calls */
    uint32_t then_after; /* all become available after so many calls, if not 0 */
    VkQueryResultFlags flags;
} worker;

static void write_value(uint8_t **to, VkQueryResultFlags flags, uint64_t value)
{
    uint32_t small = (uint32_t)value;
    bool wide = flags & VK_QUERY_RESULT_64_BIT;
    memcpy(*to, wide ? (const void *)&value : (const void *)&small, wide ? 8 : 4);
    *to += wide ? 8 : 4;
}

VkResult umd_call_GetQueryPoolResults(struct umd_stream *stream, VkQueryPool queryPool,
                                      uint32_t firstQuery, uint32_t queryCount, size_t dataSize,
                                      void *pData, VkDeviceSize stride, VkQueryResultFlags flags)
{
    (void)queryPool;
    if (umd_stream_status(stream))
        return VK_ERROR_DEVICE_LOST;
    if (++worker.asked == worker.then_after)
        worker.available = UINT32_MAX;
    worker.flags = flags;
    assert_true(dataSize >= queryCount * (stride + 1));
    uint8_t *written = (uint8_t *)pData + queryCount * stride;
    VkResult result = VK_SUCCESS;
    for (uint32_t i = 0; i < queryCount; i++) {
        uint32_t query = firstQuery + i;
        bool available = query < worker.available;
        uint8_t *to = (uint8_t *)pData + i * stride;
        for (uint32_t j = 0; j < worker.values; j++)
            write_value(&to, flags, 100 * (uint64_t)query + j);
        if (flags & VK_QUERY_RESULT_WITH_AVAILABILITY_BIT)
            write_value(&to, flags, available);
        assert_ptr_equal(to, (uint8_t *)pData + (i + 1) * stride);
        written[i] = available || flags & VK_QUERY_RESULT_PARTIAL_BIT ? WIRE_QUERY_ALL
                     : wire_query_has_state(flags)                    ? WIRE_QUERY_STATE
                                                                      : WIRE_QUERY_NOTHING;
        if (!available)
            result = VK_NOT_READY;
    }
    return result;
}

void wire_put_CreateQueryPool(struct wire_encoder *e, const VkQueryPoolCreateInfo *pCreateInfo,
                              const VkQueryPool *pQueryPool)
{
    (void)e, (void)pCreateInfo, (void)pQueryPool;
}

void wire_put_DestroyQueryPool(struct wire_encoder *e, VkQueryPool queryPool)
{
    (void)e, (void)queryPool;
}

/* --- Fixture --- */

struct fixture {
    struct umd_device device;
    struct umd_stream stream;
    VkDevice handle;
    VkQueryPool pool;
};

static void create_pool(struct fixture *f, VkQueryType type, VkQueryPipelineStatisticFlags counters)
{
    VkQueryPoolCreateInfo info = {
        VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, NULL, 0, type, 4000, counters};
    assert_int_equal(umd_CreateQueryPool(f->handle, &info, NULL, &f->pool), VK_SUCCESS);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    fake_device_init(&f->device, &f->stream);
    f->handle = (VkDevice)&f->device;
    memset(&worker, 0, sizeof(worker));
    worker.values = 1;
    worker.available = UINT32_MAX;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    umd_DestroyQueryPool(f->handle, f->pool, NULL);
    fake_device_finish(&f->device);
    free(f);
    return 0;
}

/* --- Tests --- */

static void gaps_between_results_are_left_alone(void **state)
{
    struct fixture *f = *state;
    create_pool(f, VK_QUERY_TYPE_OCCLUSION, 0);
    uint32_t data[8];
    memset(data, 0xee, sizeof(data));
    assert_int_equal(umd_GetQueryPoolResults(f->handle, f->pool, 1, 3, sizeof(data), data, 8, 0),
                     VK_SUCCESS);
    const uint32_t expected[8] = {100, 0xeeeeeeee, 200,        0xeeeeeeee,
                                  300, 0xeeeeeeee, 0xeeeeeeee, 0xeeeeeeee};
    assert_memory_equal(data, expected, sizeof(data));
}

static void what_is_unavailable_is_left_alone(void **state)
{
    struct fixture *f = *state;
    create_pool(f, VK_QUERY_TYPE_PIPELINE_STATISTICS, 3);
    worker.values = 2;
    worker.available = 1;
    uint64_t data[6];
    memset(data, 0xee, sizeof(data));
    assert_int_equal(
        umd_GetQueryPoolResults(f->handle, f->pool, 0, 2, sizeof(data), data, 24,
                                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT),
        VK_NOT_READY);
    const uint64_t rest = 0xeeeeeeeeeeeeeeee;
    const uint64_t with_state[6] = {0, 1, 1, rest, rest, 0};
    assert_memory_equal(data, with_state, sizeof(data));

    memset(data, 0xee, sizeof(data));
    assert_int_equal(umd_GetQueryPoolResults(f->handle, f->pool, 0, 2, sizeof(data), data, 16,
                                             VK_QUERY_RESULT_64_BIT),
                     VK_NOT_READY);
    const uint64_t without[6] = {0, 1, rest, rest, rest, rest};
    assert_memory_equal(data, without, sizeof(data));
}

static void many_queries_are_asked_in_parts(void **state)
{
    struct fixture *f = *state;
    create_pool(f, VK_QUERY_TYPE_TIMESTAMP, 0);
    uint64_t *data = calloc(4000, sizeof(*data));
    assert_non_null(data);
    assert_int_equal(umd_GetQueryPoolResults(f->handle, f->pool, 0, 4000, 4000 * sizeof(*data),
                                             data, sizeof(*data), VK_QUERY_RESULT_64_BIT),
                     VK_SUCCESS);
    for (uint64_t i = 0; i < 4000; i++)
        assert_int_equal(data[i], 100 * i);
    assert_true(worker.asked > 1);
    free(data);
}

static void waiting_asks_until_all_are_available(void **state)
{
    struct fixture *f = *state;
    create_pool(f, VK_QUERY_TYPE_OCCLUSION, 0);
    worker.available = 0;
    worker.then_after = 4;
    uint32_t data[4];
    assert_int_equal(umd_GetQueryPoolResults(f->handle, f->pool, 0, 2, sizeof(data), data, 8,
                                             VK_QUERY_RESULT_WAIT_BIT |
                                                 VK_QUERY_RESULT_PARTIAL_BIT |
                                                 VK_QUERY_RESULT_WITH_AVAILABILITY_BIT),
                     VK_SUCCESS);
    const uint32_t expected[4] = {0, 1, 100, 1};
    assert_memory_equal(data, expected, sizeof(data));
    assert_int_equal(worker.asked, 4);
    assert_int_equal(worker.flags, VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
    assert_true(f->stream.sleeps >= 3);
}

static void a_lost_device_ends_waiting(void **state)
{
    struct fixture *f = *state;
    create_pool(f, VK_QUERY_TYPE_OCCLUSION, 0);
    fake_lose(&f->stream);
    uint32_t data = 7;
    assert_int_equal(umd_GetQueryPoolResults(f->handle, f->pool, 0, 1, sizeof(data), &data, 4,
                                             VK_QUERY_RESULT_WAIT_BIT),
                     VK_ERROR_DEVICE_LOST);
    assert_int_equal(data, 7);
}

static void unknown_types_are_refused(void **state)
{
    struct fixture *f = *state;
    VkQueryPoolCreateInfo info = {VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, NULL, 0,
                                  VK_QUERY_TYPE_PERFORMANCE_QUERY_INTEL,    1,    0};
    assert_int_equal(umd_CreateQueryPool(f->handle, &info, NULL, &f->pool), VK_ERROR_UNKNOWN);
    assert_int_equal(f->stream.sent, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gaps_between_results_are_left_alone), TEST(what_is_unavailable_is_left_alone),
        TEST(many_queries_are_asked_in_parts),     TEST(waiting_asks_until_all_are_available),
        TEST(a_lost_device_ends_waiting),          TEST(unknown_types_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
