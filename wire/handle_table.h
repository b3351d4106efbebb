/* SPDX-License-Identifier: MIT */
/*
 * D3DKMT handles: 32-bit names of objects in one process' table. A handle holds the slot's index
 * in its low 16 bits and the slot's generation in its high 16 bits; the generation starts at a
 * random number, is never 0, and changes whenever the slot is freed. So handles are opaque and
 * sparse (a guessed number or a small integer is not one), and a stale one is recognised.
 * A handle of another process fails in the same way: each process has a table of its own.
 *
 * Not thread-safe: the owner locks.
 */
#ifndef GPUPV_WIRE_HANDLE_TABLE_H
#define GPUPV_WIRE_HANDLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct handle_table;

/* `limit`: live handles at the most, 1 to 65536. -ENOMEM, -EINVAL. */
int handle_table_create(uint32_t limit, struct handle_table **table);
/* Frees the table, not the objects. NULL is accepted. */
void handle_table_destroy(struct handle_table *table);

/* Names `object` (not NULL) of `type` (not 0). -ENOSPC at the limit, -ENOMEM. */
int handle_table_add(struct handle_table *table, uint32_t type, void *object, uint32_t *handle);
/* The object, or NULL if the handle is stale, foreign, or of another type (type 0: any). */
void *handle_table_get(const struct handle_table *table, uint32_t handle, uint32_t type);
/* Frees the name; returns the object, or NULL as above. */
void *handle_table_remove(struct handle_table *table, uint32_t handle, uint32_t type);
/* Gives a handle's object another type: the handle is then no longer one of `from`, and its slot
 * stays taken until it is removed as one of `to`. False when it is not of type `from`. */
bool handle_table_change_type(struct handle_table *table, uint32_t handle, uint32_t from,
                              uint32_t to);
/* The slot's index: less than the table's limit. */
static inline uint32_t handle_index(uint32_t handle)
{
    return handle & 0xffffu;
}
size_t handle_table_count(const struct handle_table *table);

/* Walks the live handles: start with *position 0; false at the end. Removing the handle that was
 * just given is allowed. */
bool handle_table_next(const struct handle_table *table, uint32_t *position, uint32_t *handle,
                       uint32_t *type, void **object);

#endif
