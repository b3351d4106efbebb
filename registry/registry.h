/* SPDX-License-Identifier: MIT */
/*
 * The hive: a tree of keys with typed values, as on Windows, kept in one text file that a person
 * can read, edit and diff (registry/hive_text.c describes the form).
 *
 * Key paths use '\' and start with a root: "HKLM\SYSTEM\CurrentControlSet\Control\GraphicsDrivers".
 * HKEY_LOCAL_MACHINE is accepted for HKLM. Names of keys and values compare without case (simple
 * Unicode case mapping) and keep the spelling that they were made with. All strings are UTF-8.
 * Every function that takes a path or text checks it; nothing asserts on input.
 *
 * A hive belongs to one thread at a time. Pointers into it live until the hive is changed or
 * destroyed.
 */
#ifndef GPUPV_REGISTRY_REGISTRY_H
#define GPUPV_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* The numbers of winnt.h, under names that do not clash with the public header's macros. */
enum reg_type {
    REG_TYPE_NONE = 0,
    REG_TYPE_SZ = 1,
    REG_TYPE_EXPAND_SZ = 2,
    REG_TYPE_BINARY = 3,
    REG_TYPE_DWORD = 4,
    REG_TYPE_MULTI_SZ = 7,
    REG_TYPE_QWORD = 11,
};

/* "REG_SZ" …; NULL for a type that is none of the six. */
const char *reg_type_name(enum reg_type type);
/* Accepts "REG_SZ" and "sz", any case. 0 or -EINVAL. */
int reg_type_parse(const char *word, enum reg_type *type);

#define REG_MAX_KEY_NAME 255   /* UTF-16 units of one path component */
#define REG_MAX_VALUE_NAME 259 /* UTF-16 units: what fits into ValueName[MAX_PATH] with its NUL */
#define REG_MAX_VALUE_SIZE (64 * 1024) /* bytes, strings counted in UTF-16 with terminators */
#define REG_MAX_DEPTH 64               /* parts of a path, the root included */
#define REG_MAX_FILE (64 * 1024 * 1024)

/*
 * A value. `data` by type:
 *   SZ, EXPAND_SZ  UTF-8 and one NUL; size counts the NUL
 *   MULTI_SZ       strings, each UTF-8 and NUL, then one more NUL; size counts all. Empty: "\0"
 *   DWORD, QWORD   4 or 8 bytes, little-endian
 *   BINARY         bytes
 */
struct reg_value {
    char *name; /* "" is the key's default value */
    enum reg_type type;
    size_t size;
    uint8_t *data;
};

struct reg_key;
struct reg_hive;

int reg_hive_create(struct reg_hive **hive);
void reg_hive_destroy(struct reg_hive *hive);

/* Reads and checks the whole file before anything is returned. Errors name the file, the line and
 * the cause ("/var/…/hive:12: …"). -ENOENT if there is no file. */
int reg_hive_load(const char *path, struct reg_hive **hive, struct error *err);
/* The same from memory; `name` stands for the file in messages. `text` needs no NUL. */
int reg_hive_parse(const char *name, const char *text, size_t size, struct reg_hive **hive,
                   struct error *err);
/* The text form; the caller frees it. Keys come in the order of their folded names, values in that
 * in which they were made. */
int reg_hive_format(const struct reg_hive *hive, char **text, size_t *size);
/* As above, for one key and what is below it; for export. */
int reg_key_format(const struct reg_key *key, char **text, size_t *size);
/* Atomic: util/file.h. */
int reg_hive_save(const struct reg_hive *hive, const char *path, struct error *err);

/* Takes an advisory lock for a read-modify-write of the file (on PATH.lock), waiting for it.
 * *fd is closed to release it. */
int reg_hive_lock(const char *path, int *fd, struct error *err);

/* Adds every key and value of `from`, replacing values that are there. All or nothing. */
int reg_hive_merge(struct reg_hive *hive, const struct reg_hive *from, struct error *err);

/* The key at a path, or NULL. */
struct reg_key *reg_hive_find(const struct reg_hive *hive, const char *path);
/* The key, made with its parents if it is missing. -EINVAL for a malformed path. */
int reg_hive_make(struct reg_hive *hive, const char *path, struct reg_key **key, struct error *err);
/* Deletes a key and what is below it. -ENOENT; -EINVAL for a root. */
int reg_hive_delete(struct reg_hive *hive, const char *path, struct error *err);

const char *reg_key_name(const struct reg_key *key);
/* The full path, "HKLM\…"; the caller frees it. NULL when memory is short. */
char *reg_key_path(const struct reg_key *key);
size_t reg_key_subkey_count(const struct reg_key *key);
const struct reg_key *reg_key_subkey(const struct reg_key *key, size_t index);
const struct reg_key *reg_key_find_subkey(const struct reg_key *key, const char *name);
size_t reg_key_value_count(const struct reg_key *key);
const struct reg_value *reg_key_value(const struct reg_key *key, size_t index);
const struct reg_value *reg_key_find_value(const struct reg_key *key, const char *name);

/* Sets a value (a copy of `data`, in the form of struct reg_value). -EINVAL when data and type do
 * not fit together, -E2BIG over a limit, -EILSEQ for text that is not UTF-8. */
int reg_key_set(struct reg_key *key, const char *name, enum reg_type type, const void *data,
                size_t size, struct error *err);
/* For REG_MULTI_SZ: a list of this one string. */
int reg_key_set_string(struct reg_key *key, const char *name, enum reg_type type, const char *text,
                       struct error *err);
int reg_key_set_dword(struct reg_key *key, const char *name, uint32_t number, struct error *err);
/* -ENOENT. */
int reg_key_delete_value(struct reg_key *key, const char *name);

/* The text of a SZ or EXPAND_SZ value, or the first string of a MULTI_SZ; NULL for another type or
 * no value, also for an empty list. */
const char *reg_key_string(const struct reg_key *key, const char *name);
/* 0 and *number, -ENOENT, or -EINVAL when it is no DWORD. */
int reg_key_dword(const struct reg_key *key, const char *name, uint32_t *number);

/* One value from and to what a person types: `text` is the part after "=" in the text form, e.g.
 * sz:"C:\\x", dword:0x1, multi_sz:"a" "b", binary:00 ff. */
int reg_value_parse(const char *text, enum reg_type *type, uint8_t **data, size_t *size,
                    struct error *err);
/* On one line, malloc'ed. NULL when memory is short or the data does not fit the type. */
char *reg_value_format(const struct reg_value *value);

#endif
