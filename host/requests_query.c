/* SPDX-License-Identifier: MIT */
/*
 * D3DKMTQueryAdapterInfo on the host's side: a table of types with the wire size of each. Checked
 * in the order that the API promises: the type, then the size, then the handle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/guid.h"
#include "host/request.h"

/* INTERFACE_TYPE PCIBus */
#define BUS_TYPE_PCI 5u

typedef NTSTATUS (*query_function)(struct request *request, const struct adapter *adapter,
                                   const void *in);

static NTSTATUS reply_u32(struct request *request, uint32_t value)
{
    struct wire_u32_info out = {value};
    memcpy(request_reply(request, sizeof(out)), &out, sizeof(out));
    return STATUS_SUCCESS;
}

static NTSTATUS reply_u64(struct request *request, uint64_t value)
{
    struct wire_u64_info out = {value};
    memcpy(request_reply(request, sizeof(out)), &out, sizeof(out));
    return STATUS_SUCCESS;
}

/* Texts longer than the API's field are cut: they are for people. */
static void put_cut(const char *text, uint16_t *to, size_t capacity)
{
    char copy[4096];
    size_t length = strnlen(text, sizeof(copy) - 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    while (!request_put_text(copy, to, capacity) && length)
        copy[--length] = '\0';
}

static NTSTATUS query_guid(struct request *request, const struct adapter *adapter, const void *in)
{
    (void)in;
    const uint8_t *g = adapter->guid; /* the order of the text: big-endian fields */
    struct wire_adapterguid_info out = {
        .data1 = (uint32_t)g[0] << 24 | (uint32_t)g[1] << 16 | (uint32_t)g[2] << 8 | g[3],
        .data2 = (uint16_t)(g[4] << 8 | g[5]),
        .data3 = (uint16_t)(g[6] << 8 | g[7]),
    };
    memcpy(out.data4, g + 8, sizeof(out.data4));
    memcpy(request_reply(request, sizeof(out)), &out, sizeof(out));
    return STATUS_SUCCESS;
}

static NTSTATUS query_unique_guid(struct request *request, const struct adapter *adapter,
                                  const void *in)
{
    (void)in;
    char text[GUID_TEXT];
    guid_format(adapter->guid, text);
    struct wire_unique_guid_info *out = request_reply(request, sizeof(*out));
    put_cut(text, out->text, sizeof(out->text) / sizeof(out->text[0]));
    return STATUS_SUCCESS;
}

static NTSTATUS query_address(struct request *request, const struct adapter *adapter,
                              const void *in)
{
    (void)in;
    const struct host_device *device = adapter->devices[0];
    if (!device->has_pci)
        return STATUS_NOT_SUPPORTED; /* a device on no bus, such as a software renderer */
    struct wire_adapteraddress_info out = {device->pci_bus, device->pci_device,
                                           device->pci_function};
    memcpy(request_reply(request, sizeof(out)), &out, sizeof(out));
    return STATUS_SUCCESS;
}

static NTSTATUS query_registry_info(struct request *request, const struct adapter *adapter,
                                    const void *in)
{
    (void)in;
    struct wire_adapterregistryinfo_info *out = request_reply(request, sizeof(*out));
    put_cut(adapter->description, out->adapter, WIRE_MAX_PATH);
    put_cut(adapter->devices[0]->name, out->chip_type, WIRE_MAX_PATH);
    return STATUS_SUCCESS;
}

static NTSTATUS query_driver_version(struct request *request, const struct adapter *adapter,
                                     const void *in)
{
    (void)adapter, (void)in;
    return reply_u32(request, KMT_DRIVERVERSION_WDDM_3_0);
}

static NTSTATUS query_adapter_type(struct request *request, const struct adapter *adapter,
                                   const void *in)
{
    (void)in;
    enum host_device_type type = adapter->devices[0]->type;
    D3DKMT_ADAPTERTYPE out = {.Value = 0};
    out.RenderSupported = 1;
    out.Paravirtualized = 1;
    out.SoftwareDevice = type == HOST_DEVICE_CPU;
    out.HybridDiscrete = type == HOST_DEVICE_DISCRETE;
    out.HybridIntegrated = type == HOST_DEVICE_INTEGRATED;
    return reply_u32(request, out.Value);
}

/* "a.b.c.d", missing parts 0, as four times 16 bits. */
static bool parse_version(const char *text, uint64_t *version)
{
    *version = 0;
    for (int part = 0; part < 4; part++) {
        unsigned long number = 0;
        if (*text) {
            char *end;
            if (*text < '0' || *text > '9')
                return false;
            number = strtoul(text, &end, 10);
            if (number > UINT16_MAX || (*end && (*end != '.' || !end[1])))
                return false;
            text = *end ? end + 1 : end;
        }
        *version = *version << 16 | number;
    }
    return !*text;
}

static NTSTATUS query_umd_version(struct request *request, const struct adapter *adapter,
                                  const void *in)
{
    (void)in;
    const char *text = adapter->keys[0] ? reg_key_string(adapter->keys[0], "DriverVersion") : NULL;
    uint64_t version;
    if (registry_is_refused(request->process, adapter->keys[0], REG_QUERY_ADAPTER_KEY,
                            "DriverVersion"))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (!text || !parse_version(text, &version))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    return reply_u64(request, version);
}

static NTSTATUS query_kmd_version(struct request *request, const struct adapter *adapter,
                                  const void *in)
{
    (void)adapter, (void)in;
    uint64_t version;
    return parse_version(GPUPV_VERSION, &version) ? reply_u64(request, version)
                                                  : STATUS_UNSUCCESSFUL;
}

static NTSTATUS query_physical_count(struct request *request, const struct adapter *adapter,
                                     const void *in)
{
    (void)in;
    return reply_u32(request, (uint32_t)adapter->physical_count);
}

static NTSTATUS query_device_ids(struct request *request, const struct adapter *adapter,
                                 const void *in)
{
    struct wire_deviceids_info info;
    memcpy(&info, in, sizeof(info));
    if (info.physical_adapter >= adapter->physical_count)
        return STATUS_INVALID_PARAMETER;
    const struct host_device *device = adapter->devices[info.physical_adapter];
    info.vendor = device->vendor_id;
    info.device = device->device_id;
    info.subvendor = device->subvendor_id;
    info.subsystem = device->subsystem_id;
    info.revision = device->revision;
    info.bus_type = device->has_pci ? BUS_TYPE_PCI : 0;
    memcpy(request_reply(request, sizeof(info)), &info, sizeof(info));
    return STATUS_SUCCESS;
}

static NTSTATUS query_description(struct request *request, const struct adapter *adapter,
                                  const void *in)
{
    (void)in;
    struct wire_description_info *out = request_reply(request, sizeof(*out));
    put_cut(adapter->description, out->text, sizeof(out->text) / sizeof(out->text[0]));
    return STATUS_SUCCESS;
}

static NTSTATUS query_service_name(struct request *request, const struct adapter *adapter,
                                   const void *in)
{
    (void)in;
    struct wire_servicename_info *out = request_reply(request, sizeof(*out));
    put_cut(adapter->service, out->text, WIRE_MAX_PATH);
    return STATUS_SUCCESS;
}

/* True where only known escapes are let through. */
static NTSTATUS query_paravirtualization(struct request *request, const struct adapter *adapter,
                                         const void *in)
{
    (void)adapter, (void)in;
    return reply_u32(request, !vm_allows_escapes(request->process->vm));
}

/* No bit set: a paravirtual adapter leaves scheduling to the host. */
static NTSTATUS query_caps_2_7(struct request *request, const struct adapter *adapter,
                               const void *in)
{
    (void)adapter, (void)in;
    return reply_u32(request, 0);
}

static const struct query_type {
    size_t size; /* of the private data on the wire; 0: not supported */
    query_function answer;
} types[] = {
    [KMTQAITYPE_UMDRIVERNAME] = {sizeof(struct wire_umdrivername_info), query_umd_name},
    [KMTQAITYPE_ADAPTERGUID] = {sizeof(struct wire_adapterguid_info), query_guid},
    [KMTQAITYPE_ADAPTERGUID_RENDER] = {sizeof(struct wire_adapterguid_info), query_guid},
    [KMTQAITYPE_ADAPTERADDRESS] = {sizeof(struct wire_adapteraddress_info), query_address},
    [KMTQAITYPE_ADAPTERADDRESS_RENDER] = {sizeof(struct wire_adapteraddress_info), query_address},
    [KMTQAITYPE_ADAPTERREGISTRYINFO] = {sizeof(struct wire_adapterregistryinfo_info),
                                        query_registry_info},
    [KMTQAITYPE_ADAPTERREGISTRYINFO_RENDER] = {sizeof(struct wire_adapterregistryinfo_info),
                                               query_registry_info},
    [KMTQAITYPE_DRIVERVERSION] = {sizeof(struct wire_u32_info), query_driver_version},
    [KMTQAITYPE_DRIVERVERSION_RENDER] = {sizeof(struct wire_u32_info), query_driver_version},
    [KMTQAITYPE_ADAPTERTYPE] = {sizeof(struct wire_u32_info), query_adapter_type},
    [KMTQAITYPE_ADAPTERTYPE_RENDER] = {sizeof(struct wire_u32_info), query_adapter_type},
    [KMTQAITYPE_UMD_DRIVER_VERSION] = {sizeof(struct wire_u64_info), query_umd_version},
    [KMTQAITYPE_KMD_DRIVER_VERSION] = {sizeof(struct wire_u64_info), query_kmd_version},
    [KMTQAITYPE_PHYSICALADAPTERCOUNT] = {sizeof(struct wire_u32_info), query_physical_count},
    [KMTQAITYPE_PHYSICALADAPTERDEVICEIDS] = {sizeof(struct wire_deviceids_info), query_device_ids},
    [KMTQAITYPE_QUERYREGISTRY] = {sizeof(struct wire_registry_request), query_registry},
    [KMTQAITYPE_QUERY_ADAPTER_UNIQUE_GUID] = {sizeof(struct wire_unique_guid_info),
                                              query_unique_guid},
    [KMTQAITYPE_DRIVER_DESCRIPTION] = {sizeof(struct wire_description_info), query_description},
    [KMTQAITYPE_DRIVER_DESCRIPTION_RENDER] = {sizeof(struct wire_description_info),
                                              query_description},
    [KMTQAITYPE_PARAVIRTUALIZATION_RENDER] = {sizeof(struct wire_u32_info),
                                              query_paravirtualization},
    [KMTQAITYPE_SERVICENAME] = {sizeof(struct wire_servicename_info), query_service_name},
    [KMTQAITYPE_WDDM_2_7_CAPS] = {sizeof(struct wire_u32_info), query_caps_2_7},
};

/* UMDRIVERPRIVATE: any size, and the driver's alone. */
static NTSTATUS driver_query(struct request *request, struct opened_adapter *opened,
                             const void *data, uint32_t size)
{
    const struct host_core *core = request->process->core;
    const struct adapter *adapter = process_resolve(request->process, opened);
    if (!adapter)
        return STATUS_NO_MEMORY;
    void *copy = request_reply(request, size);
    if (!copy)
        return STATUS_INVALID_BUFFER_SIZE;
    if (size)
        memcpy(copy, data, size);
    struct host_query_adapter_info args = {
        .adapter_index = adapter->index,
        .process = request->process->driver_process,
        .call_flags = request_call_flags(request),
        .data = copy,
        .size = size,
    };
    NTSTATUS status = core->driver->query_adapter_info(core->driver_context, &args);
    NTSTATUS guarded = guard_outgoing(request->process, "driver query", data, copy, size);
    return NT_SUCCESS(guarded) ? status : guarded;
}

NTSTATUS request_query_adapter_info(struct request *request)
{
    struct wire_query_adapter_info_request in;
    wire_cursor_copy(&request->payload, &in, sizeof(in));
    const struct host_driver *driver = request->process->core->driver;
    bool private = in.type == KMTQAITYPE_UMDRIVERPRIVATE;
    bool supported = private ? driver->query_adapter_info != NULL
                             : in.type < sizeof(types) / sizeof(types[0]) && types[in.type].size;
    if (!supported)
        return STATUS_NOT_SUPPORTED;
    const void *data = wire_cursor_bytes(&request->payload, in.size);
    struct opened_adapter *opened = request_adapter(request, in.adapter);
    if ((!private && in.size != types[in.type].size) || !wire_cursor_done(&request->payload) ||
        !opened)
        return STATUS_INVALID_PARAMETER;

    NTSTATUS status;
    if (private) {
        status = driver_query(request, opened, data, in.size);
    } else {
        const struct adapter *adapter = process_resolve(request->process, opened);
        status = adapter ? types[in.type].answer(request, adapter, data) : STATUS_NO_MEMORY;
    }
    if (!NT_SUCCESS(status))
        request->reply_size = 0;
    return status;
}
