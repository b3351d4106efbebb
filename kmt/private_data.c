/* SPDX-License-Identifier: MIT */
#include "kmt/private_data.h"

#include <stdlib.h>
#include <string.h>

#include "kmt/process.h"
#include "util/log.h"

NTSTATUS private_data_copy(const struct kmt_channel *channel, const char *what, const void *data,
                           uint32_t size, size_t fixed_size, void **copy)
{
    *copy = NULL;
    if (!size)
        return STATUS_SUCCESS;
    size_t room = kmt_channel_room(channel, fixed_size);
    if (size > room) {
        log_error("kmt",
                  "private data of %s has %u bytes; one message carries %zu, and bulk data belongs "
                  "into an allocation",
                  what, size, room);
        return STATUS_INVALID_BUFFER_SIZE;
    }
    *copy = malloc(size);
    if (!*copy)
        return STATUS_NO_MEMORY;
    memcpy(*copy, data, size);
    return STATUS_SUCCESS;
}

NTSTATUS private_data_guard(struct kmt_channel *channel, const char *what, const void *copy,
                            uint32_t size)
{
    struct error err;
    if (!guard_scan(kmt_channel_info(channel)->guard_mode, what, copy, size, kmt_process_is_handle,
                    channel, &err))
        return STATUS_SUCCESS;
    log_error("kmt", "%s", err.text);
    return STATUS_INVALID_PARAMETER;
}
