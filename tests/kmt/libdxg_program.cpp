// SPDX-License-Identifier: MIT
// A program as people write them for libdxg: its headers' names, its calling conventions, nothing
// of gpupv's. It is compiled and linked unchanged, and runs where no host is.
#include <wsl/winadapter.h>
#include <dxg/d3dkmthk.h>

#include <cstdio>
#include <vector>

static NTSTATUS Query(D3DKMT_HANDLE hAdapter, KMTQUERYADAPTERINFOTYPE Type, void *pData, UINT Size)
{
    D3DKMT_QUERYADAPTERINFO Args = {};
    Args.hAdapter = hAdapter;
    Args.Type = Type;
    Args.pPrivateDriverData = pData;
    Args.PrivateDriverDataSize = Size;
    return D3DKMTQueryAdapterInfo(&Args);
}

static void Describe(const D3DKMT_ADAPTERINFO &Info)
{
    D3DKMT_DRIVER_DESCRIPTION Description = {};
    D3DKMT_ADAPTERTYPE Type = {};
    LUID Luid = Info.AdapterLuid;
    if (NT_SUCCESS(Query(Info.hAdapter, KMTQAITYPE_ADAPTERTYPE_RENDER, &Type, sizeof(Type))) &&
        NT_SUCCESS(
            Query(Info.hAdapter, KMTQAITYPE_DRIVER_DESCRIPTION, &Description, sizeof(Description))))
        std::printf("%x-%x %ls %s\n", Luid.HighPart, Luid.LowPart, Description.DriverDescription,
                    Type.Paravirtualized ? "gpu-pv" : "");

    D3DKMT_CREATEDEVICE Device = {};
    Device.hAdapter = Info.hAdapter;
    if (NT_SUCCESS(D3DKMTCreateDevice(&Device))) {
        D3DKMT_CREATECONTEXTVIRTUAL Context = {};
        Context.hDevice = Device.hDevice;
        Context.EngineAffinity = 1 << 0;
        Context.ClientHint = D3DKMT_CLIENTHINT_CDD;
        if (NT_SUCCESS(D3DKMTCreateContextVirtual(&Context))) {
            D3DKMT_DESTROYCONTEXT DestroyContext = {Context.hContext};
            (void)D3DKMTDestroyContext(&DestroyContext);
        }
        D3DKMT_DESTROYDEVICE DestroyDevice = {Device.hDevice};
        (void)D3DKMTDestroyDevice(&DestroyDevice);
    }
    D3DKMT_CLOSEADAPTER Close = {Info.hAdapter};
    (void)D3DKMTCloseAdapter(&Close);
}

int main()
{
    PFND3DKMT_ENUMADAPTERS2 EnumAdapters = D3DKMTEnumAdapters2;
    D3DKMT_ENUMADAPTERS2 Args = {};
    NTSTATUS Status = EnumAdapters(&Args);
    if (Status == STATUS_DEVICE_REMOVED)
        return 0;
    std::vector<D3DKMT_ADAPTERINFO> Adapters(Args.NumAdapters);
    Args.pAdapters = Adapters.data();
    if (!NT_SUCCESS(EnumAdapters(&Args)))
        return 1;
    for (const auto &Info : Adapters)
        Describe(Info);
    return 0;
}
