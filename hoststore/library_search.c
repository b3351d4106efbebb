/* SPDX-License-Identifier: MIT */
/*
 * A bare library name is searched as the dynamic linker would, as far as that can be told without
 * loading anything, for the library may be of another architecture: in the folders of
 * LD_LIBRARY_PATH, then in the standard folders of the wanted architecture (Debian's multiarch
 * ones, lib64 or lib32, lib, each below /usr/local, / and /usr). A file for another architecture
 * is passed over. /etc/ld.so.cache is not read: a library that only it knows is named by an
 * absolute path in the manifest, or by LD_LIBRARY_PATH.
 */
#include "hoststore/library_search.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is looked for. */
struct wanted {
    const struct icd_manifest *manifest;
    const char *name;
    const char *architecture; /* or NULL */
    const struct elf_architecture *native;
};

static int open_library(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set(err, -errno, "cannot open the library %s: %s", path, strerror(errno));
    struct stat info;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return error_set(err, -EINVAL, "the library %s is not a regular file", path);
    }
    return fd;
}

int library_check(int fd, const char *path, const struct icd_manifest *manifest,
                  const char *architecture, const struct elf_architecture **found,
                  struct error *err)
{
    int result = elf_library_read(fd, path, found, err);
    if (result)
        return result;
    if (architecture && strcmp((*found)->name, architecture) != 0)
        return error_set(err, -EINVAL, "%s is for %s, not for %s", path, (*found)->name,
                         architecture);
    if (manifest->library_arch && atoi(manifest->library_arch) != (*found)->bits)
        return error_set(err, -EINVAL, "%s has %d bits, the manifest's library_arch says %s", path,
                         (*found)->bits, manifest->library_arch);
    return 0;
}

/* Whether a library of this architecture would do. */
static bool accepts(const struct wanted *wanted, const struct elf_architecture *architecture)
{
    if (wanted->architecture)
        return !strcmp(architecture->name, wanted->architecture);
    if (wanted->manifest->library_arch)
        return atoi(wanted->manifest->library_arch) == architecture->bits;
    return !wanted->native || architecture == wanted->native;
}

/* 0 when the file is there and fits; -ENOENT to go on. Takes over `path`. */
static int try_file(const struct wanted *wanted, char *path, struct library *library)
{
    if (!path)
        return -ENOMEM;
    int fd = open_library(path, NULL);
    if (fd < 0)
        goto out_path;
    if (elf_library_read(fd, path, &library->architecture, NULL) ||
        !accepts(wanted, library->architecture))
        goto out_fd;
    library->fd = fd;
    library->path = path;
    return 0;
out_fd:
    close(fd);
out_path:
    free(path);
    return -ENOENT;
}

static char *join(const char *folder, size_t length, const char *between, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%.*s/%s%s", (int)length, folder, between, name) < 0 ? NULL : path;
}

static int search_environment(const struct wanted *wanted, struct library *library)
{
    const char *at = getenv("LD_LIBRARY_PATH");
    while (at && *at) {
        size_t length = strcspn(at, ":;");
        if (length) {
            int result = try_file(wanted, join(at, length, "", wanted->name), library);
            if (result != -ENOENT)
                return result;
        }
        at += length + (at[length] != '\0');
    }
    return -ENOENT;
}

static int search_architecture(const struct wanted *wanted,
                               const struct elf_architecture *architecture,
                               struct library *library)
{
    static const char *const prefixes[] = {"/usr/local", "", "/usr"};
    char multiarch[64], sized[16];
    snprintf(multiarch, sizeof(multiarch), "lib/%s/", architecture->triplet);
    snprintf(sized, sizeof(sized), "lib%d/", architecture->bits);
    const char *const folders[] = {multiarch, sized, "lib/"};
    for (size_t folder = 0; folder < 3; folder++) {
        for (size_t prefix = 0; prefix < 3; prefix++) {
            char *path = join(prefixes[prefix], strlen(prefixes[prefix]), folders[folder],
                              wanted->name);
            int result = try_file(wanted, path, library);
            if (result != -ENOENT)
                return result;
        }
    }
    return -ENOENT;
}

static int search(const struct wanted *wanted, struct library *library)
{
    int result = search_environment(wanted, library);
    if (result == -ENOENT && wanted->native && accepts(wanted, wanted->native))
        result = search_architecture(wanted, wanted->native, library);
    for (const struct elf_architecture *at = elf_architectures; result == -ENOENT && at->name;
         at++) {
        if (at != wanted->native && accepts(wanted, at))
            result = search_architecture(wanted, at, library);
    }
    return result;
}

static int find_bare(const struct icd_manifest *manifest, const char *architecture,
                     struct library *library, struct error *err)
{
    const struct wanted wanted = {manifest, manifest->library_path, architecture,
                                  elf_architecture_native()};
    int result = search(&wanted, library);
    if (result == -ENOENT)
        return error_set(err, result,
                         "the library %s is neither in LD_LIBRARY_PATH nor in the usual library "
                         "folders; give its folder in LD_LIBRARY_PATH, or its absolute path as "
                         "library_path",
                         manifest->library_path);
    return result ? error_set(err, result, "out of memory") : 0;
}

int library_find(const struct icd_manifest *manifest, const char *manifest_path,
                 const char *architecture, struct library *library, struct error *err)
{
    const char *wanted = manifest->library_path;
    struct library found = {.fd = -1};
    if (architecture && !elf_architecture_find(architecture))
        return error_set(err, -EINVAL, "the architecture %s is not known", architecture);
    if (!strchr(wanted, '/')) {
        int result = find_bare(manifest, architecture, &found, err);
        if (result)
            return result;
    } else {
        const char *slash = strrchr(manifest_path, '/');
        size_t length = slash ? (size_t)(slash - manifest_path) : 1;
        found.path = wanted[0] == '/' ? strdup(wanted)
                                      : join(slash ? manifest_path : ".", length, "", wanted);
        if (!found.path)
            return error_set(err, -ENOMEM, "out of memory");
        found.fd = open_library(found.path, err);
        if (found.fd < 0) {
            int result = found.fd;
            library_finish(&found);
            return result;
        }
    }
    int result = library_check(found.fd, found.path, manifest, architecture, &found.architecture,
                               err);
    if (result) {
        library_finish(&found);
        return result;
    }
    *library = found;
    return 0;
}

void library_finish(struct library *library)
{
    if (library->fd >= 0)
        close(library->fd);
    free(library->path);
    *library = (struct library){.fd = -1};
}
