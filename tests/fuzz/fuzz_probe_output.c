/* SPDX-License-Identifier: MIT */
/* What gpupv-probe prints: it ran other people's drivers, so its words are checked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/probe_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host_device *devices;
    size_t count;
    struct error err = {{0}};
    if (probe_parse("probe", (const char *)data, size, &devices, &count, &err)) {
        if (!err.text[0])
            abort();
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!memchr(devices[i].name, '\0', sizeof(devices[i].name)))
            abort();
    }
    free(devices);
    return 0;
}
