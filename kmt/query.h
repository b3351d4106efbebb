/* SPDX-License-Identifier: MIT */
/* The parts of D3DKMTQueryAdapterInfo. */
#ifndef GPUPV_KMT_QUERY_H
#define GPUPV_KMT_QUERY_H

#include <stdbool.h>
#include <wchar.h>

#include "kmt/channel.h"

/* Sends a query about an adapter, `size` bytes of private data in their wire form, and takes the
 * reply, `reply_min` to *reply_size bytes. Statuses as D3DKMTQueryAdapterInfo. */
NTSTATUS query_exchange(struct kmt_channel *channel, D3DKMT_HANDLE adapter, uint32_t type,
                        const void *wire, uint32_t size, void *reply, size_t reply_min,
                        size_t *reply_size);

/* KMTQAITYPE_QUERYREGISTRY. */
NTSTATUS query_registry(const D3DKMT_QUERYADAPTERINFO *args);

/* Text of the wire, UTF-16 in an array of `units` that must have a terminator, as wide characters
 * in an array of the same length, the rest zeros. False, and nothing written, when it is none. */
bool query_text_to_wide(const uint16_t *text, size_t units, wchar_t *to);

#endif
