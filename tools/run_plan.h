/* SPDX-License-Identifier: MIT */
/*
 * A guest of `gpupv run` as data, and the command line of bubblewrap that makes it. Nothing here
 * touches the machine.
 */
#ifndef GPUPV_TOOLS_RUN_PLAN_H
#define GPUPV_TOOLS_RUN_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/guest_display.h"
#include "tools/guest_masks.h"
#include "tools/shim.h"
#include "tools/words.h"
#include "tools/wsb.h"
#include "util/error.h"

/* Where a guest has things; GPUPV_HOST and the default of the thunks agree with the first. */
#define GUEST_SOCKET "/run/gpupv/host.sock"
#define GUEST_SHIM_FOLDER "/run/gpupv/vulkan"
#define GUEST_SESSION_FOLDER "/run/gpupv/session"
#define GUEST_HOME "/tmp/home"

enum run_bind_kind { RUN_BIND_WRITE, RUN_BIND_READ_ONLY, RUN_BIND_DEVICE };

struct run_bind {
    char *source, *target; /* absolute */
    enum run_bind_kind kind;
};

struct run_binds {
    struct run_bind *items;
    size_t count;
};

struct run_plan {
    const char *root;
    struct guest_masks masks;
    enum vgpu_mode vgpu;
    /* With a virtual GPU only: */
    const char *socket;      /* of the VM, on this machine */
    const char *packages;    /* the store's folder of packages */
    const char *guest_store; /* where the guest sees the store */
    const struct shims *shims;
    const int *manifests; /* for each shim, a file with the manifest for this guest */

    bool network;
    const char *name_servers; /* a file below a covered folder that resolv.conf leads to, or NULL */
    struct guest_display display;
    struct run_binds binds;
    struct words environment; /* NAME=VALUE; later ones win */
    const char *work_folder;
    int status; /* descriptor for bubblewrap's report */
};

/* "SRC", "SRC:DST", "SRC:DST:ro" or "SRC:DST:rw"; an empty DST is the same path.
 * SRC is made absolute and must exist. */
int run_binds_parse(struct run_binds *binds, const char *text, struct error *err);
int run_binds_add(struct run_binds *binds, const char *source, const char *target,
                  enum run_bind_kind kind, struct error *err);
void run_binds_finish(struct run_binds *binds);

/* Where the guest has a shim's library; malloc'ed, NULL without memory. */
char *run_shim_library(const struct shim *shim);

/* bubblewrap's options; the program and its arguments are none of them. -ENOMEM. */
int run_plan_options(const struct run_plan *plan, struct words *options);

#endif
