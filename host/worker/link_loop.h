/* SPDX-License-Identifier: MIT */
/* The main thread of a worker: serves the service. */
#ifndef GPUPV_HOST_WORKER_LINK_LOOP_H
#define GPUPV_HOST_WORKER_LINK_LOOP_H

#include "host/worker/worker.h"

/* Says that the drivers are loaded, and from which folders (host/worker/libraries.h). `notify`: a
 * descriptor that goes along, or -1; stays the caller's. */
int worker_send_ready(struct worker *worker, const char *folders, size_t size, int notify);
/* Until the service closes the link; all streams are then ended. 0, or the negative errno of what
 * is wrong with the link (-EPROTO: logged). */
int worker_serve(struct worker *worker);

#endif
