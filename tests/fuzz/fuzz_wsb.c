/* SPDX-License-Identifier: MIT */
/* Windows Sandbox configurations, which people get from others and open. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/wsb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wsb wsb;
    struct error err = {{0}};

    if (wsb_parse((const char *)data, size, &wsb, &err)) {
        if (!err.text[0])
            abort(); /* a refusal says why */
        return 0;
    }
    if (wsb.folder_count > WSB_MAX_FOLDERS || (wsb.command && !*wsb.command))
        abort();
    for (size_t i = 0; i < wsb.folder_count; i++) {
        const struct wsb_folder *folder = &wsb.folders[i];

        if (folder->host[0] != '/' || strstr(folder->host, "/../") ||
            (folder->guest && folder->guest[0] != '/'))
            abort();
    }
    wsb_finish(&wsb);
    return 0;
}
