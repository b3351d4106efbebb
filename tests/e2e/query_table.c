/* SPDX-License-Identifier: MIT */
/*
 * KMTQAITYPE_QUERYREGISTRY row by row, through the thunks, a real socket and a real service. The
 * script test-thunks.sh writes the values into the host's hive and starts this program with
 * GPUPV_TEST_STORE and GPUPV_TEST_PACKAGE: the guest's store root and the package's folder name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "gpupv/d3dkmthk.h"

#define OUTPUT_OFFSET offsetof(D3DDDI_QUERYREGISTRY_INFO, OutputDword)
#define UNTOUCHED 0xa5

static D3DKMT_HANDLE adapter;

/* One query with room for `capacity` output bytes (at least what the structure itself has). */
struct query {
    union {
        D3DDDI_QUERYREGISTRY_INFO info;
        uint8_t bytes[8192];
    };
    UINT size;
};

static void query_init(struct query *query, D3DDDI_QUERYREGISTRY_TYPE type, const wchar_t *name,
                       ULONG value_type, size_t capacity)
{
    memset(query, UNTOUCHED, sizeof(*query));
    query->info.QueryType = type;
    query->info.QueryFlags.Value = 0;
    memset(query->info.ValueName, 0, sizeof(query->info.ValueName));
    wcscpy(query->info.ValueName, name);
    query->info.ValueType = value_type;
    query->info.PhysicalAdapterIndex = 0;
    size_t size = OUTPUT_OFFSET + capacity;
    query->size = (UINT)(size < sizeof(query->info) ? sizeof(query->info) : size);
}

static NTSTATUS query_run(struct query *query)
{
    D3DKMT_QUERYADAPTERINFO args = {
        .hAdapter = adapter,
        .Type = KMTQAITYPE_QUERYREGISTRY,
        .pPrivateDriverData = query->bytes,
        .PrivateDriverDataSize = query->size,
    };
    return D3DKMTQueryAdapterInfo(&args);
}

static void assert_found(struct query *query, size_t size)
{
    assert_int_equal(query_run(query), STATUS_SUCCESS);
    assert_int_equal(query->info.Status, D3DDDI_QUERYREGISTRY_STATUS_SUCCESS);
    assert_int_equal(query->info.OutputValueSize, size);
}

/* Fails, says FAIL, and leaves everything else as it was. */
static void assert_fails(struct query *query, NTSTATUS expected)
{
    struct query before = *query;
    NTSTATUS status = query_run(query);
    assert_int_equal(status, expected);
    assert_false(NT_SUCCESS(status));
    assert_int_equal(query->info.Status, D3DDDI_QUERYREGISTRY_STATUS_FAIL);
    before.info.Status = query->info.Status;
    assert_memory_equal(&before, query, sizeof(before));
}

static void assert_string(struct query *query, const wchar_t *text)
{
    size_t size = (wcslen(text) + 1) * sizeof(wchar_t);
    assert_found(query, size);
    assert_memory_equal(query->info.OutputString, text, size);
}

static void found_and_fits(void **state)
{
    (void)state;
    struct query query;

    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Dword", REG_DWORD, 4);
    assert_found(&query, 4);
    assert_int_equal(query.info.OutputDword, 0x12345678);

    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Qword", REG_QWORD, 8);
    assert_found(&query, 8);
    assert_true(query.info.OutputQword == 0x123456789abcdef0);

    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Sz", REG_SZ, 4096);
    assert_string(&query, L"gr\u00fc\u00dfe \U0001F600");

    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"ExpandSz", REG_EXPAND_SZ, 4096);
    assert_string(&query, L"%windir%\\x");

    static const wchar_t strings[] = L"one\0two\0";
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"MultiSz", REG_MULTI_SZ, 4096);
    assert_found(&query, sizeof(strings));
    assert_memory_equal(query.info.OutputString, strings, sizeof(strings));

    static const uint8_t binary[] = {0x00, 0xff, 0x10, 0x20, 0x30};
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Binary", REG_BINARY, 5);
    assert_found(&query, sizeof(binary));
    assert_memory_equal(query.info.OutputBinary, binary, sizeof(binary));
    assert_int_equal(query.bytes[OUTPUT_OFFSET + sizeof(binary)], UNTOUCHED);
}

