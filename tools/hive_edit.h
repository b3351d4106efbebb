/* SPDX-License-Identifier: MIT */
/*
 * A read-modify-write of the hive file under its lock. The running service notices the new file by
 * itself; nothing is told to it.
 */
#ifndef GPUPV_TOOLS_HIVE_EDIT_H
#define GPUPV_TOOLS_HIVE_EDIT_H

#include "registry/registry.h"

struct hive_edit {
    const char *path; /* borrowed */
    int lock;
    struct reg_hive *hive;
};

/* Takes the lock and reads the hive; a file that does not exist yet is an empty hive. After success
 * hive_edit_end() is due. */
int hive_edit_begin(const char *path, struct hive_edit *edit, struct error *err);
/* Writes the hive. */
int hive_edit_save(struct hive_edit *edit, struct error *err);
void hive_edit_end(struct hive_edit *edit);

/* Reads the hive without the lock: a reader sees the old or the new file, whole. -ENOENT with a
 * message when there is none. */
int hive_read(const char *path, struct reg_hive **hive, struct error *err);

#endif
