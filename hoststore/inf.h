/* SPDX-License-Identifier: MIT */
/*
 * The text of a Windows INF file: sections of lines, a line an optional key and fields. What the
 * sections mean is told by inf_driver.h and inf_install.h.
 *
 * Accepted: UTF-16LE with a byte order mark, UTF-8, and else Windows-1252; ";" comments, "\" at a
 * line's end to continue it, quotes with "" for a quote in them. Typographic quotes are quotes too,
 * and a full stop behind one at a line's end is dropped: directives are copied from documents.
 *
 * %NAME% is replaced by its text in [Strings] (else in the first [Strings.LANGUAGE]), %% by a
 * percent sign. Without a definition, %REG_SZ% and its like are the flags of AddReg, and a number
 * such as %13% names a folder: it is kept as INF_FOLDER_MARK 13 INF_FOLDER_MARK, a character that
 * no text can have. Another name is an error.
 *
 * Names compare without case. A parsed file does not change; threads may share it.
 */
#ifndef GPUPV_HOSTSTORE_INF_H
#define GPUPV_HOSTSTORE_INF_H

#include <stddef.h>

#include "util/error.h"

#define INF_MAX_SIZE (4 * 1024 * 1024)
#define INF_MAX_SECTIONS 4096
#define INF_MAX_FIELDS (256 * 1024)     /* of the file */
#define INF_MAX_TEXT (16 * 1024)        /* bytes of one field, after replacement */
#define INF_MAX_TOTAL (16 * 1024 * 1024) /* bytes of all fields that had replacements */
#define INF_FOLDER_MARK '\x01'

struct inf_line {
    unsigned number; /* in the file, from 1 */
    char *key;       /* NULL without "=" */
    char **fields;
    size_t count;
};

struct inf_section {
    char *name;
    struct inf_line *lines;
    size_t count, capacity;
};

struct inf {
    char *name; /* of the file, for messages */
    struct inf_section *sections;
    size_t count, capacity;
    size_t field_count;
};

/* `name` stands for the file in messages: "NAME:LINE: cause". -EINVAL, -EILSEQ, -EFBIG, -E2BIG,
 * -ENOMEM. */
int inf_parse(const char *name, const void *data, size_t size, struct inf **inf,
              struct error *err);
void inf_destroy(struct inf *inf);

/* The section, or NULL. Sections of one name are one. */
const struct inf_section *inf_find(const struct inf *inf, const char *name);
/* The section's first line with that key, or NULL; `section` may be NULL. */
const struct inf_line *inf_find_line(const struct inf_section *section, const char *key);
/* The field, or "" when the line (which may be NULL) has none there. */
const char *inf_field(const struct inf_line *line, size_t index);

/* "NAME:LINE: " before a message; returns `code`. */
int inf_error(const struct inf *inf, const struct inf_line *line, int code, struct error *err,
              const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Decimal, or hexadecimal with 0x; a minus sign is accepted. 0 or -EINVAL. */
int inf_number(const char *text, long long *number);

#endif
