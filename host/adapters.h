/* SPDX-License-Identifier: MIT */
/*
 * The adapters that the service offers: a configuration's [adapter:NAME] sections, resolved to
 * devices of the inventory and keys of the hive. They are part of a snapshot (host/state.h): they
 * borrow from its configuration, inventory and hive, and never change.
 */
#ifndef GPUPV_HOST_ADAPTERS_H
#define GPUPV_HOST_ADAPTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/config.h"
#include "host/device.h"
#include "host/settings.h"
#include "hoststore/paths.h"
#include "registry/query.h"
#include "registry/registry.h"
#include "wire/protocol.h"

#define ADAPTER_CLASS_KEY                                                                          \
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}"
#define ADAPTER_SERVICES_KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services"
#define ADAPTER_GRAPHICS_DRIVERS_KEY "HKLM\\SYSTEM\\CurrentControlSet\\Control\\GraphicsDrivers"

/* Full paths of the keys of one adapter, for whoever writes them; the caller frees them. NULL when
 * memory is short. */
char *adapter_class_key_path(unsigned number);
char *adapter_service_key_path(const char *service);

struct adapter {
    uint32_t index; /* in the snapshot's list */
    char *name;
    uint64_t luid;    /* high part in the upper half; never 0 */
    uint8_t guid[16]; /* host/guid.h */
    const char *description, *service;
    /* Physical adapters: 1 or more. */
    size_t physical_count;
    const struct host_device **devices;
    const char *icd;                   /* manifest that they are all of; NULL: installed drivers */
    unsigned *class_keys;              /* numbers */
    const struct reg_key **keys;       /* NULL where the hive has no such key */
    const struct reg_key *service_key; /* or NULL */
    /* Host paths in the driver store, or NULL. */
    char *store_path, *image_path;
    struct reg_query_source registry;
    /* Folder names of the packages that the keys name, each once. */
    char **packages;
    size_t package_count;
};

struct adapter_list {
    struct adapter *adapters;
    size_t count;
};

/* What the adapters follow from; all but the settings is borrowed for the list's life. */
struct adapter_inputs {
    const struct config *config;
    const struct inventory *inventory;
    const struct reg_hive *hive;
    const struct store_paths *paths;
    const struct settings *settings;
};

/* What was offered before. */
struct adapters_before {
    const struct config *config;
    const struct adapter_list *list;
};

/* Resolves all. An adapter that cannot be offered is left out with a log line; but with `before`,
 * it fails the call, unless it was left out then and its section is the same. */
int adapters_create(const struct adapter_inputs *inputs, const struct adapters_before *before,
                    struct adapter_list *list, struct error *err);
void adapters_finish(struct adapter_list *list);

static inline struct wire_luid adapter_wire_luid(const struct adapter *adapter)
{
    return (struct wire_luid){(uint32_t)adapter->luid, (int32_t)(adapter->luid >> 32)};
}

#endif
