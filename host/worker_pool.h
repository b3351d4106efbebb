/* SPDX-License-Identifier: MIT */
/*
 * The service's workers: a few that are ready for guest processes to come ("warm"), those that
 * serve one, and those that are about to end. A warm worker that was taken is replaced a little
 * later, when the guest's start is over; one that failed, later and later.
 *
 * The loop's thread alone.
 */
#ifndef GPUPV_HOST_WORKER_POOL_H
#define GPUPV_HOST_WORKER_POOL_H

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "host/state.h"
#include "host/worker_client.h"
#include "host/worker_plan.h"

struct worker_pool_options {
    const char *path; /* of gpupv-worker */
    struct worker_timing timing;
    unsigned warm_delay_ms; /* from the taking of a warm worker until another one is started */
    bool single;            /* only one will ever be taken */
};

struct pool_worker; /* a worker, and what the pool knows of it */

struct worker_pool {
    struct worker_pool_options options;
    sd_event *event;
    struct worker_plan *plan; /* NULL before the first snapshot */
    struct pool_worker *workers;
    unsigned count, warm; /* processes, of all states; warm ones, ready or starting */
    unsigned failures;    /* of warm workers in a row */
    bool taken;           /* one was, ever */
    bool told_unwatched;
    sd_event_source *timer; /* starts warm ones */
};

/* -errno of sd-event. The path is borrowed. */
int worker_pool_init(struct worker_pool *pool, sd_event *event,
                     const struct worker_pool_options *options);
/* Ends all workers, and waits a little for them. Their owners hear nothing more. */
void worker_pool_finish(struct worker_pool *pool);

/* A newer snapshot: warm workers that do not fit it are replaced. */
void worker_pool_configure(struct worker_pool *pool, const struct state *state);

/* A worker for a guest process, ready or starting: a warm one, or else a new one. -EAGAIN: there
 * are as many workers as the service takes guest processes. */
int worker_pool_take(struct worker_pool *pool, const struct worker_events *events, void *owner,
                     const char *name, struct pool_worker **worker, struct error *err);
/* Ends a worker that was taken. */
void worker_pool_end(struct pool_worker *worker);

struct worker_client *pool_worker_client(const struct pool_worker *worker);
const struct worker_plan *pool_worker_plan(const struct pool_worker *worker);

#endif
