/* SPDX-License-Identifier: MIT */
#include "hoststore/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "hoststore/icd_manifest.h"
#include "hoststore/store_layout.h"
#include "hoststore/tree.h"
#include "util/file.h"
#include "util/log.h"

void store_package_finish(struct store_package *package)
{
    free(package->folder_name);
    free(package->path);
    free(package->manifest_path);
    free(package->library_path);
    free(package->name);
    free(package->version);
    free(package->architecture);
    *package = (struct store_package){0};
}

/* Finds the library through the package's manifest. */
static int find_library(const char *path, const struct catalog *catalog, char **library,
                        struct error *err)
{
    char *text;
    size_t size;
    int folder = tree_open_folder(path, err);
    if (folder < 0)
        return folder;
    int result = tree_read(folder, catalog->manifest, ICD_MANIFEST_MAX_SIZE, &text, &size, err);
    close(folder);
    if (result)
        return result;
    struct icd_manifest manifest;
    result = icd_manifest_parse(catalog->manifest, text, size, &manifest, err);
    free(text);
    if (result)
        return result;
    result = icd_manifest_library_in_package(&manifest, catalog->manifest, library, err);
    icd_manifest_finish(&manifest);
    if (result)
        return result;
    if (!catalog_find(catalog, *library)) {
        result = error_set(err, -EBADMSG, "the library %s is not in the catalog", *library);
        free(*library);
    }
    return result;
}

static bool is_inf(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && !strcasecmp(path + length - 4, ".inf");
}

/* Takes over `path`, on failure too. */
static int fill_package(struct store_package *package, char *path, const char *folder_name,
                        const struct catalog *catalog, struct error *err)
{
    struct store_package filled = {.path = path};
    char *library = NULL;
    bool has_driver = !is_inf(catalog->manifest);
    int result = has_driver ? find_library(path, catalog, &library, err) : 0;
    if (result)
        goto out_filled;

    filled.folder_name = strdup(folder_name);
    filled.name = strdup(catalog->name);
    filled.version = strdup(catalog->version);
    filled.architecture = strdup(catalog->architecture);
    if (has_driver && asprintf(&filled.manifest_path, "%s/%s", path, catalog->manifest) < 0)
        filled.manifest_path = NULL;
    if (has_driver && asprintf(&filled.library_path, "%s/%s", path, library) < 0)
        filled.library_path = NULL;
    free(library);
    if (!filled.folder_name || !filled.name || !filled.version || !filled.architecture ||
        (has_driver && (!filled.manifest_path || !filled.library_path))) {
        result = error_set(err, -ENOMEM, "out of memory");
        goto out_filled;
    }
    for (size_t i = 0; i < catalog->file_count; i++) {
        if (__builtin_add_overflow(filled.size, catalog->files[i].size, &filled.size))
            filled.size = UINT64_MAX;
    }
    *package = filled;
    return 0;
out_filled:
    store_package_finish(&filled);
    return result;
}

/* The absolute path of a package's folder, malloc'ed; the folder is there. */
static int package_path(const char *root, const char *folder_name, char **path, struct error *err)
{
    int result = store_check_folder_name(folder_name, err);
    if (result)
        return result;
    char *absolute;
    result = store_absolute_root(root, &absolute, err);
    if (result)
        return result;
    int length = asprintf(path, "%s/" STORE_REPOSITORY "/%s", absolute, folder_name);
    free(absolute);
    if (length < 0)
        return error_set(err, -ENOMEM, "out of memory");
    struct stat info;
    if (lstat(*path, &info) < 0) {
        int code = -errno;
        free(*path);
        if (code == -ENOENT)
            return error_set(err, code, "the store %s has no package %s", root, folder_name);
        return error_set(err, code, "cannot look at the package %s: %s", folder_name,
                         strerror(-code));
    }
    return 0;
}

/* The catalog of a package that is there; a missing file is then damage. */
static int load_catalog(const char *path, struct catalog **catalog, struct error *err)
{
    int result = catalog_load(path, catalog, err);
    return result == -ENOENT || result == -EINVAL || result == -EPERM || result == -ENOTDIR
               ? -EBADMSG
               : result;
}

int store_get(const char *root, const char *folder_name, struct store_package *package,
              struct error *err)
{
    char *path;
    int result = package_path(root, folder_name, &path, err);
    if (result)
        return result;
    struct catalog *catalog;
    result = load_catalog(path, &catalog, err);
    if (result) {
        free(path);
        return result;
    }
    result = fill_package(package, path, folder_name, catalog, err);
    catalog_destroy(catalog);
    if (result == -ENOMEM)
        return result;
    return result ? error_prefix(err, -EBADMSG, "the package %s", folder_name) : 0;
}

/* The catalog's digest is part of the name, so that a catalog that was altered together with its
 * files is noticed. */
