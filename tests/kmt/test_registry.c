/* SPDX-License-Identifier: MIT */
/* KMTQAITYPE_QUERYREGISTRY in the guest: buffers, sizes, names; and listing. */
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

/* A query in a buffer with room for `extra` bytes behind the structure; all of it 0xee first. */
static D3DDDI_QUERYREGISTRY_INFO *make(const wchar_t *name, ULONG type, size_t extra)
{
    D3DDDI_QUERYREGISTRY_INFO *info = malloc(sizeof(*info) + extra);
    assert_non_null(info);
    memset(info, 0xee, sizeof(*info) + extra);
    info->QueryType = D3DDDI_QUERYREGISTRY_ADAPTERKEY;
    info->QueryFlags.Value = 0;
    memset(info->ValueName, 0, sizeof(info->ValueName));
    wcscpy(info->ValueName, name);
    info->ValueType = type;
    info->PhysicalAdapterIndex = 0;
    return info;
}

static NTSTATUS ask(D3DDDI_QUERYREGISTRY_INFO *info, size_t extra)
{
    return support_query(adapter, KMTQAITYPE_QUERYREGISTRY, info, (UINT)(sizeof(*info) + extra));
}

static void a_string_that_fits(void **state)
{
    struct wire_registry_request request;
    uint8_t message[sizeof(struct wire_query_adapter_info_request) + sizeof(request)];
    D3DDDI_QUERYREGISTRY_INFO *info = make(L"Name\U0001F600", REG_SZ, 100);
    info->QueryFlags.TranslatePath = 1;
    info->PhysicalAdapterIndex = 3;
    assert_status(ask(info, 100), STATUS_SUCCESS);
    assert_int_equal(info->Status, D3DDDI_QUERYREGISTRY_STATUS_SUCCESS);
    assert_int_equal(wcscmp(info->OutputString, L"Caf\u00e9 \U0001F600"), 0);
    assert_int_equal(info->OutputValueSize, 7 * sizeof(WCHAR)); /* in our WCHAR, not the wire's */
    /* The inputs stay. */
    assert_int_equal(wcscmp(info->ValueName, L"Name\U0001F600"), 0);
    assert_int_equal(info->ValueType, REG_SZ);

    assert_int_equal(fake_host_last(*state, WIRE_QUERY_ADAPTER_INFO, message, sizeof(message)),
                     sizeof(message));
    memcpy(&request, message + sizeof(struct wire_query_adapter_info_request), sizeof(request));
    static const uint16_t name[WIRE_MAX_PATH] = u"Name\U0001F600";
    assert_memory_equal(request.name, name, sizeof(name));
    assert_int_equal(request.query_type, D3DDDI_QUERYREGISTRY_ADAPTERKEY);
    assert_int_equal(request.flags, 1);
    assert_int_equal(request.value_type, REG_SZ);
    assert_int_equal(request.physical_adapter, 3);
    free(info);
}

static void every_type_that_fits(void **state)
{
    (void)state;
    D3DDDI_QUERYREGISTRY_INFO *info = make(L"V", REG_DWORD, 0);
    assert_status(ask(info, 0), STATUS_SUCCESS);
    assert_int_equal(info->OutputDword, 0x12345678);
    assert_int_equal(info->OutputValueSize, 4);
    free(info);

    info = make(L"V", REG_QWORD, 0);
    assert_status(ask(info, 0), STATUS_SUCCESS);
    assert_int_equal(info->OutputQword, 0x1122334455667788);
    assert_int_equal(info->OutputValueSize, 8);
    free(info);

    info = make(L"V", REG_BINARY, 0);
    assert_status(ask(info, 0), STATUS_SUCCESS);
    assert_int_equal(info->OutputValueSize, 3);
    assert_memory_equal(info->OutputBinary, "\1\2\3\xee", 4);
    free(info);

    info = make(L"V", REG_EXPAND_SZ, 64);
    assert_status(ask(info, 64), STATUS_SUCCESS);
    assert_int_equal(wcscmp(info->OutputString, L"Caf\u00e9 \U0001F600"), 0);
    free(info);
}

/* The sequence that Vulkan's loader makes: a buffer of the structure's size, then what it is told.
 */
static void a_list_grows_the_buffer(void **state)
{
    (void)state;
    D3DDDI_QUERYREGISTRY_INFO *info = make(L"V", REG_MULTI_SZ, 0);
    info->OutputQword = 0x7777777777777777;
    assert_status(ask(info, 0), STATUS_SUCCESS);
    assert_int_equal(info->Status, D3DDDI_QUERYREGISTRY_STATUS_BUFFER_OVERFLOW);
    assert_int_equal(info->OutputValueSize, 9 * sizeof(WCHAR));
    assert_int_equal(info->OutputQword, 0x7777777777777777); /* only the size is written */
    size_t extra = info->OutputValueSize;
    free(info);

    info = make(L"V", REG_MULTI_SZ, extra);
    assert_status(ask(info, extra), STATUS_SUCCESS);
    assert_int_equal(info->Status, D3DDDI_QUERYREGISTRY_STATUS_SUCCESS);
    assert_int_equal(info->OutputValueSize, 9 * sizeof(WCHAR));
    assert_memory_equal(info->OutputString, L"one\0two\0", 9 * sizeof(WCHAR));
    free(info);
}

