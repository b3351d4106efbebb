/* SPDX-License-Identifier: MIT */
/* Hosts that break the protocol, die or hang, at every kind of request; and those of other
 * versions. */
#include <stdlib.h>
#include <string.h>

#include "kmt/channel.h"
#include "support.h"
#include "util/log.h"

static const enum fake_fault faults[] = {
    FAULT_SHORT,     FAULT_LONG,    FAULT_EMPTY, FAULT_SEQUENCE,       FAULT_COMMAND,
    FAULT_KIND,      FAULT_GARBAGE, FAULT_DIE,   FAULT_DIE_MID_HEADER, FAULT_DIE_MID_PAYLOAD,
    FAULT_OVERSIZED, FAULT_HANG,
};
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static NTSTATUS call_enum(D3DKMT_HANDLE adapter)
{
    (void)adapter;
    D3DKMT_ADAPTERINFO adapters[FAKE_ADAPTERS] = {{.hAdapter = 7}};
    D3DKMT_ENUMADAPTERS2 args = {.NumAdapters = FAKE_ADAPTERS, .pAdapters = adapters};
    NTSTATUS status = D3DKMTEnumAdapters2(&args);
    assert_true(NT_SUCCESS(status) || adapters[0].hAdapter == 7);
    return status;
}

static NTSTATUS call_open(D3DKMT_HANDLE adapter)
{
    (void)adapter;
    D3DKMT_OPENADAPTERFROMLUID args = {{FAKE_LUID_LOW(1), FAKE_LUID_HIGH}, 7};
    NTSTATUS status = D3DKMTOpenAdapterFromLuid(&args);
    assert_true(NT_SUCCESS(status) || args.hAdapter == 7);
    return status;
}

static NTSTATUS call_query(D3DKMT_HANDLE adapter)
{
    D3DKMT_ADAPTERADDRESS address = {.BusNumber = 77};
    NTSTATUS status = support_query(adapter, KMTQAITYPE_ADAPTERADDRESS, &address, sizeof(address));
    assert_true(NT_SUCCESS(status) || address.BusNumber == 77);
    return status;
}

static NTSTATUS call_escape(D3DKMT_HANDLE adapter)
{
    uint8_t data[9] = {1};
    const D3DKMT_ESCAPE args = {
        .hAdapter = adapter,
        .pPrivateDriverData = data,
        .PrivateDriverDataSize = sizeof(data),
    };
    NTSTATUS status = D3DKMTEscape(&args);
    assert_true(NT_SUCCESS(status) || data[0] == 1);
    return status;
}

static NTSTATUS call_create_device(D3DKMT_HANDLE adapter)
{
    D3DKMT_CREATEDEVICE args = {.hAdapter = adapter, .hDevice = 7};
    NTSTATUS status = D3DKMTCreateDevice(&args);
    assert_true(NT_SUCCESS(status) || args.hDevice == 7);
    return status;
}

static NTSTATUS call_create_context(D3DKMT_HANDLE adapter)
{
    D3DKMT_CREATECONTEXTVIRTUAL args = {.hDevice = support_create_device(adapter), .hContext = 7};
    NTSTATUS status = D3DKMTCreateContextVirtual(&args);
    assert_true(NT_SUCCESS(status) || args.hContext == 7);
    return status;
}

static NTSTATUS call_list(D3DKMT_HANDLE adapter)
{
    struct gpupv_kmt_registry_entry *entries = NULL;
    size_t count;
    NTSTATUS status = gpupv_kmt_list_registry(adapter, 0, 0, &entries, &count);
    free(entries);
    return status;
}

