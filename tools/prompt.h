/* SPDX-License-Identifier: MIT */
/* Talking with a person at a terminal: questions, and signs of life during long work. */
#ifndef GPUPV_TOOLS_PROMPT_H
#define GPUPV_TOOLS_PROMPT_H

#include <stdbool.h>

/* Whether a question can be asked: standard input and standard error are a terminal. */
bool prompt_possible(void);
/* Asks on standard error; true for "y" or "yes". */
bool prompt_confirm(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Shows "text… N s" on standard error, if it is a terminal, once the work has taken a second, until
 * progress_end() clears the line. One at a time; `text` is copied. */
void progress_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void);

#endif
