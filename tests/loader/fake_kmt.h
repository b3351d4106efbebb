/* SPDX-License-Identifier: MIT */
/* The D3DKMT functions that the loader calls, over a table that the test fills. Linked instead of
 * libgpupv_kmt.so, so that no host is needed. */
#ifndef GPUPV_TESTS_FAKE_KMT_H
#define GPUPV_TESTS_FAKE_KMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#include "gpupv/d3dkmthk.h"

struct fake_adapter {
    LUID luid;
    uint32_t vendor, device;
    uint32_t physical_adapters; /* 0: the host does not tell */
    const wchar_t *description;
    const wchar_t *multi_sz;    /* VulkanDriverName, each string with its NUL, then another */
    size_t multi_sz_characters; /* with all NULs */
    const wchar_t *sz;
};

#define FAKE_MAX_ADAPTERS 4

struct fake_host {
    bool down; /* cannot be reached */
    struct fake_adapter adapters[FAKE_MAX_ADAPTERS];
    size_t adapter_count;
    bool growing_value; /* the value is one string longer with every query */
    bool no_device_ids;
    uint32_t connection; /* raise it: handles of before are unknown */

    /* Counted. */
    int open_handles;
    int connects, enumerations;
    int multi_queries, sz_queries, overflows;
};

extern struct fake_host fake_host;

void fake_host_reset(void);

#endif
