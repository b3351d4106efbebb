/* SPDX-License-Identifier: MIT */
/*
 * .reg files of Windows, "Windows Registry Editor Version 5.00".
 *
 * Read: UTF-16LE with a byte-order mark, or UTF-8 with or without one; lines end in CR LF or LF.
 *   [HKEY_LOCAL_MACHINE\…]  a key, made if it is missing; the path reaches to the line's last ']'
 *   [-HKEY_LOCAL_MACHINE\…] the key goes, with all below it
 *   "name"="text"           text and names escape '\' and '"' with '\'; lines may break in them
 *   @=…                     the key's default value
 *   "name"=-                the value goes
 *   dword:0000002a          up to 8 hexadecimal digits
 *   hex:, hex(N):           bytes in hexadecimal; N is the type's number; a '\' at a line's end
 *                           joins the next line
 *   ; comment               on a line of its own or behind a value
 * The lines take effect in their order, so the last of two values of one name counts.
 *
 * A value of a type that this registry does not keep (REG_NONE, REG_LINK, resource lists) is left
 * out, and reg_edits_skipped() tells of it. Everything else that is wrong is an error.
 */
#ifndef GPUPV_REGISTRY_REG_FILE_H
#define GPUPV_REGISTRY_REG_FILE_H

#include "registry/registry.h"

/* What a .reg file asks for. Belongs to one thread at a time. */
struct reg_edits;

struct reg_edits_count {
    size_t keys, values;                 /* sections, and values to set */
    size_t deleted_keys, deleted_values; /* asked for, whether they are there or not */
    size_t skipped;
};

/* Whether the bytes start as a .reg file of any version does. */
bool reg_file_recognise(const void *data, size_t size);

/* Reads and checks the whole file. `name` stands for it in messages, "name:12: cause". -EINVAL,
 * -EILSEQ, -E2BIG, -EFBIG, -ENOMEM. */
int reg_file_parse(const char *name, const void *data, size_t size, struct reg_edits **edits,
                   struct error *err);
void reg_edits_destroy(struct reg_edits *edits);
struct reg_edits_count reg_edits_count(const struct reg_edits *edits);
/* A line for a person about a value that is left out; NULL behind the last one. */
const char *reg_edits_skipped(const struct reg_edits *edits, size_t index);

/* All or nothing. Pointers into the hive end with a success. */
int reg_edits_apply(const struct reg_edits *edits, struct reg_hive *hive, struct error *err);

/* A key and all below it as regedit writes them: UTF-16LE with a byte-order mark, CR LF; the caller
 * frees *data. Values come in the order in which they were made. */
int reg_file_format(const struct reg_key *key, void **data, size_t *size);

#endif
