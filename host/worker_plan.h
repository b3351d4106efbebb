/* SPDX-License-Identifier: MIT */
/*
 * How a worker is started: the command line and environment that follow from a snapshot, and which
 * of the worker's adapters is which. Counted; never changes. The loop's thread alone.
 */
#ifndef GPUPV_HOST_WORKER_PLAN_H
#define GPUPV_HOST_WORKER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/state.h"

struct worker_plan {
    unsigned refs;
    struct config *config;
    char **arguments;   /* NULL at the end; the first is the program's name */
    char **environment; /* likewise */
    uint64_t *luids;
    size_t adapter_count;
};

/* NULL when memory is short. */
struct worker_plan *worker_plan_create(const struct state *state);
struct worker_plan *worker_plan_ref(struct worker_plan *plan);
void worker_plan_unref(struct worker_plan *plan);

/* Whether a worker of the one is as good as one of the other. */
bool worker_plan_equal(const struct worker_plan *a, const struct worker_plan *b);
/* The index of the adapter in the worker's list, or -1. */
int worker_plan_find(const struct worker_plan *plan, uint64_t luid);

#endif