static int verify_name(const char *path, const char *folder_name, const struct catalog *catalog,
                       struct error *err)
{
    int folder = tree_open_folder(path, err);
    if (folder < 0)
        return folder;
    char *text, *name;
    size_t size;
    int result = tree_read(folder, CATALOG_FILE, CATALOG_MAX_SIZE, &text, &size, err);
    close(folder);
    if (result)
        return result;
    result = store_folder_name(catalog, text, size, &name);
    free(text);
    if (result)
        return error_set(err, result, "cannot check the name of %s: %s", path, strerror(-result));
    if (strcmp(name, folder_name) != 0)
        result = error_set(err, -EBADMSG,
                           "the package %s fails its check: its catalog was altered, or the "
                           "folder was renamed (its contents belong to %s)",
                           folder_name, name);
    free(name);
    return result;
}

int store_verify(const char *root, const char *folder_name, struct error *err)
{
    char *path;
    int result = package_path(root, folder_name, &path, err);
    if (result)
        return result;
    struct catalog *catalog;
    result = load_catalog(path, &catalog, err);
    if (result)
        goto out_path;
    result = verify_name(path, folder_name, catalog, err);
    if (!result)
        result = catalog_verify(catalog, path, err);
    catalog_destroy(catalog);
out_path:
    free(path);
    return result;
}

static int is_in_use(const char *root, const char *folder_name)
{
    int repository = store_open_repository(root, NULL);
    if (repository < 0)
        return 0;
    int fd = store_lock_package(repository, folder_name, true, NULL);
    close(repository);
    if (fd >= 0)
        close(fd);
    return fd == -EBUSY;
}

struct listing {
    const char *root;
    struct store_package **packages;
    size_t *count;
};

static int list_entry(void *context, int folder, const char *name, struct error *err)
{
    const struct listing *listing = context;
    const char *root = listing->root;
    struct store_package **packages = listing->packages;
    size_t *count = listing->count;
    (void)folder;
    struct store_package *grown = realloc(*packages, (*count + 1) * sizeof(**packages));
    if (!grown)
        return error_set(err, -ENOMEM, "out of memory listing the store");
    *packages = grown;
    struct error why;
    int result = store_get(root, name, &grown[*count], &why);
    if (result == -ENOMEM)
        return error_set(err, result, "%s", why.text);
    if (result) {
        log_warning("store", "%s/" STORE_REPOSITORY "/%s is skipped: %s", root, name, why.text);
        return 0;
    }
    grown[*count].in_use = is_in_use(root, name);
    *count += 1;
    return 0;
}

static int compare_packages(const void *left, const void *right)
{
    const struct store_package *a = left, *b = right;
    return strcmp(a->folder_name, b->folder_name);
}

int store_list(const char *root, struct store_package **packages, size_t *count,
               struct error *err)
{
    *packages = NULL;
    *count = 0;
    int fd = store_open_repository(root, err);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return fd;
    struct listing listing = {root, packages, count};
    int result = folder_each(fd, root, list_entry, &listing, err);
    if (result) {
        for (size_t i = 0; i < *count; i++)
            store_package_finish(&(*packages)[i]);
        free(*packages);
        *packages = NULL;
        *count = 0;
        return result;
    }
    if (*count)
        qsort(*packages, *count, sizeof(**packages), compare_packages);
    return 0;
}

/* Checks the name, and locks the package. */
static int open_locked(const char *root, const char *folder_name, bool exclusive, int *repository,
                       struct error *err)
{
    *repository = store_open_repository_of(root, folder_name, err);
    if (*repository < 0)
        return *repository;
    int result = store_lock_package(*repository, folder_name, exclusive, err);
    if (result < 0)
        close(*repository);
    return result;
}

int store_remove(const char *root, const char *folder_name, struct error *err)
{
    int repository;
    int package = open_locked(root, folder_name, true, &repository, err);
    if (package < 0)
        return package;
    int result = store_make_folders(root, err);
    if (result)
        goto out_package;
    int incoming = store_open_incoming(root, err);
    if (incoming < 0) {
        result = incoming;
        goto out_package;
    }
    /* Renamed first: a reader never meets a package of which a part is gone. */
    char name[STORE_RANDOM_NAME_SIZE];
    store_random_name("removed", name);
    if (renameat(repository, folder_name, incoming, name) < 0) {
        result = error_set(err, -errno, "cannot remove the package %s: %s", folder_name,
                           strerror(errno));
        goto out_incoming;
    }
    fsync(repository);
    store_forget_lock(repository, folder_name);
    struct error why;
    if (store_delete_tree(incoming, name, &why))
        log_warning("store", "%s/" STORE_INCOMING "/%s is left behind: %s", root, name, why.text);
out_incoming:
    close(incoming);
out_package:
    close(package);
    close(repository);
    return result;
}

int store_try_hold(const char *root, const char *folder_name, int *fd, struct error *err)
{
    int repository = store_open_repository_of(root, folder_name, err);
    if (repository < 0)
        return repository;
    int result = store_try_lock_package(repository, folder_name, err);
    close(repository);
    if (result < 0)
        return result;
    *fd = result;
    return 0;
}

int store_hold(const char *root, const char *folder_name, int *fd, struct error *err)
{
    int repository;
    int package = open_locked(root, folder_name, false, &repository, err);
    if (package < 0)
        return package;
    close(repository);
    *fd = package;
    return 0;
}
