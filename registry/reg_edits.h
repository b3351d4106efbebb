/* SPDX-License-Identifier: MIT */
/* The list of edits that a .reg file is. Private to registry/. */
#ifndef GPUPV_REGISTRY_REG_EDITS_H
#define GPUPV_REGISTRY_REG_EDITS_H

#include "registry/reg_file.h"

enum reg_edit_kind { REG_EDIT_KEY, REG_EDIT_DELETE_KEY, REG_EDIT_VALUE, REG_EDIT_DELETE_VALUE };

struct reg_edit {
    enum reg_edit_kind kind;
    size_t line;
    char *name; /* the key's path, or the name of a value of the key before */
    enum reg_type type;
    uint8_t *data;
    size_t size;
};

#define REG_EDITS_MAX (1024 * 1024)

int reg_edits_create(const char *file, struct reg_edits **edits, struct error *err);
/* Take what `edit` points to over, on failure too. -E2BIG, -ENOMEM. */
int reg_edits_add(struct reg_edits *edits, struct reg_edit edit, struct error *err);
/* Notes that a value is left out, and why. */
int reg_edits_add_skipped(struct reg_edits *edits, size_t line, const char *name, const char *why,
                          struct error *err);

#endif