/* The value's room starts at OutputString, inside the structure. */
static void the_room_is_exact(void **state)
{
    (void)state;
    size_t needed = 9 * sizeof(WCHAR);
    size_t inside =
        sizeof(D3DDDI_QUERYREGISTRY_INFO) - offsetof(D3DDDI_QUERYREGISTRY_INFO, OutputString);
    size_t extra = needed - inside;
    D3DDDI_QUERYREGISTRY_INFO *info = make(L"V", REG_MULTI_SZ, extra);
    assert_status(ask(info, extra - 1), STATUS_SUCCESS);
    assert_int_equal(info->Status, D3DDDI_QUERYREGISTRY_STATUS_BUFFER_OVERFLOW);
    assert_int_equal(info->OutputString[0], (WCHAR)0xeeeeeeee);
    assert_status(ask(info, extra), STATUS_SUCCESS);
    assert_int_equal(info->Status, D3DDDI_QUERYREGISTRY_STATUS_SUCCESS);
    free(info);
}

static void paths_ignore_the_name(void **state)
{
    (void)state;
    D3DDDI_QUERYREGISTRY_INFO *info = make(L"", 0, 200);
    for (int i = 0; i < MAX_PATH; i++)
        info->ValueName[i] = (WCHAR)0xd800; /* no text, no terminator */
    const D3DDDI_QUERYREGISTRY_TYPE paths[] = {D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH,
                                               D3DDDI_QUERYREGISTRY_DRIVERIMAGEPATH};
    for (int i = 0; i < 2; i++) {
        info->QueryType = paths[i];
        assert_status(ask(info, 200), STATUS_SUCCESS);
        assert_int_equal(info->Status, D3DDDI_QUERYREGISTRY_STATUS_SUCCESS);
        assert_int_equal(wcscmp(info->OutputString, L"/guest/store/package"), 0);
        assert_int_equal(info->OutputValueSize, 21 * sizeof(WCHAR));
    }
    free(info);
}

/* Status FAIL, and no other byte differs. */
static void assert_failed(const D3DDDI_QUERYREGISTRY_INFO *info,
                          const D3DDDI_QUERYREGISTRY_INFO *before)
{
    D3DDDI_QUERYREGISTRY_INFO expected;
    memcpy(&expected, before, sizeof(expected));
    expected.Status = D3DDDI_QUERYREGISTRY_STATUS_FAIL;
    assert_memory_equal(info, &expected, sizeof(expected));
}

static void failures_write_the_status_only(void **state)
{
    D3DDDI_QUERYREGISTRY_INFO before;
    D3DDDI_QUERYREGISTRY_INFO *info = make(L"Missing", REG_SZ, 0);
    memcpy(&before, info, sizeof(before));
    assert_status(ask(info, 0), STATUS_OBJECT_NAME_NOT_FOUND);
    assert_failed(info, &before);
    free(info);

    info = make(L"V", 99, 0);
    memcpy(&before, info, sizeof(before));
    assert_status(ask(info, 0), STATUS_OBJECT_TYPE_MISMATCH);
    assert_failed(info, &before);

    assert_status(support_query(adapter + 1, KMTQAITYPE_QUERYREGISTRY, info, sizeof(*info)),
                  STATUS_INVALID_PARAMETER);
    assert_failed(info, &before);
    fake_host_spoil(*state, WIRE_QUERY_ADAPTER_INFO, FAULT_DIE);
    assert_status(ask(info, 0), STATUS_DEVICE_REMOVED);
    assert_failed(info, &before);
    free(info);
}

