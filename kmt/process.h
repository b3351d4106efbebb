/* SPDX-License-Identifier: MIT */
/*
 * What the D3DKMT API forces to be global: this process' one connection, and its handles. The
 * connection is made when an adapter is enumerated or opened, and made anew by the next such call
 * when it was lost.
 *
 * Thread-safe. Channels are given with a reference of the caller's own.
 */
#ifndef GPUPV_KMT_PROCESS_H
#define GPUPV_KMT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "kmt/channel.h"
#include "kmt/handle_set.h"

/* The connection, made if there is none. Statuses as kmt_channel_create. */
NTSTATUS kmt_process_connect(struct kmt_channel **channel, struct error *err);

/* The connection that a handle came by. STATUS_INVALID_PARAMETER: not a handle of that type;
 * STATUS_DEVICE_REMOVED: its connection was lost. */
NTSTATUS kmt_process_channel_of(D3DKMT_HANDLE handle, enum kmt_handle_type type,
                                struct kmt_channel **channel);

/* The same, and the nearest of what the handle goes with. */
NTSTATUS kmt_process_parent_of(D3DKMT_HANDLE handle, enum kmt_handle_type type,
                               D3DKMT_HANDLE *parent, struct kmt_channel **channel);

/* Whether a further handle of a call came by the same connection. 0 passes: it is optional. */
NTSTATUS kmt_process_check_optional(const struct kmt_channel *channel, D3DKMT_HANDLE handle,
                                    enum kmt_handle_type type);

/* Enters a handle that the host gave. STATUS_NO_MEMORY: the host is told to close it again;
 * STATUS_DEVICE_REMOVED when it makes no sense: 0, or one that the channel already has. The channel
 * is then failed. */
NTSTATUS kmt_process_add(struct kmt_channel *channel, D3DKMT_HANDLE handle,
                         enum kmt_handle_type type, D3DKMT_HANDLE parent);
/* The same of an entry whose channel is filled in; on failure the host is not told. */
NTSTATUS kmt_process_enter(struct kmt_channel *channel, struct kmt_handle *entry);

/* Forgets a handle, what goes with it too, and tells the host if it still listens.
 * STATUS_INVALID_PARAMETER. */
NTSTATUS kmt_process_close(D3DKMT_HANDLE handle, enum kmt_handle_type type);
/* Forgets it without telling the host. */
void kmt_process_forget(D3DKMT_HANDLE handle);

/* The entry, valid while the lock is held, and what kmt_process_channel_of gives, a reference. */
NTSTATUS kmt_process_find_locked(D3DKMT_HANDLE handle, enum kmt_handle_type type,
                                 struct kmt_handle **entry);
NTSTATUS kmt_process_channel_of_locked(const struct kmt_handle *entry,
                                       struct kmt_channel **channel);
/* Removes an entry. */
void kmt_process_remove_locked(D3DKMT_HANDLE handle);
void kmt_process_remove_children_locked(D3DKMT_HANDLE parent, uint64_t channel);

/* Maps what an entry has in the aperture, and gives a pointer to it: an allocation's until it is
 * unmapped, a fence's as long as the entry lives. STATUS_NO_MEMORY; STATUS_NOT_SUPPORTED:
 * it has nothing there. */
NTSTATUS kmt_process_map_locked(struct kmt_channel *channel, struct kmt_handle *entry,
                                void **address);
/* Maps a fence that was entered. STATUS_DEVICE_REMOVED, too: the host's offset makes no sense. */
NTSTATUS kmt_process_map_fence(struct kmt_channel *channel, D3DKMT_HANDLE handle, void **address);
void kmt_process_unmap_locked(struct kmt_handle *entry);

/* A descriptor of the aperture that memory is mapped from, the caller's own, and where it lies in
 * it. STATUS_NOT_SUPPORTED: it is not mapped from there; STATUS_DEVICE_REMOVED: the connection was
 * lost; STATUS_NO_MEMORY: no descriptor is free. */
NTSTATUS kmt_process_share(const void *address, size_t size, int *fd, uint64_t *offset,
                           uint64_t *aperture_size);

/* False when there is no connection, or when it was found to be lost. */
bool kmt_process_is_connected(void);
/* A channel has failed: its fences tell so. */
void kmt_process_channel_lost(uint64_t channel);

/* Tells the host to close a handle, whether it was entered or not. */
void kmt_process_tell_closed(struct kmt_channel *channel, D3DKMT_HANDLE handle,
                             enum kmt_handle_type type);

/* Whether the number is a live handle of that channel. For the guard. */
bool kmt_process_is_handle(void *channel, uint32_t handle);
bool kmt_process_has_handle(uint32_t handle); /* of any channel */

/* For kmt/fork.c too. */
void kmt_process_lock(void);
void kmt_process_unlock(void);
void kmt_process_reset_locked(void);

#endif
