/* SPDX-License-Identifier: MIT */
/* Enumerating, opening, closing; connecting and connecting anew. */
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "util/log.h"

static void null_arguments_are_refused(void **state)
{
    (void)state;
    assert_status(D3DKMTEnumAdapters2(NULL), STATUS_INVALID_PARAMETER);
    assert_status(D3DKMTEnumAdapters3(NULL), STATUS_INVALID_PARAMETER);
    assert_status(D3DKMTOpenAdapterFromLuid(NULL), STATUS_INVALID_PARAMETER);
    assert_status(D3DKMTCloseAdapter(NULL), STATUS_INVALID_PARAMETER);
}

static void the_number_is_told_without_opening(void **state)
{
    D3DKMT_ENUMADAPTERS2 args = {.NumAdapters = 99};
    assert_status(D3DKMTEnumAdapters2(&args), STATUS_SUCCESS);
    assert_int_equal(args.NumAdapters, FAKE_ADAPTERS);
    struct wire_enum_adapters_request request;
    assert_int_equal(fake_host_last(*state, WIRE_ENUM_ADAPTERS, &request, sizeof(request)),
                     sizeof(request));
    assert_int_equal(request.capacity, 0);
    assert_int_equal(request.filter, 3);
}

static void adapters_are_opened(void **state)
{
    D3DKMT_ADAPTERINFO adapters[16];
    memset(adapters, 0xee, sizeof(adapters));
    D3DKMT_ENUMADAPTERS2 args = {.NumAdapters = 16, .pAdapters = adapters};
    assert_status(D3DKMTEnumAdapters2(&args), STATUS_SUCCESS);
    assert_int_equal(args.NumAdapters, FAKE_ADAPTERS);
    for (ULONG i = 0; i < FAKE_ADAPTERS; i++) {
        assert_int_not_equal(adapters[i].hAdapter, 0);
        assert_int_equal(adapters[i].AdapterLuid.LowPart, FAKE_LUID_LOW(i));
        assert_int_equal(adapters[i].AdapterLuid.HighPart, FAKE_LUID_HIGH);
        assert_int_equal(adapters[i].NumOfSources, i);
        assert_int_equal(adapters[i].bPrecisePresentRegionsPreferred, 1 - i);
        support_close(adapters[i].hAdapter);
    }
    assert_int_equal(adapters[FAKE_ADAPTERS].hAdapter, 0xeeeeeeee);
    fake_host_wait_asyncs(*state, WIRE_CLOSE_ADAPTER, FAKE_ADAPTERS);
    assert_int_equal(fake_host_requests(*state, WIRE_CLOSE_ADAPTER), 0);
}

static void a_short_array_is_told_so(void **state)
{
    (void)state;
    D3DKMT_ADAPTERINFO adapter = {.hAdapter = 5};
    D3DKMT_ENUMADAPTERS2 args = {.NumAdapters = 1, .pAdapters = &adapter};
    assert_status(D3DKMTEnumAdapters2(&args), STATUS_BUFFER_TOO_SMALL);
    assert_int_equal(args.NumAdapters, FAKE_ADAPTERS);
    assert_int_equal(adapter.hAdapter, 5);

    /* An array of no elements is not the question for the number. */
    args.NumAdapters = 0;
    assert_status(D3DKMTEnumAdapters2(&args), STATUS_BUFFER_TOO_SMALL);
    assert_int_equal(args.NumAdapters, FAKE_ADAPTERS);
}

static void a_filter_is_passed_on(void **state)
{
    D3DKMT_ADAPTERINFO adapters[FAKE_ADAPTERS];
    D3DKMT_ENUMADAPTERS3 args = {.NumAdapters = FAKE_ADAPTERS, .pAdapters = adapters};
    args.Filter.IncludeDisplayOnly = 1;
    assert_status(D3DKMTEnumAdapters3(&args), STATUS_SUCCESS);
    struct wire_enum_adapters_request request;
    fake_host_last(*state, WIRE_ENUM_ADAPTERS, &request, sizeof(request));
    assert_int_equal(request.filter, 2);
    for (int i = 0; i < FAKE_ADAPTERS; i++)
        support_close(adapters[i].hAdapter);

    args.Filter.Value = UINT64_C(1) << 40;
    assert_status(D3DKMTEnumAdapters3(&args), STATUS_INVALID_PARAMETER);
}

