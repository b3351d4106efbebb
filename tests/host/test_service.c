/* SPDX-License-Identifier: MIT */
/* What the service answers to well-formed guests and administrators. */
#include "host/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"
#include "hoststore/store.h"
#include "util/file.h"
#include "util/utf.h"

#define TWO_ADAPTERS                                                                               \
    "[adapter:fast]\ndevice=discrete\nlinked=integrated\ndescription=The fast one\nkey=0004\n"     \
    "luid=1:2\nservice=FastSvc\n[adapter:soft]\ndevice=2\n"

#define FAST_HIVE                                                                                  \
    "[" FIXTURE_CLASS_KEY "\\0004]\n"                                                              \
    "\"UserModeDriverName\" = multi_sz:\"nine.so\" \"ten.so\" \"eleven.so\"\n"                     \
    "\"DriverVersion\" = sz:\"22.3.6\"\n\"Number\" = dword:7\n"                                    \
    "[" FIXTURE_CLASS_KEY "\\0005]\n\"Which\" = sz:\"linked\"\n"                                   \
    "[" FIXTURE_SERVICES_KEY "\\FastSvc]\n\"Start\" = sz:\"now\"\n"

static void text_of(const uint16_t *from, char *to, size_t size)
{
    size_t length = 0;
    while (from[length])
        length++;
    ssize_t used = utf16_to_utf8(from, length, to, size - 1);
    assert_true(used >= 0);
    to[used] = '\0';
}

static uint32_t query_u32(int fd, uint32_t adapter, uint32_t type)
{
    struct wire_u32_info info = {0};
    assert_int_equal(guest_query(fd, adapter, type, &info, sizeof(info)), STATUS_SUCCESS);
    return info.value;
}

