/* SPDX-License-Identifier: MIT */
#include "kmt/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "kmt/mapping.h"
#include "kmt/transport.h"

static struct {
    pthread_mutex_t connecting; /* taken first; held while a connection is made */

    pthread_mutex_t lock;        /* never held while anything waits; guards what follows */
    struct kmt_channel *channel; /* or NULL */
    struct handle_set handles;
} process = {
    .connecting = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

void kmt_process_lock(void)
{
    pthread_mutex_lock(&process.lock);
}

void kmt_process_unlock(void)
{
    pthread_mutex_unlock(&process.lock);
}

void kmt_process_reset_locked(void)
{
    /* The parent's channel stays in the list of all, failed; its references belong to threads that
     * this process may not have, so they are never given back. */
    process.channel = NULL;
    kmt_mappings_abandon_locked();
    handle_set_finish(&process.handles);
    pthread_mutex_init(&process.connecting, NULL);
}

static struct kmt_channel *current_channel(void)
{
    kmt_process_lock();
    struct kmt_channel *channel = process.channel ? kmt_channel_ref(process.channel) : NULL;
    kmt_process_unlock();
    return channel;
}

static void set_current_channel(struct kmt_channel *channel)
{
    kmt_process_lock();
    struct kmt_channel *old = process.channel;
    process.channel = kmt_channel_ref(channel);
    kmt_process_unlock();
    kmt_channel_unref(old);
}

NTSTATUS kmt_process_connect(struct kmt_channel **channel, struct error *err)
{
    pthread_mutex_lock(&process.connecting);
    NTSTATUS status = STATUS_SUCCESS;
    struct kmt_channel *current = current_channel();
    if (!current || !kmt_channel_check(current)) {
        kmt_channel_unref(current);
        const char *uri = secure_getenv("GPUPV_HOST");
        status = kmt_channel_create(uri && *uri ? uri : KMT_DEFAULT_URI, &current, err);
        if (NT_SUCCESS(status))
            set_current_channel(current);
    }
    pthread_mutex_unlock(&process.connecting);
    if (NT_SUCCESS(status))
        *channel = current;
    return status;
}

NTSTATUS kmt_process_find_locked(D3DKMT_HANDLE handle, enum kmt_handle_type type,
                                 struct kmt_handle **entry)
{
    *entry = handle_set_find(&process.handles, handle);
    return *entry && (*entry)->type == type ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTSTATUS kmt_process_channel_of_locked(const struct kmt_handle *entry, struct kmt_channel **channel)
{
    if (!process.channel || kmt_channel_id(process.channel) != entry->channel)
        return STATUS_DEVICE_REMOVED;
    *channel = kmt_channel_ref(process.channel);
    return STATUS_SUCCESS;
}

NTSTATUS kmt_process_channel_of(D3DKMT_HANDLE handle, enum kmt_handle_type type,
                                struct kmt_channel **channel)
{
    struct kmt_handle *entry;
    kmt_process_lock();
    NTSTATUS status = kmt_process_find_locked(handle, type, &entry);
    if (NT_SUCCESS(status))
        status = kmt_process_channel_of_locked(entry, channel);
    kmt_process_unlock();
    return status;
}

NTSTATUS kmt_process_parent_of(D3DKMT_HANDLE handle, enum kmt_handle_type type,
                               D3DKMT_HANDLE *parent, struct kmt_channel **channel)
{
    struct kmt_handle *entry;
    kmt_process_lock();
    NTSTATUS status = kmt_process_find_locked(handle, type, &entry);
    if (NT_SUCCESS(status)) {
        *parent = entry->parents[0];
        status = kmt_process_channel_of_locked(entry, channel);
    }
    kmt_process_unlock();
    return status;
}

NTSTATUS kmt_process_check_optional(const struct kmt_channel *channel, D3DKMT_HANDLE handle,
                                    enum kmt_handle_type type)
{
    if (!handle)
        return STATUS_SUCCESS;
    struct kmt_handle *entry;
    kmt_process_lock();
    NTSTATUS status = kmt_process_find_locked(handle, type, &entry);
    if (NT_SUCCESS(status) && entry->channel != kmt_channel_id(channel))
        status = STATUS_DEVICE_REMOVED;
    kmt_process_unlock();
    return status;
}

void kmt_process_tell_closed(struct kmt_channel *channel, D3DKMT_HANDLE handle,
                             enum kmt_handle_type type)
{
    static const enum wire_command commands[] = {
        [KMT_ADAPTER] = WIRE_CLOSE_ADAPTER,    [KMT_DEVICE] = WIRE_DESTROY_DEVICE,
        [KMT_CONTEXT] = WIRE_DESTROY_CONTEXT,  [KMT_HW_QUEUE] = WIRE_DESTROY_HW_QUEUE,
        [KMT_SYNC] = WIRE_DESTROY_SYNC_OBJECT,
    };
    const struct wire_handle message = {handle};
    (void)kmt_channel_send_async(channel, commands[type], &message, sizeof(message));
}

NTSTATUS kmt_process_enter(struct kmt_channel *channel, struct kmt_handle *entry)
{
    if (!entry->handle)
        return kmt_channel_reject(channel, "the host gave the handle 0");
    kmt_process_lock();
    const struct kmt_handle *old = handle_set_find(&process.handles, entry->handle);
    bool twice = old && old->channel == entry->channel;
    int result = twice ? 0 : handle_set_put(&process.handles, entry);
    kmt_process_unlock();
    if (twice)
        return kmt_channel_reject(channel, "the host gave the handle 0x%x twice", entry->handle);
    return result ? STATUS_NO_MEMORY : STATUS_SUCCESS;
}

NTSTATUS kmt_process_add(struct kmt_channel *channel, D3DKMT_HANDLE handle,
                         enum kmt_handle_type type, D3DKMT_HANDLE parent)
{
    struct kmt_handle entry = {
        .handle = handle,
        .type = type,
        .parents = {parent},
        .channel = kmt_channel_id(channel),
        .offset = WIRE_NO_OFFSET,
    };
    NTSTATUS status = kmt_process_enter(channel, &entry);
    if (status == STATUS_NO_MEMORY)
        kmt_process_tell_closed(channel, handle, type);
    return status;
}

void kmt_process_remove_locked(D3DKMT_HANDLE handle)
{
    handle_set_remove(&process.handles, handle);
}

void kmt_process_remove_children_locked(D3DKMT_HANDLE parent, uint64_t channel)
{
    handle_set_remove_children(&process.handles, parent, channel);
}

void kmt_process_forget(D3DKMT_HANDLE handle)
{
    kmt_process_lock();
    handle_set_remove(&process.handles, handle);
    kmt_process_unlock();
}

NTSTATUS kmt_process_map_locked(struct kmt_channel *channel, struct kmt_handle *entry,
                                void **address)
{
    uint64_t size;
    int fd = kmt_channel_aperture(channel, &size);
    if (entry->exported && entry->mapping) {
        *address = kmt_mapping_address(entry->mapping, entry->offset);
        return STATUS_SUCCESS;
    }
    if (entry->offset == WIRE_NO_OFFSET || fd < 0)
        return STATUS_NOT_SUPPORTED;
    if (!entry->mapping)
        entry->mapping =
            entry->type == KMT_ALLOCATION
                ? kmt_mapping_create_locked(entry->channel, fd, entry->offset, entry->size)
                : kmt_mapping_of_fence_locked(entry->channel, fd, entry->offset);
    if (!entry->mapping)
        return STATUS_NO_MEMORY;
    *address = kmt_mapping_address(entry->mapping, entry->offset);
    return STATUS_SUCCESS;
}

NTSTATUS kmt_process_map_fence(struct kmt_channel *channel, D3DKMT_HANDLE handle, void **address)
{
    NTSTATUS status = kmt_channel_map_aperture(channel);
    if (!NT_SUCCESS(status))
        return status;
    uint64_t size;
    kmt_channel_aperture(channel, &size);
    struct kmt_handle *entry;
    uint64_t offset = 0;
    kmt_process_lock();
    status = kmt_process_find_locked(handle, KMT_SYNC, &entry);
    if (NT_SUCCESS(status)) {
        offset = entry->offset;
        if (offset % WIRE_FENCE_STRIDE || offset >= size)
            status = STATUS_DEVICE_REMOVED;
        else
            status = kmt_process_map_locked(channel, entry, address);
    }
    kmt_process_unlock();
    if (status == STATUS_DEVICE_REMOVED)
        return kmt_channel_reject(channel, "a fence lies at 0x%llx, outside the aperture",
                                  (unsigned long long)offset);
    return status;
}

void kmt_process_unmap_locked(struct kmt_handle *entry)
{
    kmt_mapping_unref_locked(entry->mapping);
    entry->mapping = NULL;
}

NTSTATUS kmt_process_share(const void *address, size_t size, int *fd, uint64_t *offset,
                           uint64_t *aperture_size)
{
    uint64_t id;
    kmt_process_lock();
    bool found = kmt_mapping_find_locked(address, size, &id, offset);
    kmt_process_unlock();
    if (!found)
        return STATUS_NOT_SUPPORTED;
    struct kmt_channel *channel = current_channel();
    NTSTATUS status = STATUS_DEVICE_REMOVED;
    if (channel && kmt_channel_id(channel) == id) {
        int aperture = kmt_channel_aperture(channel, aperture_size);
        *fd = aperture < 0 ? -1 : fcntl(aperture, F_DUPFD_CLOEXEC, 0);
        if (aperture >= 0)
            status = *fd < 0 ? STATUS_NO_MEMORY : STATUS_SUCCESS;
    }
    kmt_channel_unref(channel);
    return status;
}

bool kmt_process_is_connected(void)
{
    struct kmt_channel *channel = current_channel();
    bool connected = channel && kmt_channel_check(channel);
    kmt_channel_unref(channel);
    return connected;
}

void kmt_process_channel_lost(uint64_t channel)
{
    kmt_process_lock();
    kmt_mappings_lose_locked(channel);
    kmt_process_unlock();
}

NTSTATUS kmt_process_close(D3DKMT_HANDLE handle, enum kmt_handle_type type)
{
    struct kmt_handle *entry;
    struct kmt_channel *channel = NULL;
    kmt_process_lock();
    NTSTATUS status = kmt_process_find_locked(handle, type, &entry);
    if (NT_SUCCESS(status)) {
        uint64_t id = entry->channel;
        (void)kmt_process_channel_of_locked(entry, &channel);
        handle_set_remove(&process.handles, handle);
        if (type == KMT_DEVICE || type == KMT_CONTEXT || type == KMT_HW_QUEUE)
            handle_set_remove_children(&process.handles, handle, id);
    }
    kmt_process_unlock();
    if (channel) {
        kmt_process_tell_closed(channel, handle, type);
        kmt_channel_unref(channel);
    }
    return status;
}

bool kmt_process_has_handle(uint32_t handle)
{
    kmt_process_lock();
    bool live = handle_set_find(&process.handles, handle) != NULL;
    kmt_process_unlock();
    return live;
}

bool kmt_process_is_handle(void *channel, uint32_t handle)
{
    kmt_process_lock();
    const struct kmt_handle *entry = handle_set_find(&process.handles, handle);
    bool live = entry && entry->channel == kmt_channel_id(channel);
    kmt_process_unlock();
    return live;
}