static void bad_names_never_leave(void **state)
{
    unsigned requests = fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO);
    D3DDDI_QUERYREGISTRY_INFO before;
    D3DDDI_QUERYREGISTRY_INFO *info = make(L"V", REG_SZ, 0);
    for (int i = 0; i < MAX_PATH; i++)
        info->ValueName[i] = L'x'; /* no terminator */
    memcpy(&before, info, sizeof(before));
    assert_status(ask(info, 0), STATUS_INVALID_PARAMETER);
    assert_failed(info, &before);

    static const uint32_t no_text[] = {0xd800, 0xdfff, 0x110000, 0xffffffff};
    for (int i = 0; i < 4; i++) {
        info->ValueName[0] = (WCHAR)no_text[i];
        info->ValueName[1] = 0;
        memcpy(&before, info, sizeof(before));
        assert_status(ask(info, 0), STATUS_INVALID_PARAMETER);
        assert_failed(info, &before);
    }
    /* 259 characters fit as long as they are 259 units of UTF-16. */
    for (int i = 0; i < MAX_PATH - 1; i++)
        info->ValueName[i] = 0x1F600;
    info->ValueName[MAX_PATH - 1] = 0;
    assert_status(ask(info, 0), STATUS_INVALID_PARAMETER);
    assert_int_equal(fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO), requests);
    for (int i = 0; i < MAX_PATH - 1; i++)
        info->ValueName[i] = L'x';
    info->ValueType = REG_DWORD;
    assert_status(ask(info, 0), STATUS_SUCCESS);
    free(info);
}

static void small_buffers_are_refused(void **state)
{
    unsigned requests = fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO);
    D3DDDI_QUERYREGISTRY_INFO *info = make(L"V", REG_DWORD, 0), before;
    for (UINT size = 0; size < sizeof(*info); size++) {
        info->Status = D3DDDI_QUERYREGISTRY_STATUS_MAX;
        memcpy(&before, info, sizeof(before));
        assert_status(support_query(adapter, KMTQAITYPE_QUERYREGISTRY, info, size),
                      STATUS_INVALID_PARAMETER);
        if (size < offsetof(D3DDDI_QUERYREGISTRY_INFO, Status) + sizeof(info->Status))
            assert_memory_equal(info, &before, sizeof(before));
        else
            assert_failed(info, &before);
    }
    assert_status(support_query(adapter, KMTQAITYPE_QUERYREGISTRY, NULL, sizeof(*info)),
                  STATUS_INVALID_PARAMETER);
    assert_int_equal(fake_host_requests(*state, WIRE_QUERY_ADAPTER_INFO), requests);
    free(info);
}

/* What a broken host may say about a value of a type: the connection ends, Status is FAIL. */
static void refuse_value(void *host, ULONG type, const void *value, size_t size, uint32_t said,
                         uint32_t status)
{
    uint8_t reply[64];
    const struct wire_registry_reply head = {status, said};
    memcpy(reply, &head, sizeof(head));
    memcpy(reply + sizeof(head), value, size);
    fake_host_reply_once(host, WIRE_QUERY_ADAPTER_INFO, STATUS_SUCCESS, reply, sizeof(head) + size);
    D3DDDI_QUERYREGISTRY_INFO *info = make(L"V", type, 100), before;
    memcpy(&before, info, sizeof(before));
    assert_status(ask(info, 100), STATUS_DEVICE_REMOVED);
    assert_failed(info, &before);
    free(info);
    adapter = support_open();
}

static void broken_values_are_caught(void **state)
{
    refuse_value(*state, REG_DWORD, "\1\2\3\4", 4, 4, D3DDDI_QUERYREGISTRY_STATUS_FAIL);
    refuse_value(*state, REG_DWORD, "\1\2\3\4", 4, 3, 0);
    refuse_value(*state, REG_DWORD, "\1\2\3\4", 4, 5, 0);
    refuse_value(*state, REG_DWORD, "\1\2\3\4", 4, UINT32_MAX, 0);
    refuse_value(*state, REG_DWORD, "\1\2", 2, 2, 0);
    refuse_value(*state, REG_QWORD, "\1\2\3\4", 4, 4, 0);
    refuse_value(*state, REG_SZ, "", 0, 0, 0);
    refuse_value(*state, REG_SZ, "a\0b", 3, 3, 0);
    refuse_value(*state, REG_SZ, "a\0b\0", 4, 4, 0);
    refuse_value(*state, REG_SZ, "\0\xd8\0\0", 4, 4, 0);
    refuse_value(*state, REG_MULTI_SZ, "a\0\0\0", 4, 4, 0);
    refuse_value(*state, 99, "a\0\0\0", 4, 4, 0);
    refuse_value(*state, REG_BINARY, "ab", 2, 1, 0);
}

static void an_empty_value_is_one(void **state)
{
    const struct wire_registry_reply empty = {0, 0};
    fake_host_reply_once(*state, WIRE_QUERY_ADAPTER_INFO, STATUS_SUCCESS, &empty, sizeof(empty));
    D3DDDI_QUERYREGISTRY_INFO *info = make(L"V", REG_BINARY, 0);
    assert_status(ask(info, 0), STATUS_SUCCESS);
    assert_int_equal(info->Status, D3DDDI_QUERYREGISTRY_STATUS_SUCCESS);
    assert_int_equal(info->OutputValueSize, 0);
    free(info);
    const struct {
        struct wire_registry_reply head;
        uint16_t nul;
    } __attribute__((packed)) no_strings = {{0, 2}, 0};
    fake_host_reply_once(*state, WIRE_QUERY_ADAPTER_INFO, STATUS_SUCCESS, &no_strings,
                         sizeof(no_strings));
    info = make(L"V", REG_MULTI_SZ, 0);
    assert_status(ask(info, 0), STATUS_SUCCESS);
    assert_int_equal(info->OutputValueSize, sizeof(WCHAR));
    assert_int_equal(info->OutputString[0], 0);
    free(info);
}

