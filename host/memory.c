/* SPDX-License-Identifier: MIT */
#include "host/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/vm.h"
#include "host/worker/link.h"
#include "util/log.h"

#define CELLS_OF_PAGE (APERTURE_PAGE / WIRE_FENCE_STRIDE)
_Static_assert(CELLS_OF_PAGE == 64, "a page's cells are the bits of a word");

/* --- Life --- */

static int make_table(void)
{
    int fd = memfd_create("gpupv-allocations", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, LINK_TABLE_SIZE(PROCESS_MAX_HANDLES)) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        int result = -errno;
        close(fd);
        return result;
    }
    return fd;
}

uint64_t memory_aperture_size(const struct process *process)
{
    if (!process->descriptors || !process->vm->settings->aperture)
        return 0;
    return (uint64_t)process->core->state->settings.guest_io_space_mb << 20;
}

static int make(const struct process *process, struct memory *memory)
{
    int result = make_table();
    if (result < 0)
        return result;
    memory->shared = (struct host_process_memory){
        .aperture = -1, .allocation_table = result, .table_entries = PROCESS_MAX_HANDLES};
    uint64_t size = memory_aperture_size(process);
    if (!size)
        return 0;
    result = aperture_create(size, &memory->aperture);
    if (result) {
        close(memory->shared.allocation_table);
        return result;
    }
    memory->shared.aperture = memory->aperture->fd;
    memory->shared.aperture_size = size;
    return 0;
}

NTSTATUS memory_of(struct process *process, struct memory **memory)
{
    if (!process->memory) {
        struct memory *made = calloc(1, sizeof(*made));
        int result = made ? make(process, made) : -ENOMEM;
        if (result) {
            log_error("service", "no shared memory for process %d (%s): %s", (int)process->pid,
                      process->name, strerror(-result));
            free(made);
            return STATUS_NO_MEMORY;
        }
        process->memory = made;
    }
    *memory = process->memory;
    return STATUS_SUCCESS;
}

void memory_destroy(struct memory *memory)
{
    if (!memory)
        return;
    for (uint32_t i = 0; i < memory->page_count; i++)
        munmap(memory->pages[i].mapped, APERTURE_PAGE);
    free(memory->pages);
    free(memory->usage);
    aperture_destroy(memory->aperture);
    close(memory->shared.allocation_table);
    free(memory);
}

/* --- The table --- */

static off_t entry_at(uint32_t handle, size_t member)
{
    return (off_t)(handle_index(handle) * sizeof(struct link_allocation) + member);
}

static bool write_at(int fd, const void *data, size_t size, off_t at)
{
    ssize_t written;
    do
        written = pwrite(fd, data, size, at);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)size;
}

NTSTATUS memory_publish(struct memory *memory, uint32_t handle, uint64_t offset, uint64_t size)
{
    const uint64_t place[2] = {offset, size};
    _Static_assert(offsetof(struct link_allocation, size) ==
                       offsetof(struct link_allocation, offset) + sizeof(place[0]),
                   "the two are written at once");
    int fd = memory->shared.allocation_table;
    /* The handle last: it makes the entry valid. */
    if (!write_at(fd, place, sizeof(place),
                  entry_at(handle, offsetof(struct link_allocation, offset))) ||
        !write_at(fd, &handle, sizeof(handle),
                  entry_at(handle, offsetof(struct link_allocation, handle))))
        return STATUS_NO_MEMORY;
    return STATUS_SUCCESS;
}

static void write_word(struct memory *memory, uint32_t word, off_t at)
{
    if (!write_at(memory->shared.allocation_table, &word, sizeof(word), at))
        log_error("service", "cannot write to a table of allocations: %s", strerror(errno));
}

void memory_withdraw(struct memory *memory, uint32_t handle)
{
    write_word(memory, 0, entry_at(handle, offsetof(struct link_allocation, handle)));
}

bool memory_is_used(const struct memory *memory, uint32_t handle)
{
    uint32_t used;
    off_t at = entry_at(handle, offsetof(struct link_allocation, used));
    return pread(memory->shared.allocation_table, &used, sizeof(used), at) != sizeof(used) || used;
}

void memory_forget_use(struct memory *memory, uint32_t handle)
{
    write_word(memory, 0, entry_at(handle, offsetof(struct link_allocation, used)));
}

uint64_t memory_submissions(const struct memory *memory)
{
    uint64_t count;
    off_t at = (off_t)(memory->shared.table_entries * sizeof(struct link_allocation) +
                       offsetof(struct link_counters, submissions));
    return pread(memory->shared.allocation_table, &count, sizeof(count), at) == sizeof(count)
               ? count
               : 0;
}

/* --- Usage --- */

