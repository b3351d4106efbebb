/* SPDX-License-Identifier: MIT */
/* Adapters: enumerating, opening, and D3DKMTQueryAdapterInfo. */
#include "host/fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gpupv/d3dkmthk.h"

static void enumerate_and_open(void **state)
{
    (void)state;
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
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
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t fast = guest_adapter(fd, 0), soft = guest_adapter(fd, 1);
    D3DKMT_ADAPTERTYPE type = {.Value = guest_query_u32(fd, fast, KMTQAITYPE_ADAPTERTYPE)};
    assert_true(type.RenderSupported && type.Paravirtualized && type.HybridDiscrete);
    assert_false(type.SoftwareDevice || type.HybridIntegrated || type.DisplaySupported);
    type.Value = guest_query_u32(fd, soft, KMTQAITYPE_ADAPTERTYPE_RENDER);
    assert_true(type.RenderSupported && type.Paravirtualized && type.SoftwareDevice);
    assert_int_equal(guest_query_u32(fd, fast, KMTQAITYPE_PHYSICALADAPTERCOUNT), 2);
    assert_int_equal(guest_query_u32(fd, soft, KMTQAITYPE_PHYSICALADAPTERCOUNT), 1);
    assert_int_equal(guest_query_u32(fd, fast, KMTQAITYPE_DRIVERVERSION),
                     KMT_DRIVERVERSION_WDDM_3_0);
    assert_int_equal(guest_query_u32(fd, fast, KMTQAITYPE_WDDM_2_7_CAPS), 0);
    assert_int_equal(guest_query_u32(fd, fast, KMTQAITYPE_PARAVIRTUALIZATION_RENDER), 0);

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
    guest_text(description.text, text, sizeof(text));
    assert_string_equal(text, "The fast one");
    static struct wire_adapterregistryinfo_info registry;
    assert_int_equal(
        guest_query(fd, fast, KMTQAITYPE_ADAPTERREGISTRYINFO, &registry, sizeof(registry)), 0);
    guest_text(registry.chip_type, text, sizeof(text));
    assert_string_equal(text, "Fake Discrete");
    assert_int_equal(registry.bios[0], 0);
    struct wire_servicename_info service;
    assert_int_equal(guest_query(fd, fast, KMTQAITYPE_SERVICENAME, &service, sizeof(service)), 0);
    guest_text(service.text, text, sizeof(text));
    assert_string_equal(text, "FastSvc");

    struct wire_adapterguid_info guid;
    struct wire_unique_guid_info unique;
    char expected[64];
    assert_int_equal(guest_query(fd, fast, KMTQAITYPE_ADAPTERGUID, &guid, sizeof(guid)), 0);
    assert_int_equal(
        guest_query(fd, fast, KMTQAITYPE_QUERY_ADAPTER_UNIQUE_GUID, &unique, sizeof(unique)), 0);
    guest_text(unique.text, text, sizeof(text));
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
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t adapter = guest_adapter(fd, 0);
    static uint8_t data[32768];
    static const uint32_t known[] = {1,  4,  6,  8,  13, 15, 18, 30, 31, 48, 49,
                                     52, 53, 54, 56, 57, 60, 65, 66, 68, 69, 70};
    /* 0, UMDRIVERPRIVATE, is the driver's: any size will do. */
    assert_int_equal(guest_query(fd, adapter, KMTQAITYPE_UMDRIVERPRIVATE, data, 3), 0);
    assert_int_equal(guest_query(fd, 0xdead, KMTQAITYPE_UMDRIVERPRIVATE, data, 3),
                     STATUS_INVALID_PARAMETER);
    for (uint32_t type = 1; type < 100; type++) {
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
    struct host_fixture *fixture = fixture_create("", FIXTURE_TWO_ADAPTERS, FIXTURE_FAST_HIVE);
    int fd = guest_open(fixture);
    uint32_t fast = guest_adapter(fd, 0), soft = guest_adapter(fd, 1);
    static const char *const names[] = {"nine.so", "ten.so", "eleven.so", "eleven.so"};
    struct wire_umdrivername_info info;
    char text[600];
    for (uint32_t i = 0; i < 4; i++) {
        info = (struct wire_umdrivername_info){.version = i};
        assert_int_equal(guest_query(fd, fast, KMTQAITYPE_UMDRIVERNAME, &info, sizeof(info)), 0);
        guest_text(info.name, text, sizeof(text));
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
    guest_text(info.name, text, sizeof(text));
    assert_string_equal(text, "/guest/store/FileRepository/pkg/lib/u.so");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
