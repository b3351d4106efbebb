/* SPDX-License-Identifier: MIT */
/* D3DKMTQueryAdapterInfo, all types but QUERYREGISTRY. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "support.h"
#include "util/log.h"

static D3DKMT_HANDLE adapter;

static int start(void **state)
{
    support_start(state);
    adapter = support_open();
    return 0;
}

/* Each type, with the size of its structure; written down, not computed. */
static const struct {
    KMTQUERYADAPTERINFOTYPE type;
    UINT size;
} types[] = {
    {KMTQAITYPE_UMDRIVERNAME, 1044},
    {KMTQAITYPE_ADAPTERGUID, 16},
    {KMTQAITYPE_ADAPTERADDRESS, 12},
    {KMTQAITYPE_ADAPTERREGISTRYINFO, 4160},
    {KMTQAITYPE_DRIVERVERSION, 4},
    {KMTQAITYPE_ADAPTERTYPE, 4},
    {KMTQAITYPE_UMD_DRIVER_VERSION, 8},
    {KMTQAITYPE_PHYSICALADAPTERCOUNT, 4},
    {KMTQAITYPE_PHYSICALADAPTERDEVICEIDS, 28},
    {KMTQAITYPE_KMD_DRIVER_VERSION, 8},
    {KMTQAITYPE_ADAPTERGUID_RENDER, 16},
    {KMTQAITYPE_ADAPTERADDRESS_RENDER, 12},
    {KMTQAITYPE_ADAPTERREGISTRYINFO_RENDER, 4160},
    {KMTQAITYPE_DRIVERVERSION_RENDER, 4},
    {KMTQAITYPE_ADAPTERTYPE_RENDER, 4},
    {KMTQAITYPE_QUERY_ADAPTER_UNIQUE_GUID, 160},
    {KMTQAITYPE_DRIVER_DESCRIPTION, 16384},
    {KMTQAITYPE_DRIVER_DESCRIPTION_RENDER, 16384},
    {KMTQAITYPE_PARAVIRTUALIZATION_RENDER, 1},
    {KMTQAITYPE_SERVICENAME, 1040},
    {KMTQAITYPE_WDDM_2_7_CAPS, 4},
};

static UINT size_of(KMTQUERYADAPTERINFOTYPE type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type == type)
            return types[i].size;
    }
    return 0;
}

static void every_supported_type_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        /* At an odd address, with a guard byte behind. */
        uint8_t *data = calloc(1, types[i].size + 2);
        data[types[i].size + 1] = 0x5a;
        assert_status(support_query(adapter, types[i].type, data + 1, types[i].size),
                      STATUS_SUCCESS);
        assert_int_equal(data[types[i].size + 1], 0x5a);
        free(data);
    }
}

static void wrong_sizes_are_refused(void **state)
{
    unsigned before = fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        uint8_t *data = malloc(types[i].size + 1);
        memset(data, 0x77, types[i].size + 1);
        assert_status(support_query(adapter, types[i].type, data, types[i].size + 1),
                      STATUS_INVALID_PARAMETER);
        assert_status(support_query(adapter, types[i].type, data, types[i].size - 1),
                      STATUS_INVALID_PARAMETER);
        assert_status(support_query(adapter, types[i].type, data, 0), STATUS_INVALID_PARAMETER);
        assert_status(support_query(adapter, types[i].type, NULL, types[i].size),
                      STATUS_INVALID_PARAMETER);
        for (UINT at = 0; at <= types[i].size; at++)
            assert_int_equal(data[at], 0x77);
        free(data);
    }
    assert_status(D3DKMTQueryAdapterInfo(NULL), STATUS_INVALID_PARAMETER);
    assert_int_equal(fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO), before);
}

static void other_types_are_not_supported(void **state)
{
    unsigned before = fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO);
    for (int type = 1; type < 100; type++) {
        if (type == KMTQAITYPE_QUERYREGISTRY || size_of((KMTQUERYADAPTERINFOTYPE)type))
            continue;
        /* The type is judged before pointer, size and handle. */
        assert_status(support_query(0, (KMTQUERYADAPTERINFOTYPE)type, NULL, 0),
                      STATUS_NOT_SUPPORTED);
    }
    assert_status(support_query(adapter, (KMTQUERYADAPTERINFOTYPE)-1, NULL, 0),
                  STATUS_NOT_SUPPORTED);
    assert_int_equal(fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO), before);
}

