/* SPDX-License-Identifier: MIT */
/*
 * A message for a person. Functions that can fail for reasons that a number cannot tell take a
 * `struct error *` as their last parameter and fill it when, and only when, they fail. NULL is
 * accepted and drops the text. The text says what failed, on which object, why, and what to do;
 * it has no trailing newline or full stop.
 *
 * No allocation, no ownership: the caller's variable holds the text. Not shared between threads.
 */
#ifndef GPUPV_UTIL_ERROR_H
#define GPUPV_UTIL_ERROR_H

#include <stddef.h>

struct error {
    char text[1024];
};

/* Formats the text, cutting it at the buffer's end. Returns `code` (a negative errno), so that a
 * caller can write `return error_set(err, -EINVAL, "…", …)`. */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts a formatted prefix and ": " before the text that is there. Returns `code`. */
int error_prefix(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
