/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "registry/registry.h"
#include "util/file.h"

int reg_hive_load(const char *path, struct reg_hive **hive, struct error *err)
{
    char *text;
    size_t size;
    int result = file_read(AT_FDCWD, path, REG_MAX_FILE, &text, &size, err);
    if (result)
        return result;
    result = reg_hive_parse(path, text, size, hive, err);
    free(text);
    return result;
}

int reg_hive_save(const struct reg_hive *hive, const char *path, struct error *err)
{
    char *text;
    size_t size;
    int result = reg_hive_format(hive, &text, &size);
    if (result)
        return error_set(err, result, "no memory to write the registry %s", path);
    /* What could not be read again must not replace what can. */
    if (size > REG_MAX_FILE)
        result = error_set(err, -EFBIG,
                           "the registry would have %zu bytes, at most %d are accepted; %s stays "
                           "as it is",
                           size, REG_MAX_FILE, path);
    else
        result = file_write_atomic(path, text, size, 0644, err);
    free(text);
    return result;
}

int reg_hive_lock(const char *path, int *result, struct error *err)
{
    char *name;
    if (asprintf(&name, "%s.lock", path) < 0)
        return error_set(err, -ENOMEM, "no memory to lock %s", path);
    int code = 0;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0) {
        code = error_set(err, -errno, "cannot open the lock file %s: %s", name, strerror(errno));
        goto out_name;
    }
    while (flock(fd, LOCK_EX) < 0) {
        if (errno == EINTR)
            continue;
        code = error_set(err, -errno, "cannot lock %s: %s", name, strerror(errno));
        goto out_file;
    }
    *result = fd;
    goto out_name;
out_file:
    close(fd);
out_name:
    free(name);
    return code;
}
