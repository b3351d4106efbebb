/* SPDX-License-Identifier: MIT */
/* Private data of escapes and contexts on its way out. */
#ifndef GPUPV_KMT_PRIVATE_DATA_H
#define GPUPV_KMT_PRIVATE_DATA_H

#include "kmt/channel.h"

/* Copies a caller's private data, so that what is checked is what is sent even if another thread
 * writes to it. *copy is malloc'ed, NULL for no bytes; the caller frees it. `what` names the data
 * in messages; `fixed_size` is what the request has besides. STATUS_INVALID_BUFFER_SIZE: no message
 * can carry it; STATUS_NO_MEMORY. */
NTSTATUS private_data_copy(const struct kmt_channel *channel, const char *what, const void *data,
                           uint32_t size, size_t fixed_size, void **copy);

/* Lets the guard search such a copy. STATUS_INVALID_PARAMETER when it finds something and enforces.
 */
NTSTATUS private_data_guard(struct kmt_channel *channel, const char *what, const void *copy,
                            uint32_t size);

#endif