static void an_adapter_is_opened_by_its_luid(void **state)
{
    (void)state;
    D3DKMT_HANDLE one = support_open(), two = support_open();
    assert_int_not_equal(one, two);
    support_close(one);
    const D3DKMT_CLOSEADAPTER again = {one};
    assert_status(D3DKMTCloseAdapter(&again), STATUS_INVALID_PARAMETER);
    support_close(two);

    D3DKMT_OPENADAPTERFROMLUID args = {.AdapterLuid = {1, 1}, .hAdapter = 7};
    assert_status(D3DKMTOpenAdapterFromLuid(&args), STATUS_INVALID_PARAMETER);
    assert_int_equal(args.hAdapter, 7);
}

static void foreign_handles_are_refused(void **state)
{
    D3DKMT_HANDLE adapter = support_open();
    const D3DKMT_HANDLE foreign[] = {0, 1, adapter + 1, adapter ^ 0x80000000, UINT32_MAX};
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        const D3DKMT_CLOSEADAPTER args = {foreign[i]};
        assert_status(D3DKMTCloseAdapter(&args), STATUS_INVALID_PARAMETER);
        UINT count;
        assert_status(support_query(foreign[i], KMTQAITYPE_PHYSICALADAPTERCOUNT, &count, 4),
                      STATUS_INVALID_PARAMETER);
    }
    /* None of that reached the host. */
    assert_int_equal(fake_host_asyncs(*state, WIRE_CLOSE_ADAPTER), 0);
    assert_int_equal(fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO), 0);

    /* A device is no adapter. */
    D3DKMT_HANDLE device = support_create_device(adapter);
    const D3DKMT_CLOSEADAPTER args = {device};
    assert_status(D3DKMTCloseAdapter(&args), STATUS_INVALID_PARAMETER);
    support_close(adapter);
}

static void a_lost_connection_is_made_anew(void **state)
{
    D3DKMT_HANDLE old = support_open();
    D3DKMT_HANDLE device = support_create_device(old);
    assert_int_equal(fake_host_connections(*state), 1);
    fake_host_hang_up(*state);

    D3DKMT_HANDLE fresh = support_open();
    assert_int_equal(fake_host_connections(*state), 2);
    UINT count = 77;
    assert_status(support_query(old, KMTQAITYPE_PHYSICALADAPTERCOUNT, &count, sizeof(count)),
                  STATUS_DEVICE_REMOVED);
    assert_int_equal(count, 77);
    assert_status(support_query(fresh, KMTQAITYPE_PHYSICALADAPTERCOUNT, &count, sizeof(count)),
                  STATUS_SUCCESS);
    assert_int_equal(count, 2);
    D3DKMT_CREATEDEVICE create = {.hAdapter = old};
    assert_status(D3DKMTCreateDevice(&create), STATUS_DEVICE_REMOVED);

    /* Lost handles can be given back, and nothing is told to a host that never gave them. */
    support_close(old);
    const D3DKMT_DESTROYDEVICE destroy = {device};
    assert_status(D3DKMTDestroyDevice(&destroy), STATUS_SUCCESS);
    support_close(fresh);
    fake_host_wait_asyncs(*state, WIRE_CLOSE_ADAPTER, 1);
    assert_int_equal(fake_host_asyncs(*state, WIRE_DESTROY_DEVICE), 0);
}

static void no_service_is_explained(void **state)
{
    (void)state;
    setenv("GPUPV_HOST", "unix:/nonexistent/gpupv.sock", 1);
    char message[512];
    struct gpupv_kmt_info info;
    assert_status(gpupv_kmt_connect(&info, message, sizeof(message)), STATUS_DEVICE_REMOVED);
    assert_non_null(strstr(message, "/nonexistent/gpupv.sock"));
    assert_non_null(strstr(message, "No such file"));
    assert_non_null(strstr(message, "GPUPV_HOST"));
    D3DKMT_ENUMADAPTERS2 args = {.NumAdapters = 3};
    assert_status(D3DKMTEnumAdapters2(&args), STATUS_DEVICE_REMOVED);
    assert_int_equal(args.NumAdapters, 3);
    D3DKMT_OPENADAPTERFROMLUID open = {.hAdapter = 3};
    assert_status(D3DKMTOpenAdapterFromLuid(&open), STATUS_DEVICE_REMOVED);
    /* The text may be cut, or not wanted. */
    assert_status(gpupv_kmt_connect(NULL, message, 5), STATUS_DEVICE_REMOVED);
    assert_int_equal(strlen(message), 4);
    assert_status(gpupv_kmt_connect(NULL, NULL, 0), STATUS_DEVICE_REMOVED);
}

