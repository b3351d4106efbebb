/* SPDX-License-Identifier: MIT */
#include "loader/package.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct package {
    struct package *next;
    char *folder;
    struct catalog *catalog;
    struct stat identity; /* of the catalog's file */
    bool verified;
};

/* One list for the process: a package is verified once, whoever loads from it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct package *packages;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* A fork may catch another thread in the middle of a check; the child starts with a free lock. What
 * the list holds is always complete: a package is linked in with one store. */
static void after_fork_in_child(void)
{
    pthread_mutex_init(&lock, NULL);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

const char *package_native_architecture(void)
{
#if defined(__x86_64__)
    return "x86_64";
#elif defined(__i386__)
    return "i386";
#elif defined(__aarch64__)
    return "aarch64";
#elif defined(__arm__)
    return "arm";
#elif defined(__riscv) && __riscv_xlen == 64
    return "riscv64";
#elif defined(__powerpc64__)
    return "ppc64le";
#else
#error "name this architecture as catalogs do"
#endif
}

const char *package_folder(const struct package *package)
{
    return package->folder;
}

const struct catalog *package_catalog(const struct package *package)
{
    return package->catalog;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct package *find_locked(const char *folder, const struct stat *identity)
{
    for (struct package *p = packages; p; p = p->next)
        if (!strcmp(p->folder, folder) && same_file(&p->identity, identity))
            return p;
    return NULL;
}

/* Takes `folder` on success. */
static int add_locked(char *folder, const struct stat *identity, struct package **result,
                      struct error *err)
{
    struct package *package = calloc(1, sizeof(*package));
    int code;

    if (!package)
        return error_set(err, -ENOMEM, "no memory for the package %s", folder);
    code = catalog_load(folder, &package->catalog, err);
    if (code < 0) {
        free(package);
        return code;
    }
    package->folder = folder;
    package->identity = *identity;
    package->next = packages;
    packages = package;
    *result = package;
    return 0;
}

/* Cuts `folder` at its last component, up to the one that has a catalog. */
static bool climb(char *folder, struct stat *identity)
{
    char catalog[PATH_MAX];

    for (int depth = 0; depth <= CATALOG_MAX_DEPTH; depth++) {
        char *slash = strrchr(folder, '/');

        if (!slash || slash == folder)
            return false;
        *slash = '\0';
        if ((size_t)snprintf(catalog, sizeof(catalog), "%s/" CATALOG_FILE, folder) >=
            sizeof(catalog))
            return false;
        if (lstat(catalog, identity) == 0)
            return true;
    }
    return false;
}

int package_find(const char *manifest_path, const struct package **package, const char **relative,
                 struct error *err)
{
    struct package *found = NULL;
    struct stat identity;
    char *folder;
    int code = 0;

    if (manifest_path[0] != '/')
        return error_set(err, -EINVAL,
                         "%s is not a full path; VulkanDriverName must name a "
                         "manifest in the host's driver store",
                         manifest_path);
    folder = strdup(manifest_path);
    if (!folder)
        return error_set(err, -ENOMEM, "no memory for the package of %s", manifest_path);
    if (!climb(folder, &identity)) {
        free(folder);
        return error_set(
            err, -ENOENT,
            "%s lies in no driver package: neither its folder nor one above has " CATALOG_FILE
            "; on the host, put the driver into the store with: gpupv "
            "host store add MANIFEST --adapter NAME",
            manifest_path);
    }
    size_t length = strlen(folder);

    pthread_once(&fork_once, watch_forks);
    pthread_mutex_lock(&lock);
    found = find_locked(folder, &identity);
    if (!found) {
        code = add_locked(folder, &identity, &found, err);
        if (code == 0)
            folder = NULL; /* the package's now */
    }
    pthread_mutex_unlock(&lock);
    free(folder);
    if (code < 0)
        return code;
    *package = found;
    *relative = manifest_path + length + 1;
    return 0;
}

int package_verify(const struct package *package, struct error *err)
{
    struct package *own = (struct package *)package; /* of our list */
    struct error why;
    int code = 0;

    pthread_mutex_lock(&lock);
    if (!own->verified) {
        code = catalog_verify(own->catalog, own->folder, &why);
        own->verified = code == 0;
    }
    pthread_mutex_unlock(&lock);
    if (code < 0)
        return error_set(err, code,
                         "%s; on the host, look with: gpupv host store verify, and add the driver "
                         "again",
                         why.text);
    return 0;
}
