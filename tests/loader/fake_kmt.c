/* SPDX-License-Identifier: MIT */
#include "fake_kmt.h"

#include <stdio.h>
#include <string.h>

#include "gpupv/kmt.h"
#include "gpupv/ntstatus.h"

struct fake_host fake_host;

void fake_host_reset(void)
{
    uint32_t connection = fake_host.connection;

    memset(&fake_host, 0, sizeof(fake_host));
    fake_host.connection = connection + 1;
}

NTSTATUS gpupv_kmt_connect(struct gpupv_kmt_info *info, char *message, size_t message_size)
{
    fake_host.connects++;
    if (fake_host.down) {
        snprintf(message, message_size, "no host at unix:/fake; start it");
        return STATUS_DEVICE_REMOVED;
    }
    memset(info, 0, sizeof(*info));
    snprintf(info->transport, sizeof(info->transport), "unix:/fake");
    return STATUS_SUCCESS;
}

const char *gpupv_kmt_status_name(NTSTATUS status)
{
    return status == STATUS_OBJECT_NAME_NOT_FOUND ? "STATUS_OBJECT_NAME_NOT_FOUND" : NULL;
}

static D3DKMT_HANDLE handle_of(size_t index)
{
    return 0x40000000u | (fake_host.connection & 0xff) << 8 | (uint32_t)index;
}

static const struct fake_adapter *adapter_of(D3DKMT_HANDLE handle)
{
    for (size_t i = 0; i < fake_host.adapter_count; i++)
        if (handle_of(i) == handle)
            return &fake_host.adapters[i];
    return NULL;
}

NTSTATUS APIENTRY D3DKMTEnumAdapters2(CONST D3DKMT_ENUMADAPTERS2 *pArgs)
{
    D3DKMT_ENUMADAPTERS2 *args = (D3DKMT_ENUMADAPTERS2 *)pArgs;
    size_t room = args->NumAdapters;

    if (fake_host.down)
        return STATUS_DEVICE_REMOVED;
    fake_host.enumerations++;
    args->NumAdapters = (ULONG)fake_host.adapter_count;
    if (!args->pAdapters)
        return STATUS_SUCCESS;
    if (room < fake_host.adapter_count)
        return STATUS_BUFFER_TOO_SMALL;
    for (size_t i = 0; i < fake_host.adapter_count; i++) {
        args->pAdapters[i] = (D3DKMT_ADAPTERINFO){.hAdapter = handle_of(i),
                                                  .AdapterLuid = fake_host.adapters[i].luid};
        fake_host.open_handles++;
    }
    return STATUS_SUCCESS;
}

NTSTATUS APIENTRY D3DKMTCloseAdapter(CONST D3DKMT_CLOSEADAPTER *pArgs)
{
    (void)pArgs;
    fake_host.open_handles--;
    return STATUS_SUCCESS;
}

static NTSTATUS give_value(D3DDDI_QUERYREGISTRY_INFO *info, size_t size, const wchar_t *value,
                           size_t characters)
{
    size_t room = size - offsetof(D3DDDI_QUERYREGISTRY_INFO, OutputString);

    if (fake_host.growing_value)
        characters += 16 * (size_t)(fake_host.multi_queries + fake_host.sz_queries);
    info->OutputValueSize = (ULONG)(characters * sizeof(wchar_t));
    if (info->OutputValueSize > room) {
        info->Status = D3DDDI_QUERYREGISTRY_STATUS_BUFFER_OVERFLOW;
        fake_host.overflows++;
        return STATUS_SUCCESS;
    }
    if (!fake_host.growing_value)
        memcpy(info->OutputString, value, info->OutputValueSize);
    info->Status = D3DDDI_QUERYREGISTRY_STATUS_SUCCESS;
    return STATUS_SUCCESS;
}

static NTSTATUS query_registry(const struct fake_adapter *adapter, D3DDDI_QUERYREGISTRY_INFO *info,
                               size_t size)
{
    bool is_name = info->QueryType == D3DDDI_QUERYREGISTRY_ADAPTERKEY &&
                   info->QueryFlags.TranslatePath && !info->QueryFlags.Reserved &&
                   info->PhysicalAdapterIndex == 0 && !wcscmp(info->ValueName, L"VulkanDriverName");

    if (size < sizeof(*info))
        return STATUS_INVALID_PARAMETER;
    if (info->QueryType == D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH)
        return give_value(info, size, L"/store/package", wcslen(L"/store/package") + 1);
    if (is_name && info->ValueType == REG_MULTI_SZ) {
        fake_host.multi_queries++;
        if (adapter->multi_sz)
            return give_value(info, size, adapter->multi_sz, adapter->multi_sz_characters);
    } else if (is_name && info->ValueType == REG_SZ) {
        fake_host.sz_queries++;
        if (adapter->sz)
            return give_value(info, size, adapter->sz, wcslen(adapter->sz) + 1);
    }
    info->Status = D3DDDI_QUERYREGISTRY_STATUS_FAIL;
    return STATUS_OBJECT_NAME_NOT_FOUND;
}

