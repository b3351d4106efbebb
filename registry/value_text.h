/* SPDX-License-Identifier: MIT */
/*
 * The text of one value, and the quoted strings that names and values are made of. The form is
 * described in registry/hive_text.c. Private to registry/.
 */
#ifndef GPUPV_REGISTRY_VALUE_TEXT_H
#define GPUPV_REGISTRY_VALUE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "registry/registry.h"
#include "registry/text_buffer.h"

/* A place in a text, which was checked to be UTF-8 without NUL. */
struct scan {
    const char *at, *end;
    size_t line; /* of `at`, from 1 */
};

/* Moves over spaces and tabs. */
void scan_blanks(struct scan *scan);
/* At the end of the text, or before LF or CR LF. */
bool scan_at_line_end(const struct scan *scan);
/* Moves behind the end of the line; nothing at the end of the text. */
void scan_next_line(struct scan *scan);

/* Takes `wanted` if it stands at scan->at. */
bool scan_take(struct scan *scan, char wanted);
/* Takes blanks, and each '\' at a line's end, which joins the next line. `misplaced` is what is said
 * of a '\' elsewhere. */
int scan_joined_blanks(struct scan *scan, const char *misplaced, struct error *err);

/* Each takes what stands at scan->at. On failure the scan stands where the error is. */
int scan_string(struct scan *scan, struct text_buffer *text, struct error *err);
/* "type:data", checked; *data is malloc'ed. An error of the value as a whole stands on its first
 * line. */
int scan_value(struct scan *scan, enum reg_type *type, uint8_t **data, size_t *size,
               struct error *err);

/* In quotes, with escapes. */
void format_string(struct text_buffer *text, const char *string, size_t size);
/* "type:data". Long binary goes over several lines if `wrap`. */
void format_value(struct text_buffer *text, const struct reg_value *value, bool wrap);

#endif
