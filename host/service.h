/* SPDX-License-Identifier: MIT */
/*
 * The service: one event loop on one thread that serves guest processes and administrators. All
 * state is in the object, so that a test runs it inside its own process.
 */
#ifndef GPUPV_HOST_SERVICE_H
#define GPUPV_HOST_SERVICE_H

#include <stdbool.h>

#include "host/device.h"
#include "host/driver.h"
#include "util/error.h"

struct service;

struct service_options {
    const char *config_path; /* NULL: the default file, which may be missing */
    const char *socket;      /* in place of the configuration's, or NULL */
    int log_level;           /* in place of the configuration's, or -1 */
    struct host_device_source devices;
    const struct host_driver *driver;
    void *driver_context;
    int embedded_fd;     /* serve this connected stream alone, and end with it; else -1 */
    int activated_fd;    /* a listening socket from the service manager, or -1 */
    bool handle_signals; /* SIGHUP, SIGTERM, SIGINT; they must be blocked in all threads */
    bool notify;         /* tell the service manager */
    /* Called once, on the loop's thread, when guests are served. May be NULL. */
    void (*ready)(void *context);
    void *ready_context;
};

/* Reads the configuration and takes the sockets. Texts and sources of the options are borrowed for
 * the service's life; the descriptors become the service's on success. */
int service_create(const struct service_options *options, struct service **service,
                   struct error *err);

/* Serves until it is stopped. The devices are looked for first; guests that connect meanwhile wait.
 * 0 after a clean stop, or the negative errno of what ended it, which is logged. */
int service_run(struct service *service);

/* Ends service_run, or makes it reread its files. From any thread, and from signal handlers. */
void service_stop(struct service *service);
void service_reload(struct service *service);

/* After service_run has returned. NULL is accepted. */
void service_destroy(struct service *service);

#endif