static void enumerate_and_open(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    uint8_t reply[256];
    struct wire_enum_adapters_request in = {.filter = 3};
    size_t size = sizeof(reply);
    assert_int_equal(guest_call(fd, WIRE_ENUM_ADAPTERS, &in, sizeof(in), reply, &size), 0);
    assert_int_equal(size, 4);
    assert_int_equal(reply[0], 2);
    in.capacity = 1;
    size = sizeof(reply);
    assert_int_equal(guest_call(fd, WIRE_ENUM_ADAPTERS, &in, sizeof(in), reply, &size),
                     STATUS_BUFFER_TOO_SMALL);
    assert_int_equal(size, 4);
    in.filter = 4;
    size = sizeof(reply);
    assert_int_equal(guest_call(fd, WIRE_ENUM_ADAPTERS, &in, sizeof(in), reply, &size),
                     STATUS_INVALID_PARAMETER);

    struct wire_open_adapter_request open = {.luid = {2, 1}};
    uint32_t handle;
    size = sizeof(handle);
    assert_int_equal(
        guest_call(fd, WIRE_OPEN_ADAPTER_FROM_LUID, &open, sizeof(open), &handle, &size), 0);
    assert_int_equal(guest_call(fd, WIRE_CLOSE_ADAPTER, &handle, 4, NULL, NULL), 0);
    assert_int_equal(guest_call(fd, WIRE_CLOSE_ADAPTER, &handle, 4, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    open.luid.low = 3;
    size = 0;
    assert_int_equal(guest_call(fd, WIRE_OPEN_ADAPTER_FROM_LUID, &open, sizeof(open), NULL, &size),
                     STATUS_INVALID_PARAMETER);
    close(fd);
    fixture_destroy(fixture);
}

static void adapter_info(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t fast = guest_adapter(fd, 0), soft = guest_adapter(fd, 1);
    D3DKMT_ADAPTERTYPE type = {.Value = query_u32(fd, fast, KMTQAITYPE_ADAPTERTYPE)};
    assert_true(type.RenderSupported && type.Paravirtualized && type.HybridDiscrete);
    assert_false(type.SoftwareDevice || type.HybridIntegrated || type.DisplaySupported);
    type.Value = query_u32(fd, soft, KMTQAITYPE_ADAPTERTYPE_RENDER);
    assert_true(type.RenderSupported && type.Paravirtualized && type.SoftwareDevice);
    assert_int_equal(query_u32(fd, fast, KMTQAITYPE_PHYSICALADAPTERCOUNT), 2);
    assert_int_equal(query_u32(fd, soft, KMTQAITYPE_PHYSICALADAPTERCOUNT), 1);
    assert_int_equal(query_u32(fd, fast, KMTQAITYPE_DRIVERVERSION), KMT_DRIVERVERSION_WDDM_3_0);
    assert_int_equal(query_u32(fd, fast, KMTQAITYPE_WDDM_2_7_CAPS), 0);
    assert_int_equal(query_u32(fd, fast, KMTQAITYPE_PARAVIRTUALIZATION_RENDER), 0);

    struct wire_adapteraddress_info address;
    assert_int_equal(guest_query(fd, fast, KMTQAITYPE_ADAPTERADDRESS, &address, sizeof(address)),
                     0);
    assert_int_equal(address.bus, 3);
    assert_int_equal(address.device, 4);
    assert_int_equal(address.function, 5);
    assert_int_equal(
        guest_query(fd, soft, KMTQAITYPE_ADAPTERADDRESS_RENDER, &address, sizeof(address)),
        STATUS_NOT_SUPPORTED);

    struct wire_u64_info version;
    assert_int_equal(guest_query(fd, fast, KMTQAITYPE_UMD_DRIVER_VERSION, &version, 8), 0);
    assert_int_equal(version.value, 22ull << 48 | 3ull << 32 | 6ull << 16);
    assert_int_equal(guest_query(fd, soft, KMTQAITYPE_UMD_DRIVER_VERSION, &version, 8),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(guest_query(fd, soft, KMTQAITYPE_KMD_DRIVER_VERSION, &version, 8), 0);

    struct wire_deviceids_info ids = {.physical_adapter = 1};
    assert_int_equal(guest_query(fd, fast, KMTQAITYPE_PHYSICALADAPTERDEVICEIDS, &ids, sizeof(ids)),
                     0);
    assert_int_equal(ids.vendor, 0x8086);
    ids.physical_adapter = 2;
    assert_int_equal(guest_query(fd, fast, KMTQAITYPE_PHYSICALADAPTERDEVICEIDS, &ids, sizeof(ids)),
                     STATUS_INVALID_PARAMETER);

    char text[600];
    static struct wire_description_info description;
    assert_int_equal(
        guest_query(fd, fast, KMTQAITYPE_DRIVER_DESCRIPTION, &description, sizeof(description)), 0);
    text_of(description.text, text, sizeof(text));
    assert_string_equal(text, "The fast one");
    static struct wire_adapterregistryinfo_info registry;
    assert_int_equal(
        guest_query(fd, fast, KMTQAITYPE_ADAPTERREGISTRYINFO, &registry, sizeof(registry)), 0);
    text_of(registry.chip_type, text, sizeof(text));
    assert_string_equal(text, "Fake Discrete");
    assert_int_equal(registry.bios[0], 0);
    struct wire_servicename_info service;
    assert_int_equal(guest_query(fd, fast, KMTQAITYPE_SERVICENAME, &service, sizeof(service)), 0);
    text_of(service.text, text, sizeof(text));
    assert_string_equal(text, "FastSvc");

    struct wire_adapterguid_info guid;
    struct wire_unique_guid_info unique;
    char expected[64];
    assert_int_equal(guest_query(fd, fast, KMTQAITYPE_ADAPTERGUID, &guid, sizeof(guid)), 0);
    assert_int_equal(
        guest_query(fd, fast, KMTQAITYPE_QUERY_ADAPTER_UNIQUE_GUID, &unique, sizeof(unique)), 0);
    text_of(unique.text, text, sizeof(text));
    snprintf(expected, sizeof(expected), "{%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}",
             guid.data1, guid.data2, guid.data3, guid.data4[0], guid.data4[1], guid.data4[2],
             guid.data4[3], guid.data4[4], guid.data4[5], guid.data4[6], guid.data4[7]);
    assert_string_equal(text, expected);
    assert_int_equal(guid.data3 >> 12, 8);
    assert_int_equal(guid.data4[0] >> 6, 2);
    close(fd);
    fixture_destroy(fixture);
}

/* The type is judged before the size, the size before the handle. */
static void query_order_of_checks(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0);
    static uint8_t data[32768];
    static const uint32_t known[] = {1,  4,  6,  8,  13, 15, 18, 30, 31, 48, 49,
                                     52, 53, 54, 56, 57, 60, 65, 66, 68, 69, 70};
    for (uint32_t type = 0; type < 100; type++) {
        bool supported = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            supported |= known[i] == type;
        int32_t wanted = supported ? STATUS_INVALID_PARAMETER : STATUS_NOT_SUPPORTED;
        assert_int_equal(guest_query(fd, adapter, type, data, 3), wanted);
        assert_int_equal(guest_query(fd, 0xdead, type, data, 3), wanted);
        assert_int_equal(guest_query(fd, adapter, type, data, sizeof(data)), wanted);
    }
    assert_int_equal(guest_query(fd, 0xdead, KMTQAITYPE_DRIVERVERSION, data, 4),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_query(fd, adapter, UINT32_MAX, data, 4), STATUS_NOT_SUPPORTED);
    close(fd);
    fixture_destroy(fixture);
}

static void umd_names(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t fast = guest_adapter(fd, 0), soft = guest_adapter(fd, 1);
    static const char *const names[] = {"nine.so", "ten.so", "eleven.so", "eleven.so"};
    struct wire_umdrivername_info info;
    char text[600];
    for (uint32_t i = 0; i < 4; i++) {
        info = (struct wire_umdrivername_info){.version = i};
        assert_int_equal(guest_query(fd, fast, KMTQAITYPE_UMDRIVERNAME, &info, sizeof(info)), 0);
        text_of(info.name, text, sizeof(text));
        assert_string_equal(text, names[i]);
    }
    info.version = NUM_KMTUMDVERSIONS;
    assert_int_equal(guest_query(fd, fast, KMTQAITYPE_UMDRIVERNAME, &info, sizeof(info)),
                     STATUS_INVALID_PARAMETER);
    info.version = 0;
    assert_int_equal(guest_query(fd, soft, KMTQAITYPE_UMDRIVERNAME, &info, sizeof(info)),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    /* A path in the store is told as the guest's. */
    char hive[1024];
    snprintf(hive, sizeof(hive),
             "[" FIXTURE_CLASS_KEY "\\0004]\n"
             "\"UserModeDriverName\" = sz:\"%s/FileRepository/pkg/lib/u.so\"\n",
             fixture->store);
    fixture_write_hive(fixture, hive);
    fixture_wait_status(fixture, "generation", 2);
    assert_int_equal(guest_query(fd, fast, KMTQAITYPE_UMDRIVERNAME, &info, sizeof(info)), 0);
    text_of(info.name, text, sizeof(text));
    assert_string_equal(text, "/guest/store/FileRepository/pkg/lib/u.so");
    close(fd);
    fixture_destroy(fixture);
}

static void registry_queries(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    char text[512];
    assert_int_equal(guest_registry(fd, a, 1, "DRIVERversion", REG_SZ, 0, 0, text), 0);
    assert_string_equal(text, "22.3.6");
    assert_int_equal(guest_registry(fd, a, 0, "Start", REG_SZ, 0, 0, text), 0);
    assert_string_equal(text, "now");
    assert_int_equal(guest_registry(fd, a, 1, "Which", REG_SZ, 0, 1, text), 0);
    assert_string_equal(text, "linked");
    assert_int_equal(guest_registry(fd, a, 1, "Number", REG_DWORD, 0, 0, text), 0);
    assert_int_equal(guest_registry(fd, a, 1, "Which", REG_SZ, 0, 2, text),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_registry(fd, a, 1, "Number", REG_SZ, 0, 0, text),
                     STATUS_OBJECT_TYPE_MISMATCH);
    assert_int_equal(guest_registry(fd, a, 1, "None", REG_SZ, 0, 0, text),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(guest_registry(fd, a, 2, "", 0, 0, 0, text), STATUS_OBJECT_NAME_NOT_FOUND);
    assert_int_equal(guest_registry(fd, a, 4, "", 0, 0, 0, text), STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_registry(fd, a, 1, "Number", REG_DWORD, 2, 0, text),
                     STATUS_INVALID_PARAMETER);
    close(fd);
    fixture_destroy(fixture);
}

/* A name that fills its field, and one that is no UTF-16. */
static void registry_names(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    struct {
        struct wire_query_adapter_info_request query;
        struct wire_registry_request registry;
    } in = {.query = {guest_adapter(fd, 0), KMTQAITYPE_QUERYREGISTRY, sizeof(in.registry)},
            .registry = {.query_type = 1, .value_type = REG_SZ}};
    for (size_t i = 0; i < WIRE_MAX_PATH; i++)
        in.registry.name[i] = 'a';
    size_t size = 0;
    assert_int_equal(guest_call(fd, WIRE_QUERY_ADAPTER_INFO, &in, sizeof(in), NULL, &size),
                     STATUS_INVALID_PARAMETER);
    in.registry.name[WIRE_MAX_PATH - 1] = 0;
    size = 0;
    assert_int_equal(guest_call(fd, WIRE_QUERY_ADAPTER_INFO, &in, sizeof(in), NULL, &size),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    in.registry.name[3] = 0xd800;
    size = 0;
    assert_int_equal(guest_call(fd, WIRE_QUERY_ADAPTER_INFO, &in, sizeof(in), NULL, &size),
                     STATUS_INVALID_PARAMETER);
    close(fd);
    fixture_destroy(fixture);
}

static int32_t list_values(int fd, uint32_t adapter, uint32_t start, uint8_t *reply, size_t *size)
{
    struct wire_enum_registry_request in = {adapter, D3DDDI_QUERYREGISTRY_ADAPTERKEY, 0, start};
    return guest_call(fd, WIRE_ENUM_REGISTRY, &in, sizeof(in), reply, size);
}

static void listing(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    static uint8_t reply[WIRE_MAX_PAYLOAD];
    size_t size = sizeof(reply);
    struct wire_enum_registry_reply head;
    assert_int_equal(list_values(fd, a, 0, reply, &size), 0);
    memcpy(&head, reply, sizeof(head));
    assert_int_equal(head.total, 3);
    assert_int_equal(head.count, 3);
    struct wire_registry_entry entry;
    memcpy(&entry, reply + sizeof(head), sizeof(entry));
    assert_int_equal(entry.type, REG_SZ);
    assert_int_equal(entry.name_size, strlen("DriverVersion"));
    assert_memory_equal(reply + sizeof(head) + sizeof(entry), "DriverVersion\0\0\0", 16);
    size = sizeof(reply);
    assert_int_equal(list_values(fd, a, 7, reply, &size), 0);
    memcpy(&head, reply, sizeof(head));
    assert_int_equal(head.total, 3);
    assert_int_equal(head.count, 0);
    size = sizeof(reply);
    assert_int_equal(list_values(fd, guest_adapter(fd, 1), 0, reply, &size),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    fixture_write_config(fixture, "listing=deny", TWO_ADAPTERS);
    fixture_reload(fixture);
    size = sizeof(reply);
    assert_int_equal(list_values(fd, a, 0, reply, &size), STATUS_ACCESS_DENIED);
    close(fd);
    fixture_destroy(fixture);
}

static void objects_die_with_their_parents(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    struct fake_driver *driver = &fixture->driver;
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0);
    uint32_t device = guest_device(fd, adapter), other = guest_device(fd, adapter);
    uint32_t context = guest_context(fd, device);
    guest_context(fd, device);
    guest_context(fd, other);
    assert_int_equal(driver->contexts, 3);
    /* The device outlives the adapter's handle. */
    assert_int_equal(guest_call(fd, WIRE_CLOSE_ADAPTER, &adapter, 4, NULL, NULL), 0);
    assert_int_equal(driver->devices, 2);
    guest_context(fd, device);
    assert_int_equal(guest_call(fd, WIRE_DESTROY_CONTEXT, &context, 4, NULL, NULL), 0);
    assert_int_equal(guest_call(fd, WIRE_DESTROY_CONTEXT, &context, 4, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_call(fd, WIRE_DESTROY_CONTEXT, &device, 4, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(driver->contexts, 3);
    guest_send_frame(fd, WIRE_DESTROY_DEVICE, WIRE_ASYNC, 0, &device, 4);
    assert_int_equal(guest_call(fd, WIRE_DESTROY_DEVICE, &device, 4, NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(driver->devices, 1);
    assert_int_equal(driver->contexts, 1);
    close(fd);
    fixture_wait_count(&driver->processes, 0);
    assert_int_equal(driver->devices, 0);
    assert_int_equal(driver->contexts, 0);
    fixture_wait_status(fixture, "clients", 0);
    fixture_destroy(fixture);
}

static void contexts_are_checked(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t device = guest_device(fd, guest_adapter(fd, 0));
    struct {
        struct wire_create_context_request in;
        uint8_t data[4];
    } request = {.in = {.device = device, .engine_affinity = 2, .size = 4}};
    uint32_t handle;
    size_t size = sizeof(handle);
    assert_int_equal(
        guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request), &handle, &size), 0);
    assert_int_equal(fixture->driver.last_size, 4);
    request.in.engine_affinity = 4; /* two physical adapters are there */
    assert_int_equal(
        guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request), NULL, NULL),
        STATUS_INVALID_PARAMETER);
    request.in.engine_affinity = 1;
    request.in.size = 5;
    assert_int_equal(
        guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request), NULL, NULL),
        STATUS_INVALID_PARAMETER);
    request.in.size = UINT32_MAX;
    assert_int_equal(
        guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request), NULL, NULL),
        STATUS_INVALID_PARAMETER);
    request.in.size = 4;
    request.in.node_ordinal = 1; /* the driver refuses; the name must go */
    assert_int_equal(
        guest_call(fd, WIRE_CREATE_CONTEXT_VIRTUAL, &request, sizeof(request), NULL, NULL),
        STATUS_INVALID_PARAMETER);
    assert_int_equal(fixture->driver.contexts, 1);
    close(fd);
    fixture_destroy(fixture);
}

static void handles_run_out(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    struct wire_create_device_request in = {.adapter = guest_adapter(fd, 0)};
    int32_t status = 0;
    int made = 0;
    for (; made < 5000 && !status; made += !status)
        status = guest_call(fd, WIRE_CREATE_DEVICE, &in, sizeof(in), NULL, NULL);
    assert_int_equal(status, STATUS_INSUFFICIENT_RESOURCES);
    assert_int_equal(made, 4095);
    assert_int_equal(fixture->driver.devices, made);
    close(fd);
    fixture_wait_count(&fixture->driver.devices, 0);
    fixture_destroy(fixture);
}

#define FLAG_VIRTUAL_MACHINE_DATA 0x20u
#define FLAG_KNOWN 0x40u

static void escapes(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    struct fake_driver *driver = &fixture->driver;
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0);
    uint8_t data[16] = {1, 2, 3};
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), 0);
    assert_int_equal(data[0], 0xfe);
    assert_int_equal(data[15], 0xff);
    assert_int_equal(driver->last_flags, FLAG_VIRTUAL_MACHINE_DATA);
    assert_int_equal(driver->last_call_flags, HOST_CALL_VIRTUAL_MACHINE_DATA);
    assert_int_equal(guest_escape(fd, adapter, 0, data, 0), 0);
    assert_int_equal(guest_escape(fd, adapter, FLAG_VIRTUAL_MACHINE_DATA, data, 16),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_escape(fd, adapter, 0x100, data, 16), STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_escape(fd, adapter + 1, 0, data, 16), STATUS_INVALID_PARAMETER);

    /* What the driver returns is guarded, and so is what arrives. */
    driver->escape = ESCAPE_LEAK_POINTER;
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), STATUS_UNSUCCESSFUL);
    driver->escape = ESCAPE_FAIL;
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), STATUS_UNSUCCESSFUL);
    driver->escape = ESCAPE_INVERT;
    void *pointer = fixture;
    memcpy(data + 4, &pointer, sizeof(pointer));
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), STATUS_INVALID_PARAMETER);

    /* There are no allocations: no handle is one, not even a live handle of another kind. */
    uint32_t known[2] = {D3DDDI_DRIVERESCAPETYPE_TRANSLATEALLOCATIONHANDLE, adapter};
    assert_int_equal(guest_escape(fd, adapter, FLAG_KNOWN, known, sizeof(known)),
                     STATUS_INVALID_PARAMETER);
    known[0] = D3DDDI_DRIVERESCAPETYPE_TRANSLATERESOURCEHANDLE;
    assert_int_equal(guest_escape(fd, adapter, FLAG_KNOWN, known, sizeof(known)),
                     STATUS_INVALID_PARAMETER);
    known[0] = D3DDDI_DRIVERESCAPETYPE_CPUEVENTUSAGE;
    assert_int_equal(guest_escape(fd, adapter, FLAG_KNOWN, known, sizeof(known)),
                     STATUS_NOT_SUPPORTED);
    assert_int_equal(guest_escape(fd, adapter, FLAG_KNOWN, known, 2), STATUS_INVALID_PARAMETER);
    close(fd);
    fixture_destroy(fixture);
}

