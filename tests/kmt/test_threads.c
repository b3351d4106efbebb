/* SPDX-License-Identifier: MIT */
/* Eight threads at once, on a host that hangs up now and then. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "util/log.h"

enum { THREADS = 8, ROUNDS = 200 };

static atomic_uint wrong, lost;

/* A result must be right, or say that the connection was lost. */
static bool judge(NTSTATUS status, bool right)
{
    if (status == STATUS_DEVICE_REMOVED)
        atomic_fetch_add(&lost, 1);
    else if (status || !right)
        atomic_fetch_add(&wrong, 1);
    return status == STATUS_SUCCESS;
}

static void use_adapter(D3DKMT_HANDLE adapter, uint8_t seed)
{
    D3DKMT_QUERY_DEVICE_IDS ids = {.PhysicalAdapterIndex = seed};
    NTSTATUS status =
        support_query(adapter, KMTQAITYPE_PHYSICALADAPTERDEVICEIDS, &ids, sizeof(ids));
    judge(status, ids.DeviceIds.VendorID == 0x10005u + seed);

    uint8_t data[501];
    memset(data, seed, sizeof(data));
    const D3DKMT_ESCAPE escape = {
        .hAdapter = adapter,
        .pPrivateDriverData = data,
        .PrivateDriverDataSize = sizeof(data),
    };
    status = D3DKMTEscape(&escape);
    judge(status, data[0] == 0xff - seed && data[500] == 0xff - seed);

    D3DKMT_CREATEDEVICE create = {.hAdapter = adapter};
    status = D3DKMTCreateDevice(&create);
    if (judge(status, create.hDevice != 0)) {
        const D3DKMT_DESTROYDEVICE destroy = {create.hDevice};
        judge(D3DKMTDestroyDevice(&destroy), true);
    }
}

static void *work(void *argument)
{
    uint8_t seed = (uint8_t)(uintptr_t)argument;
    for (int round = 0; round < ROUNDS; round++) {
        D3DKMT_OPENADAPTERFROMLUID args = {{FAKE_LUID_LOW(seed % 2), FAKE_LUID_HIGH}, 0};
        NTSTATUS status = D3DKMTOpenAdapterFromLuid(&args);
        if (!judge(status, args.hAdapter != 0))
            continue;
        use_adapter(args.hAdapter, (uint8_t)(seed + round));
        const D3DKMT_CLOSEADAPTER close_args = {args.hAdapter};
        judge(D3DKMTCloseAdapter(&close_args), true);
    }
    return NULL;
}

static void run_threads(struct fake_host *host, int hang_ups)
{
    pthread_t threads[THREADS];
    atomic_store(&wrong, 0);
    atomic_store(&lost, 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)(i * 16)), 0);
    for (int i = 1; i <= hang_ups; i++) {
        /* Amid the work: after so many more answers. */
        unsigned before = fake_host_requests(host, WIRE_ESCAPE);
        while (fake_host_requests(host, WIRE_ESCAPE) < before + 20)
            sched_yield();
        fake_host_hang_up(host);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void threads_share_a_connection(void **state)
{
    run_threads(*state, 0);
    assert_int_equal(wrong, 0);
    assert_int_equal(lost, 0);
    assert_int_equal(fake_host_connections(*state), 1);
    fake_host_wait_asyncs(*state, WIRE_CLOSE_ADAPTER, THREADS * ROUNDS);
    fake_host_wait_asyncs(*state, WIRE_DESTROY_DEVICE, THREADS * ROUNDS);
}

static void threads_survive_hang_ups(void **state)
{
    run_threads(*state, 5);
    assert_int_equal(wrong, 0);
    assert_in_range(fake_host_connections(*state), 2, 6);
    D3DKMT_HANDLE adapter = support_open();
    support_close(adapter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        host_test(threads_share_a_connection),
        host_test(threads_survive_hang_ups),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
