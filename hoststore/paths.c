/* SPDX-License-Identifier: MIT */
#include "hoststore/paths.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/utf.h"

#define MAX_RELATIVE 4095u

/* A path that lies in the host's store, taken apart. */
struct located {
    bool windows;
    size_t store; /* Windows only: where the component "DriverStore" begins */
    const char *rest; /* what follows the root: "" or a separator and components */
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_separator(char c, bool windows)
{
    return c == '/' || (windows && c == '\\');
}

static size_t root_length(const char *root)
{
    size_t length = strlen(root);
    while (length && root[length - 1] == '/')
        length--;
    return length;
}

/* Skips `folder` and the separator before it, without regard to case. NULL if something else is
 * there. */
static const char *skip_folder(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (!is_separator(*path, true) || strncasecmp(path + 1, folder, length) != 0)
        return NULL;
    path += 1 + length;
    return *path == '\0' || is_separator(*path, true) ? path : NULL;
}

/* Skips the Windows folder in any of the spellings that registry values use. */
static const char *skip_windows_folder(const char *path)
{
    static const char *const variables[] = {"%windir%", "%SystemRoot%"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        size_t length = strlen(variables[i]);
        if (!strncasecmp(path, variables[i], length))
            return path + length;
    }
    if (!strncmp(path, "\\??\\", 4) || !strncmp(path, "\\\\?\\", 4))
        path += 4;
    if (is_letter(path[0]) && path[1] == ':')
        return skip_folder(path + 2, "Windows");
    return skip_folder(path, "SystemRoot");
}

static bool locate_windows(const char *path, struct located *located)
{
    /* "/SystemRoot/…" is a path of this host's own, which happens to look like one. */
    if (path[0] == '/')
        return false;
    const char *at = skip_windows_folder(path);
    if (!at)
        return false;
    at = skip_folder(at, "System32");
    if (!at)
        return false;
    /* Both places are documented for the store. */
    const char *drivers = skip_folder(at, "drivers");
    if (drivers)
        at = drivers;
    const char *rest = skip_folder(at, "DriverStore");
    if (!rest)
        return false;
    *located = (struct located){.windows = true, .store = (size_t)(at + 1 - path), .rest = rest};
    return true;
}

static bool locate_posix(const struct store_paths *paths, const char *path,
                         struct located *located)
{
    size_t root = root_length(paths->host_root);
    if (path[0] != '/' || paths->host_root[0] != '/' || strncmp(path, paths->host_root, root) != 0)
        return false;
    if (path[root] != '\0' && path[root] != '/')
        return false;
    *located = (struct located){.rest = path + root};
    return true;
}

static bool locate(const struct store_paths *paths, const char *path, struct located *located)
{
    return locate_posix(paths, path, located) || locate_windows(path, located);
}

/* Why a component is refused, or NULL. */
static const char *component_fault(const char *name, size_t length, bool windows)
{
    if (!length)
        return "an empty component";
    /* Windows drops dots and spaces at a name's end, so that ".. " would mean "..". */
    size_t dots = strspn(name, windows ? ". " : ".");
    if (dots >= length && (windows || length <= 2))
        return "a component that is not a name (\".\" or \"..\")";
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)name[i + 1] < 0xa0))
            return "a control character";
        if (c == '\\')
            return "a backslash";
        if (windows && c == ':')
            return "a colon";
    }
    return NULL;
}

/* The same for a whole path: components between separators. */
static const char *path_fault(const char *path, bool windows)
{
    size_t size = strlen(path);
    if (utf8_to_utf16(path, size, NULL, 0) < 0)
        return "bytes that are not UTF-8";
    for (const char *at = path;;) {
        size_t length = strcspn(at, windows ? "/\\" : "/");
        const char *fault = component_fault(at, length, windows);
        if (fault)
            return fault;
        if (!at[length])
            return NULL;
        at += length + 1;
    }
}

static bool rest_is_clean(const struct located *located)
{
    return !*located->rest || !path_fault(located->rest + 1, located->windows);
}

int store_path_to_guest(const struct store_paths *paths, const char *host_path, char **guest_path)
{
    struct located located;
    if (!locate(paths, host_path, &located))
        return -ENOENT;
    if (!rest_is_clean(&located))
        return -EPERM;

    int length;
    if (located.windows)
        length = asprintf(guest_path, "%.*sHostDriverStore%s", (int)located.store, host_path,
                          located.rest);
    else
        length = asprintf(guest_path, "%.*s%s", (int)root_length(paths->guest_root),
                          paths->guest_root, located.rest);
    return length < 0 ? -ENOMEM : 0;
}

int store_path_check_relative(const char *path, struct error *err)
{
    size_t size = strlen(path);
    if (!size)
        return error_set(err, -EPERM, "the path is empty");
    if (size > MAX_RELATIVE)
        return error_set(err, -EPERM, "the path has %zu bytes, at most %u are accepted", size,
                         MAX_RELATIVE);
    if (path[0] == '/')
        return error_set(err, -EPERM,
                         "the path is absolute, it must be relative to the package");
    const char *fault = path_fault(path, false);
    if (fault)
        return error_set(err, -EPERM, "the path has %s, which no path in a package may have",
                         fault);
    return 0;
}

const char *store_path_package(const struct store_paths *paths, const char *host_path,
                               size_t *length)
{
    static const char repository[] = "FileRepository";
    struct located located;
    if (!locate(paths, host_path, &located) || !rest_is_clean(&located))
        return NULL;

    const char *package = NULL;
    if (located.windows) {
        package = skip_folder(located.rest, repository);
    } else if (!strncmp(located.rest, "/FileRepository", sizeof(repository))) {
        package = located.rest + sizeof(repository);
    }
    if (!package || !is_separator(*package, located.windows))
        return NULL;
    package++;
    *length = strcspn(package, located.windows ? "/\\" : "/");
    return package;
}
