/* SPDX-License-Identifier: MIT */
/*
 * D3DKMTQueryAdapterInfo: a table of the types that gpupv answers, each with the size of the
 * caller's structure, that of its form on the wire, and the conversions between them.
 */
#include <stdlib.h>
#include <string.h>

#include "kmt/private_data.h"
#include "kmt/process.h"
#include "kmt/public.h"
#include "kmt/query.h"
#include "util/utf.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Room for the largest of each side, aligned for all. */
union native {
    D3DKMT_UMDFILENAMEINFO umd_name;
    GUID guid;
    D3DKMT_ADAPTERADDRESS address;
    D3DKMT_ADAPTERREGISTRYINFO registry_info;
    UINT number;
    LARGE_INTEGER version;
    D3DKMT_QUERY_DEVICE_IDS device_ids;
    D3DKMT_QUERY_ADAPTER_UNIQUE_GUID unique_guid;
    D3DKMT_DRIVER_DESCRIPTION description;
    D3DKMT_PARAVIRTUALIZATION paravirtualization;
    WCHAR service_name[MAX_PATH];
};

union wire {
    struct wire_umdrivername_info umd_name;
    struct wire_adapterguid_info guid;
    struct wire_adapteraddress_info address;
    struct wire_adapterregistryinfo_info registry_info;
    struct wire_u32_info number;
    struct wire_u64_info version;
    struct wire_deviceids_info device_ids;
    struct wire_unique_guid_info unique_guid;
    struct wire_description_info description;
    struct wire_servicename_info service_name;
};

struct query_type {
    KMTQUERYADAPTERINFOTYPE type;
    uint32_t native_size, wire_size;
    /* NULL where nothing of the caller's structure is an input: zeros are sent. */
    void (*to_wire)(const union native *native, union wire *wire);
    /* False when what the host sent makes no sense. */
    bool (*from_wire)(const union wire *wire, union native *native);
};

bool query_text_to_wide(const uint16_t *text, size_t units, wchar_t *to)
{
    size_t length = 0;
    while (length < units && text[length])
        length++;
    if (length == units || utf16_to_wide(text, length, NULL, 0) < 0)
        return false;
    ssize_t used = utf16_to_wide(text, length, to, units);
    wmemset(to + used, 0, units - (size_t)used);
    return true;
}

/* --- Conversions ---------------------------------------------------------------------------- */

static void umd_name_to_wire(const union native *native, union wire *wire)
{
    wire->umd_name.version = (uint32_t)native->umd_name.Version;
}

static bool umd_name_from_wire(const union wire *wire, union native *native)
{
    return query_text_to_wide(wire->umd_name.name, LENGTH(wire->umd_name.name),
                              native->umd_name.UmdFileName);
}

static bool guid_from_wire(const union wire *wire, union native *native)
{
    native->guid.Data1 = wire->guid.data1;
    native->guid.Data2 = wire->guid.data2;
    native->guid.Data3 = wire->guid.data3;
    memcpy(native->guid.Data4, wire->guid.data4, sizeof(native->guid.Data4));
    return true;
}

static bool address_from_wire(const union wire *wire, union native *native)
{
    native->address.BusNumber = wire->address.bus;
    native->address.DeviceNumber = wire->address.device;
    native->address.FunctionNumber = wire->address.function;
    return true;
}

static bool registry_info_from_wire(const union wire *wire, union native *native)
{
    const struct wire_adapterregistryinfo_info *from = &wire->registry_info;
    D3DKMT_ADAPTERREGISTRYINFO *to = &native->registry_info;
    return query_text_to_wide(from->adapter, LENGTH(from->adapter), to->AdapterString) &&
           query_text_to_wide(from->bios, LENGTH(from->bios), to->BiosString) &&
           query_text_to_wide(from->dac_type, LENGTH(from->dac_type), to->DacType) &&
           query_text_to_wide(from->chip_type, LENGTH(from->chip_type), to->ChipType);
}

static bool number_from_wire(const union wire *wire, union native *native)
{
    native->number = wire->number.value;
    return true;
}

static bool version_from_wire(const union wire *wire, union native *native)
{
    native->version.QuadPart = (int64_t)wire->version.value;
    return true;
}

static void device_ids_to_wire(const union native *native, union wire *wire)
{
    wire->device_ids.physical_adapter = native->device_ids.PhysicalAdapterIndex;
}

static bool device_ids_from_wire(const union wire *wire, union native *native)
{
    native->device_ids.DeviceIds = (D3DKMT_DEVICE_IDS){
        .VendorID = wire->device_ids.vendor,
        .DeviceID = wire->device_ids.device,
        .SubVendorID = wire->device_ids.subvendor,
        .SubSystemID = wire->device_ids.subsystem,
        .RevisionID = wire->device_ids.revision,
        .BusType = wire->device_ids.bus_type,
    };
    return true;
}

