/* SPDX-License-Identifier: MIT */
/*
 * The adapters and drivers that the host offers, found once and shared by all instances of the
 * process. Found anew when there was nothing to use, or the connection that it was found through is
 * lost: a host that comes back is seen by the next instance. Thread-safe.
 */
#ifndef GPUPV_ICD_DISCOVERY_H
#define GPUPV_ICD_DISCOVERY_H

#include <stdbool.h>

#include "loader/loader.h"
#include "util/error.h"

struct discovery; /* reference-counted */

/* A reference to what the host offers now; NULL when the host cannot be asked, with the reason. The
 * first failure, and the first after a success, is logged. With `retry`, for a new instance, the
 * host is asked again for what was not there the last time; without, a failure of the last second
 * is answered from memory: a program asks for extensions several times in a row. */
struct discovery *discovery_acquire(bool retry, struct error *err);
void discovery_release(struct discovery *discovery); /* takes NULL */

const struct loader *discovery_loader(const struct discovery *discovery);

/* Calls for each distinct driver, in the adapters' order, until the function returns false. */
void discovery_for_each_driver(const struct discovery *discovery,
                               bool (*visit)(const struct loader_umd *driver, void *data),
                               void *data);

/* Whether GPUPV_STRICT=1 makes a missing host or driver an error. */
bool discovery_is_strict(void);

#endif
