/* SPDX-License-Identifier: MIT */
/* The encodings of .reg files. Private to registry/. */
#ifndef GPUPV_REGISTRY_REG_FILE_DECODE_H
#define GPUPV_REGISTRY_REG_FILE_DECODE_H

#include <stddef.h>

#include "util/error.h"

#define REG_FILE_HEADER "Windows Registry Editor Version 5.00"

/* The file as UTF-8 without a byte-order mark and without NULs, malloc'ed. On failure *line is the
 * line that is wrong. -EINVAL, -EILSEQ, -ENOMEM. */
int reg_file_decode(const void *data, size_t size, char **text, size_t *text_size, size_t *line,
                    struct error *err);

#endif
