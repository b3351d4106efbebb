/* SPDX-License-Identifier: MIT */
/*
 * What the loader asks the host about an adapter, through the D3DKMT thunks. Texts are UTF-8 and
 * malloc'ed. Errors are negative errno with a message. Thread-safe; every call blocks.
 */
#ifndef GPUPV_LOADER_ADAPTER_QUERY_H
#define GPUPV_LOADER_ADAPTER_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "gpupv/d3dkmthk.h"
#include "util/error.h"

/* Connects and opens all adapters; the caller closes each handle and frees the array. */
int adapter_query_all(D3DKMT_ADAPTERINFO **adapters, size_t *count, struct error *err);

/* The driver's description; "" if the host gives none. NULL when memory is short. */
char *adapter_query_description(D3DKMT_HANDLE adapter);

int adapter_query_device_ids(D3DKMT_HANDLE adapter, D3DKMT_DEVICE_IDS *ids, struct error *err);

/* How many physical adapters are linked in this one; 1 if the host does not tell. */
uint32_t adapter_query_physical_count(D3DKMT_HANDLE adapter);

/* The guest's path of the adapter's driver package, or NULL if the host names none. */
char *adapter_query_store_path(D3DKMT_HANDLE adapter);

/* The ICD manifests that the adapter key names in VulkanDriverName, as guest paths. The array ends
 * with NULL and is freed with adapter_query_free_manifests. -ENOENT if there is no such value, or
 * nothing in it. */
int adapter_query_manifests(D3DKMT_HANDLE adapter, char ***manifests, struct error *err);
void adapter_query_free_manifests(char **manifests);

#endif
