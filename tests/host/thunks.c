/* SPDX-License-Identifier: MIT */
#include "host/thunks.h"

#include <stdio.h>
#include <stdlib.h>

struct thunks *thunks_create(const char *service, const char *hive)
{
    struct thunks *thunks = calloc(1, sizeof(*thunks));
    assert_non_null(thunks);
    thunks->fixture = fixture_create(service, "[adapter:soft]\ndevice=2\n", hive);
    thunks->queues = &thunks->fixture->driver.queues;
    char uri[128];
    snprintf(uri, sizeof(uri), "unix:%s", thunks->fixture->socket);
    setenv("GPUPV_HOST", uri, 1);
    D3DKMT_ADAPTERINFO info;
    D3DKMT_ENUMADAPTERS2 args = {.NumAdapters = 1, .pAdapters = D3DKMT_PTR_INIT(&info)};
    assert_status(D3DKMTEnumAdapters2(&args), STATUS_SUCCESS);
    thunks->adapter = info.hAdapter;
    thunks->device = thunks_device(thunks);
    thunks->context = thunks_context(thunks->device);
    return thunks;
}

void thunks_destroy(struct thunks *thunks)
{
    D3DKMT_DESTROYDEVICE device = {thunks->device};
    assert_status(D3DKMTDestroyDevice(&device), STATUS_SUCCESS);
    D3DKMT_CLOSEADAPTER adapter = {thunks->adapter};
    assert_status(D3DKMTCloseAdapter(&adapter), STATUS_SUCCESS);
    fixture_destroy(thunks->fixture);
    free(thunks);
}

D3DKMT_HANDLE thunks_device(const struct thunks *thunks)
{
    D3DKMT_CREATEDEVICE args = {.hAdapter = thunks->adapter};
    assert_status(D3DKMTCreateDevice(&args), STATUS_SUCCESS);
    return args.hDevice;
}

D3DKMT_HANDLE thunks_context(D3DKMT_HANDLE device)
{
    D3DKMT_CREATECONTEXTVIRTUAL args = {.hDevice = device, .EngineAffinity = 1};
    assert_status(D3DKMTCreateContextVirtual(&args), STATUS_SUCCESS);
    return args.hContext;
}

NTSTATUS thunks_allocate(D3DKMT_HANDLE device, uint64_t size, uint32_t flags, D3DKMT_HANDLE *handle)
{
    struct gpupv_allocation_private data = {
        .magic = GPUPV_ALLOCATION_MAGIC, .flags = flags, .size = size};
    D3DDDI_ALLOCATIONINFO2 info = {.pPrivateDriverData = D3DKMT_PTR_INIT(&data),
                                   .PrivateDriverDataSize = sizeof(data)};
    D3DKMT_CREATEALLOCATION args = {.hDevice = device, .NumAllocations = 1};
    args.pAllocationInfo2 = &info;
    NTSTATUS status = D3DKMTCreateAllocation2(&args);
    if (NT_SUCCESS(status)) {
        assert_true(data.size >= size && data.size % 4096 == 0);
        *handle = info.hAllocation;
    }
    return status;
}

NTSTATUS thunks_free(D3DKMT_HANDLE device, D3DKMT_HANDLE handle)
{
    D3DKMT_DESTROYALLOCATION2 args = {
        .hDevice = device, .phAllocationList = D3DKMT_PTR_INIT(&handle), .AllocationCount = 1};
    return D3DKMTDestroyAllocation2(&args);
}

void *thunks_lock(D3DKMT_HANDLE device, D3DKMT_HANDLE allocation)
{
    D3DKMT_LOCK2 args = {.hDevice = device, .hAllocation = allocation};
    assert_status(D3DKMTLock2(&args), STATUS_SUCCESS);
    return args.pData;
}

D3DKMT_CREATEHWQUEUE thunks_queue(const struct thunks *thunks)
{
    D3DKMT_CREATEHWQUEUE args = {.hHwContext = thunks->context};
    assert_status(D3DKMTCreateHwQueue(&args), STATUS_SUCCESS);
    return args;
}