static void answers_are_converted(void **state)
{
    (void)state;
    D3DKMT_UMDFILENAMEINFO name = {.Version = KMTUMDVERSION_DX11};
    assert_status(support_query(adapter, KMTQAITYPE_UMDRIVERNAME, &name, sizeof(name)),
                  STATUS_SUCCESS);
    assert_int_equal(wcscmp(name.UmdFileName, L"/guest/umd-2.so"), 0);
    assert_int_equal(name.Version, KMTUMDVERSION_DX11);

    GUID guid;
    assert_status(support_query(adapter, KMTQAITYPE_ADAPTERGUID, &guid, sizeof(guid)),
                  STATUS_SUCCESS);
    const GUID expected = {1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}};
    assert_memory_equal(&guid, &expected, sizeof(guid));

    D3DKMT_ADAPTERADDRESS address;
    assert_status(support_query(adapter, KMTQAITYPE_ADAPTERADDRESS, &address, sizeof(address)),
                  STATUS_SUCCESS);
    assert_int_equal(address.BusNumber, 7);
    assert_int_equal(address.DeviceNumber, 8);
    assert_int_equal(address.FunctionNumber, 9);

    D3DKMT_ADAPTERREGISTRYINFO texts;
    assert_status(support_query(adapter, KMTQAITYPE_ADAPTERREGISTRYINFO, &texts, sizeof(texts)),
                  STATUS_SUCCESS);
    assert_int_equal(wcscmp(texts.AdapterString, L"adapter"), 0);
    assert_int_equal(wcscmp(texts.BiosString, L"bios"), 0);
    assert_int_equal(wcscmp(texts.DacType, L"dac"), 0);
    assert_int_equal(wcscmp(texts.ChipType, L"chip"), 0);

    D3DKMT_UMD_DRIVER_VERSION version;
    assert_status(support_query(adapter, KMTQAITYPE_UMD_DRIVER_VERSION, &version, sizeof(version)),
                  STATUS_SUCCESS);
    assert_int_equal(version.DriverVersion.QuadPart, 0x0001000200030004);

    D3DKMT_QUERY_DEVICE_IDS ids = {.PhysicalAdapterIndex = 1};
    assert_status(support_query(adapter, KMTQAITYPE_PHYSICALADAPTERDEVICEIDS, &ids, sizeof(ids)),
                  STATUS_SUCCESS);
    assert_int_equal(ids.PhysicalAdapterIndex, 1);
    assert_int_equal(ids.DeviceIds.VendorID, 0x10006);
    assert_int_equal(ids.DeviceIds.DeviceID, 11);
    assert_int_equal(ids.DeviceIds.SubVendorID, 12);
    assert_int_equal(ids.DeviceIds.SubSystemID, 13);
    assert_int_equal(ids.DeviceIds.RevisionID, 14);
    assert_int_equal(ids.DeviceIds.BusType, 15);
}

static void short_answers_are_converted(void **state)
{
    (void)state;
    D3DKMT_DRIVERVERSION driver;
    assert_status(support_query(adapter, KMTQAITYPE_DRIVERVERSION, &driver, sizeof(driver)),
                  STATUS_SUCCESS);
    assert_int_equal(driver, KMT_DRIVERVERSION_WDDM_3_0);

    D3DKMT_ADAPTERTYPE type;
    assert_status(support_query(adapter, KMTQAITYPE_ADAPTERTYPE_RENDER, &type, sizeof(type)),
                  STATUS_SUCCESS);
    assert_true(type.RenderSupported);
    assert_true(type.Paravirtualized);
    assert_false(type.DisplaySupported);

    D3DKMT_QUERY_ADAPTER_UNIQUE_GUID guid;
    assert_status(support_query(adapter, KMTQAITYPE_QUERY_ADAPTER_UNIQUE_GUID, &guid, sizeof(guid)),
                  STATUS_SUCCESS);
    assert_int_equal(wcscmp(guid.AdapterUniqueGUID, L"{00000001-0002-0003-0405-060708090a0b}"), 0);

    static D3DKMT_DRIVER_DESCRIPTION description;
    assert_status(
        support_query(adapter, KMTQAITYPE_DRIVER_DESCRIPTION, &description, sizeof(description)),
        STATUS_SUCCESS);
    assert_int_equal(wcscmp(description.DriverDescription, L"Fake \U0001F600 GPU"), 0);
    assert_int_equal(description.DriverDescription[4095], 0);

    D3DKMT_PARAVIRTUALIZATION paravirtualization;
    assert_status(support_query(adapter, KMTQAITYPE_PARAVIRTUALIZATION_RENDER, &paravirtualization,
                                sizeof(paravirtualization)),
                  STATUS_SUCCESS);
    assert_true(paravirtualization.SecureContainer);

    D3DKMT_WDDM_2_7_CAPS caps;
    assert_status(support_query(adapter, KMTQAITYPE_WDDM_2_7_CAPS, &caps, sizeof(caps)),
                  STATUS_SUCCESS);
    assert_true(caps.HwSchSupported);
    assert_false(caps.HwSchEnabled);
    assert_true(caps.HwSchEnabledByDefault);

    WCHAR service[MAX_PATH];
    assert_status(support_query(adapter, KMTQAITYPE_SERVICENAME, service, sizeof(service)),
                  STATUS_SUCCESS);
    assert_int_equal(wcscmp(service, L"fake0"), 0);
}

