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
#include <unistd.h>

struct umd_lock {
    _Atomic uint32_t state; /* 0 free, 1 taken, 2 taken and somebody may sleep on it */
};

static inline bool umd_lock_try(struct umd_lock *lock)
{
    uint32_t free = 0;
    return atomic_compare_exchange_strong_explicit(&lock->state, &free, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

static inline void umd_lock_take(struct umd_lock *lock)
{
    if (__builtin_expect(umd_lock_try(lock), 1))
        return;
    while (atomic_exchange_explicit(&lock->state, 2, memory_order_acquire) != 0)
        syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

static inline void umd_lock_release(struct umd_lock *lock)
{
    if (__builtin_expect(atomic_exchange_explicit(&lock->state, 0, memory_order_release) == 2, 0))
        syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#endif
