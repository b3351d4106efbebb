/* SPDX-License-Identifier: MIT */
#include "host/check_config.h"

#include <errno.h>
#include <stdio.h>

#include "host/config.h"
#include "hoststore/icd_manifest.h"
#include "registry/registry.h"

static int check_manifests(const struct config *config)
{
    int result = 0;
    for (size_t i = 0; i < config->adapter_count; i++) {
        const struct config_adapter *adapter = &config->adapters[i];
        struct icd_manifest manifest;
        struct error err;
        if (!adapter->icd)
            continue;
        if (icd_manifest_load(adapter->icd, &manifest, &err)) {
            fprintf(stderr, "%s: [adapter:%s] icd: %s\n", config->path, adapter->name, err.text);
            result = -EINVAL;
        } else {
            icd_manifest_finish(&manifest);
        }
    }
    return result;
}

static int check_hive(const struct config *config)
{
    struct reg_hive *hive;
    struct error err;
    int result = reg_hive_load(config->hive, &hive, &err);
    if (result == -ENOENT) {
        printf("%s: not there; the registry is empty\n", config->hive);
        return 0;
    }
    if (result) {
        fprintf(stderr, "%s\n", err.text);
        return -EINVAL;
    }
    printf("%s: valid\n", config->hive);
    reg_hive_destroy(hive);
    return 0;
}

int check_config(const char *path)
{
    struct config *config;
    struct error err;
    if (config_load(path, &config, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return -EINVAL;
    }
    printf("%s: valid, %zu adapters\n", config->path, config->adapter_count);
    int manifests = check_manifests(config);
    int hive = check_hive(config);
    config_unref(config);
    return manifests ? manifests : hive;
}
