/* SPDX-License-Identifier: MIT */
/*
 * How long to spin before sleeping: about as long as recent waits took, if they were short, and
 * hardly at all if not. A wait longer than a microsecond gives the processor away between looks:
 * what it waits for may have been woken on this very processor, and a kernel that preempts lazily
 * lets the spinner go on until it asks. One thread, or with the owner's lock; a racy estimate is
 * harmless.
 */
#ifndef GPUPV_WIRE_SPIN_H
#define GPUPV_WIRE_SPIN_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define SPIN_LIMIT_NS 150000u /* longer waits sleep */
#define SPIN_LOOKS 8u         /* between two calls of spin_step, each followed by spin_pause */
#define SPIN_LEAST_NS 5000u   /* also after long waits: the next may be short */
#define SPIN_YIELD_AFTER_NS 1000u

struct spin_estimate {
    uint32_t recent_ns; /* a moving average, of waits cut at twice the limit */
};

static inline uint64_t spin_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

static inline uint32_t spin_budget(const struct spin_estimate *estimate)
{
    uint32_t recent = __atomic_load_n(&estimate->recent_ns, __ATOMIC_RELAXED);
    if (recent > SPIN_LIMIT_NS)
        return SPIN_LEAST_NS;
    uint32_t budget = 2 * recent + SPIN_LEAST_NS;
    return budget < SPIN_LIMIT_NS ? budget : SPIN_LIMIT_NS;
}

/* A wait has taken `ns`. */
static inline void spin_learn(struct spin_estimate *estimate, uint64_t ns)
{
    uint32_t sample = ns < 2 * SPIN_LIMIT_NS ? (uint32_t)ns : 2 * SPIN_LIMIT_NS;
    uint32_t recent = __atomic_load_n(&estimate->recent_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&estimate->recent_ns, recent - recent / 4 + sample / 4, __ATOMIC_RELAXED);
}

/* Every few looks, the wait having begun at `start`: lets others run when it has lasted. Gives the
 * time that has passed. */
static inline uint64_t spin_step(uint64_t start)
{
    uint64_t passed = spin_now() - start;
    if (passed >= SPIN_YIELD_AFTER_NS)
        sched_yield();
    return passed;
}

#endif
