/* SPDX-License-Identifier: MIT */
/*
 * Reads the configuration and asks the drivers for devices on a thread of its own: a driver may
 * take seconds to answer, and guests are served meanwhile. One at a time; a request that comes
 * meanwhile is done after.
 */
#ifndef GPUPV_HOST_RELOADER_H
#define GPUPV_HOST_RELOADER_H

#include <pthread.h>
#include <stdbool.h>

#include <systemd/sd-event.h>

#include "host/config.h"
#include "host/device.h"
#include "util/error.h"

struct reload_result {
    int code;
    struct error error;    /* when code is not 0 */
    struct config *config; /* else both, for the receiver to unref */
    struct inventory *inventory;
};

struct reloader {
    const char *path, *socket; /* as in struct service_options */
    struct host_device_source source;
    void (*done)(void *context, struct reload_result *result); /* on the loop's thread */
    void *context;

    sd_event_source *done_source;
    int done_fd, cancel_fd; /* eventfds */
    pthread_t thread;
    bool running, again;
    struct config *given; /* the configuration of the run that begins; NULL: read it */
    struct reload_result result;
};

/* The caller has set the fields of the first part. */
int reloader_init(struct reloader *reloader, sd_event *event, struct error *err);
/* `config`, if not NULL, is used in place of reading the file. */
void reloader_request(struct reloader *reloader, struct config *config);
/* Cancels what runs and waits for it. */
void reloader_finish(struct reloader *reloader);

/* Reads a configuration as the reloader does; `socket` replaces the file's unless NULL. */
int reloader_read_config(const char *path, const char *socket, struct config **config,
                         struct error *err);

#endif
