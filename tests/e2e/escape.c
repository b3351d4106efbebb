/* SPDX-License-Identifier: MIT */
/* Sends one driver escape to the first adapter and prints its status. */
#include <stdio.h>

#include "gpupv/d3dkmthk.h"

int main(void)
{
    D3DKMT_ADAPTERINFO adapters[16] = {0};
    D3DKMT_ENUMADAPTERS2 list = {.NumAdapters = 16, .pAdapters = adapters};
    unsigned data[2] = {1, 2};
    D3DKMT_ESCAPE escape = {.Type = D3DKMT_ESCAPE_DRIVERPRIVATE,
                            .pPrivateDriverData = data,
                            .PrivateDriverDataSize = sizeof(data)};

    if (!NT_SUCCESS(D3DKMTEnumAdapters2(&list)) || !list.NumAdapters) {
        puts("no adapter");
        return 1;
    }
    escape.hAdapter = adapters[0].hAdapter;
    printf("status 0x%08x\n", (unsigned)D3DKMTEscape(&escape));
    return 0;
}