D3DKMT_HANDLE thunks_fence(const struct thunks *thunks, uint64_t initial,
                           const volatile uint64_t **value)
{
    D3DKMT_CREATESYNCHRONIZATIONOBJECT2 args = {.hDevice = thunks->device};
    args.Info.Type = D3DDDI_MONITORED_FENCE;
    args.Info.MonitoredFence.InitialFenceValue = initial;
    assert_status(D3DKMTCreateSynchronizationObject2(&args), STATUS_SUCCESS);
    if (value)
        *value = args.Info.MonitoredFence.FenceValueCPUVirtualAddress;
    return args.hSyncObject;
}

NTSTATUS thunks_signal(const struct thunks *thunks, D3DKMT_HANDLE fence, uint64_t value)
{
    D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU args = {.hDevice = thunks->device,
                                                      .ObjectCount = 1,
                                                      .ObjectHandleArray = D3DKMT_PTR_INIT(&fence),
                                                      .FenceValueArray = D3DKMT_PTR_INIT(&value)};
    return D3DKMTSignalSynchronizationObjectFromCpu(&args);
}

NTSTATUS thunks_wait(const struct thunks *thunks, D3DKMT_HANDLE fence, uint64_t value, int event)
{
    D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU args = {.hDevice = thunks->device,
                                                       .ObjectCount = 1,
                                                       .ObjectHandleArray = D3DKMT_PTR_INIT(&fence),
                                                       .FenceValueArray = D3DKMT_PTR_INIT(&value)};
    if (event >= 0)
        args.hAsyncEvent = (HANDLE)(intptr_t)event;
    return D3DKMTWaitForSynchronizationObjectFromCpu(&args);
}

NTSTATUS thunks_gpu(D3DKMT_HANDLE context, bool signal, D3DKMT_HANDLE fence, uint64_t value)
{
    if (signal) {
        D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMGPU args = {
            .hContext = context, .ObjectCount = 1, .ObjectHandleArray = D3DKMT_PTR_INIT(&fence)};
        args.MonitoredFenceValueArray = &value;
        return D3DKMTSignalSynchronizationObjectFromGpu(&args);
    }
    D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMGPU args = {
        .hContext = context, .ObjectCount = 1, .ObjectHandleArray = D3DKMT_PTR_INIT(&fence)};
    args.MonitoredFenceValueArray = &value;
    return D3DKMTWaitForSynchronizationObjectFromGpu(&args);
}

NTSTATUS thunks_submit(D3DKMT_HANDLE queue, uint64_t fence_value, const void *data, uint32_t size)
{
    D3DKMT_SUBMITCOMMANDTOHWQUEUE args = {.hHwQueue = queue,
                                          .HwQueueProgressFenceId = fence_value,
                                          .PrivateDriverDataSize = size,
                                          .pPrivateDriverData = D3DKMT_PTR_INIT((void *)data)};
    return D3DKMTSubmitCommandToHwQueue(&args);
}

void thunks_settle(const struct thunks *thunks)
{
    UINT count;
    D3DKMT_QUERYADAPTERINFO args = {.hAdapter = thunks->adapter,
                                    .Type = KMTQAITYPE_PHYSICALADAPTERCOUNT,
                                    .pPrivateDriverData = D3DKMT_PTR_INIT(&count),
                                    .PrivateDriverDataSize = sizeof(count)};
    assert_status(D3DKMTQueryAdapterInfo(&args), STATUS_SUCCESS);
}

uint64_t thunks_usage(const struct thunks *thunks, D3DKMT_MEMORY_SEGMENT_GROUP group,
                      uint64_t *budget)
{
    D3DKMT_QUERYVIDEOMEMORYINFO args = {.hAdapter = thunks->adapter, .MemorySegmentGroup = group};
    assert_status(D3DKMTQueryVideoMemoryInfo(&args), STATUS_SUCCESS);
    if (budget)
        *budget = args.Budget;
    return args.CurrentUsage;
}
