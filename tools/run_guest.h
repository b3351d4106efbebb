/* SPDX-License-Identifier: MIT */
/*
 * Starts bubblewrap, passes signals on to the program in the guest, and waits for its end.
 * bubblewrap reports on a pipe which process the guest is, and how the program ended; that report
 * tells a program that failed from a guest that could not be made.
 */
#ifndef GPUPV_TOOLS_RUN_GUEST_H
#define GPUPV_TOOLS_RUN_GUEST_H

#include <stddef.h>

#include "tools/words.h"
#include "util/error.h"

/* A file in memory for bubblewrap to read, its position at the start. -errno. */
int run_guest_file(const char *name, const void *data, size_t size, struct error *err);

/* `options` name the descriptors that bubblewrap inherits: `keep`, among them `report_write`. Takes
 * both ends of the report's pipe. Returns 0 with the program's exit status (128 and the signal's
 * number for one that a signal ended), or a negative errno when it never ran. */
int run_guest(const struct words *options, char *const *program, const int *keep, size_t keep_count,
              int report_read, int report_write, int *status, struct error *err);

#endif
