/* SPDX-License-Identifier: MIT */
#include "host/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "host/worker/sandbox_filter.h"
#include "util/log.h"

#define MAX_FILES 4096
#define MAX_THREADS 1024

/* --- Namespaces --- */

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, strlen(text));
    int result = written < 0 ? -errno : 0;
    close(fd);
    return result;
}

/* In the new user namespace the process keeps its user and group, and no other exists. */
static void map_ids(uid_t user, gid_t group)
{
    char users[32], groups[32];
    snprintf(users, sizeof(users), "%u %u 1", (unsigned)user, (unsigned)user);
    snprintf(groups, sizeof(groups), "%u %u 1", (unsigned)group, (unsigned)group);
    int result = write_text("/proc/self/setgroups", "deny");
    if (!result || result == -ENOENT)
        result = write_text("/proc/self/gid_map", groups);
    if (!result)
        result = write_text("/proc/self/uid_map", users);
    if (result)
        log_debug("sandbox", "cannot map the user into its namespace: %s", strerror(-result));
}

/* *own_user: a user namespace is among them. False: the kernel grants none of this. */
static bool enter_namespaces(bool *own_user)
{
    static const int wanted[] = {CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC,
                                 CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC};
    uid_t user = geteuid();
    gid_t group = getegid();
    *own_user = false;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (unshare(wanted[i]))
            continue;
        *own_user = wanted[i] & CLONE_NEWUSER;
        if (*own_user)
            map_ids(user, group);
        /* What is mounted here is nobody else's. */
        if (!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
            return true;
        log_debug("sandbox", "cannot keep mounts to itself: %s", strerror(errno));
        return false;
    }
    log_debug("sandbox", "the kernel grants no namespaces: %s", strerror(errno));
    return false;
}

/* --- Capabilities: each thread has its own --- */

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    for (unsigned long number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
        (void)prctl(PR_CAPBSET_DROP, number, 0, 0, 0); /* refused to who has none anyway */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/* --- The keeper: takes the file system away when all is loaded --- */

/* The root of all threads becomes an empty folder that nothing can be written to. */
static bool take_root_away(void)
{
    static const char *const places[] = {"/tmp", "/run", "/var", "/mnt"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (mount("none", places[i], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555"))
            continue;
        if (chdir(places[i]) || syscall(SYS_pivot_root, ".", ".")) {
            log_debug("sandbox", "cannot change the root folder: %s", strerror(errno));
            (void)umount2(places[i], MNT_DETACH);
            return false;
        }
        /* The old root lies upon the new one. */
        bool gone = !umount2(".", MNT_DETACH);
        (void)mount(NULL, "/", NULL,
                    MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
        return gone && !chdir("/");
    }
    log_debug("sandbox", "cannot make an empty folder: %s", strerror(errno));
    return false;
}

static void *keep(void *context)
{
    struct sandbox *sandbox = context;
    char byte;
    ssize_t got;
    do
        got = read(sandbox->order[0], &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got == 1)
        sandbox->root_is_empty = take_root_away();
    return NULL;
}

static void start_keeper(struct sandbox *sandbox)
{
    if (pipe2(sandbox->order, O_CLOEXEC) < 0) {
        sandbox->order[0] = sandbox->order[1] = -1;
        return;
    }
    sandbox->has_keeper = !pthread_create(&sandbox->keeper, NULL, keep, sandbox);
}

static void finish_keeper(struct sandbox *sandbox)
{
    if (sandbox->has_keeper) {
        ssize_t written = write(sandbox->order[1], "1", 1);
        (void)written; /* the pipe is empty, and its reader waits */
        pthread_join(sandbox->keeper, NULL);
        sandbox->has_keeper = false;
    }
    for (int i = 0; i < 2; i++) {
        if (sandbox->order[i] >= 0)
            close(sandbox->order[i]);
        sandbox->order[i] = -1;
    }
}

/* --- Limits --- */

static void limit(int resource, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(resource, &now))
        return;
    if (now.rlim_max == RLIM_INFINITY || now.rlim_max > most)
        now.rlim_max = most;
    if (now.rlim_cur == RLIM_INFINITY || now.rlim_cur > now.rlim_max)
        now.rlim_cur = now.rlim_max;
    if (setrlimit(resource, &now))
        log_debug("sandbox", "cannot limit resource %d: %s", resource, strerror(errno));
}

/* Before Linux 5.14 all processes of the user count, not those of the namespace alone. */
static bool counts_threads_by_namespace(void)
{
    struct utsname system;
    unsigned major, minor;
    return !uname(&system) && sscanf(system.release, "%u.%u", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 14));
}

int sandbox_prepare(struct sandbox *sandbox, struct error *err)
{
    *sandbox = (struct sandbox){.order = {-1, -1}};
    bool own_user;
    sandbox->namespaces = enter_namespaces(&own_user);
    if (sandbox->namespaces)
        start_keeper(sandbox);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return error_set(err, -errno, "cannot give up new privileges: %s", strerror(errno));
    int result = drop_capabilities();
    if (result)
        return error_set(err, result, "cannot drop capabilities: %s", strerror(-result));
    limit(RLIMIT_CORE, 0);
    if (own_user && counts_threads_by_namespace())
        limit(RLIMIT_NPROC, MAX_THREADS);
    /* The service reads paths out of this process' memory; changes of credentials forbid it. */
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    return 0;
}

int sandbox_enter(struct sandbox *sandbox, int *notify, struct error *err)
{
    finish_keeper(sandbox);
    limit(RLIMIT_NOFILE, MAX_FILES);
    int result = sandbox_filter_load(notify, err);
    if (!result)
        log_debug("sandbox", "closed: namespaces %s, root %s, files by %s",
                  sandbox->namespaces ? "of its own" : "of the host",
                  sandbox->root_is_empty ? "empty" : "of the host",
                  *notify >= 0 ? "the service" : "nobody");
    return result;
}
