/* SPDX-License-Identifier: MIT */
/*
 * Container Device Interface specifications: JSON files by which podman, docker, containerd and
 * CRI-O learn what to put into a container that asks for a device of some name. Version 0.5.0 of
 * the interface, which all that know it at all read.
 */
#ifndef GPUPV_TOOLS_CDI_SPEC_H
#define GPUPV_TOOLS_CDI_SPEC_H

#include <stdbool.h>

#include <json-c/json.h>

#include "tools/shim.h"
#include "tools/words.h"
#include "util/error.h"

#define CDI_VERSION "0.5.0"
#define CDI_KIND "gpupv.org/gpu"
#define CDI_ALL "all"
#define CDI_SOCKET "/run/gpupv/host.sock" /* in the container: the default of the thunks */

struct cdi_source {
    const char *kind;
    const char *socket;      /* of the containers' VM, on this machine */
    const char *packages;    /* the store's folder of packages */
    const char *guest_store; /* where guests see the store */
    const struct shims *shims;
    bool tool; /* the gpupv command, too */
    /* A CDI device each, beside the one that stands for all. */
    const struct words *adapters;
    const struct words *nodes; /* device nodes that the driver needs */
};

/* VENDOR/CLASS in the letters that the interface allows. */
int cdi_check_kind(const char *kind, struct error *err);
/* -EINVAL for a name that the interface does not allow, or that is taken. */
int cdi_check_device(const char *name, struct error *err);

/* The specification; NULL without memory. The caller releases it. */
json_object *cdi_spec_make(const struct cdi_source *source);

#endif
