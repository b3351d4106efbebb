/* SPDX-License-Identifier: MIT */
/* gpupv_kmt_wait and gpupv_kmt_wake: futexes in memory shared with the host. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "gpupv/kmt.h"
#include "kmt/process.h"
#include "kmt/public.h"

/* Who sleeps looks as often whether the host is still there. */
#define SLICE_NS 100000000u

#ifdef __NR_futex_time64
#define FUTEX_CALL __NR_futex_time64 /* the one of 32-bit systems whose time has 64 bits */
struct futex_time {
    int64_t seconds, nanoseconds;
};
#else
#define FUTEX_CALL __NR_futex
struct futex_time {
    long seconds, nanoseconds;
};
#endif

static bool sleep_on(const uint32_t *word, uint32_t seen, uint64_t timeout)
{
    const struct futex_time time = {.nanoseconds = (int32_t)timeout};
    long result = syscall(FUTEX_CALL, word, FUTEX_WAIT, seen, &time, NULL, 0);
    if (result < 0 && errno == ENOSYS)
        usleep(1000); /* a 32-bit program on a kernel without that call */
    return result < 0 && errno == ETIMEDOUT;
}

KMT_PUBLIC void gpupv_kmt_wait(const uint32_t *word, uint32_t seen, uint64_t timeout)
{
    while (timeout && __atomic_load_n(word, __ATOMIC_ACQUIRE) == seen) {
        uint64_t slice = timeout < SLICE_NS ? timeout : SLICE_NS;
        if (!sleep_on(word, seen, slice))
            return;
        if (timeout != UINT64_MAX)
            timeout -= slice;
        if (!kmt_process_is_connected())
            return;
    }
}

KMT_PUBLIC void gpupv_kmt_wake(uint32_t *word)
{
    syscall(__NR_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