static void names_compare_without_case(void **state)
{
    (void)state;
    struct query query;
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"dWORD", REG_DWORD, 4);
    assert_found(&query, 4);
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"gr\u00d6\u00dfe", REG_DWORD, 4);
    assert_found(&query, 4);
    assert_int_equal(query.info.OutputDword, 7);
}

static void found_but_too_large(void **state)
{
    (void)state;
    struct query query;
    size_t needed = (wcslen(L"gr\u00fc\u00dfe \U0001F600") + 1) * sizeof(wchar_t);

    for (size_t capacity = 8; capacity < needed; capacity++) {
        query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Sz", REG_SZ, capacity);
        struct query before = query;
        assert_int_equal(query_run(&query), STATUS_SUCCESS);
        assert_int_equal(query.info.Status, D3DDDI_QUERYREGISTRY_STATUS_BUFFER_OVERFLOW);
        assert_int_equal(query.info.OutputValueSize, needed);
        before.info.Status = query.info.Status;
        before.info.OutputValueSize = query.info.OutputValueSize;
        assert_memory_equal(&before, &query, sizeof(before));
    }
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Sz", REG_SZ, needed);
    assert_found(&query, needed);
}

static void missing(void **state)
{
    (void)state;
    struct query query;
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"NoSuchValue", REG_DWORD, 64);
    assert_fails(&query, STATUS_OBJECT_NAME_NOT_FOUND);
    query_init(&query, D3DDDI_QUERYREGISTRY_ADAPTERKEY, L"Dword", REG_DWORD, 64);
    assert_fails(&query, STATUS_OBJECT_NAME_NOT_FOUND);
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Dwor", REG_DWORD, 64);
    assert_fails(&query, STATUS_OBJECT_NAME_NOT_FOUND);
}

static void wrong_type(void **state)
{
    (void)state;
    static const ULONG types[] = {0,          REG_SZ,        REG_EXPAND_SZ, REG_BINARY,
                                  REG_QWORD,  REG_MULTI_SZ,  0xffffffff,    12};
    struct query query;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Dword", types[i], 64);
        struct query before = query;
        NTSTATUS status = query_run(&query);
        assert_false(NT_SUCCESS(status));
        assert_int_equal(query.info.Status, D3DDDI_QUERYREGISTRY_STATUS_FAIL);
        before.info.Status = query.info.Status;
        assert_memory_equal(&before, &query, sizeof(before));
    }
}

static void small_buffer(void **state)
{
    (void)state;
    struct query query, before;
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Dword", REG_DWORD, 4);
    for (UINT size = 0; size < sizeof(query.info); size += 4) {
        query.size = size;
        before = query;
        assert_int_equal(query_run(&query), STATUS_INVALID_PARAMETER);
        /* Nothing behind the buffer's end was written, and nothing but Status before it. */
        if (size >= offsetof(D3DDDI_QUERYREGISTRY_INFO, Status) + sizeof(query.info.Status))
            before.info.Status = query.info.Status;
        assert_memory_equal(&before, &query, sizeof(before));
    }
}

static void bad_flags(void **state)
{
    (void)state;
    struct query query;
    for (int bit = 1; bit < 32; bit++) {
        query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Dword", REG_DWORD, 64);
        query.info.QueryFlags.Value = 1u << bit;
        assert_fails(&query, STATUS_INVALID_PARAMETER);
    }
}

static void bad_query_type(void **state)
{
    (void)state;
    struct query query;
    static const unsigned types[] = {D3DDDI_QUERYREGISTRY_MAX, 5, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < 4; i++) {
        query_init(&query, (D3DDDI_QUERYREGISTRY_TYPE)types[i], L"Dword", REG_DWORD, 64);
        assert_fails(&query, STATUS_INVALID_PARAMETER);
    }
}

static void bad_names(void **state)
{
    (void)state;
    struct query query;
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"", REG_DWORD, 64);
    for (size_t i = 0; i < MAX_PATH; i++)
        query.info.ValueName[i] = L'x';
    assert_fails(&query, STATUS_INVALID_PARAMETER);

    static const wchar_t bad[] = {0xd800, 0xdfff, 0x110000, 0x7fffffff};
    for (size_t i = 0; i < 4; i++) {
        query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"a", REG_DWORD, 64);
        query.info.ValueName[0] = bad[i];
        assert_fails(&query, STATUS_INVALID_PARAMETER);
    }
}

