/* SPDX-License-Identifier: MIT */
#include "host/fake_worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int of(long result)
{
    return result < 0 ? errno : 0;
}

static int try_open(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int result = read(fd, &byte, 1) == 1 && fcntl(fd, F_GETFD) == FD_CLOEXEC ? 0 : EIO;
    close(fd);
    return result;
}

static int try_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return errno;
    return of(write(fd, "x", 1));
}

/* The path of a folder's descriptor counts, not the name alone. */
static int try_open_in(const char *name)
{
    int folder = open("/sys/devices", O_RDONLY | O_DIRECTORY);
    if (folder < 0)
        return errno;
    return of(openat(folder, name, O_RDONLY));
}

static int try_list(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return errno;
    int count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count > 2 ? 0 : ENOENT;
}

static int try_stat(const char *path)
{
    struct stat info;
    if (stat(path, &info))
        return errno;
    return S_ISCHR(info.st_mode) && info.st_rdev ? 0 : EIO;
}

static int try_link(const char *path)
{
    char target[256];
    return of(readlink(path, target, sizeof(target)));
}

static int read_other(pid_t pid)
{
    char byte;
    struct iovec to = {&byte, 1}, from = {&byte, 1};
    return of(process_vm_readv(pid, &to, 1, &from, 1, 0));
}

static void *work(void *context)
{
    struct timespec nap = {0, 1000000};
    pthread_setname_np(pthread_self(), "driver");
    nanosleep(&nap, NULL);
    *(int *)context = 1;
    return NULL;
}

/* What drivers do all day. */
static int try_usual(void)
{
    int done = 0;
    pthread_t thread;
    int result = pthread_create(&thread, NULL, work, &done);
    if (result)
        return result;
    pthread_join(thread, NULL);
    int fd = memfd_create("driver", MFD_CLOEXEC);
    struct stat info;
    if (!done || fd < 0 || ftruncate(fd, 4096) || fstat(fd, &info) || info.st_size != 4096)
        return EIO;
    char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (code == MAP_FAILED || mprotect(code, 4096, PROT_READ | PROT_EXEC))
        return EIO;
    free(malloc(64 << 20));
    return isatty(STDERR_FILENO) ? EIO : 0;
}

static int has_no_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data))
        return errno;
    return data[0].effective | data[0].permitted | data[1].effective | data[1].permitted ? EPERM
                                                                                         : 0;
}

static int has_limits(void)
{
    struct rlimit core, files;
    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_NOFILE, &files);
    return core.rlim_max || files.rlim_max > 4096 ? EIO : 0;
}

static int try_call(const char *what)
{
    char *const arguments[] = {(char *)"true", NULL};
    if (!strcmp(what, "socket"))
        return of(socket(AF_UNIX, SOCK_STREAM, 0));
    if (!strcmp(what, "exec"))
        return of(execv("/bin/true", arguments));
    if (!strcmp(what, "fork"))
        return of(fork());
    if (!strcmp(what, "ptrace"))
        return of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
    if (!strcmp(what, "memory"))
        return read_other(getppid());
    if (!strcmp(what, "kill"))
        return of(kill(getppid(), 0));
    if (!strcmp(what, "mount"))
        return of(mount("none", "/", "tmpfs", 0, NULL));
    if (!strcmp(what, "terminal"))
        return of(ioctl(STDERR_FILENO, 0x5412, "x"));
    if (!strcmp(what, "owner"))
        return of(fcntl(3, F_SETOWN, getppid()));
    if (!strcmp(what, "filter"))
        return of(syscall(SYS_seccomp, 1, 8, NULL));
    if (!strcmp(what, "io_uring"))
        return of(syscall(SYS_io_uring_setup, 1, NULL));
    if (!strcmp(what, "affinity"))
        return of(sched_setaffinity(getppid(), 0, NULL));
    return EINVAL;
}

/* The kernel gives a process one descriptor to be watched by, and this takes it. */
void sandbox_take_notification(void)
{
    struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    struct sock_fprog program = {1, &allow};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) <
        0)
        _exit(9);
}

int sandbox_try(const char *what)
{
    static const struct {
        const char *prefix;
        int (*function)(const char *path);
    } with_path[] = {{"open ", try_open}, {"write ", try_write}, {"open-in ", try_open_in},
                     {"list ", try_list}, {"stat ", try_stat},   {"link ", try_link}};
    for (size_t i = 0; i < sizeof(with_path) / sizeof(with_path[0]); i++) {
        size_t length = strlen(with_path[i].prefix);
        if (!strncmp(what, with_path[i].prefix, length))
            return with_path[i].function(what + length);
    }
    if (!strcmp(what, "usual"))
        return try_usual();
    if (!strcmp(what, "capabilities"))
        return has_no_capabilities();
    if (!strcmp(what, "limits"))
        return has_limits();
    return try_call(what);
}
