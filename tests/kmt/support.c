/* SPDX-License-Identifier: MIT */
#include "support.h"

void support_assert_status(NTSTATUS status, NTSTATUS expected, const char *what, const char *file,
                           int line)
{
    if (status == expected)
        return;
    const char *got = gpupv_kmt_status_name(status), *wanted = gpupv_kmt_status_name(expected);
    print_error("%s is 0x%08x (%s), not 0x%08x (%s)\n", what, (unsigned int)status, got ? got : "?",
                (unsigned int)expected, wanted ? wanted : "?");
    _fail(file, line);
}

int support_start(void **state)
{
    *state = fake_host_start();
    return 0;
}

int support_stop(void **state)
{
    fake_host_stop(*state);
    return 0;
}

D3DKMT_HANDLE support_open(void)
{
    D3DKMT_OPENADAPTERFROMLUID args = {.AdapterLuid = {FAKE_LUID_LOW(0), FAKE_LUID_HIGH}};
    assert_status(D3DKMTOpenAdapterFromLuid(&args), STATUS_SUCCESS);
    assert_int_not_equal(args.hAdapter, 0);
    return args.hAdapter;
}

void support_close(D3DKMT_HANDLE adapter)
{
    const D3DKMT_CLOSEADAPTER args = {adapter};
    assert_status(D3DKMTCloseAdapter(&args), STATUS_SUCCESS);
}

D3DKMT_HANDLE support_create_device(D3DKMT_HANDLE adapter)
{
    D3DKMT_CREATEDEVICE args = {.hAdapter = adapter};
    assert_status(D3DKMTCreateDevice(&args), STATUS_SUCCESS);
    assert_int_not_equal(args.hDevice, 0);
    return args.hDevice;
}

NTSTATUS support_query(D3DKMT_HANDLE adapter, KMTQUERYADAPTERINFOTYPE type, void *data, UINT size)
{
    const D3DKMT_QUERYADAPTERINFO args = {
        .hAdapter = adapter,
        .Type = type,
        .pPrivateDriverData = data,
        .PrivateDriverDataSize = size,
    };
    return D3DKMTQueryAdapterInfo(&args);
}
