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

/* Whether a further handle of a call came by the same connection. 0 passes: it is optional. */
NTSTATUS kmt_process_check_optional(const struct kmt_channel *channel, D3DKMT_HANDLE handle,
                                    enum kmt_handle_type type);

/* Enters a handle that the host gave. STATUS_NO_MEMORY: the host is told to close it again;
 * STATUS_DEVICE_REMOVED when it makes no sense: 0, or one that the channel already has. The channel
 * is then failed. */
NTSTATUS kmt_process_add(struct kmt_channel *channel, D3DKMT_HANDLE handle,
                         enum kmt_handle_type type, D3DKMT_HANDLE parent);

/* Forgets a handle, a device's contexts with it, and tells the host if it still listens.
 * STATUS_INVALID_PARAMETER. */
NTSTATUS kmt_process_close(D3DKMT_HANDLE handle, enum kmt_handle_type type);

/* Tells the host to close a handle, whether it was entered or not. */
void kmt_process_tell_closed(struct kmt_channel *channel, D3DKMT_HANDLE handle,
                             enum kmt_handle_type type);

/* Whether the number is a live handle of that channel. For the guard. */
bool kmt_process_is_handle(void *channel, uint32_t handle);

/* For kmt/fork.c. */
void kmt_process_lock(void);
void kmt_process_unlock(void);
void kmt_process_reset_locked(void);

#endif