static void bad_uris_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *cause;
        NTSTATUS status;
    } cases[] = {
        {"vsock:2:1024", "not supported by this build", STATUS_NOT_SUPPORTED},
        {"virtio:gpupv", "not supported by this build", STATUS_NOT_SUPPORTED},
        {"/run/gpupv/host.sock", "unix:PATH", STATUS_NOT_SUPPORTED},
        {"unix", "unix:PATH", STATUS_NOT_SUPPORTED},
        {"unixx:/a", "unix:PATH", STATUS_NOT_SUPPORTED},
        {"unix:relative", "absolute", STATUS_DEVICE_REMOVED},
        {"unix:", "absolute", STATUS_DEVICE_REMOVED},
        {"embedded:x", "nothing may follow", STATUS_DEVICE_REMOVED},
        {"unix:/0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890123456789",
         "longer than 107", STATUS_DEVICE_REMOVED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setenv("GPUPV_HOST", cases[i].uri, 1);
        char message[512];
        assert_status(gpupv_kmt_connect(NULL, message, sizeof(message)), cases[i].status);
        if (!strstr(message, cases[i].cause))
            fail_msg("%s: \"%s\" does not tell of \"%s\"", cases[i].uri, message, cases[i].cause);
    }
}

static void an_embedded_service_that_fails_is_explained(void **state)
{
    (void)state;
    setenv("GPUPV_HOST", "embedded:", 1);
    char message[512];
    setenv("GPUPV_SERVICE", "/nonexistent/gpupvd", 1);
    assert_status(gpupv_kmt_connect(NULL, message, sizeof(message)), STATUS_DEVICE_REMOVED);
    assert_non_null(strstr(message, "GPUPV_SERVICE=/nonexistent/gpupvd"));
    setenv("GPUPV_SERVICE", "/bin/false", 1);
    assert_status(gpupv_kmt_connect(NULL, message, sizeof(message)), STATUS_DEVICE_REMOVED);
    assert_non_null(strstr(message, "exit status 1"));
    setenv("GPUPV_SERVICE", "/bin/true", 1); /* ends at once: nobody answers */
    assert_status(gpupv_kmt_connect(NULL, message, sizeof(message)), STATUS_DEVICE_REMOVED);
    assert_non_null(strstr(message, "closed the connection"));
    unsetenv("GPUPV_SERVICE");
}

static void the_connection_is_described(void **state)
{
    struct gpupv_kmt_info info;
    char message[64] = "old";
    assert_status(gpupv_kmt_connect(&info, message, sizeof(message)), STATUS_SUCCESS);
    assert_string_equal(message, "");
    assert_string_equal(info.transport, fake_host_uri(*state));
    assert_string_equal(info.host_version, "fake");
    assert_int_equal(info.protocol_version, 1);
    assert_int_equal(info.protocol_min, 1);
    assert_int_equal(info.protocol_max, 1);

    struct wire_hello_request hello;
    assert_int_equal(fake_host_last(*state, WIRE_HELLO, &hello, sizeof(hello)), sizeof(hello));
    assert_int_equal(hello.magic, WIRE_MAGIC);
    assert_string_equal(hello.process_name, "test_kmt_adapters");
}

static void names_of_statuses(void **state)
{
    (void)state;
    assert_string_equal(gpupv_kmt_status_name(STATUS_SUCCESS), "STATUS_SUCCESS");
    assert_string_equal(gpupv_kmt_status_name(STATUS_REVISION_MISMATCH),
                        "STATUS_REVISION_MISMATCH");
    assert_null(gpupv_kmt_status_name(12345));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        host_test(null_arguments_are_refused),
        host_test(the_number_is_told_without_opening),
        host_test(adapters_are_opened),
        host_test(a_short_array_is_told_so),
        host_test(a_filter_is_passed_on),
        host_test(an_adapter_is_opened_by_its_luid),
        host_test(foreign_handles_are_refused),
        host_test(a_lost_connection_is_made_anew),
        host_test(the_connection_is_described),
        cmocka_unit_test(no_service_is_explained),
        cmocka_unit_test(bad_uris_are_explained),
        cmocka_unit_test(an_embedded_service_that_fails_is_explained),
        cmocka_unit_test(names_of_statuses),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("adapters", tests, NULL, NULL);
}
