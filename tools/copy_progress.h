/* SPDX-License-Identifier: MIT */
/*
 * How far a long copy is: a bar that is drawn anew on a terminal, else a line at its start and now
 * and then. To standard error. One thread.
 */
#ifndef GPUPV_TOOLS_COPY_PROGRESS_H
#define GPUPV_TOOLS_COPY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct copy_progress {
    bool silent, terminal;
    bool open;           /* a bar, or a first line, is on the screen */
    int64_t start, last; /* of the current copy, of the last output; CLOCK_MONOTONIC, ns */
};

void copy_progress_init(struct copy_progress *progress, bool silent);

/* `done` of `total` bytes are there, `reused` of them from before: the rate counts the others. The
 * first call of a copy, after copy_progress_end(), starts its clock. */
void copy_progress_update(struct copy_progress *progress, const char *what, uint64_t done,
                          uint64_t reused, uint64_t total);
/* Takes the bar off the screen. Seconds since the copy's start, 0 if there was none. */
double copy_progress_end(struct copy_progress *progress);

/* The line without its carriage return, cut to `columns`: for copy_progress_update, and to be
 * tested. */
void copy_progress_format(char *line, size_t size, int columns, const char *what, uint64_t done,
                          uint64_t reused, uint64_t total, double seconds);

#endif
