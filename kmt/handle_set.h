/* SPDX-License-Identifier: MIT */
/*
 * The handles that this process has: which kind each is, what it belongs to, and by which
 * connection it came. A hash table; the owner locks, with the lock of kmt/mapping.h.
 */
#ifndef GPUPV_KMT_HANDLE_SET_H
#define GPUPV_KMT_HANDLE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kmt_handle_type {
    KMT_ADAPTER = 1,
    KMT_DEVICE = 2,
    KMT_CONTEXT = 3,
    KMT_ALLOCATION = 4,
    KMT_RESOURCE = 5,
    KMT_HW_QUEUE = 6,
    KMT_SYNC = 7,
};

struct kmt_mapping;

/* A queue's progress fence has its queue, context and device. */
#define KMT_MAX_PARENTS 3

struct kmt_handle {
    uint32_t handle; /* never 0 */
    enum kmt_handle_type type;
    /* What it goes with, the nearest first; the last is the device. 0: none. */
    uint32_t parents[KMT_MAX_PARENTS];
    uint64_t channel; /* kmt_channel_id */
    /* Of an allocation or a fence: its place in the aperture, or WIRE_NO_OFFSET. */
    uint64_t offset, size;
    struct kmt_mapping *mapping; /* that the entry has a reference of, or NULL */
    uint32_t locks;              /* of an allocation: unequal 0 while it is mapped */
    bool marked;                 /* for whoever checks a list for doubles */
    bool exported; /* an allocation that lies in a file of its own, at `offset` once it is mapped */
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
struct kmt_handle *handle_set_find(const struct handle_set *set, uint32_t handle);
/* References of a mapping are given back. */
void handle_set_remove(struct handle_set *set, uint32_t handle);
/* Removes all handles that go with that one and came by that connection. */
void handle_set_remove_children(struct handle_set *set, uint32_t parent, uint64_t channel);

#endif
