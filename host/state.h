/* SPDX-License-Identifier: MIT */
/*
 * A snapshot: configuration, devices, hive and the adapters that follow from them. It is built
 * whole or not at all and never changes; the service replaces its current snapshot by a newer one,
 * and whoever still uses the older one keeps it alive. Used by the service's thread alone.
 */
#ifndef GPUPV_HOST_STATE_H
#define GPUPV_HOST_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/adapters.h"
#include "host/config.h"
#include "host/device.h"
#include "registry/registry.h"

/* Bits of GraphicsDrivers\GpuVirtualizationFlags. */
#define GPU_VIRTUALIZATION_FORCE_SECURE_VM 0x4u

#define DEFAULT_VIRTUAL_FUNCTIONS 32u

struct state {
    unsigned refs;
    struct config *config;
    struct inventory *inventory;
    struct reg_hive *hive;
    bool hive_missing; /* the file does not exist; the hive is empty */
    struct store_paths paths;
    struct adapter_list adapters;
    bool secure_vm;             /* escapes are limited to known ones */
    uint32_t virtual_functions; /* GraphicsDrivers\NumVirtualFunctions */
};

/* Reads the hive that the configuration names, and resolves the adapters. Takes references of its
 * own. `older` is the snapshot that stays in use when this fails, NULL at the service's start. With
 * newer devices than the older one's, an adapter that cannot be offered is an error; else it is
 * left out with a log line. A missing hive is an empty one, but for one that `older` had read. */
int state_create(struct config *config, struct inventory *inventory, const struct state *older,
                 struct state **state, struct error *err);

struct state *state_ref(struct state *state);
void state_unref(struct state *state);

const struct adapter *state_find_adapter(const struct state *state, uint64_t luid);

#endif