static void driver_paths(void **state)
{
    (void)state;
    const char *store = getenv("GPUPV_TEST_STORE"), *package = getenv("GPUPV_TEST_PACKAGE");
    assert_non_null(store);
    assert_non_null(package);
    wchar_t folder[512];
    assert_true(swprintf(folder, 512, L"%s/FileRepository/%s", store, package) > 0);

    /* ValueName is ignored. */
    struct query query;
    query_init(&query, D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH, L"ignored", 0, 4096);
    assert_string(&query, folder);

    query_init(&query, D3DDDI_QUERYREGISTRY_DRIVERIMAGEPATH, L"", 0, 4096);
    assert_int_equal(query_run(&query), STATUS_SUCCESS);
    assert_int_equal(query.info.Status, D3DDDI_QUERYREGISTRY_STATUS_SUCCESS);
    assert_true(!wcsncmp(query.info.OutputString, folder, wcslen(folder)));
    assert_non_null(wcsstr(query.info.OutputString, L".so"));

    static const D3DDDI_QUERYREGISTRY_TYPE types[] = {D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH,
                                                      D3DDDI_QUERYREGISTRY_DRIVERIMAGEPATH};
    for (size_t i = 0; i < 2; i++) {
        query_init(&query, types[i], L"", REG_SZ, 4096);
        assert_fails(&query, STATUS_INVALID_PARAMETER);
        query_init(&query, types[i], L"", 0, 4096);
        query.info.QueryFlags.TranslatePath = 1;
        assert_fails(&query, STATUS_INVALID_PARAMETER);
        query_init(&query, types[i], L"", 0, 8);
        assert_int_equal(query_run(&query), STATUS_SUCCESS);
        assert_int_equal(query.info.Status, D3DDDI_QUERYREGISTRY_STATUS_BUFFER_OVERFLOW);
    }
}

static void translate_path(void **state)
{
    (void)state;
    struct query query;
    wchar_t guest[512];
    assert_true(swprintf(guest, 512, L"%s/FileRepository/%s", getenv("GPUPV_TEST_STORE"),
                         getenv("GPUPV_TEST_PACKAGE")) > 0);

    /* The same value, as the host has it and as the guest has it. */
    query_init(&query, D3DDDI_QUERYREGISTRY_ADAPTERKEY, L"VulkanDriverName", REG_SZ, 4096);
    assert_int_equal(query_run(&query), STATUS_SUCCESS);
    assert_true(wcsncmp(query.info.OutputString, guest, wcslen(guest)) != 0);
    query_init(&query, D3DDDI_QUERYREGISTRY_ADAPTERKEY, L"VulkanDriverName", REG_SZ, 4096);
    query.info.QueryFlags.TranslatePath = 1;
    assert_int_equal(query_run(&query), STATUS_SUCCESS);
    assert_true(!wcsncmp(query.info.OutputString, guest, wcslen(guest)));

    /* Other strings and other types stay as they are. */
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"ExpandSz", REG_EXPAND_SZ, 4096);
    query.info.QueryFlags.TranslatePath = 1;
    assert_string(&query, L"%windir%\\x");
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Dword", REG_DWORD, 4);
    query.info.QueryFlags.TranslatePath = 1;
    assert_found(&query, 4);

    /* Each string of a list is judged alone. */
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Paths", REG_MULTI_SZ, 4096);
    query.info.QueryFlags.TranslatePath = 1;
    assert_int_equal(query_run(&query), STATUS_SUCCESS);
    assert_int_equal(wcscmp(query.info.OutputString, L"plain"), 0);
    assert_true(!wcsncmp(query.info.OutputString + 6, guest, wcslen(guest)));

    /* A path that leaves the store is not told. */
    query_init(&query, D3DDDI_QUERYREGISTRY_SERVICEKEY, L"Escape", REG_SZ, 4096);
    query.info.QueryFlags.TranslatePath = 1;
    assert_fails(&query, STATUS_INVALID_PARAMETER);
}

static void physical_adapter_index(void **state)
{
    (void)state;
    struct query query;
    for (ULONG index = 0; index < 2; index++) {
        query_init(&query, D3DDDI_QUERYREGISTRY_ADAPTERKEY, L"Physical", REG_DWORD, 4);
        query.info.PhysicalAdapterIndex = index;
        assert_found(&query, 4);
        assert_int_equal(query.info.OutputDword, 100 + index);
    }
    static const ULONG bad[] = {2, 3, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < 4; i++) {
        query_init(&query, D3DDDI_QUERYREGISTRY_ADAPTERKEY, L"Physical", REG_DWORD, 4);
        query.info.PhysicalAdapterIndex = bad[i];
        assert_fails(&query, STATUS_INVALID_PARAMETER);
    }
}

