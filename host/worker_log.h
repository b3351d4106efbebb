/* SPDX-License-Identifier: MIT */
/*
 * What a worker writes to its standard error, line by line into the service's log. The worker is
 * not trusted: control characters are replaced, a line has a limit, and so has the number of lines
 * in a while. "<N>" at the start of a line is its priority, as util/log.h writes it.
 */
#ifndef GPUPV_HOST_WORKER_LOG_H
#define GPUPV_HOST_WORKER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

struct worker_log {
    int fd; /* the reading end, or -1 */
    sd_event_source *source;
    pid_t pid;
    char line[1024];
    size_t used;
    bool cut; /* the rest of a line that was too long is skipped */
    uint64_t window_start;
    unsigned lines, dropped; /* in the window */
};

/* Takes `fd`, also when it fails. */
int worker_log_init(struct worker_log *log, sd_event *event, int fd, pid_t pid);
/* Writes what has come, and closes. */
void worker_log_finish(struct worker_log *log);

/* Counts a line that is about to be written for the worker; false when it has had enough of them.
 */
bool worker_log_may_write(struct worker_log *log);

/* Makes a foreign text fit for the log, in place. */
void worker_log_clean(char *text, size_t size);

#endif
