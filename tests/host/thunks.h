/* SPDX-License-Identifier: MIT */
/*
 * A guest that uses the thunks (kmt/) against the fixture's service, in the same process. A failure
 * of what a test does not look at fails the test.
 */
#ifndef GPUPV_TESTS_HOST_THUNKS_H
#define GPUPV_TESTS_HOST_THUNKS_H

#include "host/fixture.h"

#include "gpupv/d3dkmthk.h"
#include "gpupv/kmt.h"

#define assert_status(call, status) assert_int_equal((int32_t)(call), (int32_t)(status))

struct thunks {
    struct host_fixture *fixture;
    struct fake_queues *queues;
    D3DKMT_HANDLE adapter, device, context;
};

/* `service` and `hive` as of fixture_create. */
struct thunks *thunks_create(const char *service, const char *hive);
void thunks_destroy(struct thunks *thunks);

D3DKMT_HANDLE thunks_device(const struct thunks *thunks);
D3DKMT_HANDLE thunks_context(D3DKMT_HANDLE device);
/* One allocation; *handle is left alone on failure. */
NTSTATUS thunks_allocate(D3DKMT_HANDLE device, uint64_t size, uint32_t flags,
                         D3DKMT_HANDLE *handle);
NTSTATUS thunks_free(D3DKMT_HANDLE device, D3DKMT_HANDLE handle);
void *thunks_lock(D3DKMT_HANDLE device, D3DKMT_HANDLE allocation);
D3DKMT_CREATEHWQUEUE thunks_queue(const struct thunks *thunks);
/* A monitored fence; *value gets its place, unless NULL. */
D3DKMT_HANDLE thunks_fence(const struct thunks *thunks, uint64_t initial,
                           const volatile uint64_t **value);
NTSTATUS thunks_signal(const struct thunks *thunks, D3DKMT_HANDLE fence, uint64_t value);
NTSTATUS thunks_wait(const struct thunks *thunks, D3DKMT_HANDLE fence, uint64_t value, int event);
NTSTATUS thunks_gpu(D3DKMT_HANDLE context, bool signal, D3DKMT_HANDLE fence, uint64_t value);
NTSTATUS thunks_submit(D3DKMT_HANDLE queue, uint64_t fence_value, const void *data, uint32_t size);
/* Until the service has taken all messages so far. */
void thunks_settle(const struct thunks *thunks);
uint64_t thunks_usage(const struct thunks *thunks, D3DKMT_MEMORY_SEGMENT_GROUP group,
                      uint64_t *budget);

#endif