static struct memory_usage *find_usage(const struct memory *memory, uint64_t luid)
{
    for (size_t i = 0; i < memory->usage_count; i++) {
        if (memory->usage[i].luid == luid)
            return &memory->usage[i];
    }
    return NULL;
}

bool memory_count(struct memory *memory, uint64_t luid, uint64_t bytes)
{
    struct memory_usage *usage = find_usage(memory, luid);
    if (!usage) {
        struct memory_usage *larger =
            realloc(memory->usage, (memory->usage_count + 1) * sizeof(*larger));
        if (!larger)
            return false;
        memory->usage = larger;
        usage = &larger[memory->usage_count++];
        *usage = (struct memory_usage){.luid = luid};
    }
    usage->bytes += bytes;
    return true;
}

void memory_uncount(struct memory *memory, uint64_t luid, uint64_t bytes)
{
    struct memory_usage *usage = find_usage(memory, luid);
    if (usage)
        usage->bytes -= bytes;
}

uint64_t memory_counted(const struct memory *memory, uint64_t luid)
{
    const struct memory_usage *usage = find_usage(memory, luid);
    return usage ? usage->bytes : 0;
}

/* --- Fence cells --- */

static NTSTATUS add_page(struct memory *memory)
{
    struct fence_page *larger =
        realloc(memory->pages, (memory->page_count + 1) * sizeof(*memory->pages));
    if (!larger)
        return STATUS_NO_MEMORY;
    memory->pages = larger;
    struct fence_page *page = &larger[memory->page_count];
    *page = (struct fence_page){0};
    if (aperture_take(memory->aperture, APERTURE_PAGE, &page->range))
        return STATUS_NO_MEMORY;
    /* There from now on, so that no writer finds the system out of memory. */
    int fd = memory->aperture->fd;
    off_t offset = (off_t)range_offset(page->range);
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, APERTURE_PAGE) < 0)
        goto out_range;
    page->mapped = mmap(NULL, APERTURE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    if (page->mapped == MAP_FAILED)
        goto out_range;
    memory->page_count++;
    return STATUS_SUCCESS;

out_range:
    aperture_give_back(memory->aperture, page->range);
    return STATUS_NO_MEMORY;
}

static off_t cell_at(const struct memory *memory, const struct fence_cell *cell)
{
    return (off_t)fence_cell_offset(memory, cell);
}

NTSTATUS fence_cell_take(struct memory *memory, uint64_t value, struct fence_cell *cell)
{
    if (!memory->aperture)
        return STATUS_NOT_SUPPORTED;
    while (memory->page_with_room < memory->page_count &&
           memory->pages[memory->page_with_room].used == UINT64_MAX)
        memory->page_with_room++;
    if (memory->page_with_room == memory->page_count) {
        NTSTATUS status = add_page(memory);
        if (!NT_SUCCESS(status))
            return status;
    }
    struct fence_page *page = &memory->pages[memory->page_with_room];
    *cell = (struct fence_cell){memory->page_with_room, (uint32_t)__builtin_ctzll(~page->used)};
    const struct wire_fence_cell fresh = {.value = value};
    if (!write_at(memory->aperture->fd, &fresh, sizeof(fresh), cell_at(memory, cell)))
        return STATUS_NO_MEMORY;
    page->used |= UINT64_C(1) << cell->slot;
    return STATUS_SUCCESS;
}

void fence_cell_give_back(struct memory *memory, const struct fence_cell *cell)
{
    memory->pages[cell->page].used &= ~(UINT64_C(1) << cell->slot);
    if (cell->page < memory->page_with_room)
        memory->page_with_room = cell->page;
}

uint64_t fence_cell_offset(const struct memory *memory, const struct fence_cell *cell)
{
    return range_offset(memory->pages[cell->page].range) + cell->slot * WIRE_FENCE_STRIDE;
}

uint64_t fence_cell_read(const struct memory *memory, const struct fence_cell *cell)
{
    uint64_t value;
    ssize_t size = pread(memory->aperture->fd, &value, sizeof(value), cell_at(memory, cell));
    return size == sizeof(value) ? value : UINT64_MAX;
}

void fence_cell_write(struct memory *memory, const struct fence_cell *cell, uint64_t value)
{
    _Static_assert(offsetof(struct wire_fence_cell, value) == 0, "a cell starts with its value");
    if (!write_at(memory->aperture->fd, &value, sizeof(value), cell_at(memory, cell)))
        log_error("service", "cannot write a fence's value: %s", strerror(errno));
    uint8_t *word = (uint8_t *)memory->pages[cell->page].mapped + cell->slot * WIRE_FENCE_STRIDE;
    /* Whoever says that nobody waits is not believed: the call is cheap. */
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