NTSTATUS APIENTRY D3DKMTQueryAdapterInfo(CONST D3DKMT_QUERYADAPTERINFO *pArgs)
{
    const struct fake_adapter *adapter = adapter_of(pArgs->hAdapter);
    void *data = pArgs->pPrivateDriverData;

    if (fake_host.down || !adapter)
        return STATUS_INVALID_PARAMETER;
    switch (pArgs->Type) {
    case KMTQAITYPE_DRIVER_DESCRIPTION:
        if (!adapter->description)
            return STATUS_NOT_SUPPORTED;
        wcsncpy(((D3DKMT_DRIVER_DESCRIPTION *)data)->DriverDescription, adapter->description, 4095);
        return STATUS_SUCCESS;
    case KMTQAITYPE_PHYSICALADAPTERCOUNT:
        ((D3DKMT_PHYSICAL_ADAPTER_COUNT *)data)->Count = adapter->physical_adapters;
        return STATUS_SUCCESS;
    case KMTQAITYPE_PHYSICALADAPTERDEVICEIDS:
        if (fake_host.no_device_ids)
            return STATUS_NOT_SUPPORTED;
        ((D3DKMT_QUERY_DEVICE_IDS *)data)->DeviceIds.VendorID = adapter->vendor;
        ((D3DKMT_QUERY_DEVICE_IDS *)data)->DeviceIds.DeviceID = adapter->device;
        return STATUS_SUCCESS;
    case KMTQAITYPE_QUERYREGISTRY:
        return query_registry(adapter, data, pArgs->PrivateDriverDataSize);
    default:
        return STATUS_NOT_SUPPORTED;
    }
}

/* --- What drivers are lent; nobody here calls it --- */

#define UNUSED_THUNK(name, type)                                                                   \
    NTSTATUS APIENTRY name(type *pArgs)                                                            \
    {                                                                                              \
        (void)pArgs;                                                                               \
        return STATUS_NOT_SUPPORTED;                                                               \
    }

UNUSED_THUNK(D3DKMTEscape, CONST D3DKMT_ESCAPE)
UNUSED_THUNK(D3DKMTCreateDevice, D3DKMT_CREATEDEVICE)
UNUSED_THUNK(D3DKMTDestroyDevice, CONST D3DKMT_DESTROYDEVICE)
UNUSED_THUNK(D3DKMTCreateContextVirtual, D3DKMT_CREATECONTEXTVIRTUAL)
UNUSED_THUNK(D3DKMTDestroyContext, CONST D3DKMT_DESTROYCONTEXT)
UNUSED_THUNK(D3DKMTCreateAllocation2, D3DKMT_CREATEALLOCATION)
UNUSED_THUNK(D3DKMTDestroyAllocation2, CONST D3DKMT_DESTROYALLOCATION2)
UNUSED_THUNK(D3DKMTLock2, D3DKMT_LOCK2)
UNUSED_THUNK(D3DKMTUnlock2, CONST D3DKMT_UNLOCK2)
UNUSED_THUNK(D3DKMTCreateHwQueue, D3DKMT_CREATEHWQUEUE)
UNUSED_THUNK(D3DKMTDestroyHwQueue, CONST D3DKMT_DESTROYHWQUEUE)
UNUSED_THUNK(D3DKMTSubmitCommandToHwQueue, CONST D3DKMT_SUBMITCOMMANDTOHWQUEUE)
UNUSED_THUNK(D3DKMTQueryVideoMemoryInfo, D3DKMT_QUERYVIDEOMEMORYINFO)

void gpupv_kmt_wait(const uint32_t *word, uint32_t seen, uint64_t timeout)
{
    (void)word;
    (void)seen;
    (void)timeout;
}

NTSTATUS gpupv_kmt_share_memory(const void *address, size_t size, int *fd, uint64_t *offset,
                                uint64_t *file_size)
{
    (void)address;
    (void)size;
    (void)fd;
    (void)offset;
    (void)file_size;
    return STATUS_NOT_SUPPORTED;
}

enum gpupv_kmt_guard_result gpupv_kmt_guard(const void *data, size_t size, int with_handles,
                                            size_t *offset)
{
    (void)data, (void)size, (void)with_handles, (void)offset;
    return GPUPV_KMT_GUARD_OFF;
}

void gpupv_kmt_wake(uint32_t *word)
{
    (void)word;
}
