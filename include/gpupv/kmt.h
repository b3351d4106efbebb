/* SPDX-License-Identifier: MIT */
/*
 * What gpupv's thunks offer beside the D3DKMT API. For the shim and the tools; C and C++.
 * All functions are thread-safe; what is said of waiting in gpupv/d3dkmthk.h holds for them too.
 */
#ifndef GPUPV_KMT_H
#define GPUPV_KMT_H

#include <stddef.h>
#include <stdint.h>

#include "gpupv/d3dkmthk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How long the host may take for one answer, in milliseconds. After that it counts as gone. */
#define GPUPV_KMT_TIMEOUT_MS 30000

struct gpupv_kmt_info {
    char transport[256];       /* URI in use, e.g. "unix:/run/gpupv/host.sock" */
    uint32_t protocol_version; /* agreed on */
    uint32_t protocol_min, protocol_max; /* the host's range */
    char host_version[32];
};

/* Connects if there is no connection and describes it. `info` may be NULL. `message` (may be NULL)
 * gets a line for a person, cut at message_size bytes: on failure what failed, why and what to do,
 * on success nothing. The host is the one of GPUPV_HOST (unix:PATH or embedded:), else the one on
 * unix:/run/gpupv/host.sock.
 * STATUS_DEVICE_REMOVED: no service there; STATUS_REVISION_MISMATCH: it speaks other versions of
 * the protocol; STATUS_NOT_SUPPORTED: GPUPV_HOST names no transport of this build;
 * STATUS_NO_MEMORY; another failure with which the host refused this process. */
NTSTATUS gpupv_kmt_connect(struct gpupv_kmt_info *info, char *message, size_t message_size);

/* One value of a registry key: its name in UTF-8 and its type. */
struct gpupv_kmt_registry_entry {
    char name[1040];
    uint32_t type;
};

/* Lists the values of an adapter's service or adapter key, where the host's policy allows listing.
 * `query_type` is D3DDDI_QUERYREGISTRY_SERVICEKEY or _ADAPTERKEY, `physical_adapter` the index of
 * the linked adapter. *entries is malloc'ed, NULL for no values; the caller frees it.
 * STATUS_ACCESS_DENIED: listing is not allowed; STATUS_OBJECT_NAME_NOT_FOUND: there is no such key;
 * STATUS_INVALID_PARAMETER, STATUS_DEVICE_REMOVED, STATUS_NO_MEMORY: as in gpupv/d3dkmthk.h. */
NTSTATUS gpupv_kmt_list_registry(D3DKMT_HANDLE adapter, uint32_t query_type,
                                 uint32_t physical_adapter,
                                 struct gpupv_kmt_registry_entry **entries, size_t *count);

/* A name for an NTSTATUS, e.g. "STATUS_INVALID_PARAMETER"; NULL for one that gpupv never returns.
 * The string is constant. */
const char *gpupv_kmt_status_name(NTSTATUS status);

#ifdef __cplusplus
}
#endif

#endif
