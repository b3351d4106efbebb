/* SPDX-License-Identifier: MIT */
/* What a key is made of. Private to registry/. */
#ifndef GPUPV_REGISTRY_KEY_H
#define GPUPV_REGISTRY_KEY_H

#include "registry/names.h"
#include "registry/registry.h"

struct value_entry {
    struct named named;
    struct reg_value value;
    size_t line; /* where the text form that is being read has it; 0: nowhere */
};

struct reg_key {
    struct named named;
    char *name;
    struct reg_key *parent;   /* NULL for the root */
    struct name_list subkeys; /* of struct reg_key, owned */
    struct name_list values;  /* of struct value_entry, owned */
    /* The same values in the order in which they came. */
    struct value_entry **came;
    size_t came_capacity;
};

/* A key with no parent. */
int key_create(const char *name, size_t size, struct reg_key **key, struct error *err);
/* Frees the key and all below it; it must be in no list. NULL is accepted. */
void key_destroy(struct reg_key *key);

/* The subkey, or NULL; `name` needs no NUL. */
struct reg_key *key_subkey(const struct reg_key *key, const char *name, size_t size);
/* The subkey, made if it is missing; *made tells. */
int key_make_subkey(struct reg_key *key, const char *name, size_t size, struct reg_key **subkey,
                    bool *made, struct error *err);
/* Takes the key out of its parent's list and destroys it. It must have a parent. */
void key_delete(struct reg_key *key);

/* The value of that name with its line, or NULL. */
struct value_entry *key_value_entry(const struct reg_key *key, const char *name);
/* Sets a value that was checked before. Takes `data` over on success; on failure nothing changed
 * and the caller still owns it. */
int key_put_value(struct reg_key *key, const char *name, enum reg_type type, uint8_t *data,
                  size_t size, size_t line, struct error *err);
/* Adds all that `from` holds, replacing values. Stops at the first error, half done. */
int key_merge(struct reg_key *key, const struct reg_key *from, struct error *err);

/* The key of a hive that has no parent: HKLM. */
const struct reg_key *hive_root(const struct reg_hive *hive);
/* Each hive gets the other's keys. */
void hive_swap(struct reg_hive *one, struct reg_hive *other);
/* Checks all of a path. -EINVAL, -EILSEQ, -E2BIG. */
int hive_check_path(const char *path, struct error *err);

#endif
