/* SPDX-License-Identifier: MIT */
/*
 * The guest agent's work: one pass over what the host offers. It keeps the guest's copy of the
 * driver store, and the CopyToVm files where folders for them were named. One thread.
 */
#ifndef GPUPV_TOOLS_GUEST_AGENT_H
#define GPUPV_TOOLS_GUEST_AGENT_H

#include <signal.h>
#include <stdbool.h>

#include <json-c/json.h>

#include "hoststore/guest_store.h"
#include "tools/cli.h"
#include "tools/copy_progress.h"
#include "util/error.h"

struct guest_agent {
    /* Set by who creates it. */
    const char *store_folder;                 /* NULL: the one that the host says */
    const char *native_folder, *wow64_folder; /* NULL: no files are copied there */
    const volatile sig_atomic_t *stop;        /* not 0: end soon */
    bool quiet, json;
    struct copy_progress progress;

    struct guest_store *store; /* NULL before the first pass that needs it */
    char *store_root;          /* of `store` */
    char *last_report;         /* what the last pass said; it is not said again */
    enum exit_code last_code;
    char *applied_rules; /* the CopyToVm rules as they were applied; NULL: not yet */
};

/* One pass. What it did, and what is wrong, is printed; the same as the last time is not. The
 * worst of what happened. */
enum exit_code guest_agent_pass(struct guest_agent *agent);
void guest_agent_finish(struct guest_agent *agent);

#endif