static bool unique_guid_from_wire(const union wire *wire, union native *native)
{
    return query_text_to_wide(wire->unique_guid.text, LENGTH(wire->unique_guid.text),
                              native->unique_guid.AdapterUniqueGUID);
}

static bool description_from_wire(const union wire *wire, union native *native)
{
    return query_text_to_wide(wire->description.text, LENGTH(wire->description.text),
                              native->description.DriverDescription);
}

static bool paravirtualization_from_wire(const union wire *wire, union native *native)
{
    native->paravirtualization.SecureContainer = wire->number.value != 0;
    return wire->number.value <= 1;
}

static bool service_name_from_wire(const union wire *wire, union native *native)
{
    return query_text_to_wide(wire->service_name.text, LENGTH(wire->service_name.text),
                              native->service_name);
}

/* --- The table ------------------------------------------------------------------------------ */

static const struct query_type types[] = {
    {KMTQAITYPE_UMDRIVERNAME, sizeof(D3DKMT_UMDFILENAMEINFO), sizeof(struct wire_umdrivername_info),
     umd_name_to_wire, umd_name_from_wire},
    {KMTQAITYPE_ADAPTERGUID, sizeof(GUID), sizeof(struct wire_adapterguid_info), NULL,
     guid_from_wire},
    {KMTQAITYPE_ADAPTERGUID_RENDER, sizeof(GUID), sizeof(struct wire_adapterguid_info), NULL,
     guid_from_wire},
    {KMTQAITYPE_ADAPTERADDRESS, sizeof(D3DKMT_ADAPTERADDRESS),
     sizeof(struct wire_adapteraddress_info), NULL, address_from_wire},
    {KMTQAITYPE_ADAPTERADDRESS_RENDER, sizeof(D3DKMT_ADAPTERADDRESS),
     sizeof(struct wire_adapteraddress_info), NULL, address_from_wire},
    {KMTQAITYPE_ADAPTERREGISTRYINFO, sizeof(D3DKMT_ADAPTERREGISTRYINFO),
     sizeof(struct wire_adapterregistryinfo_info), NULL, registry_info_from_wire},
    {KMTQAITYPE_ADAPTERREGISTRYINFO_RENDER, sizeof(D3DKMT_ADAPTERREGISTRYINFO),
     sizeof(struct wire_adapterregistryinfo_info), NULL, registry_info_from_wire},
    {KMTQAITYPE_DRIVERVERSION, sizeof(D3DKMT_DRIVERVERSION), sizeof(struct wire_u32_info), NULL,
     number_from_wire},
    {KMTQAITYPE_DRIVERVERSION_RENDER, sizeof(D3DKMT_DRIVERVERSION), sizeof(struct wire_u32_info),
     NULL, number_from_wire},
    {KMTQAITYPE_ADAPTERTYPE, sizeof(D3DKMT_ADAPTERTYPE), sizeof(struct wire_u32_info), NULL,
     number_from_wire},
    {KMTQAITYPE_ADAPTERTYPE_RENDER, sizeof(D3DKMT_ADAPTERTYPE), sizeof(struct wire_u32_info), NULL,
     number_from_wire},
    {KMTQAITYPE_UMD_DRIVER_VERSION, sizeof(D3DKMT_UMD_DRIVER_VERSION), sizeof(struct wire_u64_info),
     NULL, version_from_wire},
    {KMTQAITYPE_KMD_DRIVER_VERSION, sizeof(D3DKMT_KMD_DRIVER_VERSION), sizeof(struct wire_u64_info),
     NULL, version_from_wire},
    {KMTQAITYPE_PHYSICALADAPTERCOUNT, sizeof(D3DKMT_PHYSICAL_ADAPTER_COUNT),
     sizeof(struct wire_u32_info), NULL, number_from_wire},
    {KMTQAITYPE_PHYSICALADAPTERDEVICEIDS, sizeof(D3DKMT_QUERY_DEVICE_IDS),
     sizeof(struct wire_deviceids_info), device_ids_to_wire, device_ids_from_wire},
    {KMTQAITYPE_QUERY_ADAPTER_UNIQUE_GUID, sizeof(D3DKMT_QUERY_ADAPTER_UNIQUE_GUID),
     sizeof(struct wire_unique_guid_info), NULL, unique_guid_from_wire},
    {KMTQAITYPE_DRIVER_DESCRIPTION, sizeof(D3DKMT_DRIVER_DESCRIPTION),
     sizeof(struct wire_description_info), NULL, description_from_wire},
    {KMTQAITYPE_DRIVER_DESCRIPTION_RENDER, sizeof(D3DKMT_DRIVER_DESCRIPTION),
     sizeof(struct wire_description_info), NULL, description_from_wire},
    {KMTQAITYPE_PARAVIRTUALIZATION_RENDER, sizeof(D3DKMT_PARAVIRTUALIZATION),
     sizeof(struct wire_u32_info), NULL, paravirtualization_from_wire},
    {KMTQAITYPE_SERVICENAME, sizeof(WCHAR[MAX_PATH]), sizeof(struct wire_servicename_info), NULL,
     service_name_from_wire},
    {KMTQAITYPE_WDDM_2_7_CAPS, sizeof(D3DKMT_WDDM_2_7_CAPS), sizeof(struct wire_u32_info), NULL,
     number_from_wire},
};

