/* SPDX-License-Identifier: MIT */
/*
 * The Vulkan driver half with the fake worker program, driven through its table of functions on an
 * event loop of the test's own. Its log is kept.
 */
#ifndef GPUPV_TESTS_HOST_WORKER_FIXTURE_H
#define GPUPV_TESTS_HOST_WORKER_FIXTURE_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "host/driver_vulkan_internal.h"
#include "host/state.h"

#define FIXTURE_LUID 0x100000002ull

struct worker_fixture {
    sd_event *event;
    struct vulkan_driver *driver;
    struct config *config;
    struct state state;
    struct adapter adapters[2];
    struct host_device device;
    const struct host_device *devices[1];
    char icd[64];
    void *vm; /* the driver's object of the VM */
    int log;  /* what was standard error, while the log is kept */
    int log_file;
    unsigned lost, events; /* callbacks so far */
    char why[1024];
    uint32_t last_event;
    void *last_process; /* that a callback named */
};

/* A guest process with a device, a context and memory. */
struct fixture_process {
    struct worker_fixture *fixture;
    void *process, *device, *context;
    struct host_process_memory memory;
};

/* What a completion brought. */
struct fixture_answer {
    bool done;
    NTSTATUS status;
    char text[1024];
    uint32_t size;
};

extern const char *fixture_worker_path; /* set by main() */

/* `lines` of [service]; `mode` is what workers do before they are ready ("" for nothing). */
struct worker_fixture *worker_fixture_create(const char *lines, const char *mode);
void worker_fixture_destroy(struct worker_fixture *fixture);
/* The same driver with other adapters: a reload. */
void worker_fixture_reload(struct worker_fixture *fixture, const char *mode, size_t adapter_count);

/* Runs the loop until *value is `wanted`; fails the test when that takes too long. */
void worker_fixture_wait(struct worker_fixture *fixture, const unsigned *value, unsigned wanted);
/* Until there are so many worker processes, and so many warm ones among them. */
void worker_fixture_wait_workers(struct worker_fixture *fixture, unsigned count, unsigned warm);
/* Fails the test; standard error is the terminal's again, and the log goes there. */
void worker_fixture_fail(struct worker_fixture *fixture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void worker_fixture_run(struct worker_fixture *fixture, unsigned ms);
/* Whether the log has the text; runs the loop for a while until it has. */
void worker_fixture_expect_log(struct worker_fixture *fixture, const char *text);
bool worker_fixture_logged(const struct worker_fixture *fixture, const char *text);

/* `name` is what the worker does when it is assigned. */
void fixture_process_init(struct fixture_process *process, struct worker_fixture *fixture,
                          const char *name);
void fixture_process_finish(struct fixture_process *process);
pid_t fixture_process_worker(const struct fixture_process *process);

/* Starts to open a stream; the private data is a text. */
NTSTATUS fixture_open(struct fixture_process *process, const char *data, void **queue,
                      struct fixture_answer *answer);
/* And waits for the answer. */
NTSTATUS fixture_open_wait(struct fixture_process *process, const char *data, void **queue,
                           struct fixture_answer *answer);
NTSTATUS fixture_escape(struct fixture_process *process, const char *data,
                        struct fixture_answer *answer);
void fixture_wait_answer(struct worker_fixture *fixture, const struct fixture_answer *answer);
void fixture_close(void *queue);

#endif
