/* SPDX-License-Identifier: MIT */
/*
 * A lock that can be tried: pthread_mutex_trylock has a symbol version that older C libraries lack.
 * Not recursive. All zeros is unlocked.
 */
#ifndef GPUPV_UMD_LOCK_H
#define GPUPV_UMD_LOCK_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Releasing is a plain store: an uncontended lock costs one atomic operation. Who releases may then
 * miss somebody who is about to sleep, so a sleeper looks again after a while. */
#define UMD_LOCK_SLEEP_NS 1000000

struct umd_lock {
    _Atomic uint32_t state;   /* 0 free, 1 taken */
    _Atomic uint32_t waiters; /* that may sleep */
};

static inline bool umd_lock_try(struct umd_lock *lock)
{
    uint32_t free = 0;
    return atomic_compare_exchange_strong_explicit(&lock->state, &free, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* Out of the way: what calls umd_lock_take needs no registers for it. */
__attribute__((noinline, cold, unused)) static void umd_lock_await(struct umd_lock *lock)
{
    atomic_fetch_add_explicit(&lock->waiters, 1, memory_order_seq_cst);
    while (!umd_lock_try(lock)) {
        struct timespec most = {.tv_nsec = UMD_LOCK_SLEEP_NS};
        syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, 1, &most, NULL, 0);
    }
    atomic_fetch_sub_explicit(&lock->waiters, 1, memory_order_relaxed);
}

static inline void umd_lock_take(struct umd_lock *lock)
{
    if (__builtin_expect(!umd_lock_try(lock), 0))
        umd_lock_await(lock);
}

static inline void umd_lock_release(struct umd_lock *lock)
{
    atomic_store_explicit(&lock->state, 0, memory_order_release);
    if (__builtin_expect(atomic_load_explicit(&lock->waiters, memory_order_relaxed) != 0, 0))
        syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#endif
