/* SPDX-License-Identifier: MIT */
/* What requests work on, apart from the process that sends them. One per service, its thread's. */
#ifndef GPUPV_HOST_CORE_H
#define GPUPV_HOST_CORE_H

#include "host/driver.h"
#include "host/event_signal.h"
#include "host/holds.h"
#include "host/state.h"

struct vm;
#include "host/store_cache.h"

struct host_core {
    const struct host_driver *driver;
    void *driver_context; /* first argument of the driver's functions */
    struct state *state;  /* the current snapshot */
    struct vm *vms;       /* configured, or with guests (host/vm.h) */
    struct hold_table holds;
    struct store_cache store; /* catalogs of packages that guests copy */
    struct event_signal events; /* how guests' events are signalled */
    /* Asks for calls of work_tick (host/work.h) until it is content. NULL: nobody calls. */
    void (*want_ticks)(void *context);
    void *ticks_context;
};

#endif
