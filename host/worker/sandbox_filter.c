/* SPDX-License-Identifier: MIT */
#include "host/worker/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <seccomp.h>

#include "util/log.h"

#define API_WITH_NOTIFICATION 5 /* libseccomp's count of what a kernel can do */

/* What works on memory, threads, time and on descriptors that are there, whatever the arguments. */
static const char *const allowed[] = {
    /* memory */
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "mincore",
    "msync",
    "mlock",
    "mlock2",
    "munlock",
    "membarrier",
    "memfd_create",
    "mbind",
    "get_mempolicy",
    "set_mempolicy",
    /* threads, and signals within the process */
    "futex",
    "futex_waitv",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "exit",
    "exit_group",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getpriority",
    "arch_prctl",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigpending",
    "rt_sigtimedwait",
    "rt_sigsuspend",
    "sigaltstack",
    "restart_syscall",
    /* time */
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    /* descriptors */
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "lseek",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "fstat",
    "fstatfs",
    "ftruncate",
    "fallocate",
    "flock",
    "getdents64",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "eventfd",
    "eventfd2",
    "pipe",
    "pipe2",
    "sendmsg",
    "recvmsg",
    "sendto",
    "recvfrom",
    "getsockopt",
    "shutdown",
    /* what the process is */
    "getpid",
    "gettid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
    "uname",
    "sysinfo",
    "getrusage",
    "getrlimit",
    "getcpu",
    "getrandom",
    "getcwd",
    "umask",
    "capget",
};

/* Asked for as a matter of course, and done without. */
static const struct {
    const char *call;
    int error;
} refused[] = {
    /* Callers fall back to what can be judged by its arguments. */
    {"clone3", ENOSYS},
    {"openat2", ENOSYS},
    {"faccessat2", ENOSYS},
    {"statx", ENOSYS},
    {"epoll_pwait2", ENOSYS},
    /* Other processes could be meant. */
    {"kcmp", EPERM},
    {"sched_setaffinity", EPERM},
    {"sched_setscheduler", EPERM},
    {"sched_setparam", EPERM},
    {"sched_setattr", EPERM},
    {"setpriority", EPERM},
    {"ioprio_set", EPERM},
    {"wait4", ECHILD},
    {"waitid", ECHILD},
    /* Places for caches. */
    {"mkdir", EACCES},
    {"mkdirat", EACCES},
    {"statfs", EACCES},
};

/* Calls that look at a path: the service answers them, or nobody. */
static const char *const looking[] = {"stat",   "lstat",     "newfstatat", "fstatat64",
                                      "access", "faccessat", "readlink",   "readlinkat"};

/* Devices' commands by their type (bits 8 to 15): render nodes, NVIDIA's control and device files,
 * its memory manager (no type), its display part, AMD's compute, dma-buf, sync files, udmabuf. */
static const unsigned device_commands[] = {'d', 'F', 0, 'm', 'K', 'b', '>', 'u'};

/* Others: FIONREAD, FIONBIO, FIOCLEX, FIONCLEX. Those that put words into a terminal's input, or
 * send signals to another process, are not among them. */
static const unsigned plain_commands[] = {0x541b, 0x5421, 0x5451, 0x5450};
#define TERMINAL_ATTRIBUTES 0x5401u /* TCGETS: is it a terminal? */

static const unsigned fcntl_commands[] = {
    F_DUPFD,     F_DUPFD_CLOEXEC, F_GETFD, F_SETFD,  F_GETFL,     F_SETFL,     F_ADD_SEALS,
    F_GET_SEALS, F_GETLK,         F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW};

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
static const unsigned prctl_options[] = {PR_SET_NAME,       PR_GET_NAME,     PR_SET_TIMERSLACK,
                                         PR_GET_TIMERSLACK, PR_CAPBSET_READ, PR_SET_VMA,
                                         PR_GET_DUMPABLE};

#define THREAD_FLAGS (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND)
#define NO_THREAD_FLAGS                                                                            \
    (CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |     \
     CLONE_NEWCGROUP | CLONE_PTRACE)

/* A rule that cannot be added is a mistake here, or memory is short; a call that this architecture
 * does not have needs none. The first failure stays. */
static void add(scmp_filter_ctx filter, uint32_t action, const char *call,
                const struct scmp_arg_cmp *argument, int *result)
{
    int number = seccomp_syscall_resolve_name(call);
    if (*result || number == __NR_SCMP_ERROR)
        return;
    *result = argument ? seccomp_rule_add_array(filter, action, number, 1, argument)
                       : seccomp_rule_add_array(filter, action, number, 0, NULL);
    if (*result == -EDOM) /* known to other architectures alone */
        *result = 0;
}

