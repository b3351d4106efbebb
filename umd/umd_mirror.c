/* SPDX-License-Identifier: MIT */
#include "umd/umd_mirror.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "wire/mirror.h"

/* Bytes of pages in a command. */
#define PAGES_OF_COMMAND (60u * 1024u)

struct mapped_range {
    uint64_t handle;
    struct umd_mirror *mirror;
    VkDeviceSize offset, size;
};

struct umd_mirrors {
    pthread_mutex_t lock;
    struct mapped_range *ranges;
    uint32_t count, capacity;
    /* What had finished when the ranges were last received. */
    uint64_t received[STREAM_MAX_QUEUES];
    _Alignas(8) uint8_t pages[PAGES_OF_COMMAND];
};

/* --- Life --- */

VkResult umd_mirrors_init(struct umd_device *device)
{
    struct umd_mirrors *mirrors = calloc(1, sizeof(*mirrors));
    if (!mirrors)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    if (pthread_mutex_init(&mirrors->lock, NULL)) {
        free(mirrors);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    device->mirrors = mirrors;
    return VK_SUCCESS;
}

void umd_mirrors_finish(struct umd_device *device)
{
    struct umd_mirrors *mirrors = device->mirrors;
    if (!mirrors)
        return;
    pthread_mutex_destroy(&mirrors->lock);
    free(mirrors->ranges);
    free(mirrors);
    device->mirrors = NULL;
}

/* Pages that nobody touches are not there. */
static uint8_t *take_pages(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

struct umd_mirror *umd_mirror_create(uint64_t id, VkDeviceSize size)
{
    if (size > SIZE_MAX / 2 - STREAM_PAGE_SIZE)
        return NULL;
    struct umd_mirror *mirror = calloc(1, sizeof(*mirror));
    if (!mirror)
        return NULL;
    mirror->id = id;
    mirror->size = (size_t)size;
    mirror->memory = take_pages(mirror->size);
    mirror->shadow = take_pages(mirror->size);
    if (mirror->memory && mirror->shadow)
        return mirror;
    umd_mirror_destroy(mirror);
    return NULL;
}

void umd_mirror_destroy(struct umd_mirror *mirror)
{
    if (!mirror)
        return;
    if (mirror->memory)
        munmap(mirror->memory, mirror->size);
    if (mirror->shadow)
        munmap(mirror->shadow, mirror->size);
    free(mirror);
}

/* --- To the host; with the lock --- */

static VkResult send_pages_locked(struct umd_device *device, const struct umd_mirror *mirror,
                                  size_t size)
{
    if (!size)
        return VK_SUCCESS;
    struct wire_encoder *encoder = umd_stream_begin(device->stream);
    size_t at = encoder->used;
    struct stream_write_memory *command = wire_put(encoder, sizeof(*command) + size);
    if (command) {
        *command =
            (struct stream_write_memory){.head.opcode = STREAM_WRITE_MEMORY, .id = mirror->id};
        memcpy(command + 1, device->mirrors->pages, size);
    }
    wire_end_command(encoder, at);
    VkResult result = umd_stream_end(device->stream, false);
    /* The shadow has it already: there is no second try. */
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        umd_stream_lose(device->stream, "no memory for what the program has written");
    return result;
}

static VkResult send_range_locked(struct umd_device *device, const struct mapped_range *range)
{
    struct umd_mirror *mirror = range->mirror;
    uint8_t *pages = device->mirrors->pages;
    size_t used = 0, end = (size_t)(range->offset + range->size);
    for (size_t at = (size_t)range->offset; at < end;) {
        size_t size = STREAM_PAGE_SIZE - at % STREAM_PAGE_SIZE;
        if (size > end - at)
            size = end - at;
        if (used + MIRROR_MAX_PAGE > PAGES_OF_COMMAND) {
            VkResult result = send_pages_locked(device, mirror, used);
            if (result)
                return result;
            used = 0;
        }
        struct stream_page page = {.offset = at};
        used += mirror_pack(&page, mirror->memory + at, mirror->shadow + at, (uint32_t)size,
                            pages + used);
        at += size;
    }
    return send_pages_locked(device, mirror, used);
}

VkResult umd_mirrors_send(struct umd_device *device)
{
    struct umd_mirrors *mirrors = device->mirrors;
    VkResult result = VK_SUCCESS;
    pthread_mutex_lock(&mirrors->lock);
    for (uint32_t i = 0; i < mirrors->count && !result; i++)
        result = send_range_locked(device, &mirrors->ranges[i]);
    pthread_mutex_unlock(&mirrors->lock);
    return result;
}

/* --- From the host; with the lock --- */

/* Where a reading of some ranges is. */
struct reading {
    struct umd_device *device;
    const struct mapped_range *ranges;
    uint32_t count;
    VkDeviceSize offset; /* in the first */
};

static VkResult ask_locked(const struct reading *reading, uint32_t count, struct umd_call *call)
{
    struct wire_encoder *encoder = umd_call_begin(reading->device->stream, call);
    if (encoder) {
        size_t at = encoder->used;
        struct stream_memory_range *ranges;
        struct stream_read_memory *command =
            wire_put(encoder, sizeof(*command) + count * sizeof(*ranges));
        if (command) {
            *command = (struct stream_read_memory){
                .head.opcode = STREAM_READ_MEMORY, .reply = call->word, .count = count};
            ranges = (struct stream_memory_range *)(void *)(command + 1);
            for (uint32_t i = 0; i < count; i++) {
                const struct mapped_range *range = &reading->ranges[i];
                VkDeviceSize done = i == 0 ? reading->offset : 0;
                ranges[i] = (struct stream_memory_range){
                    .id = range->mirror->id,
                    .offset = range->offset + done,
                    .size = range->size - done,
                };
            }
        }
        wire_end_command(encoder, at);
    }
    VkResult result = umd_call_wait(call);
    return result ? result : call->result;
}

static bool apply_locked(const struct reading *reading, uint32_t count, const uint8_t *data,
                         size_t size)
{
    while (size) {
        struct mirror_change change;
        if (mirror_take(&data, &size, &change) || change.page.range >= count)
            return false;
        const struct mapped_range *range = &reading->ranges[change.page.range];
        const struct umd_mirror *mirror = range->mirror;
        if (change.page.offset < range->offset ||
            change.page.offset - range->offset > range->size ||
            change.page.size > range->size - (change.page.offset - range->offset))
            return false;
        mirror_apply(&change, mirror->memory + change.page.offset,
                     mirror->shadow + change.page.offset);
    }
    return true;
}

/* One round trip. */
static VkResult read_some_locked(struct reading *reading)
{
    uint32_t count = reading->count < STREAM_MAX_RANGES ? reading->count : STREAM_MAX_RANGES;
    struct umd_call call;
    VkResult result = ask_locked(reading, count, &call);
    struct stream_read_memory_reply reply = {0};
    if (!result && call.size >= sizeof(reply))
        memcpy(&reply, call.data, sizeof(reply));
    VkDeviceSize begun = reply.range == 0 ? reading->offset : 0;
    bool valid = call.size >= sizeof(reply) && reply.range <= count &&
                 (reply.range != 0 || reply.offset != 0) &&
                 (reply.range == count ? reply.offset == 0
                                       : reply.offset <= reading->ranges[reply.range].size - begun);
    if (!result && (!valid || !apply_locked(reading, count, call.data + sizeof(reply),
                                            call.size - sizeof(reply)))) {
        umd_stream_lose(reading->device->stream, "the host's memory was told in a wrong way");
        result = VK_ERROR_DEVICE_LOST;
    }
    umd_call_end(&call);
    if (result)
        return result;
    reading->offset = begun + reply.offset;
    reading->ranges += reply.range;
    reading->count -= reply.range;
    return VK_SUCCESS;
}

static VkResult read_ranges_locked(struct umd_device *device, const struct mapped_range *ranges,
                                   uint32_t count)
{
    struct reading reading = {device, ranges, count, 0};
    VkResult result = VK_SUCCESS;
    while (reading.count && !result)
        result = read_some_locked(&reading);
    return result;
}

VkResult umd_mirrors_receive(struct umd_device *device, bool again)
{
    struct umd_mirrors *mirrors = device->mirrors;
    uint64_t finished[STREAM_MAX_QUEUES];
    VkResult result = VK_SUCCESS;
    pthread_mutex_lock(&mirrors->lock);
    for (uint32_t i = 0; i < device->queue_count; i++) {
        finished[i] = umd_stream_completed(device->stream, i);
        again |= finished[i] != mirrors->received[i];
    }
    if (again)
        result = read_ranges_locked(device, mirrors->ranges, mirrors->count);
    if (again && !result)
        memcpy(mirrors->received, finished, device->queue_count * sizeof(*finished));
    pthread_mutex_unlock(&mirrors->lock);
    return result;
}

/* --- Mapping --- */

static bool add_locked(struct umd_mirrors *mirrors, const struct mapped_range *range)
{
    if (mirrors->count == mirrors->capacity) {
        uint32_t capacity = mirrors->capacity ? 2 * mirrors->capacity : 32;
        struct mapped_range *grown = realloc(mirrors->ranges, capacity * sizeof(*grown));
        if (!grown)
            return false;
        mirrors->ranges = grown;
        mirrors->capacity = capacity;
    }
    mirrors->ranges[mirrors->count++] = *range;
    return true;
}

VkResult umd_mirror_map(struct umd_device *device, uint64_t handle, struct umd_mirror *mirror,
                        VkDeviceSize offset, VkDeviceSize size)
{
    struct umd_mirrors *mirrors = device->mirrors;
    struct mapped_range range = {handle, mirror, offset, size};
    pthread_mutex_lock(&mirrors->lock);
    VkResult result = VK_ERROR_MEMORY_MAP_FAILED;
    if (offset <= mirror->size && size <= mirror->size - offset)
        result = read_ranges_locked(device, &range, 1);
    if (!result && !add_locked(mirrors, &range))
        result = VK_ERROR_MEMORY_MAP_FAILED;
    pthread_mutex_unlock(&mirrors->lock);
    return result ? VK_ERROR_MEMORY_MAP_FAILED : VK_SUCCESS;
}

void umd_mirror_unmap(struct umd_device *device, uint64_t handle)
{
    struct umd_mirrors *mirrors = device->mirrors;
    pthread_mutex_lock(&mirrors->lock);
    for (uint32_t i = 0; i < mirrors->count; i++) {
        if (mirrors->ranges[i].handle != handle)
            continue;
        (void)send_range_locked(device, &mirrors->ranges[i]);
        mirrors->ranges[i] = mirrors->ranges[--mirrors->count];
        break;
    }
    pthread_mutex_unlock(&mirrors->lock);
}
