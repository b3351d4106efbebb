/* SPDX-License-Identifier: MIT */
#include "host/worker/worker.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/handle_table.h"

/* A part that the file does not have would be a fault when it is touched. */
static int map_file(int file, uint64_t size, const char *what, void **memory, struct error *err)
{
    struct stat status;
    if (fstat(file, &status))
        return error_set(err, -EINVAL, "the %s cannot be looked at (errno %d)", what, errno);
    if (size > SIZE_MAX || status.st_size < 0 || (uint64_t)status.st_size < size)
        return error_set(err, -EINVAL, "the %s has %lld bytes, not %llu", what,
                         (long long)status.st_size, (unsigned long long)size);
    void *at = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (at == MAP_FAILED)
        return error_set(err, -errno, "the %s of %llu bytes cannot be mapped (errno %d)", what,
                         (unsigned long long)size, errno);
    *memory = at;
    return 0;
}

int worker_memory_map(struct worker *worker, const struct link_assign *assign, int aperture,
                      int table, struct error *err)
{
    void *memory;
    uint64_t table_size = LINK_TABLE_SIZE(assign->table_entries);
    if (assign->table_entries == 0)
        return error_set(err, -EINVAL, "the allocation table is empty");
    if ((aperture < 0) != (assign->aperture_size == 0))
        return error_set(err, -EINVAL, "an aperture of %llu bytes %s a descriptor",
                         (unsigned long long)assign->aperture_size,
                         aperture < 0 ? "without" : "with");
    int code = map_file(table, table_size, "allocation table", &memory, err);
    if (code)
        return code;
    worker->table = memory;
    worker->table_entries = assign->table_entries;
    worker->counters = (struct link_counters *)(void *)(worker->table + assign->table_entries);
    if (aperture < 0)
        return 0;
    code = map_file(aperture, assign->aperture_size, "aperture", &memory, err);
    if (code) {
        worker_memory_unmap(worker);
        return code;
    }
    worker->aperture = memory;
    worker->aperture_size = assign->aperture_size;
    return 0;
}

void worker_memory_unmap(struct worker *worker)
{
    if (worker->table)
        munmap(worker->table, (size_t)LINK_TABLE_SIZE(worker->table_entries));
    if (worker->aperture)
        munmap(worker->aperture, (size_t)worker->aperture_size);
    worker->table = NULL;
    worker->counters = NULL;
    worker->aperture = NULL;
    worker->table_entries = 0;
    worker->aperture_size = 0;
}

static struct link_allocation *entry_of(const struct worker *worker, uint32_t handle)
{
    uint32_t index = handle_index(handle);
    return handle != 0 && index < worker->table_entries ? &worker->table[index] : NULL;
}

/* The service clears `handle` and then looks at `used`; here it is the other way round, so that one
 * of the two sees the other. */
static struct link_allocation *use(struct worker *worker, uint32_t handle)
{
    struct link_allocation *entry = entry_of(worker, handle);
    if (!entry)
        return NULL;
    __atomic_fetch_add(&entry->used, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&entry->handle, __ATOMIC_SEQ_CST) == handle)
        return entry;
    __atomic_fetch_sub(&entry->used, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

bool worker_allocation_use(struct worker *worker, uint32_t handle, uint64_t *size)
{
    struct link_allocation *entry = entry_of(worker, handle);
    uint32_t unused = 0;
    if (!entry || !__atomic_compare_exchange_n(&entry->used, &unused, 1, false, __ATOMIC_SEQ_CST,
                                               __ATOMIC_SEQ_CST))
        return false;
    *size = entry->size;
    if (__atomic_load_n(&entry->handle, __ATOMIC_SEQ_CST) == handle)
        return true;
    __atomic_fetch_sub(&entry->used, 1, __ATOMIC_SEQ_CST);
    return false;
}

void *worker_allocation_map(struct worker *worker, uint32_t handle, uint64_t *size)
{
    struct link_allocation *entry = use(worker, handle);
    if (!entry)
        return NULL;
    uint64_t offset = entry->offset, length = entry->size;
    if (offset > worker->aperture_size || length > worker->aperture_size - offset || length == 0) {
        __atomic_fetch_sub(&entry->used, 1, __ATOMIC_SEQ_CST);
        return NULL;
    }
    *size = length;
    return worker->aperture + offset;
}

void worker_allocation_unmap(struct worker *worker, uint32_t handle)
{
    struct link_allocation *entry = entry_of(worker, handle);
    if (entry)
        __atomic_fetch_sub(&entry->used, 1, __ATOMIC_SEQ_CST);
}
