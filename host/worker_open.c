/* SPDX-License-Identifier: MIT */
#include "host/worker_open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_THREADS 16 /* of all workers: more would be a worker that wants to do harm */

static atomic_int threads;

static void answer(int notify, uint64_t id, int64_t value, int error)
{
    struct seccomp_notif_resp response = {.id = id, .val = value, .error = error};
    (void)ioctl(notify, SECCOMP_IOCTL_NOTIF_SEND, &response); /* it fails when the worker is gone */
}

void worker_open_answer(int notify, uint64_t id, int result)
{
    answer(notify, id, 0, result);
}

/* "self" is the worker. */
static const char *translate(const struct worker_open *request, char path[PATH_MAX + 32])
{
    static const char self[] = "/proc/self/";
    if (strncmp(request->path, self, sizeof(self) - 1))
        return request->path;
    snprintf(path, PATH_MAX + 32, "/proc/%d/%s", (int)request->pid,
             request->path + sizeof(self) - 1);
    return path;
}

/* A device, or what anybody may read: this process may be allowed more than that. */
static bool is_public(const struct stat *info, int flags)
{
    if (S_ISCHR(info->st_mode))
        return true;
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    return !writes && (S_ISREG(info->st_mode) || S_ISDIR(info->st_mode)) && info->st_mode & S_IROTH;
}

static int open_checked(const struct worker_open *request, const char *path)
{
    int kept = request->flags & (O_ACCMODE | O_DIRECTORY | O_NOFOLLOW | O_PATH);
    struct stat info;
    int fd = open(path, kept | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (!request->granted && (fstat(fd, &info) || !is_public(&info, request->flags))) {
        close(fd);
        return -EACCES;
    }
    if (!(request->flags & (O_NONBLOCK | O_PATH))) {
        int now = fcntl(fd, F_GETFL);
        if (now >= 0)
            (void)fcntl(fd, F_SETFL, now & ~O_NONBLOCK);
    }
    return fd;
}

static void hand_over(const struct worker_open *request, const char *path)
{
    int fd = open_checked(request, path);
    if (fd < 0) {
        answer(request->notify, request->id, 0, fd);
        return;
    }
    struct seccomp_notif_addfd add = {
        .id = request->id,
        .srcfd = (uint32_t)fd,
        .newfd_flags = request->flags & O_CLOEXEC ? O_CLOEXEC : 0,
    };
    int number = ioctl(request->notify, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    if (number < 0)
        answer(request->notify, request->id, 0, -errno);
    else
        answer(request->notify, request->id, number, 0);
    close(fd);
}

static int write_back(const struct worker_open *request, const void *data, size_t size)
{
    struct iovec from = {(void *)data, size}, to = {(void *)(uintptr_t)request->to, size};
    ssize_t written = process_vm_writev(request->pid, &from, 1, &to, 1, 0);
    return written == (ssize_t)size ? 0 : -EFAULT;
}

/* The kernel's and the C library's structure are one where a long has 64 bits. */
static int tell_stat(const struct worker_open *request, const char *path)
{
    struct stat info;
    if (sizeof(long) != 8)
        return -ENOSYS;
    if (fstatat(AT_FDCWD, path, &info, request->flags & AT_SYMLINK_NOFOLLOW))
        return -errno;
    return write_back(request, &info, sizeof(info));
}

static void tell_link(const struct worker_open *request, const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof(target));
    if (length >= 0 && (uint64_t)length > request->size)
        length = (ssize_t)request->size;
    int result = length < 0 ? -errno : write_back(request, target, (size_t)length);
    answer(request->notify, request->id, result ? 0 : length, result);
}

static void *serve(void *context)
{
    struct worker_open *request = context;
    char buffer[PATH_MAX + 32];
    const char *path = translate(request, buffer);
    switch (request->call) {
    case WORKER_CALL_OPEN:
        hand_over(request, path);
        break;
    case WORKER_CALL_STAT:
        answer(request->notify, request->id, 0, tell_stat(request, path));
        break;
    case WORKER_CALL_ACCESS:
        answer(request->notify, request->id, 0, access(path, request->flags) ? -errno : 0);
        break;
    case WORKER_CALL_READLINK:
        tell_link(request, path);
        break;
    }
    close(request->notify);
    free(request);
    atomic_fetch_sub(&threads, 1);
    return NULL;
}

static int start(struct worker_open *request)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int code = pthread_attr_init(&attributes);
    if (code)
        return -code;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    code = pthread_create(&thread, &attributes, serve, request);
    pthread_attr_destroy(&attributes);
    return -code;
}

void worker_open_start(const struct worker_open *request)
{
    struct worker_open *copy = NULL;
    int result = -EMFILE;
    if (atomic_fetch_add(&threads, 1) >= MAX_THREADS)
        goto out;
    result = -ENOMEM;
    copy = malloc(sizeof(*copy));
    if (!copy)
        goto out;
    *copy = *request;
    copy->notify = fcntl(request->notify, F_DUPFD_CLOEXEC, 0);
    result = copy->notify < 0 ? -errno : start(copy);
    if (!result)
        return;
    if (copy->notify >= 0)
        close(copy->notify);
out:
    atomic_fetch_sub(&threads, 1);
    free(copy);
    worker_open_answer(request->notify, request->id, result);
}