/* When the low 32 bits of an argument, masked, are `value`. */
static void add_masked(scmp_filter_ctx filter, uint32_t action, const char *call, unsigned argument,
                       uint32_t mask, uint32_t value, int *result)
{
    struct scmp_arg_cmp compare = SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, value);
    add(filter, action, call, &compare, result);
}

static void allow_values(scmp_filter_ctx filter, const char *call, unsigned argument,
                         const unsigned *values, size_t count, int *result)
{
    for (size_t i = 0; i < count; i++)
        add_masked(filter, SCMP_ACT_ALLOW, call, argument, UINT32_MAX, values[i], result);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void add_judged(scmp_filter_ctx filter, int *result)
{
    add_masked(filter, SCMP_ACT_ALLOW, "clone", 0, THREAD_FLAGS | NO_THREAD_FLAGS, THREAD_FLAGS,
               result);
    /* To itself: abort() does it. */
    static const char *const to_itself[] = {"kill", "tgkill", "prlimit64"};
    for (size_t i = 0; i < COUNT(to_itself); i++)
        add_masked(filter, SCMP_ACT_ALLOW, to_itself[i], 0, UINT32_MAX, (uint32_t)getpid(), result);
    add_masked(filter, SCMP_ACT_ALLOW, "prlimit64", 0, UINT32_MAX, 0, result);
    for (size_t i = 0; i < COUNT(device_commands); i++)
        add_masked(filter, SCMP_ACT_ALLOW, "ioctl", 1, 0xff00, device_commands[i] << 8, result);
    allow_values(filter, "ioctl", 1, plain_commands, COUNT(plain_commands), result);
    add_masked(filter, SCMP_ACT_ERRNO(ENOTTY), "ioctl", 1, UINT32_MAX, TERMINAL_ATTRIBUTES, result);
    allow_values(filter, "fcntl", 1, fcntl_commands, COUNT(fcntl_commands), result);
    allow_values(filter, "prctl", 0, prctl_options, COUNT(prctl_options), result);
    /* fstat in new clothes. */
    add_masked(filter, SCMP_ACT_ALLOW, "newfstatat", 3, AT_EMPTY_PATH, AT_EMPTY_PATH, result);
}

/* All threads, and without a slower mode of the processor for each of them: what a worker could spy
 * out of itself is its own. */
static int set_attributes(scmp_filter_ctx filter)
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!result)
        result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (!result)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!result && seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1))
        log_debug("sandbox", "this kernel has no choice about speculative store bypass");
    return result;
}

/* With `otherwise` for every call that no rule names. */
static int build(scmp_filter_ctx filter, bool with_notification)
{
    int result = set_attributes(filter);
    for (size_t i = 0; i < COUNT(allowed); i++)
        add(filter, SCMP_ACT_ALLOW, allowed[i], NULL, &result);
    for (size_t i = 0; i < COUNT(refused); i++)
        add(filter, SCMP_ACT_ERRNO((uint32_t)refused[i].error), refused[i].call, NULL, &result);
    for (size_t i = 0; i < COUNT(looking) && !with_notification; i++) {
        if (strcmp(looking[i], "newfstatat"))
            add(filter, SCMP_ACT_ERRNO(ENOENT), looking[i], NULL, &result);
        else
            add_masked(filter, SCMP_ACT_ERRNO(ENOENT), looking[i], 3, AT_EMPTY_PATH, 0, &result);
    }
    add_judged(filter, &result);
    return result;
}

static int load(bool with_notification, int *notify)
{
    scmp_filter_ctx filter =
        seccomp_init(with_notification ? SCMP_ACT_NOTIFY : SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return -ENOMEM;
    int result = build(filter, with_notification);
    if (!result)
        result = seccomp_load(filter);
    *notify = -1;
    if (!result && with_notification)
        *notify = seccomp_notify_fd(filter);
    seccomp_release(filter);
    return result;
}

int sandbox_filter_load(int *notify, struct error *err)
{
    int result = -EOPNOTSUPP;
    if (seccomp_api_get() >= API_WITH_NOTIFICATION)
        result = load(true, notify);
    if (result)
        result = load(false, notify);
    return result ? error_set(err, result, "cannot filter system calls: %s", strerror(-result)) : 0;
}
