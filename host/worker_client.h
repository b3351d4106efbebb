/* SPDX-License-Identifier: MIT */
/*
 * One worker process (gpupv-worker), as the service sees it: its link, its life, what is asked of
 * it. Nothing here waits: requests end in a callback from the loop. The worker is not trusted; one
 * that breaks the link's rules, does not answer in time, or does what its sandbox forbids, is
 * ended.
 *
 * Used by the loop's thread alone.
 */
#ifndef GPUPV_HOST_WORKER_CLIENT_H
#define GPUPV_HOST_WORKER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "gpupv/d3dkmthk.h"
#include "host/config.h"
#include "host/driver.h"
#include "host/worker_packets.h"

struct worker_client;

struct worker_timing {
    unsigned start_ms;  /* from the start of the process until it is ready */
    unsigned answer_ms; /* for a reply */
    unsigned grace_ms;  /* from the link's end until the process is killed */
};

struct worker_start {
    sd_event *event;
    const char *path;
    char *const *arguments, *const *environment;
    struct config *config; /* for worker-files; a reference is taken */
    struct worker_timing timing;
    bool *told_unwatched; /* that the kernel's sandbox cannot be watched was logged already */
};

/* What happens to a worker. Called from the loop, or from worker_client_hear, and from no other
 * function of this file. */
struct worker_events {
    void (*ready)(void *owner, struct worker_client *worker);
    /* It is gone, or as good as gone: nothing more can be asked. All requests have been completed
     * with STATUS_DEVICE_REMOVED before. The owner calls worker_client_end. */
    void (*lost)(void *owner, struct worker_client *worker, const char *why);
    void (*signal_event)(void *owner, uint32_t event);
    void (*stream_lost)(void *owner, uint32_t queue, uint32_t reason, const char *why);
    /* Takes the descriptor. False: nobody waits for it, and the worker is lost. NULL likewise. */
    bool (*exported)(void *owner, uint32_t allocation, uint64_t offset, int descriptor);
};

/* Takes what the worker has said already. */
void worker_client_hear(struct worker_client *worker);

/* Starts one, which begins to load the drivers. */
int worker_client_start(const struct worker_start *start, const struct worker_events *events,
                        void *owner, struct worker_client **worker, struct error *err);

/* It belongs to somebody else from now on, who is named so in the log. */
void worker_client_give(struct worker_client *worker, const struct worker_events *events,
                        void *owner, const char *name);

/* No event and no completion comes any more. The link is closed, and the process killed if that
 * does not end it. When it has been reaped, `reaped` is called, and the worker is freed. */
void worker_client_end(struct worker_client *worker, void (*reaped)(void *context), void *context);

/* Ends the loop's part of it at once, with or without worker_client_end before: kills and waits. */
void worker_client_destroy(struct worker_client *worker);
/* Waits until the process has ended by itself, at most so long: before worker_client_destroy. */
void worker_client_wait(struct worker_client *worker, unsigned ms);

bool worker_client_is_ready(const struct worker_client *worker);
/* Nothing can be asked of it any more; the event is on its way. */
bool worker_client_is_lost(const struct worker_client *worker);
pid_t worker_client_pid(const struct worker_client *worker);

/* A request, whose reply completes it. It may be asked before the worker is ready. *request names
 * it for worker_client_forget; it is NULL when the message wants no reply: its completion has no
 * function. Fails as worker_packets_add does, or with -EPIPE when the worker is lost. */
struct worker_request;
int worker_client_ask(struct worker_client *worker, const struct worker_message *message,
                      const struct host_completion *completion, struct worker_request **request);
/* The completion does not come. */
void worker_client_forget(struct worker_request *request);

#endif