/* --- Listing -------------------------------------------------------------------------------- */

static void values_are_listed_page_by_page(void **state)
{
    struct gpupv_kmt_registry_entry *entries;
    size_t count;
    assert_status(
        gpupv_kmt_list_registry(adapter, D3DDDI_QUERYREGISTRY_SERVICEKEY, 4, &entries, &count),
        STATUS_SUCCESS);
    assert_int_equal(count, 7);
    assert_string_equal(entries[0].name, "Value0");
    assert_string_equal(entries[3].name, "Value3x");
    assert_string_equal(entries[6].name, "Value6");
    assert_int_equal(entries[4].type, 2);
    free(entries);
    assert_int_equal(fake_host_requests(*state, WIRE_ENUM_REGISTRY), 3);
    struct wire_enum_registry_request request;
    fake_host_last(*state, WIRE_ENUM_REGISTRY, &request, sizeof(request));
    assert_int_equal(request.start, 6);
    assert_int_equal(request.physical_adapter, 4);
    assert_int_equal(request.query_type, D3DDDI_QUERYREGISTRY_SERVICEKEY);

    assert_status(gpupv_kmt_list_registry(adapter, 0, 0, NULL, &count), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_list_registry(adapter, 0, 0, &entries, NULL), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_list_registry(0, 0, 0, &entries, &count), STATUS_INVALID_PARAMETER);
    fake_host_reply_once(*state, WIRE_ENUM_REGISTRY, STATUS_ACCESS_DENIED, NULL, 0);
    assert_status(gpupv_kmt_list_registry(adapter, 0, 0, &entries, &count), STATUS_ACCESS_DENIED);
}

static void broken_lists_are_caught(void **state)
{
    static const struct {
        uint32_t words[6];
        size_t size;
    } cases[] = {
        {{1}, 4},                                /* cut */
        {{1, 1}, 8},                             /* an entry is missing */
        {{1, 1, 1, 4}, 16},                      /* its name is missing */
        {{1, 1, 1, 5, 0x41414141, 0x41}, 20},    /* its padding is missing */
        {{1, 1, 1, 4, 0x41004141}, 20},          /* a NUL in the name */
        {{1, 1, 1, 4, 0x414141ff}, 20},          /* no UTF-8 */
        {{1, 1, 1, 0xfffffff0, 0x41414141}, 20}, /* a name of 4 GB */
        {{1, 0xffffffff, 1, 4, 0x41414141}, 20}, /* 4 billion entries */
        {{0x10001, 1, 1, 4, 0x41414141}, 20},    /* more values than any key has */
        {{1, 1, 1, 4, 0x41414141, 7}, 24},       /* left-overs */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_host_reply_once(*state, WIRE_ENUM_REGISTRY, STATUS_SUCCESS, cases[i].words,
                             cases[i].size);
        struct gpupv_kmt_registry_entry *entries;
        size_t count;
        assert_status(gpupv_kmt_list_registry(adapter, 0, 0, &entries, &count),
                      STATUS_DEVICE_REMOVED);
        adapter = support_open();
    }
    /* A key that shrinks between two pages ends the list; it is no error. */
    const uint32_t shrunk[] = {5, 0};
    fake_host_reply_once(*state, WIRE_ENUM_REGISTRY, STATUS_SUCCESS, shrunk, sizeof(shrunk));
    struct gpupv_kmt_registry_entry *entries;
    size_t count;
    assert_status(gpupv_kmt_list_registry(adapter, 0, 0, &entries, &count), STATUS_SUCCESS);
    assert_int_equal(count, 0);
    free(entries);
}

int main(void)
{
#define registry_test(function) cmocka_unit_test_setup_teardown(function, start, support_stop)
    const struct CMUnitTest tests[] = {
        registry_test(a_string_that_fits),
        registry_test(every_type_that_fits),
        registry_test(a_list_grows_the_buffer),
        registry_test(the_room_is_exact),
        registry_test(paths_ignore_the_name),
        registry_test(failures_write_the_status_only),
        registry_test(bad_names_never_leave),
        registry_test(small_buffers_are_refused),
        registry_test(broken_values_are_caught),
        registry_test(an_empty_value_is_one),
        registry_test(values_are_listed_page_by_page),
        registry_test(broken_lists_are_caught),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
