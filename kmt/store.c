/* SPDX-License-Identifier: MIT */
/* gpupv_kmt_store_list, gpupv_kmt_store_read, gpupv_kmt_store_rules */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gpupv/kmt.h"
#include "kmt/process.h"
#include "kmt/public.h"
#include "util/log.h"
#include "util/utf.h"
#include "wire/frame.h"

/* No host has more; larger counts are broken replies. */
#define MAX_PACKAGES 65536u
#define MAX_RULES 65536u

/* A list that grows by pages: a head, then entries of one size. */
struct pages {
    uint8_t *data;
    size_t head_size, entry_size;
    size_t count, capacity;
};

static int pages_init(struct pages *pages, size_t head_size, size_t entry_size)
{
    *pages = (struct pages){.head_size = head_size, .entry_size = entry_size};
    pages->data = calloc(1, head_size);
    return pages->data ? 0 : -ENOMEM;
}

/* Room for one more entry, zeroed, or NULL. */
static void *pages_add(struct pages *pages)
{
    if (pages->count == pages->capacity) {
        size_t capacity = pages->capacity ? pages->capacity * 2 : 4;
        uint8_t *data = realloc(pages->data, pages->head_size + capacity * pages->entry_size);
        if (!data)
            return NULL;
        pages->data = data;
        pages->capacity = capacity;
    }
    void *entry = pages->data + pages->head_size + pages->count++ * pages->entry_size;
    memset(entry, 0, pages->entry_size);
    return entry;
}

/* Takes `size` bytes as text into a field. 0 or -EPROTO: too long, a NUL in it, no UTF-8. */
static int take_text(struct wire_cursor *cursor, size_t size, char *to, size_t capacity)
{
    if (!size || size >= capacity)
        return -EPROTO;
    const char *text = wire_cursor_bytes(cursor, size);
    if (!text || memchr(text, 0, size) || utf8_to_utf16(text, size, NULL, 0) < 0)
        return -EPROTO;
    memset(to, 0, capacity);
    memcpy(to, text, size);
    return 0;
}

static void take_padding(struct wire_cursor *cursor, size_t size)
{
    wire_cursor_bytes(cursor, -size & 3);
}

/* A page's entries: `take_entry` is called for each. `total` and `count` are the host's. 1: more
 * pages follow; 0: that was the last; negative: -ENOMEM or -EPROTO. */
static int take_page(struct wire_cursor *cursor, struct pages *pages, uint32_t total,
                     uint32_t count, uint32_t most,
                     int (*take_entry)(struct wire_cursor *cursor, void *entry))
{
    if (total > most || count > most - pages->count)
        return -EPROTO;
    for (uint32_t i = 0; i < count; i++) {
        void *entry = pages_add(pages);
        int result = entry ? take_entry(cursor, entry) : -ENOMEM;
        if (result)
            return result;
    }
    if (!wire_cursor_done(cursor))
        return -EPROTO;
    /* The list may shrink between two pages; a page without entries ends it. */
    return count && pages->count < total;
}

/* Asks for pages until the last. */
static NTSTATUS collect(struct kmt_channel *channel, struct kmt_call call, uint32_t *start,
                        struct pages *pages,
                        int (*take)(struct wire_cursor *cursor, struct pages *pages),
                        const char *what)
{
    uint8_t *buffer = malloc(WIRE_MAX_PAYLOAD);
    if (!buffer)
        return STATUS_NO_MEMORY;
    NTSTATUS status;
    int more;
    do {
        *start = (uint32_t)pages->count;
        call.reply = buffer;
        call.reply_max = WIRE_MAX_PAYLOAD;
        status = kmt_channel_call(channel, &call);
        if (!NT_SUCCESS(status))
            break;
        struct wire_cursor cursor = wire_cursor_make(buffer, call.reply_size);
        more = take(&cursor, pages);
        if (more == -ENOMEM)
            status = STATUS_NO_MEMORY;
        else if (more < 0)
            status = kmt_channel_reject(channel, "%s is malformed", what);
    } while (NT_SUCCESS(status) && more);
    free(buffer);
    return status;
}

