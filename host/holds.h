/* SPDX-License-Identifier: MIT */
/*
 * Packages in use. While a guest process has an adapter open, the packages that the adapter's keys
 * name are held against removal (hoststore/store.h, store_hold). One hold per package, counted.
 * Used by the service's thread alone.
 */
#ifndef GPUPV_HOST_HOLDS_H
#define GPUPV_HOST_HOLDS_H

#include <stdbool.h>
#include <stddef.h>

struct hold; /* one package */

struct hold_table {
    struct hold *first;
    void (*on_pending)(void *context); /* may be NULL */
    void *context;
};

/* Takes or shares the hold of ROOT's package, without waiting. NULL, after a log line, when it
 * cannot be held (it is gone): the guest will hear of that when it looks for the driver. While
 * another process locks the package (it lists or removes it) the hold is pending: `on_pending` is
 * called, and holds_retry is to be called a little later. */
struct hold *hold_acquire(struct hold_table *table, const char *root, const char *package);
void hold_release(struct hold_table *table, struct hold *hold);
/* Those that hold something. */
size_t hold_count(const struct hold_table *table);
/* Tries pending holds again; true while there are such. A package that is gone is given up, after a
 * log line. */
bool holds_retry(struct hold_table *table);

/* The holds of one opened adapter. */
struct hold_set {
    struct hold **holds;
    size_t count;
};

/* Adds the holds of packages that the set does not have yet. Packages stay in the set until it is
 * released, also those that a newer hive no longer names: the guest may have them loaded. -ENOMEM.
 */
int hold_set_add(struct hold_set *set, struct hold_table *table, const char *root,
                 char *const *packages, size_t count);
void hold_set_release(struct hold_set *set, struct hold_table *table);

#endif