/* What the Vulkan loader does on Windows to find manifests: REG_MULTI_SZ with a buffer of the
 * structure's size; REG_SZ when that fails; more room as long as the value does not fit. */
static void vulkan_loader_discovery(void **state)
{
    (void)state;
    D3DKMT_ENUMADAPTERS2 list = {0};
    assert_int_equal(D3DKMTEnumAdapters2(&list), STATUS_SUCCESS);
    assert_true(list.NumAdapters > 0);
    D3DKMT_ADAPTERINFO adapters[16];
    assert_true(list.NumAdapters <= 16);
    list.pAdapters = adapters;
    assert_int_equal(D3DKMTEnumAdapters2(&list), STATUS_SUCCESS);

    size_t found = 0;
    for (ULONG i = 0; i < list.NumAdapters; i++) {
        D3DDDI_QUERYREGISTRY_INFO first = {
            .QueryType = D3DDDI_QUERYREGISTRY_ADAPTERKEY,
            .QueryFlags.TranslatePath = 1,
            .ValueName = L"VulkanDriverName",
            .ValueType = REG_MULTI_SZ,
        };
        D3DKMT_QUERYADAPTERINFO args = {
            .hAdapter = adapters[i].hAdapter,
            .Type = KMTQAITYPE_QUERYREGISTRY,
            .pPrivateDriverData = &first,
            .PrivateDriverDataSize = sizeof(first),
        };
        NTSTATUS status = D3DKMTQueryAdapterInfo(&args);
        if (status != STATUS_SUCCESS) {
            first.ValueType = REG_SZ;
            status = D3DKMTQueryAdapterInfo(&args);
        }
        assert_int_equal(status, STATUS_SUCCESS);
        assert_int_equal(first.Status, D3DDDI_QUERYREGISTRY_STATUS_BUFFER_OVERFLOW);

        D3DDDI_QUERYREGISTRY_INFO *full = NULL;
        D3DDDI_QUERYREGISTRY_INFO *last = &first;
        int rounds = 0;
        while (status == STATUS_SUCCESS &&
               last->Status == D3DDDI_QUERYREGISTRY_STATUS_BUFFER_OVERFLOW) {
            assert_true(rounds++ < 3);
            size_t size = sizeof(first) + last->OutputValueSize;
            bool copy = !full;
            full = realloc(full, size);
            assert_non_null(full);
            if (copy)
                *full = first;
            args.pPrivateDriverData = last = full;
            args.PrivateDriverDataSize = (UINT)size;
            status = D3DKMTQueryAdapterInfo(&args);
        }
        assert_int_equal(status, STATUS_SUCCESS);
        assert_int_equal(last->Status, D3DDDI_QUERYREGISTRY_STATUS_SUCCESS);
        assert_non_null(wcsstr(last->OutputString, L".json"));
        free(full);
        found++;
        D3DKMT_CLOSEADAPTER close = {.hAdapter = adapters[i].hAdapter};
        assert_int_equal(D3DKMTCloseAdapter(&close), STATUS_SUCCESS);
    }
    assert_int_equal(found, list.NumAdapters);
}

static int open_adapter(void **state)
{
    (void)state;
    D3DKMT_ADAPTERINFO adapters[16];
    D3DKMT_ENUMADAPTERS2 list = {.NumAdapters = 16, .pAdapters = adapters};
    if (D3DKMTEnumAdapters2(&list) != STATUS_SUCCESS || list.NumAdapters == 0)
        return -1;
    adapter = adapters[0].hAdapter;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_and_fits),
        cmocka_unit_test(names_compare_without_case),
        cmocka_unit_test(found_but_too_large),
        cmocka_unit_test(missing),
        cmocka_unit_test(wrong_type),
        cmocka_unit_test(small_buffer),
        cmocka_unit_test(bad_flags),
        cmocka_unit_test(bad_query_type),
        cmocka_unit_test(bad_names),
        cmocka_unit_test(driver_paths),
        cmocka_unit_test(translate_path),
        cmocka_unit_test(physical_adapter_index),
        cmocka_unit_test(vulkan_loader_discovery),
    };
    return cmocka_run_group_tests(tests, open_adapter, NULL);
}
