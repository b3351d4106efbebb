/* SPDX-License-Identifier: MIT */
/* gpupv.ini: iniparser and what is made of its result. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("gpupv.ini", MFD_CLOEXEC);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    }
    if (file < 0 || ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        abort();
    struct config *config;
    struct error err = {{0}};
    if (config_load(path, &config, &err)) {
        if (!err.text[0])
            abort(); /* a refusal says why */
        return 0;
    }
    if (config->default_vm.socket[0] != '/' || !config->max_clients ||
        config->adapter_count > CONFIG_MAX_ADAPTERS)
        abort();
    config_unref(config);
    return 0;
}
