/* SPDX-License-Identifier: MIT */
/* The service's parts, for the files that make it up. All of it is the loop's thread's. */
#ifndef GPUPV_HOST_SERVICE_INTERNAL_H
#define GPUPV_HOST_SERVICE_INTERNAL_H

#include <stdint.h>

#include <systemd/sd-event.h>

#include "host/core.h"
#include "host/listener.h"
#include "host/reloader.h"
#include "host/service.h"
#include "host/vm.h"
#include "wire/protocol.h"

/* Connections that only wait to be told that the service is full. */
#define SERVICE_MAX_REFUSED 32

/* A socket that is listened on, and what is done with each connection that comes. */
struct acceptor {
    sd_event *event;
    struct listener listener;
    sd_event_source *io, *retry;
    void (*take)(void *context, int fd); /* owns the descriptor */
    void *context;
};

/* A VM's socket: one of a [vm:NAME] section. */
struct port {
    struct port *next;
    struct service *service;
    struct vm *vm;
    struct acceptor acceptor;
};

/* A file that is followed: the hive, or a link on the way to it. */
struct hive_watch {
    char *path;
    sd_event_source *source;
};

#define MAX_HIVE_WATCHES 8

struct connection;
struct control_client;

struct service {
    struct service_options options;
    sd_event *event;
    struct host_core core; /* core.state is NULL until the first snapshot is there */
    struct config *config; /* the newest that was read, before its snapshot is built */
    struct reloader reloader;
    uint64_t generation;     /* snapshots so far */
    uint64_t reloads;        /* asked for by SIGHUP, and over */
    struct error last_error; /* of the newest reload, if it failed */
    uint64_t start_usec;     /* CLOCK_MONOTONIC */
    int embedded_fd;         /* until its connection is there, then -1 */

    bool driver_started;

    struct vm *default_vm;
    struct acceptor guests, admins; /* guests of the default VM */
    struct port *ports;             /* of the other VMs */
    struct connection *connections;
    unsigned client_count, refused_count;
    struct control_client *control_clients;
    unsigned control_count;

    int stop_fd, reload_fd; /* eventfds */
    sd_event_source *stop_source, *reload_source;
    struct hive_watch hive_watches[MAX_HIVE_WATCHES];
    size_t hive_watch_count;
    sd_event_source *hive_changed; /* runs once after such a file has changed */
    sd_event_source *hold_source;  /* the timer that tries pending holds again, or NULL */
    sd_event_source *fence_timer;  /* or NULL (fence_timer.c) */
    bool fence_timer_runs;

    /* Where replies are made: a header and its payload. */
    union {
        uint8_t bytes[WIRE_MAX_MESSAGE];
        uint64_t align;
    } scratch;
};

/* acceptor.c */
void acceptor_init(struct acceptor *acceptor, sd_event *event, void (*take)(void *, int),
                   void *context);
int acceptor_start(struct acceptor *acceptor, struct error *err);
void acceptor_finish(struct acceptor *acceptor);

/* ports.c. A new configuration's sockets are opened all, or none; the VMs get its settings. Ports
 * listen at once when guests are served already, else from ports_start on. */
int ports_update(struct service *service, struct config *config, struct error *err);
int ports_start(struct service *service, struct error *err);
void ports_finish(struct service *service);

/* connection.c: a guest's stream, on a port or on the default VM's socket. */
void port_take(void *port, int fd);
void connection_take(struct service *service, struct vm *vm, int fd);
void connection_destroy_all(struct service *service);
/* The process of each greeted connection: start with NULL. */
const struct process *connection_next_process(const struct service *service,
                                              const struct process *after);

/* control.c: administrators' streams. */
void control_take(void *service, int fd);
void control_destroy_all(struct service *service);

/* control_report.c: the answer to one line of JSON, malloc'ed with a newline; NULL: no memory. */
char *control_answer(struct service *service, const char *line, size_t size);

/* fence_timer.c: looks at fences for a while; the context is the service. */
void fence_timer_start(void *service);

/* hive_watch.c: follows the hive at `path`, and what its links point to. */
void hive_watch_update(struct service *service, const char *path);
void hive_watch_finish(struct service *service);

/* service.c: the hive's file has changed. */
void service_hive_changed(struct service *service);

#endif
