/* SPDX-License-Identifier: MIT */
#include "host/worker/exec_mirror.h"

#include <stdlib.h>
#include <string.h>

#include "host/worker/exec_memory.h"
#include "host/worker/exec_private.h"
#include "vkwire_exec.h"
#include "wire/mirror.h"

struct exec_mirror {
    uint8_t *memory; /* mapped */
    uint8_t *shadow;
    uint64_t size;
};

VkResult exec_mirror_create(struct exec *x, VkDeviceMemory memory, uint64_t size,
                            struct exec_mirror **mirror)
{
    void *at = NULL;
    if (size > SIZE_MAX)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    struct exec_mirror *made = calloc(1, sizeof(*made));
    if (!made)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    made->shadow = calloc(1, (size_t)size);
    VkResult result = made->shadow ? x->vk->MapMemory(x->device, memory, 0, VK_WHOLE_SIZE, 0, &at)
                                   : VK_ERROR_OUT_OF_HOST_MEMORY;
    if (result) {
        exec_mirror_destroy(made);
        return result;
    }
    memset(at, 0, (size_t)size);
    made->memory = at;
    made->size = size;
    *mirror = made;
    return VK_SUCCESS;
}

void exec_mirror_destroy(struct exec_mirror *mirror)
{
    if (mirror)
        free(mirror->shadow);
    free(mirror);
}

static bool lies_within(const struct exec_mirror *mirror, uint64_t offset, uint64_t size)
{
    return offset <= mirror->size && size <= mirror->size - offset;
}

static bool write_pages(const struct exec_mirror *mirror, const uint8_t *data, size_t size)
{
    while (size > 0) {
        struct mirror_change change;
        if (mirror_take(&data, &size, &change) ||
            !lies_within(mirror, change.page.offset, change.page.size))
            return false;
        mirror_apply(&change, mirror->memory + change.page.offset,
                     mirror->shadow + change.page.offset);
    }
    return true;
}

void exec_write_memory(struct exec *x, const uint8_t *command, size_t size)
{
    const struct stream_write_memory *head = (const void *)command;
    const struct exec_mirror *mirror = exec_memory_mirror(x, head->id);
    if (!mirror || !write_pages(mirror, command + sizeof(*head), size - sizeof(*head)))
        exec_fail(x, STREAM_LOST_PROTOCOL, "writing to memory that is not there");
}

/* --- Reading --- */

/* What has changed in the ranges, as far as there is room. */
struct reading {
    struct exec *x;
    const struct stream_memory_range *ranges;
    uint32_t count;
    struct stream_read_memory_reply *reply;
    size_t used;
};

/* False: there is no room for the rest. */
static bool read_range(struct reading *reading, const struct exec_mirror *mirror,
                       const struct stream_memory_range *range)
{
    struct stream_read_memory_reply *reply = reading->reply;
    while (reply->offset < range->size) {
        if (reading->used + MIRROR_MAX_PAGE > STREAM_MAX_READ)
            return false;
        struct stream_page page = {.offset = range->offset + reply->offset, .range = reply->range};
        uint64_t rest = range->size - reply->offset;
        uint32_t size = STREAM_PAGE_SIZE - (uint32_t)(page.offset % STREAM_PAGE_SIZE);
        if (size > rest)
            size = (uint32_t)rest;
        reading->used +=
            mirror_pack(&page, mirror->memory + page.offset, mirror->shadow + page.offset, size,
                        (uint8_t *)reply + reading->used);
        reply->offset += size;
    }
    return true;
}

static VkResult read_ranges(struct reading *reading)
{
    struct stream_read_memory_reply *reply = reading->reply;
    for (; reply->range < reading->count; reply->range++) {
        const struct stream_memory_range *range = &reading->ranges[reply->range];
        const struct exec_mirror *mirror = exec_memory_mirror(reading->x, range->id);
        if (!mirror || !lies_within(mirror, range->offset, range->size))
            return VK_ERROR_UNKNOWN;
        if (!read_range(reading, mirror, range))
            break;
        reply->offset = 0;
    }
    return VK_SUCCESS;
}

void exec_read_memory(struct exec *x, const uint8_t *command, size_t size)
{
    const struct stream_read_memory *head = (const void *)command;
    struct reading reading = {.x = x, .ranges = (const void *)(head + 1), .count = head->count};
    if (head->count == 0 || head->count > STREAM_MAX_RANGES ||
        size - sizeof(*head) != head->count * sizeof(*reading.ranges)) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "%u ranges of memory to read", head->count);
        return;
    }
    reading.reply = malloc(STREAM_MAX_READ);
    if (!reading.reply) {
        exec_fail(x, STREAM_LOST_MEMORY, "no memory for what the guest reads");
        return;
    }
    *reading.reply = (struct stream_read_memory_reply){0};
    reading.used = sizeof(*reading.reply);
    if (read_ranges(&reading))
        exec_fail(x, STREAM_LOST_PROTOCOL, "reading memory that is not there");
    else
        exec_reply(x, head->reply, VK_SUCCESS, reading.reply, reading.used);
    free(reading.reply);
}
