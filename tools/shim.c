/* SPDX-License-Identifier: MIT */
#include "tools/shim.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/icd_manifest.h"

#define MANIFEST_FOLDER GPUPV_DATADIR "/vulkan/icd.d" /* below the prefix */
#define MANIFEST_START "gpupv_icd."
#define THUNKS "libgpupv_kmt.so.0"

static int no_memory(struct error *err)
{
    return error_set(err, -ENOMEM, "out of memory");
}

/* The folder that a path lies in, malloc'ed; "/" for a file in the root. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* A path below the configured prefix is looked for below the one that is used. */
static int on_host(const char *prefix, const char *guest, char **host, struct error *err)
{
    size_t length = strlen(GPUPV_PREFIX);
    char *moved = NULL;

    if (strncmp(guest, GPUPV_PREFIX "/", length + 1) == 0 &&
        asprintf(&moved, "%s%s", prefix, guest + length) < 0)
        return no_memory(err);
    *host = realpath(moved ? moved : guest, NULL);
    if (!*host) {
        int result = error_set(err, -errno,
                               "the guest's part of gpupv is not complete: %s: %s; install gpupv, "
                               "or name its prefix with --prefix",
                               moved ? moved : guest, strerror(errno));

        free(moved);
        return result;
    }
    free(moved);
    return 0;
}

/* Where the library of a manifest lies in a guest; relative paths start at the manifest. */
static int guest_library(const struct shim *shim, char **library, struct error *err)
{
    struct icd_manifest manifest;
    char *folder, *joined = NULL;
    int result = icd_manifest_load(shim->manifest.host, &manifest, err);

    if (result < 0)
        return result;
    if (manifest.library_path[0] == '/') {
        *library = strdup(manifest.library_path);
        icd_manifest_finish(&manifest);
        return *library ? 0 : no_memory(err);
    }
    folder = folder_of(shim->manifest.guest);
    if (!folder || asprintf(&joined, "%s/%s", folder, manifest.library_path) < 0)
        result = no_memory(err);
    else
        *library = joined;
    free(folder);
    icd_manifest_finish(&manifest);
    return result;
}

static int find_libraries(const char *prefix, struct shim *shim, struct error *err)
{
    char *folder = NULL;
    int result = guest_library(shim, &shim->icd.guest, err);

    if (result < 0)
        return result;
    folder = folder_of(shim->icd.guest);
    if (!folder || asprintf(&shim->thunks.guest, "%s/" THUNKS, folder) < 0) {
        shim->thunks.guest = NULL;
        free(folder);
        return no_memory(err);
    }
    free(folder);
    result = on_host(prefix, shim->icd.guest, &shim->icd.host, err);
    return result < 0 ? result : on_host(prefix, shim->thunks.guest, &shim->thunks.host, err);
}

static int add_shim(const char *prefix, const char *manifest, struct shims *shims,
                    struct error *err)
{
    const char *name = strrchr(manifest, '/') + 1, *arch = name + strlen(MANIFEST_START);
    struct shim *shim = &shims->items[shims->count];

    if (shims->count == SHIM_MAX)
        return error_set(err, -E2BIG, "%s has more than %d manifests of gpupv", prefix, SHIM_MAX);
    shims->count++;
    shim->arch = strndup(arch, strlen(arch) - strlen(".json"));
    shim->manifest.host = realpath(manifest, NULL);
    if (!shim->manifest.host)
        return error_set(err, -errno, "%s: %s", manifest, strerror(errno));
    if (asprintf(&shim->manifest.guest, GPUPV_PREFIX "/" MANIFEST_FOLDER "/%s", name) < 0) {
        shim->manifest.guest = NULL;
        return no_memory(err);
    }
    return shim->arch ? find_libraries(prefix, shim, err) : no_memory(err);
}

static int glob_manifests(const char *prefix, glob_t *found, struct error *err)
{
    char *pattern;
    int result;

    if (asprintf(&pattern, "%s/" MANIFEST_FOLDER "/" MANIFEST_START "*.json", prefix) < 0)
        return no_memory(err);
    result = glob(pattern, 0, NULL, found);
    free(pattern);
    if (result == GLOB_NOMATCH)
        return -ENOENT;
    return result ? error_set(err, -EIO, "cannot read the folders below %s", prefix) : 0;
}

/* The prefix that this program lies in, or NULL. */
static char *own_prefix(void)
{
    static const char below[] = "/" GPUPV_BINDIR_NAME "/gpupv";
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
    size_t rest = sizeof(below) - 1;

    if (length <= (ssize_t)rest || length == sizeof(path) ||
        memcmp(path + length - rest, below, rest) != 0)
        return NULL;
    return strndup(path, (size_t)length - rest);
}

static int find_prefix(const char *wanted, char **prefix, glob_t *found, struct error *err)
{
    char *candidates[] = {wanted ? strdup(wanted) : own_prefix(),
                          wanted ? NULL : strdup(GPUPV_PREFIX)};
    int result = -ENOENT;

    *prefix = NULL;
    for (size_t i = 0; i < 2 && result == -ENOENT; i++) {
        if (!candidates[i])
            continue;
        result = glob_manifests(candidates[i], found, err);
        if (!result) {
            *prefix = candidates[i];
            candidates[i] = NULL;
        }
    }
    if (result == -ENOENT)
        error_set(err, result,
                  "the guest's part of gpupv was not found: there is no " MANIFEST_START
                  "*.json in %s/" MANIFEST_FOLDER "; install gpupv, or name its prefix with "
                  "--prefix",
                  wanted ? wanted : GPUPV_PREFIX);
    free(candidates[0]);
    free(candidates[1]);
    return result;
}

int shims_find(const char *prefix, struct shims *shims, struct error *err)
{
    char *used;
    glob_t found;
    int result;

    *shims = (struct shims){0};
    result = find_prefix(prefix, &used, &found, err);
    if (result < 0)
        return result;
    for (size_t i = 0; i < found.gl_pathc && !result; i++)
        result = add_shim(used, found.gl_pathv[i], shims, err);
    if (!result) {
        shims->tool.guest = strdup(GPUPV_PREFIX "/" GPUPV_BINDIR_NAME "/gpupv");
        result = shims->tool.guest ? on_host(used, shims->tool.guest, &shims->tool.host, err)
                                   : no_memory(err);
    }
    globfree(&found);
    free(used);
    if (result)
        shims_finish(shims);
    return result;
}

static void finish_file(struct shim_file *file)
{
    free(file->host);
    free(file->guest);
}

void shims_finish(struct shims *shims)
{
    for (size_t i = 0; i < shims->count; i++) {
        free(shims->items[i].arch);
        finish_file(&shims->items[i].manifest);
        finish_file(&shims->items[i].icd);
        finish_file(&shims->items[i].thunks);
    }
    finish_file(&shims->tool);
    *shims = (struct shims){0};
}
