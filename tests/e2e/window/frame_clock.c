// SPDX-License-Identifier: MIT
// LD_PRELOAD for programs that animate by the time of day: what the program itself (none of its
// libraries) asks for goes on by 20 ms a call, FRAME_CLOCK_STEPS times, and then stands still. So
// the picture that it ends with is always the same.
#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

struct search {
    uintptr_t address;
    bool found;
};

static int look_at_program(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct search *search = data;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && search->address >= start &&
            search->address - start < segment->p_memsz) {
            search->found = true;
        }
    }
    return 1; // the program is the first, and the others do not matter
}

static bool is_program(const void *caller)
{
    struct search search = {.address = (uintptr_t)caller};
    dl_iterate_phdr(look_at_program, &search);
    return search.found;
}

static struct timespec next_step(void)
{
    static atomic_uint calls;
    const char *steps = getenv("FRAME_CLOCK_STEPS");
    unsigned limit = steps ? (unsigned)atoi(steps) : 50;
    unsigned call = atomic_fetch_add(&calls, 1);
    unsigned ms = 20 * (call < limit ? call : limit);
    return (struct timespec){.tv_sec = 1000 + ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict time,
                                                        void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (is_program(__builtin_return_address(0))) {
        now = next_step();
    } else {
        clock_gettime(CLOCK_REALTIME, &now);
    }
    *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*_Atomic real)(clockid_t, struct timespec *);
    if (clock == CLOCK_MONOTONIC && is_program(__builtin_return_address(0))) {
        *time = next_step();
        return 0;
    }
    if (!real) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    return real(clock, time);
}