static const struct query_type *find_type(KMTQUERYADAPTERINFOTYPE type)
{
    for (size_t i = 0; i < LENGTH(types); i++) {
        if (types[i].type == type)
            return &types[i];
    }
    return NULL;
}

/* --- The call ------------------------------------------------------------------------------- */

NTSTATUS query_exchange(struct kmt_channel *channel, D3DKMT_HANDLE adapter, uint32_t type,
                        const void *wire, uint32_t size, void *reply, size_t reply_min,
                        size_t *reply_size)
{
    const struct wire_query_adapter_info_request request = {adapter, type, size};
    struct kmt_call call = {
        .command = WIRE_QUERY_ADAPTER_INFO,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .data = wire,
        .data_size = size,
        .reply = reply,
        .reply_min = reply_min,
        .reply_max = *reply_size,
    };
    NTSTATUS status = kmt_channel_call(channel, &call);
    *reply_size = call.reply_size;
    return status;
}

static NTSTATUS query_structure(const struct query_type *type, const D3DKMT_QUERYADAPTERINFO *args)
{
    struct kmt_channel *channel;
    NTSTATUS status = kmt_process_channel_of(args->hAdapter, KMT_ADAPTER, &channel);
    if (!NT_SUCCESS(status))
        return status;
    union native native; /* the caller's structure may lie unaligned */
    union wire wire;
    memcpy(&native, args->pPrivateDriverData, type->native_size);
    memset(&wire, 0, type->wire_size);
    if (type->to_wire)
        type->to_wire(&native, &wire);
    size_t reply_size = type->wire_size;
    status = query_exchange(channel, args->hAdapter, (uint32_t)type->type, &wire, type->wire_size,
                            &wire, type->wire_size, &reply_size);
    if (NT_SUCCESS(status) && !type->from_wire(&wire, &native))
        status = kmt_channel_reject(channel, "the answer to a query of type %d makes no sense",
                                    (int)type->type);
    if (NT_SUCCESS(status))
        memcpy(args->pPrivateDriverData, &native, type->native_size);
    kmt_channel_unref(channel);
    return status;
}

/* KMTQAITYPE_UMDRIVERPRIVATE: bytes between the user-mode driver and the host's half of it. */
static NTSTATUS query_private(const D3DKMT_QUERYADAPTERINFO *args)
{
    struct kmt_channel *channel;
    NTSTATUS status = kmt_process_channel_of(args->hAdapter, KMT_ADAPTER, &channel);
    if (!NT_SUCCESS(status))
        return status;
    const uint32_t size = args->PrivateDriverDataSize;
    size_t reply_size = size;
    void *data;
    status = private_data_copy(channel, "a driver query", args->pPrivateDriverData, size,
                               sizeof(struct wire_query_adapter_info_request), &data);
    if (NT_SUCCESS(status))
        status = private_data_guard(channel, "a driver query", data, size);
    if (NT_SUCCESS(status))
        status = query_exchange(channel, args->hAdapter, KMTQAITYPE_UMDRIVERPRIVATE, data, size,
                                data, size, &reply_size);
    if (NT_SUCCESS(status) && size)
        memcpy(args->pPrivateDriverData, data, size);
    free(data);
    kmt_channel_unref(channel);
    return status;
}

KMT_PUBLIC NTSTATUS APIENTRY D3DKMTQueryAdapterInfo(CONST D3DKMT_QUERYADAPTERINFO *pArgs)
{
    if (!pArgs)
        return STATUS_INVALID_PARAMETER;
    bool registry = pArgs->Type == KMTQAITYPE_QUERYREGISTRY;
    bool driver = pArgs->Type == KMTQAITYPE_UMDRIVERPRIVATE;
    const struct query_type *type = find_type(pArgs->Type);
    if (!registry && !driver && !type)
        return STATUS_NOT_SUPPORTED;
    if (!pArgs->pPrivateDriverData)
        return STATUS_INVALID_PARAMETER;
    if (registry)
        return query_registry(pArgs);
    if (driver)
        return query_private(pArgs);
    if (pArgs->PrivateDriverDataSize != type->native_size)
        return STATUS_INVALID_PARAMETER;
    return query_structure(type, pArgs);
}
