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
#define CONFIG_MAX_VMS 256        /* [vm:NAME] sections */
#define CONFIG_MAX_PATTERNS 64
#define CONFIG_MAX_WARM_WORKERS 16
#define CONFIG_DEFAULT_VM "default"

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

/* A list of patterns, as host/policy.h matches them. */
struct config_patterns {
    char **patterns;
    size_t count;
};

/* What guests come to, and what they may: a [vm:NAME] section, or [service] for the default VM. */
struct config_vm {
    char *name;
    char *socket;
    mode_t socket_mode;
    bool escapes;  /* others than known ones are let through */
    bool secure;   /* no escapes, and only isolated adapters: docs/configuration.md */
    bool listing;  /* guests may list registry values */
    bool aperture; /* guest processes share memory with the host */
    struct config_patterns allow, deny; /* registry values; an empty `allow` allows all */
    unsigned max_clients;               /* guest processes of this VM */
    uint64_t video_memory;              /* bytes of each adapter; 0: as much as it has */
};

struct config {
    int refs;
    char *path; /* of the file, also when it is the default one and missing */
    char *control;
    char *hive, *store, *guest_store;
    enum guard_mode guard;
    unsigned max_clients; /* guest processes of all VMs; the default VM has this limit, too */
    struct config_vm default_vm;
    struct config_vm *vms; /* in the file's order */
    size_t vm_count;
    enum log_level log;
    unsigned probe_timeout; /* seconds */
    unsigned warm_workers;  /* kept ready for guest processes to come */
    bool worker_sandbox, worker_validation;
    const char *worker_memory;           /* a word of gpupv-worker's --memory */
    struct config_patterns worker_files; /* that workers may open beside what drivers need */
    struct config_adapter *adapters;     /* in the file's order; none: all devices are offered */
    size_t adapter_count;
};

/* The default file, in the configured sysconfdir. */
const char *config_default_path(void);

/* Reads and checks a whole file. With path NULL the default file is read, and a missing one gives
 * the defaults; a missing named file is an error. Errors name file, section and key. */
int config_load(const char *path, struct config **config, struct error *err);

/* All VMs: the default one has the index 0, the others follow. */
static inline size_t config_vm_count(const struct config *config)
{
    return 1 + config->vm_count;
}

static inline const struct config_vm *config_vm_at(const struct config *config, size_t index)
{
    return index ? &config->vms[index - 1] : &config->default_vm;
}

/* NULL when the configuration has no VM of that name. */
const struct config_vm *config_find_vm(const struct config *config, const char *name);

struct config *config_ref(struct config *config);
void config_unref(struct config *config);

#endif
