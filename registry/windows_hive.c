/* SPDX-License-Identifier: MIT */
#include "registry/windows_hive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "registry/windows_hive_internal.h"
#include "util/file.h"

#define CURRENT_SET "CurrentControlSet"

/* The file's head: "regf", then two counts that differ while Windows writes. */
#define HEAD_SIZE 4096
#define FIRST_COUNT 4
#define SECOND_COUNT 8

static int no_memory(const char *name, struct error *err)
{
    return error_set(err, -ENOMEM, "no memory to read %s", name);
}

int windows_hive_damaged(const struct windows_hive *hive, const char *key, struct error *err)
{
    if (errno == ENOMEM)
        return no_memory(hive->name, err);
    return error_set(err, -EBADMSG,
                     "%s: %s%sthe hive is damaged (%s); copy it again while Windows is shut down, "
                     "or with \"reg save\"",
                     hive->name, key ? key : "", key ? ": " : "", strerror(errno));
}

/* Opening */

bool windows_hive_recognise(const void *data, size_t size)
{
    return size >= 4 && !memcmp(data, "regf", 4);
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* hivex opens files by name and maps them: it gets a copy that nobody else can cut short. */
static int open_copy(struct windows_hive *hive, const void *data, size_t size, struct error *err)
{
    int fd = memfd_create("gpupv-windows-hive", MFD_CLOEXEC);
    if (fd < 0)
        return error_set(err, -errno, "cannot make a copy of %s in memory: %s", hive->name,
                         strerror(errno));
    int result = write_all(fd, data, size);
    if (result) {
        error_set(err, result, "cannot make a copy of %s in memory: %s", hive->name,
                  strerror(-result));
    } else {
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        errno = 0;
        hive->handle = hivex_open(path, 0);
        if (!hive->handle)
            result = windows_hive_damaged(hive, NULL, err);
    }
    close(fd);
    return result;
}

int windows_hive_open_data(const char *name, const void *data, size_t size,
                           struct windows_hive **result, struct error *err)
{
    const uint8_t *bytes = data;
    if (!windows_hive_recognise(data, size))
        return error_set(err, -EBADMSG,
                         "%s is no hive file of Windows: it does not begin with \"regf\"", name);
    if (size < HEAD_SIZE)
        return error_set(err, -EBADMSG,
                         "%s: the hive is damaged: it ends after %zu bytes, within its head", name,
                         size);
    struct windows_hive *hive = calloc(1, sizeof(*hive));
    if (!hive)
        return no_memory(name, err);
    hive->dirty = memcmp(bytes + FIRST_COUNT, bytes + SECOND_COUNT, 4) != 0;
    hive->name = strdup(name);
    int code = hive->name ? open_copy(hive, data, size, err) : no_memory(name, err);
    if (code) {
        windows_hive_close(hive);
        return code;
    }
    *result = hive;
    return 0;
}

int windows_hive_open(const char *path, struct windows_hive **hive, struct error *err)
{
    char *data;
    size_t size;
    int result = file_read(AT_FDCWD, path, WINDOWS_HIVE_MAX_FILE, &data, &size, err);
    if (result)
        return result;
    result = windows_hive_open_data(path, data, size, hive, err);
    free(data);
    return result;
}

void windows_hive_close(struct windows_hive *hive)
{
    if (!hive)
        return;
    if (hive->handle)
        hivex_close(hive->handle);
    free(hive->name);
    free(hive);
}

bool windows_hive_is_dirty(const struct windows_hive *hive)
{
    return hive->dirty;
}

/* Finding keys */

/* The child, or 0 with errno 0 when there is none. */
static hive_node_h child(struct windows_hive *hive, hive_node_h node, const char *name)
{
    errno = 0;
    return hivex_node_get_child(hive->handle, node, name);
}

/* 1 with the number of Select\Current; 0 when the hive has none. */
static int current_set(struct windows_hive *hive, hive_node_h root, unsigned *number)
{
    hive_node_h select = child(hive, root, "Select");
    if (!select)
        return errno ? -errno : 0;
    errno = 0;
    hive_value_h value = hivex_node_get_value(hive->handle, select, "Current");
    if (!value)
        return errno ? -errno : 0;
    hive_type type;
    size_t size;
    errno = 0;
    char *data = hivex_value_value(hive->handle, value, &type, &size);
    if (!data)
        return errno ? -errno : 0;
    const uint8_t *bytes = (const uint8_t *)data;
    int result = type == hive_t_REG_DWORD && size == 4;
    if (result)
        *number = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (unsigned)bytes[3] << 24;
    free(data);
    return result;
}

/* The name without what leads to the hive's root. */
static const char *below_root(const char *key)
{
    static const char *const heads[] = {"\\", "HKEY_LOCAL_MACHINE\\", "HKLM\\", "SYSTEM\\"};
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        size_t length = strlen(heads[i]);
        if (!strncasecmp(key, heads[i], length))
            key += length;
    }
    return strcasecmp(key, "SYSTEM") ? key : "";
}

/* The path with the control set that CurrentControlSet stands for; malloc'ed. */
static int resolve(struct windows_hive *hive, hive_node_h root, const char *key, char **path,
                   struct error *err)
{
    const char *rest = below_root(key);
    size_t length = strlen(CURRENT_SET);
    if (strncasecmp(rest, CURRENT_SET, length) || (rest[length] && rest[length] != '\\') ||
        child(hive, root, CURRENT_SET)) {
        *path = strdup(rest);
        return *path ? 0 : no_memory(hive->name, err);
    }
    unsigned number = 0;
    int result = current_set(hive, root, &number);
    if (result < 0) {
        errno = -result;
        return windows_hive_damaged(hive, "Select\\Current", err);
    }
    if (!result)
        return error_set(err, -ENOENT,
                         "%s: " CURRENT_SET " stands for nothing here: the hive has no number "
                         "Select\\Current; name ControlSet001 or another set",
                         hive->name);
    if (asprintf(path, "ControlSet%03u%s", number, rest + length) < 0)
        return no_memory(hive->name, err);
    return 0;
}

/* Walks down the names of `path`. */
static int walk(struct windows_hive *hive, hive_node_h *node, const char *path, struct error *err)
{
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "\\");
        char *name = strndup(at, length);
        if (!name)
            return no_memory(hive->name, err);
        hive_node_h next = child(hive, *node, name);
        int code = errno;
        free(name);
        if (!next && code) {
            errno = code;
            return windows_hive_damaged(hive, path, err);
        }
        if (!next)
            return error_set(
                err, -ENOENT,
                "%s has no key %s: \"%.*s\" is not there; \"gpupv host reg import-hive "
                "FILE --list --source KEY\" lists keys",
                hive->name, path, (int)(at + length - path), path);
        *node = next;
        at += length + (at[length] == '\\');
    }
    return 0;
}

int windows_hive_find(struct windows_hive *hive, const char *key, hive_node_h *node, char **path,
                      struct error *err)
{
    errno = 0;
    hive_node_h at = hivex_root(hive->handle);
    if (!at)
        return windows_hive_damaged(hive, NULL, err);
    char *resolved;
    int result = resolve(hive, at, key, &resolved, err);
    if (result)
        return result;
    result = walk(hive, &at, resolved, err);
    if (result) {
        free(resolved);
        return result;
    }
    *node = at;
    *path = resolved;
    return 0;
}
