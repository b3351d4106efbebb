/* SPDX-License-Identifier: MIT */
/*
 * The code samples of Microsoft's "GPU paravirtualization" document, unchanged (samples/….inc), with
 * the declarations that the document leaves out around them.
 *
 *   samples value TYPE    reads the service key's value EnableDebug as REG_<TYPE> and prints it
 *   samples store         asks for the driver store path; prints status and size
 *   samples translate H   asks for the host's handle of allocation H
 *
 * Exit status: 0 when the query succeeded, 1 when it did not.
 */
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>

#include <dxg/d3dkmthk.h>

#ifndef ARRAYSIZE
#define ARRAYSIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* What the Windows C library has and glibc has not. */
static void wcscpy_s(wchar_t *to, size_t capacity, const wchar_t *from)
{
    if (wcslen(from) >= capacity)
        abort();
    wcscpy(to, from);
}

static D3DKMT_HANDLE open_first_adapter()
{
    D3DKMT_ADAPTERINFO adapters[16] = {};
    D3DKMT_ENUMADAPTERS2 list = {};
    list.NumAdapters = ARRAYSIZE(adapters);
    list.pAdapters = adapters;
    if (!NT_SUCCESS(D3DKMTEnumAdapters2(&list)) || list.NumAdapters == 0) {
        fwprintf(stderr, L"no adapter\n");
        exit(1);
    }
    return adapters[0].hAdapter;
}

#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wunused-value"

static int read_value(D3DKMT_HANDLE hAdapter, ULONG ValueType)
{
    /* The sample initialises a WCHAR with a string: it means a pointer to one. */
    typedef const ::WCHAR *WCHAR;
    /* "Supported registry value type" stands where a type is to be chosen. */
#define Supported ValueType
#define registry
#define value
#define type
    {
#include "samples/registry_value.inc"
        return NT_SUCCESS(Status) && Args.Status == D3DDDI_QUERYREGISTRY_STATUS_SUCCESS ? 0 : 1;
    }
#undef Supported
#undef registry
#undef value
#undef type
}

static int read_store_path(D3DKMT_HANDLE hAdapter)
{
    /* The sample ends with two sentences; these make statements of them. The last becomes
     * `Args.OutputValueSize; Sentence sentence = { string }`. */
    struct Sentence {
        D3DDDI_QUERYREGISTRY_INFO Args;
    } string = {};
#pragma push_macro("NULL")
#undef NULL
#define NULL
#define holds ;
#define the
#define output
#define terminated
#define number
#define of
#define characters Sentence sentence =
#define in {
    {
#include "samples/driver_store_path.inc"
#undef in
#undef characters
#undef of
#undef number
#undef terminated
#undef output
#undef the
#undef holds
#pragma pop_macro("NULL")
        ;
        (void)sentence;
    }
        wprintf(L"status %d, size %u\n", (int)Args.Status, (unsigned)Args.OutputValueSize);
        return NT_SUCCESS(Status) ? 0 : 1;
    }
}

static int translate(D3DKMT_HANDLE hAdapter, D3DKMT_HANDLE hAlloc)
{
    NTSTATUS Status;
    {
#include "samples/translate_handle.inc"
        wprintf(L"status 0x%08x\n", (unsigned)Status);
        return NT_SUCCESS(Status) ? 0 : 1;
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        ULONG type;
    } types[] = {{"sz", REG_SZ},       {"expand_sz", REG_EXPAND_SZ}, {"multi_sz", REG_MULTI_SZ},
                 {"dword", REG_DWORD}, {"qword", REG_QWORD},         {"binary", REG_BINARY}};

    setlocale(LC_ALL, "C.UTF-8");
    if (argc == 3 && !strcmp(argv[1], "value")) {
        for (const auto &known : types)
            if (!strcmp(argv[2], known.name))
                return read_value(open_first_adapter(), known.type);
    }
    if (argc == 2 && !strcmp(argv[1], "store"))
        return read_store_path(open_first_adapter());
    if (argc == 3 && !strcmp(argv[1], "translate"))
        return translate(open_first_adapter(), (D3DKMT_HANDLE)strtoul(argv[2], nullptr, 0));
    fwprintf(stderr, L"usage: samples value TYPE | store | translate HANDLE\n");
    return 2;
}