/* A connection whose host knows these commands. */
static NTSTATUS connect_store(struct kmt_channel **channel)
{
    struct error err;
    NTSTATUS status = kmt_process_connect(channel, &err);
    if (!NT_SUCCESS(status)) {
        log_info("kmt", "%s", err.text);
        return status;
    }
    if (kmt_channel_info(*channel)->version >= 2)
        return STATUS_SUCCESS;
    kmt_channel_unref(*channel);
    return STATUS_NOT_SUPPORTED;
}

/* --- Packages --- */

static int take_package(struct wire_cursor *cursor, void *entry)
{
    struct gpupv_kmt_store_package *package = entry;
    struct wire_store_package head;
    wire_cursor_copy(cursor, &head, sizeof(head));
    if (cursor->failed || head.reserved ||
        take_text(cursor, head.name_size, package->name, sizeof(package->name)))
        return -EPROTO;
    take_padding(cursor, head.name_size);
    package->size = head.size;
    package->catalog_size = head.catalog_size;
    package->signature_size = head.signature_size;
    memcpy(package->catalog_digest, head.catalog_digest, sizeof(head.catalog_digest));
    memcpy(package->signature_digest, head.signature_digest, sizeof(head.signature_digest));
    return 0;
}

static int take_packages(struct wire_cursor *cursor, struct pages *pages)
{
    struct gpupv_kmt_store *store = (struct gpupv_kmt_store *)pages->data;
    struct wire_store_list_reply head;
    wire_cursor_copy(cursor, &head, sizeof(head));
    if (cursor->failed || head.copy_mode > WIRE_COPY_OVERWRITE ||
        take_text(cursor, head.root_size, store->root, sizeof(store->root)))
        return -EPROTO;
    take_padding(cursor, head.root_size);
    store->copy_mode = head.copy_mode;
    return take_page(cursor, pages, head.total, head.count, MAX_PACKAGES, take_package);
}

KMT_PUBLIC NTSTATUS gpupv_kmt_store_list(struct gpupv_kmt_store **store)
{
    if (!store)
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = connect_store(&channel);
    if (!NT_SUCCESS(status))
        return status;
    struct pages pages;
    status = STATUS_NO_MEMORY;
    if (pages_init(&pages, sizeof(**store), sizeof(struct gpupv_kmt_store_package)))
        goto out_channel;
    struct wire_store_list_request request = {0};
    const struct kmt_call call = {
        .command = WIRE_STORE_LIST,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .reply_min = sizeof(struct wire_store_list_reply),
    };
    status = collect(channel, call, &request.start, &pages, take_packages,
                     "the list of the store's packages");
    if (NT_SUCCESS(status)) {
        *store = (struct gpupv_kmt_store *)pages.data;
        (*store)->count = pages.count;
        (*store)->packages = (void *)(pages.data + pages.head_size);
    } else {
        free(pages.data);
    }
out_channel:
    kmt_channel_unref(channel);
    return status;
}

/* --- Files --- */

static NTSTATUS read_over(struct kmt_channel *channel, struct kmt_call *call, void *data,
                          size_t *size, struct gpupv_kmt_store_file *file)
{
    struct wire_store_read_reply *reply = call->reply;
    NTSTATUS status = kmt_channel_call(channel, call);
    if (!NT_SUCCESS(status))
        return status;
    size_t got = call->reply_size - sizeof(*reply);
    const struct wire_store_read_request *request = call->fixed;
    if (got && (request->offset > reply->file_size || got > reply->file_size - request->offset))
        return kmt_channel_reject(channel, "a part of a file reaches beyond the file's end");
    if (reply->modified_nsec >= 1000000000u)
        return kmt_channel_reject(channel, "a file's time has %u nanoseconds",
                                  reply->modified_nsec);
    if (got)
        memcpy(data, reply + 1, got);
    *size = got;
    if (file)
        *file = (struct gpupv_kmt_store_file){
            .size = reply->file_size,
            .modified_sec = reply->modified_sec,
            .modified_nsec = reply->modified_nsec,
            .executable = reply->flags & WIRE_STORE_EXECUTABLE ? 1 : 0,
        };
    return status;
}

KMT_PUBLIC NTSTATUS gpupv_kmt_store_read(const char *package, const char *path, uint64_t offset,
                                         void *data, size_t *size,
                                         struct gpupv_kmt_store_file *file)
{
    if (!package || !path || !size || (*size && !data))
        return STATUS_INVALID_PARAMETER;
    size_t package_size = strlen(package), path_size = strlen(path);
    if (!package_size || package_size >= 256 || !path_size || path_size >= 4096)
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = connect_store(&channel);
    if (!NT_SUCCESS(status))
        return status;

