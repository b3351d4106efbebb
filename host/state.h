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
#include "host/settings.h"
#include "registry/registry.h"

#define STATE_DIGEST_SIZE 32

struct state {
    unsigned refs;
    struct config *config;
    struct inventory *inventory;
    struct reg_hive *hive;
    bool hive_missing;                      /* the file does not exist; the hive is empty */
    uint8_t hive_digest[STATE_DIGEST_SIZE]; /* of the file's contents */
    struct settings settings;
    struct store_paths paths;
    struct adapter_list adapters;
};

/* Reads the hive that the configuration names, and resolves the adapters. Takes references of its
 * own. `older` is the snapshot that stays in use when this fails, NULL at the service's start. With
 * newer devices than the older one's, an adapter that cannot be offered any more is an error; else
 * it is left out with a log line. A missing hive is an empty one, but for one that `older` had
 * read. */
int state_create(struct config *config, struct inventory *inventory, const struct state *older,
                 struct state **state, struct error *err);

/* Whether the hive's file still says what this snapshot has read. */
bool state_hive_is_current(const struct state *state);

struct state *state_ref(struct state *state);
void state_unref(struct state *state);

const struct adapter *state_find_adapter(const struct state *state, uint64_t luid);

#endif
