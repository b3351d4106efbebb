/* SPDX-License-Identifier: MIT */
#include "hoststore/guest_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int guest_hold_package(const char *folder)
{
    const char *name = strrchr(folder, '/');
    if (!name || !name[1])
        return -EINVAL;
    char *path = NULL;
    if (asprintf(&path, "%s/../../.locks/%s", folder, name + 1) < 0)
        return -ENOMEM;
    /* O_NONBLOCK: whatever stands there must not hang the program. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int result = fd < 0 ? -errno : fd;
    free(path);
    struct stat info;
    if (fd >= 0 &&
        (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || flock(fd, LOCK_SH | LOCK_NB) < 0)) {
        result = errno == EWOULDBLOCK ? -EBUSY : -EINVAL;
        close(fd);
    }
    return result;
}