static void a_hosts_failure_is_passed_on(void **state)
{
    GUID guid;
    memset(&guid, 0x44, sizeof(guid));
    const GUID untouched = guid;
    fake_host_reply_once(*state, WIRE_QUERY_ADAPTER_INFO, STATUS_ACCESS_DENIED, NULL, 0);
    assert_status(support_query(adapter, KMTQAITYPE_ADAPTERGUID, &guid, sizeof(guid)),
                  STATUS_ACCESS_DENIED);
    assert_memory_equal(&guid, &untouched, sizeof(guid));
    /* The connection goes on. */
    assert_status(support_query(adapter, KMTQAITYPE_ADAPTERGUID, &guid, sizeof(guid)),
                  STATUS_SUCCESS);
    assert_int_equal(fake_host_connections(*state), 1);
}

/* Text that is none ends the connection, and the caller's structure stays as it was. */
static void lies_in_an_answer_are_caught(void **state)
{
    static struct wire_servicename_info lies[3];
    for (size_t i = 0; i < WIRE_MAX_PATH; i++)
        lies[0].text[i] = 'x'; /* no terminator */
    lies[1].text[0] = 0xd800;  /* half a pair */
    lies[2].text[0] = 0xdc00;
    for (size_t i = 0; i < 3; i++) {
        WCHAR service[MAX_PATH] = L"untouched";
        fake_host_reply_once(*state, WIRE_QUERY_ADAPTER_INFO, STATUS_SUCCESS, &lies[i],
                             sizeof(lies[i]));
        assert_status(support_query(adapter, KMTQAITYPE_SERVICENAME, service, sizeof(service)),
                      STATUS_DEVICE_REMOVED);
        assert_int_equal(wcscmp(service, L"untouched"), 0);
        adapter = support_open();
    }
    const struct wire_u32_info no_boolean = {2};
    D3DKMT_PARAVIRTUALIZATION answer = {0x55};
    fake_host_reply_once(*state, WIRE_QUERY_ADAPTER_INFO, STATUS_SUCCESS, &no_boolean,
                         sizeof(no_boolean));
    assert_status(
        support_query(adapter, KMTQAITYPE_PARAVIRTUALIZATION_RENDER, &answer, sizeof(answer)),
        STATUS_DEVICE_REMOVED);
    assert_int_equal(answer.SecureContainer, 0x55);
}

static void driver_queries_carry_bytes(void **state)
{
    uint8_t data[100];
    memset(data, 0x0f, sizeof(data));
    assert_status(support_query(adapter, KMTQAITYPE_UMDRIVERPRIVATE, data, sizeof(data)),
                  STATUS_SUCCESS);
    for (size_t i = 0; i < sizeof(data); i++)
        assert_int_equal(data[i], 0xf0);

    unsigned before = fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO);
    uint64_t pointer = (uintptr_t)&before;
    assert_status(support_query(adapter, KMTQAITYPE_UMDRIVERPRIVATE, &pointer, sizeof(pointer)),
                  STATUS_INVALID_PARAMETER);
    D3DKMT_HANDLE handle = adapter;
    assert_status(support_query(adapter, KMTQAITYPE_UMDRIVERPRIVATE, &handle, sizeof(handle)),
                  STATUS_INVALID_PARAMETER);
    uint8_t *large = calloc(1, WIRE_MAX_MESSAGE);
    assert_status(support_query(adapter, KMTQAITYPE_UMDRIVERPRIVATE, large, WIRE_MAX_MESSAGE),
                  STATUS_INVALID_BUFFER_SIZE);
    free(large);
    assert_int_equal(fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO), before);
}

int main(void)
{
#define query_test(function) cmocka_unit_test_setup_teardown(function, start, support_stop)
    const struct CMUnitTest tests[] = {
        query_test(every_supported_type_answers),  query_test(wrong_sizes_are_refused),
        query_test(other_types_are_not_supported), query_test(answers_are_converted),
        query_test(short_answers_are_converted),   query_test(a_hosts_failure_is_passed_on),
        query_test(lies_in_an_answer_are_caught),  query_test(driver_queries_carry_bytes),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
