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
#include "wire/protocol.h"

/* Connections that only wait to be told that the service is full. */
#define SERVICE_MAX_REFUSED 32

/* A socket that is listened on, and what is done with each connection that comes. */
struct acceptor {
    struct service *service;
    struct listener listener;
    sd_event_source *io, *retry;
    void (*take)(struct service *service, int fd); /* owns the descriptor */
};

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

    struct acceptor guests, admins;
    struct connection *connections;
    unsigned client_count, refused_count;
    struct control_client *control_clients;
    unsigned control_count;

    int stop_fd, reload_fd; /* eventfds */
    sd_event_source *stop_source, *reload_source, *hive_source;
    char *hive_watched; /* the file, as watched */

    /* Where replies are made: a header and its payload. */
    union {
        uint8_t bytes[WIRE_MAX_MESSAGE];
        uint64_t align;
    } scratch;
};

/* acceptor.c */
void acceptor_init(struct acceptor *acceptor, struct service *service,
                   void (*take)(struct service *, int));
int acceptor_start(struct acceptor *acceptor, struct error *err);
void acceptor_finish(struct acceptor *acceptor);

/* connection.c: a guest's stream. */
void connection_take(struct service *service, int fd);
void connection_destroy_all(struct service *service);
/* The process of each greeted connection: start with NULL. */
const struct process *connection_next_process(const struct service *service,
                                              const struct process *after);

/* control.c: administrators' streams. */
void control_take(struct service *service, int fd);
void control_destroy_all(struct service *service);

/* control_report.c: the answer to one line of JSON, malloc'ed with a newline; NULL: no memory. */
char *control_answer(struct service *service, const char *line, size_t size);

/* hive_watch.c: follows the hive that the current snapshot has read. */
void hive_watch_update(struct service *service);
void hive_watch_finish(struct service *service);

/* service.c: the hive's file has changed. */
void service_hive_changed(struct service *service);

#endif
