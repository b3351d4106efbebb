/* SPDX-License-Identifier: MIT */
/* gpupv_kmt_guard: the guard of private data for what does not cross in thunks. */
#include <string.h>

#include "gpupv/kmt.h"
#include "kmt/channel.h"
#include "kmt/process.h"
#include "kmt/public.h"

static size_t find_handle(const void *data, size_t size)
{
    for (size_t at = 0; size - at >= sizeof(uint32_t); at += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, (const uint8_t *)data + at, sizeof(word));
        if (word && kmt_process_has_handle(word))
            return at;
    }
    return size;
}

KMT_PUBLIC enum gpupv_kmt_guard_result gpupv_kmt_guard(const void *data, size_t size,
                                                       int with_handles, size_t *offset)
{
    if (kmt_guard_mode() != GUARD_STRICT)
        return GPUPV_KMT_GUARD_OFF;
    *offset = guard_find_address(data, size);
    if (*offset < size)
        return GPUPV_KMT_GUARD_ADDRESS;
    if (with_handles) {
        *offset = find_handle(data, size);
        if (*offset + sizeof(uint32_t) <= size)
            return GPUPV_KMT_GUARD_HANDLE;
    }
    return GPUPV_KMT_GUARD_CLEAN;
}