static void escape_targets(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t fast = guest_adapter(fd, 0), soft = guest_adapter(fd, 1);
    uint32_t device = guest_device(fd, fast), other = guest_device(fd, fast);
    uint32_t context = guest_context(fd, device);
    struct {
        struct wire_escape_request in;
        int32_t wanted;
    } cases[] = {
        {{.adapter = fast, .device = device, .context = context}, STATUS_SUCCESS},
        {{.adapter = fast, .context = context}, STATUS_SUCCESS},
        {{.adapter = fast, .device = other, .context = context}, STATUS_INVALID_PARAMETER},
        {{.adapter = soft, .device = device}, STATUS_INVALID_PARAMETER},
        {{.adapter = soft, .context = context}, STATUS_INVALID_PARAMETER},
        {{.adapter = fast, .device = context}, STATUS_INVALID_PARAMETER},
        {{.adapter = device}, STATUS_INVALID_PARAMETER},
        {{.adapter = fast, .type = D3DKMT_ESCAPE_VIDMM}, STATUS_NOT_SUPPORTED},
        {{.adapter = fast, .type = D3DKMT_ESCAPE_VIDMM, .flags = FLAG_KNOWN},
         STATUS_INVALID_PARAMETER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(guest_call(fd, WIRE_ESCAPE, &cases[i].in, sizeof(cases[i].in), NULL, NULL),
                         cases[i].wanted);
    close(fd);
    fixture_destroy(fixture);
}

static void secure_mode(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create(
        "", TWO_ADAPTERS, "[" FIXTURE_GRAPHICS_KEY "]\n\"GpuVirtualizationFlags\" = dword:4\n");
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0);
    assert_int_equal(query_u32(fd, adapter, KMTQAITYPE_PARAVIRTUALIZATION_RENDER), 1);
    uint32_t data[2] = {0, 1};
    assert_int_equal(guest_escape(fd, adapter, 0, data, sizeof(data)), STATUS_ACCESS_DENIED);
    assert_int_equal(guest_escape(fd, adapter, FLAG_KNOWN, data, sizeof(data)),
                     STATUS_INVALID_PARAMETER);
    assert_int_equal(fixture->driver.last_call_flags, 0);
    close(fd);
    fixture_destroy(fixture);
}

static void hive_takes_effect_at_once(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    char text[512], hive[512];
    for (int i = 0; i < 20; i++) {
        snprintf(hive, sizeof(hive), "[" FIXTURE_CLASS_KEY "\\0004]\n\"V\" = sz:\"%d\"\n", i);
        fixture_write_hive(fixture, hive);
        assert_int_equal(guest_registry(fd, a, 1, "V", REG_SZ, 0, 0, text), 0);
        assert_int_equal(atoi(text), i);
    }
    /* A broken one changes nothing, and the error names the line. */
    fixture_write_hive(fixture, "[HKLM\\A]\nthis is wrong\n");
    assert_int_equal(guest_registry(fd, a, 1, "V", REG_SZ, 0, 0, text), 0);
    assert_int_equal(atoi(text), 19);
    fixture_reload(fixture);
    json_object *status = fixture_ask(fixture, "status"), *error;
    assert_true(json_object_object_get_ex(status, "last_error", &error));
    assert_non_null(strstr(json_object_get_string(error), "registry.hive:3:"));
    json_object_put(status);
    assert_int_equal(guest_registry(fd, a, 1, "V", REG_SZ, 0, 0, text), 0);
    /* So does one that has gone. */
    assert_int_equal(unlink(fixture->hive), 0);
    fixture_reload(fixture);
    assert_int_equal(guest_registry(fd, a, 1, "V", REG_SZ, 0, 0, text), 0);
    close(fd);
    fixture_destroy(fixture);
}

static void reload_is_whole_or_not_at_all(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t a = guest_adapter(fd, 0);
    static const char *const broken[] = {"[adapter:x]\ndevice=nothing\n", "[adapter:x]\nfoo=1\n",
                                         "[adapter:x]\nthis is no assignment\n"};
    for (size_t i = 0; i < 3; i++) {
        fixture_write_config(fixture, "", broken[i]);
        fixture_reload(fixture);
        assert_int_equal(fixture_status(fixture, "generation"), 1);
        assert_int_equal(fixture_status(fixture, "adapters"), 2);
        json_object *status = fixture_ask(fixture, "status"), *error;
        assert_true(json_object_object_get_ex(status, "last_error", &error));
        assert_non_null(strstr(json_object_get_string(error), fixture->config));
        json_object_put(status);
    }
    fixture->fail_devices = true;
    fixture_write_config(fixture, "", TWO_ADAPTERS);
    fixture_reload(fixture);
    assert_int_equal(fixture_status(fixture, "generation"), 1);
    fixture->fail_devices = false;

    /* An adapter that is no longer offered still serves who has it open. */
    fixture_write_config(fixture, "", "[adapter:soft]\ndevice=2\n");
    fixture_reload(fixture);
    assert_int_equal(fixture_status(fixture, "generation"), 2);
    assert_int_equal(fixture_status(fixture, "adapters"), 1);
    char text[512];
    assert_int_equal(guest_registry(fd, a, 1, "DriverVersion", REG_SZ, 0, 0, text), 0);
    assert_string_equal(text, "22.3.6");
    guest_device(fd, a);
    struct wire_open_adapter_request open = {.luid = {2, 1}};
    assert_int_equal(guest_call(fd, WIRE_OPEN_ADAPTER_FROM_LUID, &open, sizeof(open), NULL, NULL),
                     STATUS_INVALID_PARAMETER);
    close(fd);
    fixture_destroy(fixture);
}

static void starts_without_what_is_missing(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_prepare(
        "", "[adapter:no]\ndevice=9\n[adapter:yes]\n[adapter:off]\nenabled=no\n", "");
    assert_int_equal(unlink(fixture->hive), 0);
    fixture_start(fixture);
    assert_int_equal(fixture_status(fixture, "adapters"), 1);
    fixture_write_hive(fixture, "[HKLM\\A]\n");
    fixture_wait_status(fixture, "generation", 2);
    fixture_destroy(fixture);

    fixture = fixture_create("", "", "");
    assert_int_equal(fixture_status(fixture, "adapters"), 3);
    fixture_destroy(fixture);
}

static void names_stay_the_same(void **state)
{
    (void)state;
    json_object *adapters[2];
    for (int i = 0; i < 2; i++) {
        struct host_fixture *fixture = fixture_create("", "", "");
        adapters[i] = fixture_ask(fixture, "adapters");
        fixture_destroy(fixture);
    }
    assert_string_equal(json_object_get_string(adapters[0]), json_object_get_string(adapters[1]));
    json_object_put(adapters[0]);
    json_object_put(adapters[1]);
}

static const char *text_at(json_object *object, const char *list, size_t index, const char *key)
{
    json_object *array, *value;
    assert_true(json_object_object_get_ex(object, list, &array));
    assert_true(index < json_object_array_length(array));
    assert_true(json_object_object_get_ex(json_object_array_get_idx(array, index), key, &value));
    return json_object_get_string(value);
}

static void administration(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    int fd = guest_open(fixture);
    guest_device(fd, guest_adapter(fd, 0));
    json_object *answer = fixture_ask(fixture, "adapters");
    assert_string_equal(text_at(answer, "adapters", 0, "name"), "fast");
    assert_string_equal(text_at(answer, "adapters", 0, "luid"), "00000001-00000002");
    assert_string_equal(text_at(answer, "adapters", 0, "type"), "hardware");
    assert_string_equal(text_at(answer, "adapters", 0, "open_handles"), "1");
    assert_string_equal(text_at(answer, "adapters", 0, "driver_version"), "22.3.6");
    assert_string_equal(text_at(answer, "adapters", 1, "type"), "software");
    assert_string_equal(text_at(answer, "adapters", 1, "driver_version"), "0.0.1");
    json_object_put(answer);
    answer = fixture_ask(fixture, "gpus");
    assert_non_null(strstr(text_at(answer, "gpus", 0, "name"), "\\\\?\\PCI#VEN_10DE&DEV_1C02"));
    assert_string_equal(text_at(answer, "gpus", 0, "adapter"), "fast");
    assert_string_equal(text_at(answer, "gpus", 1, "adapter"), "fast");
    assert_string_equal(text_at(answer, "gpus", 2, "partition_count"), "32");
    json_object_put(answer);
    answer = fixture_ask(fixture, "processes");
    assert_string_equal(text_at(answer, "processes", 0, "name"), "test guest");
    assert_string_equal(text_at(answer, "processes", 0, "devices"), "1");
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_string_equal(text_at(answer, "processes", 0, "pid"), pid);
    json_object_put(answer);
    answer = fixture_ask(fixture, "no such op");
    json_object *ok;
    assert_true(json_object_object_get_ex(answer, "ok", &ok));
    assert_false(json_object_get_boolean(ok));
    json_object_put(answer);
    assert_int_equal(fixture->driver.last_flags, HOST_PROCESS_VIRTUAL_MACHINE);
    assert_string_equal(fixture->driver.last_name, "test guest");
    close(fd);
    fixture_destroy(fixture);
}

/* A package whose "library" is this program: the store wants an ELF file. */
static void add_package(struct host_fixture *fixture, struct store_package *package)
{
    static const char manifest[] =
        "{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":\"./u.so\","
        "\"api_version\":\"1.3.0\"}}";
    char folder[128], file[160];
    struct error err;
    bool added;
    snprintf(folder, sizeof(folder), "%s/source", fixture->folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    snprintf(file, sizeof(file), "%s/u.json", folder);
    assert_int_equal(file_write_atomic(file, manifest, strlen(manifest), 0644, &err), 0);
    snprintf(file, sizeof(file), "%s/u.so", folder);
    char *library;
    size_t size;
    assert_int_equal(file_read(-1, "/proc/self/exe", 1 << 30, &library, &size, &err), 0);
    assert_int_equal(file_write_atomic(file, library, size, 0644, &err), 0);
    free(library);
    struct store_add_options options = {.name = "test", .version = "1.0"};
    if (store_add_folder(fixture->store, folder, &options, package, &added, &err))
        fail_msg("%s", err.text);
}

static void packages_in_use_are_held(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", TWO_ADAPTERS, FAST_HIVE);
    struct store_package package;
    struct error err;
    char hive[1024], text[512], expected[512];
    add_package(fixture, &package);
    snprintf(hive, sizeof(hive),
             "[" FIXTURE_CLASS_KEY "\\0004]\n\"VulkanDriverName\" = sz:\"%s\"\n"
             "[" FIXTURE_SERVICES_KEY "\\FastSvc]\n\"ImagePath\" = expand_sz:\"%s\"\n",
             package.manifest_path, package.library_path);
    fixture_write_hive(fixture, hive);
    fixture_wait_status(fixture, "generation", 2);
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0);
    assert_int_equal(store_remove(fixture->store, package.folder_name, &err), -EBUSY);

    snprintf(expected, sizeof(expected), "/guest/store/FileRepository/%s", package.folder_name);
    assert_int_equal(guest_registry(fd, adapter, 2, "", 0, 0, 0, text), 0);
    assert_string_equal(text, expected);
    assert_int_equal(guest_registry(fd, adapter, 3, "", 0, 0, 0, text), 0);
    assert_true(strstr(text, expected) == text);
    assert_int_equal(guest_registry(fd, adapter, 1, "VulkanDriverName", REG_SZ, 1, 0, text), 0);
    assert_true(strstr(text, expected) == text);

    /* It stays held when the hive no longer names it, and until the device is gone too. */
    fixture_write_hive(fixture, "");
    fixture_wait_status(fixture, "generation", 3);
    uint32_t device = guest_device(fd, adapter);
    assert_int_equal(guest_call(fd, WIRE_CLOSE_ADAPTER, &adapter, 4, NULL, NULL), 0);
    assert_int_equal(store_remove(fixture->store, package.folder_name, &err), -EBUSY);
    assert_int_equal(guest_call(fd, WIRE_DESTROY_DEVICE, &device, 4, NULL, NULL), 0);
    assert_int_equal(store_remove(fixture->store, package.folder_name, &err), 0);
    store_package_finish(&package);
    close(fd);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enumerate_and_open),
        cmocka_unit_test(adapter_info),
        cmocka_unit_test(query_order_of_checks),
        cmocka_unit_test(umd_names),
        cmocka_unit_test(registry_queries),
        cmocka_unit_test(registry_names),
        cmocka_unit_test(listing),
        cmocka_unit_test(objects_die_with_their_parents),
        cmocka_unit_test(contexts_are_checked),
        cmocka_unit_test(handles_run_out),
        cmocka_unit_test(escapes),
        cmocka_unit_test(escape_targets),
        cmocka_unit_test(secure_mode),
        cmocka_unit_test(hive_takes_effect_at_once),
        cmocka_unit_test(reload_is_whole_or_not_at_all),
        cmocka_unit_test(starts_without_what_is_missing),
        cmocka_unit_test(names_stay_the_same),
        cmocka_unit_test(administration),
        cmocka_unit_test(packages_in_use_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
