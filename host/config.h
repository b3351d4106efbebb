/* SPDX-License-Identifier: MIT */
/*
 * gpupv.ini: what the service offers and where it keeps things. docs/configuration.md explains
 * each key to a person; data/gpupv.ini is the commented sample.
 *
 * A configuration never changes once it is loaded. It is counted, because snapshots of the service
 * (host/state.h) share it; the count may be changed by any thread.
 */
#ifndef GPUPV_HOST_CONFIG_H
#define GPUPV_HOST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/log.h"
#include "wire/guard.h"

#define CONFIG_MAX_ADAPTERS 64
#define CONFIG_MAX_LINKED 31      /* physical adapters beside the first: a node mask has 32 bits */
#define CONFIG_MAX_CLASS_KEY 9999 /* class keys have four decimal digits */

/* One [adapter:NAME] section. */
struct config_adapter {
    char *name;
    char *icd;    /* path of an ICD manifest; NULL: the drivers that the host has installed */
    char *device; /* selector: see host/adapters.h */
    char **linked;
    size_t linked_count;
    char *description;  /* NULL: the device's name */
    char *service;      /* name of the service key */
    int key;            /* first class-key number as written; -1: not written */
    unsigned class_key; /* the first class-key number that it has */
    uint64_t luid;      /* 0: derived from name and device */
    bool enabled;
};

struct config {
    int refs;
    char *path; /* of the file, also when it is the default one and missing */
    char *socket, *control;
    mode_t socket_mode;
    char *hive, *store, *guest_store;
    bool listing; /* guests may list registry values */
    enum guard_mode guard;
    unsigned max_clients;
    enum log_level log;
    unsigned probe_timeout;          /* seconds */
    struct config_adapter *adapters; /* in the file's order; none: all devices are offered */
    size_t adapter_count;
};

/* The default file, in the configured sysconfdir. */
const char *config_default_path(void);

/* Reads and checks a whole file. With path NULL the default file is read, and a missing one gives
 * the defaults; a missing named file is an error. Errors name file, section and key. */
int config_load(const char *path, struct config **config, struct error *err);

struct config *config_ref(struct config *config);
void config_unref(struct config *config);

#endif
