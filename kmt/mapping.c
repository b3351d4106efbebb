/* SPDX-License-Identifier: MIT */
#include "kmt/mapping.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpupv/kmt.h"
#include "wire/protocol.h"

struct kmt_mapping {
    struct kmt_mapping *next, **link;
    unsigned references;
    bool of_fences, of_export, abandoned;
    uint64_t channel;
    uint64_t offset; /* of `address` in the aperture, or in the exported file */
    uint8_t *address;
    size_t size;
};

static struct kmt_mapping *all_mappings; /* under the process' lock */

static uint64_t page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

struct kmt_mapping *kmt_mapping_create_locked(uint64_t channel, int fd, uint64_t offset,
                                              uint64_t size)
{
    uint64_t skipped = offset & (page_size() - 1); /* where the host's pages are smaller */
    if (size > SIZE_MAX / 2)
        return NULL;
    struct kmt_mapping *mapping = calloc(1, sizeof(*mapping));
    if (!mapping)
        return NULL;
    mapping->references = 1;
    mapping->channel = channel;
    mapping->offset = offset - skipped;
    mapping->size = (size_t)(size + skipped);
    void *address =
        mmap(NULL, mapping->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)mapping->offset);
    if (address == MAP_FAILED) {
        free(mapping);
        return NULL;
    }
    mapping->address = address;
    mapping->link = &all_mappings;
    mapping->next = all_mappings;
    if (mapping->next)
        mapping->next->link = &mapping->next;
    all_mappings = mapping;
    return mapping;
}

struct kmt_mapping *kmt_mapping_of_export_locked(uint64_t channel, int fd, uint64_t offset,
                                                 uint64_t size)
{
    struct kmt_mapping *mapping = kmt_mapping_create_locked(channel, fd, offset, size);
    if (mapping)
        mapping->of_export = true;
    return mapping;
}

struct kmt_mapping *kmt_mapping_of_fence_locked(uint64_t channel, int fd, uint64_t offset)
{
    uint64_t first = offset & ~(page_size() - 1);
    for (struct kmt_mapping *mapping = all_mappings; mapping; mapping = mapping->next) {
        if (mapping->of_fences && !mapping->abandoned && mapping->channel == channel &&
            mapping->offset == first)
            return kmt_mapping_ref_locked(mapping);
    }
    struct kmt_mapping *mapping = kmt_mapping_create_locked(channel, fd, first, page_size());
    if (mapping)
        mapping->of_fences = true;
    return mapping;
}

struct kmt_mapping *kmt_mapping_ref_locked(struct kmt_mapping *mapping)
{
    mapping->references++;
    return mapping;
}

void kmt_mapping_unref_locked(struct kmt_mapping *mapping)
{
    /* In a child the application may still look where its parent had the memory. */
    if (!mapping || --mapping->references || mapping->abandoned)
        return;
    *mapping->link = mapping->next;
    if (mapping->next)
        mapping->next->link = mapping->link;
    munmap(mapping->address, mapping->size);
    free(mapping);
}

void *kmt_mapping_address(const struct kmt_mapping *mapping, uint64_t offset)
{
    return mapping->address + (offset - mapping->offset);
}

bool kmt_mapping_find_locked(const void *address, size_t size, uint64_t *channel, uint64_t *offset)
{
    for (const struct kmt_mapping *mapping = all_mappings; mapping; mapping = mapping->next) {
        uintptr_t first = (uintptr_t)mapping->address, at = (uintptr_t)address;
        if (mapping->abandoned || mapping->of_export || at < first || at - first > mapping->size ||
            size > mapping->size - (at - first))
            continue;
        *channel = mapping->channel;
        *offset = mapping->offset + (at - first);
        return true;
    }
    return false;
}

static void end_fences(struct kmt_mapping *mapping)
{
    for (size_t at = 0; at < mapping->size; at += WIRE_FENCE_STRIDE) {
        struct wire_fence_cell *cell = (struct wire_fence_cell *)(void *)(mapping->address + at);
        __atomic_store_n(&cell->value, UINT64_MAX, __ATOMIC_SEQ_CST);
        if (!mapping->abandoned)
            gpupv_kmt_wake((uint32_t *)(void *)&cell->value);
    }
}

void kmt_mappings_lose_locked(uint64_t channel)
{
    for (struct kmt_mapping *mapping = all_mappings; mapping; mapping = mapping->next) {
        if (mapping->of_fences && !mapping->abandoned && mapping->channel == channel)
            end_fences(mapping);
    }
}

void kmt_mappings_abandon_locked(void)
{
    for (struct kmt_mapping *mapping = all_mappings; mapping; mapping = mapping->next) {
        if (mapping->abandoned)
            continue;
        mapping->abandoned = true;
        mmap(mapping->address, mapping->size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (mapping->of_fences)
            end_fences(mapping);
    }
}