static const struct {
    enum wire_command command;
    NTSTATUS (*call)(D3DKMT_HANDLE adapter);
} calls[] = {
    {WIRE_ENUM_ADAPTERS, call_enum},          {WIRE_OPEN_ADAPTER_FROM_LUID, call_open},
    {WIRE_QUERY_ADAPTER_INFO, call_query},    {WIRE_ESCAPE, call_escape},
    {WIRE_CREATE_DEVICE, call_create_device}, {WIRE_CREATE_CONTEXT_VIRTUAL, call_create_context},
    {WIRE_ENUM_REGISTRY, call_list},
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* Every fault at every call: that call fails, calls on what was lost fail, a new opening works. */
static void broken_replies_end_the_connection_only(void **state)
{
    for (size_t c = 0; c < CALLS; c++) {
        for (size_t f = 0; f < FAULTS; f++) {
            D3DKMT_HANDLE adapter = support_open();
            kmt_channel_set_timeout(faults[f] == FAULT_HANG ? 50 : GPUPV_KMT_TIMEOUT_MS);
            fake_host_spoil(*state, calls[c].command, faults[f]);
            NTSTATUS status = calls[c].call(adapter);
            if (status != STATUS_DEVICE_REMOVED)
                fail_msg("command %d, fault %d: 0x%08x", (int)calls[c].command, (int)faults[f],
                         (unsigned int)status);
            kmt_channel_set_timeout(GPUPV_KMT_TIMEOUT_MS);
            assert_status(call_query(adapter), STATUS_DEVICE_REMOVED);
            support_close(adapter);
            adapter = support_open();
            assert_status(calls[c].call(adapter), STATUS_SUCCESS);
            support_close(adapter);
        }
    }
    assert_int_equal(fake_host_connections(*state), 1 + CALLS * FAULTS);
}

static void a_broken_hello_is_explained(void **state)
{
    for (size_t f = 0; f < FAULTS; f++) {
        kmt_channel_set_timeout(faults[f] == FAULT_HANG ? 50 : GPUPV_KMT_TIMEOUT_MS);
        fake_host_spoil(*state, WIRE_HELLO, faults[f]);
        struct error err = {""};
        struct kmt_channel *channel = NULL;
        assert_status(kmt_channel_create(fake_host_uri(*state), &channel, &err),
                      STATUS_DEVICE_REMOVED);
        assert_null(channel);
        assert_non_null(strstr(err.text, fake_host_uri(*state)));
    }
    kmt_channel_set_timeout(GPUPV_KMT_TIMEOUT_MS);
    fake_host_wait_open_connections(*state, 0);
}

static void the_cause_is_in_the_message(void **state)
{
    static const struct {
        enum fake_fault fault;
        const char *cause;
    } cases[] = {
        {FAULT_SHORT, "47 bytes, not 48"},
        {FAULT_LONG, "49 bytes, not 48"},
        {FAULT_DIE, "closed the connection"},
        {FAULT_DIE_MID_PAYLOAD, "in the middle of a message"},
        {FAULT_GARBAGE, "bytes"},
        {FAULT_OVERSIZED, "131076 bytes"},
        {FAULT_SEQUENCE, "sequence"},
        {FAULT_HANG, "did not answer in time"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        kmt_channel_set_timeout(cases[i].fault == FAULT_HANG ? 50 : GPUPV_KMT_TIMEOUT_MS);
        fake_host_spoil(*state, WIRE_HELLO, cases[i].fault);
        char message[1024];
        assert_status(gpupv_kmt_connect(NULL, message, sizeof(message)), STATUS_DEVICE_REMOVED);
        if (!strstr(message, cases[i].cause))
            fail_msg("\"%s\" does not tell of \"%s\"", message, cases[i].cause);
    }
    kmt_channel_set_timeout(GPUPV_KMT_TIMEOUT_MS);
}

/* --- Versions ------------------------------------------------------------------------------- */

static const struct wire_hello_reply good_hello = {
    .version = 1,
    .version_min = 1,
    .version_max = WIRE_VERSION_MAX + 1,
    .max_message = WIRE_MAX_MESSAGE,
    .guard_mode = 1,
    .host_version = "9.9",
};

static void another_version_is_named(void **state)
{
    struct wire_hello_reply hello = good_hello;
    hello.version = 0;
    hello.version_min = 4;
    hello.version_max = 5;
    fake_host_set_hello(*state, STATUS_REVISION_MISMATCH, &hello);
    char message[1024];
    assert_status(gpupv_kmt_connect(NULL, message, sizeof(message)), STATUS_REVISION_MISMATCH);
    assert_non_null(strstr(message, "versions 4 to 5"));
    assert_non_null(strstr(message, "1 to 4"));
    assert_non_null(strstr(message, "update"));
    assert_status(call_enum(0), STATUS_REVISION_MISMATCH);
}

static void a_refusal_is_named(void **state)
{
    fake_host_reply_once(*state, WIRE_HELLO, STATUS_INSUFFICIENT_RESOURCES, NULL, 0);
    char message[1024];
    assert_status(gpupv_kmt_connect(NULL, message, sizeof(message)), STATUS_INSUFFICIENT_RESOURCES);
    assert_non_null(strstr(message, "STATUS_INSUFFICIENT_RESOURCES"));
}

static void a_newer_host_that_speaks_ours_is_fine(void **state)
{
    fake_host_set_hello(*state, STATUS_SUCCESS, &good_hello);
    struct gpupv_kmt_info info;
    assert_status(gpupv_kmt_connect(&info, NULL, 0), STATUS_SUCCESS);
    assert_int_equal(info.protocol_version, 1);
    assert_int_equal(info.protocol_max, WIRE_VERSION_MAX + 1);
}

static void senseless_hellos_are_refused(void **state)
{
    struct wire_hello_reply hello[8];
    for (int i = 0; i < 8; i++)
        hello[i] = good_hello;
    hello[0].version = 0;
    hello[1].version = WIRE_VERSION_MAX + 1; /* not offered */
    hello[2].version_min = 2;
    hello[3].version_max = 0;
    hello[4].max_message = 100;
    hello[5].guard_mode = 3;
    hello[6].reserved = 1;
    memset(hello[7].host_version, 'v', sizeof(hello[7].host_version)); /* no terminator: cut */
    for (int i = 0; i < 7; i++) {
        fake_host_set_hello(*state, STATUS_SUCCESS, &hello[i]);
        char message[1024];
        assert_status(gpupv_kmt_connect(NULL, message, sizeof(message)), STATUS_DEVICE_REMOVED);
        assert_non_null(strstr(message, "answered hello wrongly"));
    }
    fake_host_set_hello(*state, STATUS_SUCCESS, &hello[7]);
    struct gpupv_kmt_info info;
    assert_status(gpupv_kmt_connect(&info, NULL, 0), STATUS_SUCCESS);
    assert_int_equal(strlen(info.host_version), sizeof(info.host_version) - 1);
}

/* A host may allow less than the protocol does. */
static void a_smaller_message_limit_is_kept(void **state)
{
    struct wire_hello_reply hello = good_hello;
    hello.max_message = 16 * 1024;
    fake_host_set_hello(*state, STATUS_SUCCESS, &hello);
    D3DKMT_HANDLE adapter = support_open();
    uint8_t *data = calloc(1, 16 * 1024);
    D3DKMT_ESCAPE args = {
        .hAdapter = adapter,
        .pPrivateDriverData = data,
        .PrivateDriverDataSize = 16 * 1024 - 16 - 24,
    };
    assert_status(D3DKMTEscape(&args), STATUS_SUCCESS);
    args.PrivateDriverDataSize++;
    memset(data, 0, 16 * 1024);
    assert_status(D3DKMTEscape(&args), STATUS_INVALID_BUFFER_SIZE);
    free(data);
}

/* --- Senseless adapter lists ---------------------------------------------------------------- */

static void senseless_adapter_lists_are_refused(void **state)
{
    static const struct {
        NTSTATUS status;
        uint32_t words[12];
        size_t size;
    } cases[] = {
        {STATUS_SUCCESS, {2, 1, 0, 0, 0, 0}, 24},                /* says two, has one */
        {STATUS_SUCCESS, {1, 1, 0, 0, 0, 0, 1}, 28},             /* has more than it says */
        {STATUS_SUCCESS, {0xffffffff}, 4},                       /* 4 billion */
        {STATUS_SUCCESS, {257}, 4},                              /* more than there can be */
        {STATUS_SUCCESS, {1, 0, 0, 0, 0, 0}, 24},                /* handle 0 */
        {STATUS_SUCCESS, {2, 5, 0, 0, 0, 0, 5, 0, 0, 0, 0}, 44}, /* the same handle twice */
        {STATUS_BUFFER_TOO_SMALL, {1}, 4},                       /* one does not fit into two */
        {STATUS_BUFFER_TOO_SMALL, {0}, 0},                       /* and the count is missing */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_host_reply_once(*state, WIRE_ENUM_ADAPTERS, cases[i].status, cases[i].words,
                             cases[i].size);
        NTSTATUS status = call_enum(0);
        if (status != STATUS_DEVICE_REMOVED)
            fail_msg("case %zu: 0x%08x", i, (unsigned int)status);
    }
    D3DKMT_ENUMADAPTERS2 args = {.NumAdapters = 9};
    const uint32_t too_many = 300;
    fake_host_reply_once(*state, WIRE_ENUM_ADAPTERS, STATUS_SUCCESS, &too_many, sizeof(too_many));
    assert_status(D3DKMTEnumAdapters2(&args), STATUS_DEVICE_REMOVED);
    assert_int_equal(args.NumAdapters, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        host_test(broken_replies_end_the_connection_only),
        host_test(a_broken_hello_is_explained),
        host_test(the_cause_is_in_the_message),
        host_test(another_version_is_named),
        host_test(a_refusal_is_named),
        host_test(a_newer_host_that_speaks_ours_is_fine),
        host_test(senseless_hellos_are_refused),
        host_test(a_smaller_message_limit_is_kept),
        host_test(senseless_adapter_lists_are_refused),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
