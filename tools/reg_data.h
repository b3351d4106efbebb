/* SPDX-License-Identifier: MIT */
/*
 * Registry data as typed on a command line, in reg.exe's spelling, and as printed by
 * `reg.exe query`. Works on struct reg_value alone: guest and host print the same way.
 */
#ifndef GPUPV_TOOLS_REG_DATA_H
#define GPUPV_TOOLS_REG_DATA_H

#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include "registry/registry.h"

/*
 * Reads --data by type into the form of struct reg_value, malloc'ed.
 *   REG_SZ, REG_EXPAND_SZ: the text as it is
 *   REG_MULTI_SZ: strings with `separator` between them; one at the end is ignored, so that an
 *     empty last string needs one more, as in "a\0\0"
 *   REG_DWORD, REG_QWORD: decimal, or hexadecimal after 0x
 *   REG_BINARY: hexadecimal digits in pairs; blanks, commas, colons and dashes may separate pairs
 *
 * `text` NULL is an empty text, 0, or no bytes. -EINVAL with a message.
 */
int reg_data_parse(enum reg_type type, const char *text, const char *separator, uint8_t **data,
                   size_t *size, struct error *err);

/* "    name    REG_SZ    data" and a newline. */
void reg_print_value(FILE *file, const struct reg_value *value);
/* {"name":…,"type":"REG_SZ","data":…}: a string, an array of strings, a number, or (REG_BINARY) a
 * string of hexadecimal digits. */
json_object *reg_value_json(const struct reg_value *value);

/* "HKEY_LOCAL_MACHINE\…" for "HKLM\…", as reg.exe prints a key; malloc'ed. */
char *reg_long_path(const char *path);

#endif