    const struct wire_store_read_request request = {
        .offset = offset,
        .length = (uint32_t)(*size < WIRE_STORE_MAX_READ ? *size : WIRE_STORE_MAX_READ),
        .package_size = (uint16_t)package_size,
        .path_size = (uint16_t)path_size,
    };
    struct wire_store_read_reply *reply = malloc(sizeof(*reply) + request.length);
    char *names = malloc(package_size + path_size);
    status = STATUS_NO_MEMORY;
    if (reply && names) {
        memcpy(names, package, package_size);
        memcpy(names + package_size, path, path_size);
        struct kmt_call call = {
            .command = WIRE_STORE_READ,
            .fixed = &request,
            .fixed_size = sizeof(request),
            .data = names,
            .data_size = package_size + path_size,
            .reply = reply,
            .reply_min = sizeof(*reply),
            .reply_max = sizeof(*reply) + request.length,
        };
        status = read_over(channel, &call, data, size, file);
    }
    free(names);
    free(reply);
    kmt_channel_unref(channel);
    return status;
}

/* --- Rules --- */

static int take_rule(struct wire_cursor *cursor, void *entry)
{
    struct gpupv_kmt_copy_rule *rule = entry;
    struct wire_store_rule head;
    wire_cursor_copy(cursor, &head, sizeof(head));
    if (cursor->failed || head.flags & ~(WIRE_RULE_WHEN_NEWER | WIRE_RULE_WOW64) ||
        take_text(cursor, head.source_size, rule->source, sizeof(rule->source)) ||
        take_text(cursor, head.target_size, rule->target, sizeof(rule->target)))
        return -EPROTO;
    take_padding(cursor, (size_t)head.source_size + head.target_size);
    rule->when_newer = head.flags & WIRE_RULE_WHEN_NEWER ? 1 : 0;
    rule->wow64 = head.flags & WIRE_RULE_WOW64 ? 1 : 0;
    return 0;
}

static int take_rules(struct wire_cursor *cursor, struct pages *pages)
{
    struct gpupv_kmt_copy_rules *rules = (struct gpupv_kmt_copy_rules *)pages->data;
    struct wire_store_rules_reply head;
    wire_cursor_copy(cursor, &head, sizeof(head));
    if (cursor->failed || head.reserved ||
        take_text(cursor, head.package_size, rules->package, sizeof(rules->package)))
        return -EPROTO;
    take_padding(cursor, head.package_size);
    return take_page(cursor, pages, head.total, head.count, MAX_RULES, take_rule);
}

KMT_PUBLIC NTSTATUS gpupv_kmt_store_rules(D3DKMT_HANDLE adapter, uint32_t physical_adapter,
                                          struct gpupv_kmt_copy_rules **rules)
{
    if (!rules)
        return STATUS_INVALID_PARAMETER;
    struct kmt_channel *channel;
    NTSTATUS status = kmt_process_channel_of(adapter, KMT_ADAPTER, &channel);
    if (!NT_SUCCESS(status))
        return status;
    struct pages pages;
    status = kmt_channel_info(channel)->version >= 2 ? STATUS_NO_MEMORY : STATUS_NOT_SUPPORTED;
    if (status == STATUS_NOT_SUPPORTED ||
        pages_init(&pages, sizeof(**rules), sizeof(struct gpupv_kmt_copy_rule)))
        goto out_channel;
    struct wire_store_rules_request request = {
        .adapter = adapter,
        .physical_adapter = physical_adapter,
    };
    const struct kmt_call call = {
        .command = WIRE_STORE_RULES,
        .fixed = &request,
        .fixed_size = sizeof(request),
        .reply_min = sizeof(struct wire_store_rules_reply),
    };
    status =
        collect(channel, call, &request.start, &pages, take_rules, "the list of CopyToVm rules");
    if (NT_SUCCESS(status)) {
        *rules = (struct gpupv_kmt_copy_rules *)pages.data;
        (*rules)->count = pages.count;
        (*rules)->rules = (void *)(pages.data + pages.head_size);
    } else {
        free(pages.data);
    }
out_channel:
    kmt_channel_unref(channel);
    return status;
}
