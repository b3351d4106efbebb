/* SPDX-License-Identifier: MIT */
#include "wire/guard.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/log.h"

/* No page is mapped below vm.mmap_min_addr's usual value; user space ends below 2^56 on every
 * 64-bit architecture (x86-64 with five-level paging has the most). */
#define LOWEST_ADDRESS UINT64_C(0x10000)
#define HIGHEST_ADDRESS ((UINT64_C(1) << 56) - 1)

/* Neighbouring words often hold pointers into one page: the last answer is kept. */
struct page_cache {
    uint64_t page_size;
    uint64_t page;
    bool known, mapped;
};

struct scan {
    struct page_cache cache;
    const uint8_t *before; /* or NULL: words that are equal here are passed over */
    bool (*is_handle)(void *context, uint32_t handle);
    void *context;
};

enum finding {
    FINDING_NONE,
    FINDING_POINTER,
    FINDING_HANDLE,
    FINDING_MAYBE_POINTER, /* a 4-byte word, in a 32-bit process */
};

int guard_parse_mode(const char *word, enum guard_mode *mode)
{
    static const char *const words[] = {"off", "warn", "enforce", "strict"};
    for (int i = 0; i < 4; i++) {
        if (!strcmp(word, words[i])) {
            *mode = (enum guard_mode)i;
            return 0;
        }
    }
    return -EINVAL;
}

static bool ask_kernel(uint64_t page, uint64_t page_size)
{
    unsigned char resident;
    void *address = (void *)(uintptr_t)page;
    if (mincore(address, page_size, &resident) == 0)
        return true;
    if (errno == EAGAIN)
        return true; /* only a mapped range gets this far */
    if (errno != EPERM && errno != ENOSYS)
        return false;
    /* A sandbox filters mincore. Without flags that write anything, msync tells the same. */
    return msync(address, page_size, MS_ASYNC) == 0;
}

static bool is_mapped(struct page_cache *cache, uint64_t address)
{
    if (address < LOWEST_ADDRESS || address > HIGHEST_ADDRESS || address > UINTPTR_MAX)
        return false;
    uint64_t page = address & ~(cache->page_size - 1);
    if (!cache->known || cache->page != page) {
        cache->mapped = ask_kernel(page, cache->page_size);
        cache->page = page;
        cache->known = true;
    }
    return cache->mapped;
}

static bool is_changed(const struct scan *scan, const uint8_t *bytes, size_t at, size_t size)
{
    return !scan->before || memcmp(scan->before + at, bytes + at, size) != 0;
}

static enum finding look(struct scan *scan, const uint8_t *bytes, size_t at, size_t left)
{
    uint32_t low, high;
    memcpy(&low, bytes + at, sizeof(low));
    if (left >= 8 && is_changed(scan, bytes, at, 8)) {
        memcpy(&high, bytes + at + 4, sizeof(high));
        if (is_mapped(&scan->cache, (uint64_t)high << 32 | low))
            return FINDING_POINTER;
    }
    if (!is_changed(scan, bytes, at, 4))
        return FINDING_NONE;
    if (low && scan->is_handle && scan->is_handle(scan->context, low))
        return FINDING_HANDLE;
    if (sizeof(void *) == 4 && is_mapped(&scan->cache, low))
        return FINDING_MAYBE_POINTER;
    return FINDING_NONE;
}

static const char *describe(enum finding finding)
{
    switch (finding) {
    case FINDING_POINTER:
        return "an 8-byte word that is an address of this process";
    case FINDING_HANDLE:
        return "a 4-byte word that is a live handle of this process";
    default:
        return "a 4-byte word that may be an address of this process";
    }
}

static int run_scan(struct scan *scan, enum guard_mode mode, const char *what, const void *data,
                    size_t size, struct error *err)
{
    if (mode == GUARD_OFF)
        return 0;
    scan->cache = (struct page_cache){.page_size = (uint64_t)sysconf(_SC_PAGESIZE)};
    const uint8_t *bytes = data;
    enum finding finding = FINDING_NONE;
    size_t offset = 0;
    for (size_t at = 0; size >= 4 && at <= size - 4; at += 4) {
        enum finding here = look(scan, bytes, at, size - at);
        if (here && (!finding || here != FINDING_MAYBE_POINTER)) {
            finding = here;
            offset = at;
        }
        if (finding && finding != FINDING_MAYBE_POINTER)
            break;
    }
    if (!finding)
        return 0;

    const char *kind = describe(finding);
    if (mode != GUARD_WARN && finding == FINDING_MAYBE_POINTER) {
        log_debug("guard", "private data of %s has, at offset %zu of %zu bytes, %s", what, offset,
                  size, kind);
        return 0;
    }
    if (mode == GUARD_WARN) {
        log_warning("guard",
                    "private data of %s has, at offset %zu of %zu bytes, %s: it will mean "
                    "nothing to the other side",
                    what, offset, size, kind);
        return 0;
    }
    return error_set(
        err, -EPERM,
        "private data of %s has, at offset %zu of %zu bytes, %s; it must name memory and "
        "objects in another way",
        what, offset, size, kind);
}

int guard_scan(enum guard_mode mode, const char *what, const void *data, size_t size,
               bool (*is_handle)(void *context, uint32_t handle), void *context, struct error *err)
{
    struct scan scan = {.is_handle = is_handle, .context = context};
    return run_scan(&scan, mode, what, data, size, err);
}

size_t guard_find_address(const void *data, size_t size)
{
    struct page_cache cache = {.page_size = (uint64_t)sysconf(_SC_PAGESIZE)};
    if (sizeof(void *) < sizeof(uint64_t))
        return size;
    for (size_t at = 0; size - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)data + at, sizeof(word));
        if (is_mapped(&cache, word))
            return at;
    }
    return size;
}

int guard_scan_changes(enum guard_mode mode, const char *what, const void *before,
                       const void *data, size_t size, struct error *err)
{
    struct scan scan = {.before = before};
    return run_scan(&scan, mode, what, data, size, err);
}
