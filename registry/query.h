/* SPDX-License-Identifier: MIT */
/*
 * KMTQAITYPE_QUERYREGISTRY on the host's side: which key, which value, translated or not. The
 * size of the caller's buffer is judged in the guest (wire/protocol.h, wire_registry_reply).
 * Source: D3DDDI_QUERYREGISTRY_INFO (d3dukmdt.h), WDDM GPU-PV "Registry access from UMD".
 */
#ifndef GPUPV_REGISTRY_QUERY_H
#define GPUPV_REGISTRY_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "registry/registry.h"

enum reg_query_type {
    REG_QUERY_SERVICE_KEY = 0,
    REG_QUERY_ADAPTER_KEY = 1,
    REG_QUERY_DRIVER_STORE_PATH = 2,
    REG_QUERY_DRIVER_IMAGE_PATH = 3,
    REG_QUERY_MAX,
};

#define REG_QUERY_FLAG_TRANSLATE_PATH 0x1u
#define REG_QUERY_FLAG_MUTABLE_VALUE 0x2u

/* What one adapter's queries read. Borrowed; any key may be NULL (no such key: nothing is found).
 */
struct reg_query_source {
    const struct reg_key *service;
    const struct reg_key *const *adapters; /* by physical adapter index */
    size_t adapter_count;
    /* Host paths, or NULL where the adapter has none. */
    const char *driver_store_path, *driver_image_path;
    /* Gives the guest's form of a full path in the host's driver store, malloc'ed. Returns 0;
     * -ENOENT when the string is not such a path (it then stays as it is); another negative errno
     * when it is one but must not be told (an escape): the query then fails. */
    int (*translate)(void *context, const char *host_path, char **guest_path);
    void *context;
};

struct reg_query {
    uint32_t type;             /* enum reg_query_type */
    uint32_t flags;            /* REG_QUERY_FLAG_*; any other bit fails */
    const char *name;          /* UTF-8; not read for the two paths */
    uint32_t value_type;       /* enum reg_type; 0 for the two paths */
    uint32_t physical_adapter; /* is checked for every type, selects the key for ADAPTER_KEY */
};

/* Answers with a copy of the value in *value (type, and data in wire form: strings UTF-16LE with
 * terminators, numbers little-endian); free it with free(data); `name` is NULL. On failure *value
 * stays as it was:
 *   -ENOENT     no such value, key or path, or a driver path that does not lie in the store
 *   -EPROTOTYPE the value has another type than the one asked for
 *   -EINVAL     bad query type, flags, name, value type or index
 *   -E2BIG      translated, it is longer than REG_MAX_VALUE_SIZE
 *   -EILSEQ     a driver or guest path that is not UTF-8
 *   -ENOMEM; and what `translate` refuses with */
int reg_query(const struct reg_query_source *source, const struct reg_query *query,
              struct reg_value *value);

/* The key that a SERVICE_KEY or ADAPTER_KEY query reads, or NULL. For listing. */
const struct reg_key *reg_query_key(const struct reg_query_source *source, uint32_t type,
                                    uint32_t physical_adapter);

#endif
