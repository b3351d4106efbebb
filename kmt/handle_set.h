/* SPDX-License-Identifier: MIT */
/*
 * The handles that this process has: which kind each is, what it belongs to, and by which
 * connection it came. A hash table; the owner locks.
 */
#ifndef GPUPV_KMT_HANDLE_SET_H
#define GPUPV_KMT_HANDLE_SET_H

#include <stddef.h>
#include <stdint.h>

enum kmt_handle_type { KMT_ADAPTER = 1, KMT_DEVICE = 2, KMT_CONTEXT = 3 };

struct kmt_handle {
    uint32_t handle; /* never 0 */
    enum kmt_handle_type type;
    uint32_t parent;  /* a context's device; else 0 */
    uint64_t channel; /* kmt_channel_id */
};

struct handle_set {
    struct kmt_handle *slots; /* handle 0: free */
    size_t count, capacity;   /* capacity: 0 or a power of two */
};

/* A set of zeros is an empty one. */
void handle_set_finish(struct handle_set *set);

/* Adds a handle, or replaces what had its number. -ENOMEM. */
int handle_set_put(struct handle_set *set, const struct kmt_handle *entry);
/* Valid until the set changes; or NULL. */
const struct kmt_handle *handle_set_find(const struct handle_set *set, uint32_t handle);
void handle_set_remove(struct handle_set *set, uint32_t handle);
/* Removes all handles with that parent that came by that connection. */
void handle_set_remove_children(struct handle_set *set, uint32_t parent, uint64_t channel);

#endif
