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
#include <unistd.h>

#include "hoststore/guest_hold.h"
#include "hoststore/tree.h"

struct package {
    struct package *next;
    char *folder;
    struct catalog *catalog;
    char *text; /* the catalog's, as it was read: what signatures are for */
    size_t text_size;
    struct stat identity; /* of the catalog's file */
    bool verified;
    int hold; /* keeps the package in a store that a guest's agent keeps; -1: none */
    struct file_identity *files; /* as they were verified, in the catalog's order */
    bool trusted;
    struct trust_result trust; /* once it is */
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
    code = catalog_load_text(folder, &package->catalog, &package->text, &package->text_size, err);
    if (code < 0) {
        free(package);
        return code;
    }
    package->files = calloc(package->catalog->file_count, sizeof(*package->files));
    if (!package->files) {
        catalog_destroy(package->catalog);
        free(package->text);
        free(package);
        return error_set(err, -ENOMEM, "no memory for the package %s", folder);
    }
    package->hold = -1;
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
        /* Before it is checked, and for as long as the process lives, as its libraries are. */
        if (own->hold < 0)
            own->hold = guest_hold_package(own->folder);
        code = catalog_verify_identities(own->catalog, own->folder, own->files, &why);
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

/* The configuration is read until a package is accepted: an administrator who puts a key in place
 * need not restart the programs that wait for it. */
static int check_trust(const struct package *package, struct trust_result *result,
                       struct error *err)
{
    struct trust *trust;
    int code = trust_load(&trust, err);

    *result = (struct trust_result){.state = TRUST_UNSIGNED};
    if (code < 0)
        return code;
    code = trust_check(trust, package->folder, package->text, package->text_size, result, err);
    trust_destroy(trust);
    return code;
}

int package_check_trust(const struct package *package, struct trust_result *result,
                        struct error *err)
{
    struct package *own = (struct package *)package; /* of our list */
    int code = 0;

    pthread_mutex_lock(&lock);
    if (!own->trusted) {
        code = check_trust(own, &own->trust, err);
        own->trusted = code == 0;
    }
    *result = own->trust;
    pthread_mutex_unlock(&lock);
    return code;
}

int package_read(const struct package *package, const char *path, size_t limit, char **data,
                 size_t *size, struct error *err)
{
    const struct catalog_file *file = catalog_find(package->catalog, path);
    int folder, code;

    if (!file)
        return error_set(err, -EBADMSG, "%s/%s is not listed in the package's catalog",
                         package->folder, path);
    folder = tree_open_folder(package->folder, err);
    if (folder < 0)
        return folder;
    code = tree_read(folder, path, limit, data, size, err);
    close(folder);
    if (code < 0)
        return error_prefix(err, code, "%s", package->folder);
    if (!catalog_file_fits(file, *data, *size)) {
        free(*data);
        return error_set(err, -EBADMSG,
                         "%s/%s was altered: its contents are not those of the catalog",
                         package->folder, path);
    }
    return 0;
}

int package_check_unchanged(const struct package *package, const char *path, struct error *err)
{
    const struct catalog_file *file = catalog_find(package->catalog, path);
    struct file_identity now;
    int code;

    if (!file || !package->verified)
        return error_set(err, -EBADMSG, "%s/%s was not verified", package->folder, path);
    code = file_identity_read(package->folder, path, &now, err);
    if (code < 0)
        return code;
    if (!file_identity_equal(&now, &package->files[file - package->catalog->files]))
        return error_set(err, -EBADMSG,
                         "%s/%s was replaced or changed after it was verified; packages in a "
                         "driver store never change: is it mapped read-only here?",
                         package->folder, path);
    return 0;
}
