/* SPDX-License-Identifier: MIT */
/*
 * Hive files of Windows (System32\config\SYSTEM), read through hivex. Only the host's tool links
 * this: neither the service nor anything in a guest reads such a file.
 *
 * Keys are named from the hive's root, "ControlSet001\Control\Class"; a leading "HKLM\SYSTEM\",
 * "SYSTEM\" or "\" is accepted. "CurrentControlSet", which exists only in a running Windows, stands
 * for the set that Select\Current names.
 *
 * A file is read whole before anything is looked at, so that it may change meanwhile. All amounts
 * are bounded; what is damaged gives an error that names the file and, if it is known, the key.
 */
#ifndef GPUPV_REGISTRY_WINDOWS_HIVE_H
#define GPUPV_REGISTRY_WINDOWS_HIVE_H

#include "registry/registry.h"

#define WINDOWS_HIVE_CLASS "Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}"
/* The adapter key of the first display adapter, which is the one that Windows' own steps copy. */
#define WINDOWS_HIVE_DEFAULT_KEY "ControlSet001\\" WINDOWS_HIVE_CLASS "\\0000"

#define WINDOWS_HIVE_MAX_FILE (512u * 1024 * 1024)
/* Of one import or list. */
#define WINDOWS_HIVE_MAX_KEYS 16384
#define WINDOWS_HIVE_MAX_VALUES 65536
#define WINDOWS_HIVE_MAX_DATA (32u * 1024 * 1024)

struct windows_hive;

/* -ENOENT, -EFBIG; -EBADMSG when it is no hive or a damaged one. Belongs to one thread. */
int windows_hive_open(const char *path, struct windows_hive **hive, struct error *err);
/* The same from memory; `name` stands for the file in messages. */
int windows_hive_open_data(const char *name, const void *data, size_t size,
                           struct windows_hive **hive, struct error *err);
void windows_hive_close(struct windows_hive *hive);
/* Whether Windows was writing when the file was copied: the last changes are in its .LOG files. */
bool windows_hive_is_dirty(const struct windows_hive *hive);
/* Whether the bytes start as a hive file does. */
bool windows_hive_recognise(const void *data, size_t size);

struct windows_hive_key {
    char *name;
    char *description; /* DriverDesc, or NULL */
    size_t values, subkeys;
};

/* The keys directly below one, in the file's order. `path` gets the key's path with the control set
 * that was read; it and the list are freed with windows_hive_list_free. -ENOENT; -EBADMSG; -E2BIG.
 */
struct windows_hive_list {
    char *path;
    struct windows_hive_key *keys;
    size_t count;
};
int windows_hive_list(struct windows_hive *hive, const char *key, struct windows_hive_list *list,
                      struct error *err);
void windows_hive_list_free(struct windows_hive_list *list);

/* What an import took, and a line for a person about each value and key that was left out because
 * this registry cannot hold it. */
struct windows_hive_import {
    char *path; /* of the key that was read */
    size_t keys, values;
    char **skipped;
    size_t skipped_count;
};

/* Adds a key's values and all below it to `target`, a key path of ours, replacing values that are
 * there: `reg copy /s /f`. All or nothing. `report` is freed with windows_hive_import_free after
 * success. */
int windows_hive_import(struct windows_hive *hive, const char *key, struct reg_hive *into,
                        const char *target, struct windows_hive_import *report, struct error *err);
void windows_hive_import_free(struct windows_hive_import *report);

#endif
