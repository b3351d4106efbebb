/* SPDX-License-Identifier: MIT */
/* A worker, for the files that make up host/worker_client.h: its life and what it is asked
 * (worker_client.c), what it says (worker_receive.c). */
#ifndef GPUPV_HOST_WORKER_CLIENT_INTERNAL_H
#define GPUPV_HOST_WORKER_CLIENT_INTERNAL_H

#include "host/worker_client.h"
#include "host/worker_log.h"
#include "host/worker_watch.h"

struct worker_request {
    struct worker_request *next;
    uint32_t sequence;
    uint64_t deadline; /* usec; counts from the moment that the worker is ready */
    struct host_completion completion;
};

struct worker_client {
    sd_event *event;
    const struct worker_events *events; /* NULL: ending */
    void *owner;
    char name[192];
    pid_t pid;
    int pidfd, link;
    bool ready, lost, reaped;
    struct worker_timing timing;
    struct config *config;
    bool *told_unwatched;
    struct worker_log log;
    struct worker_watch *watch; /* NULL: no sandbox, or one that needs none */
    struct worker_packets packets;
    struct worker_request *requests, **last_request; /* oldest first */
    uint32_t sequence;
    char why[768];
    sd_event_source *io, *exit, *timer;
    sd_event_source *report; /* tells the loss, soon */
    void (*on_reaped)(void *context);
    void *reaped_context;
};

/* CLOCK_MONOTONIC in microseconds. */
uint64_t worker_client_now(void);

/* The first reason stands. The owner hears of it from the loop. */
void worker_client_lose(struct worker_client *worker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What the sandbox tells (host/worker_watch.h). */
void worker_client_stopped(void *context, const char *what);

/* When the oldest request must have been answered; UINT64_MAX without any. */
uint64_t worker_client_deadline(const struct worker_client *worker);
/* Sets the timer; UINT64_MAX switches it off. */
void worker_client_arm(struct worker_client *worker, uint64_t usec);
/* Sends what waits, when the worker is ready. */
void worker_client_send(struct worker_client *worker);

/* worker_receive.c: takes one message. False when there is nothing more to take now. */
bool worker_client_receive(struct worker_client *worker);

#endif
