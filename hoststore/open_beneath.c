/* SPDX-License-Identifier: MIT */
#include "hoststore/open_beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "hoststore/paths.h"

/* With RESOLVE_BENEATH the kernel gives up, with EAGAIN, when names are moved under its feet. */
#define KERNEL_TRIES 8

/* libc has no function for it. */
static int open_in_kernel(int folder, const char *path, int flags)
{
#ifdef SYS_openat2
    const struct open_how how = {
        .flags = (uint64_t)(unsigned)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    for (int i = 0; i < KERNEL_TRIES; i++) {
        long fd = syscall(SYS_openat2, folder, path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return -errno;
#else
    (void)folder, (void)path, (void)flags;
    return -ENOSYS;
#endif
}

/* Whether the failure may be one of the call and not one of the path. EPERM is both; the walk then
 * tells which. */
static bool is_unsupported(int code)
{
    return code == -ENOSYS || code == -EPERM || code == -E2BIG || code == -EINVAL ||
           code == -EAGAIN || code == -EINTR;
}

static int open_one(int folder, const char *name, int flags)
{
    int fd = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int open_by_walk(int folder, const char *path, int flags)
{
    char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    int at = folder, result;
    for (char *name = copy;;) {
        char *slash = strchr(name, '/');
        if (slash)
            *slash = '\0';
        /* O_PATH: a folder that may be passed through need not be readable. */
        result = open_one(at, name, slash ? O_PATH | O_DIRECTORY : flags);
        if (at != folder)
            close(at);
        if (result < 0 || !slash)
            break;
        at = result;
        name = slash + 1;
    }
    free(copy);
    return result;
}

int open_beneath(int folder, const char *path, int flags)
{
    if (store_path_check_relative(path, NULL))
        return -EPERM;
    flags |= O_NOFOLLOW | O_CLOEXEC;
    int result = open_in_kernel(folder, path, flags);
    return result < 0 && is_unsupported(result) ? open_by_walk(folder, path, flags) : result;
}
