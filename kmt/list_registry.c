/* SPDX-License-Identifier: MIT */
/* gpupv_kmt_list_registry */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gpupv/kmt.h"
#include "kmt/process.h"
#include "kmt/public.h"
#include "util/utf.h"
#include "wire/frame.h"

/* A key with more values is a broken reply. */
#define MAX_ENTRIES 65536u

struct listing {
    struct gpupv_kmt_registry_entry *entries;
    size_t count, capacity;
};

static struct gpupv_kmt_registry_entry *append(struct listing *listing)
{
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity ? listing->capacity * 2 : 16;
        void *entries = realloc(listing->entries, capacity * sizeof(*listing->entries));
        if (!entries)
            return NULL;
        listing->entries = entries;
        listing->capacity = capacity;
    }
    return &listing->entries[listing->count++];
}

/* 0; -ENOMEM; -EPROTO. */
static int take_entry(struct wire_cursor *cursor, struct listing *listing)
{
    struct wire_registry_entry head;
    wire_cursor_copy(cursor, &head, sizeof(head));
    struct gpupv_kmt_registry_entry *entry;
    if (cursor->failed || head.name_size >= sizeof(entry->name))
        return -EPROTO;
    const char *name = wire_cursor_bytes(cursor, head.name_size);
    wire_cursor_bytes(cursor, -head.name_size & 3); /* padding */
    if (cursor->failed || memchr(name, 0, head.name_size) ||
        utf8_to_utf16(name, head.name_size, NULL, 0) < 0)
        return -EPROTO;
    entry = append(listing);
    if (!entry)
        return -ENOMEM;
    memset(entry, 0, sizeof(*entry));
    memcpy(entry->name, name, head.name_size);
    entry->type = head.type;
    return 0;
}

/* Takes one reply's entries. *total is the host's count of the key. */
static int take_page(const uint8_t *reply, size_t size, struct listing *listing, uint32_t *total)
{
    struct wire_cursor cursor = wire_cursor_make(reply, size);
    struct wire_enum_registry_reply head;
    wire_cursor_copy(&cursor, &head, sizeof(head));
    if (head.total > MAX_ENTRIES || head.count > MAX_ENTRIES - listing->count)
        return -EPROTO;
    for (uint32_t i = 0; i < head.count; i++) {
        int result = take_entry(&cursor, listing);
        if (result)
            return result;
    }
    /* The key may shrink between two pages; a page without entries ends the list. */
    *total = head.count ? head.total : 0;
    return wire_cursor_done(&cursor) ? 0 : -EPROTO;
}

static NTSTATUS list_over(struct kmt_channel *channel, struct wire_enum_registry_request request,
                          uint8_t *buffer, struct listing *listing)
{
    uint32_t total;
    do {
        request.start = (uint32_t)listing->count;
        struct kmt_call call = {
            .command = WIRE_ENUM_REGISTRY,
            .fixed = &request,
            .fixed_size = sizeof(request),
            .reply = buffer,
            .reply_min = sizeof(struct wire_enum_registry_reply),
            .reply_max = WIRE_MAX_PAYLOAD,
        };
        NTSTATUS status = kmt_channel_call(channel, &call);
        if (!NT_SUCCESS(status))
            return status;
        int result = take_page(buffer, call.reply_size, listing, &total);
        if (result == -ENOMEM)
            return STATUS_NO_MEMORY;
        if (result)
            return kmt_channel_reject(channel, "a list of registry values is malformed");
    } while (listing->count < total);
    return STATUS_SUCCESS;
}

KMT_PUBLIC NTSTATUS gpupv_kmt_list_registry(D3DKMT_HANDLE adapter, uint32_t query_type,
                                            uint32_t physical_adapter,
                                            struct gpupv_kmt_registry_entry **entries,
                                            size_t *count)
{
    if (!entries || !count)
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = kmt_process_channel_of(adapter, KMT_ADAPTER, &channel);
    if (!NT_SUCCESS(status))
        return status;
    const struct wire_enum_registry_request request = {
        .adapter = adapter,
        .query_type = query_type,
        .physical_adapter = physical_adapter,
    };
    struct listing listing = {0};
    uint8_t *buffer = malloc(WIRE_MAX_PAYLOAD);
    status = buffer ? list_over(channel, request, buffer, &listing) : STATUS_NO_MEMORY;
    free(buffer);
    kmt_channel_unref(channel);
    if (NT_SUCCESS(status)) {
        *entries = listing.entries;
        *count = listing.count;
    } else {
        free(listing.entries);
    }
    return status;
}
