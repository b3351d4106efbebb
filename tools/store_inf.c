/* SPDX-License-Identifier: MIT */
#include "tools/store_inf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "hoststore/catalog.h"
#include "hoststore/inf_install.h"
#include "hoststore/tree.h"
#include "loader/package.h"

#define SUFFIX ".inf"

struct store_inf {
    char *file; /* in the folder */
    char *name; /* without the suffix */
    int folder;
    bool has_catalog;
    struct inf *inf;
    struct inf_driver driver;
    struct inf_install install;
};

static bool is_inf(const char *name)
{
    size_t length = strlen(name), suffix = strlen(SUFFIX);

    return length > suffix && !strcasecmp(name + length - suffix, SUFFIX);
}

/* The name of the one INF file; NULL when there is none. */
static int find_file(int folder, const char *path, char **found, struct error *err)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    int result = 0;

    *found = NULL;
    if (!list) {
        result = error_set(err, -errno, "cannot list the folder %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return result;
    }
    while (result == 0 && (entry = readdir(list))) {
        if (!is_inf(entry->d_name))
            continue;
        if (*found)
            result = error_set(err, -EINVAL,
                               "%s has two INF files, %s and %s; put the driver's own and its "
                               "files into a folder of their own",
                               path, *found, entry->d_name);
        else if (!(*found = strdup(entry->d_name)))
            result = error_set(err, -ENOMEM, "no memory for the name of an INF file");
    }
    closedir(list);
    if (result < 0) {
        free(*found);
        *found = NULL;
    }
    return result;
}

static int read_inf(struct store_inf *inf, const char *path, struct error *err)
{
    char *text, *name = NULL;
    size_t size;
    int result = tree_read(inf->folder, inf->file, INF_MAX_SIZE, &text, &size, err);

    if (result < 0)
        return error_prefix(err, result, "%s", path);
    if (asprintf(&name, "%s/%s", path, inf->file) < 0) {
        name = NULL;
        result = error_set(err, -ENOMEM, "no memory for %s", inf->file);
    } else {
        result = inf_parse(name, text, size, &inf->inf, err);
    }
    free(name);
    free(text);
    return result;
}

/* Everything that can fail for a reason in the INF or the folder fails here. */
static int check(const struct store_inf *inf, struct error *err)
{
    const struct inf_target target = {.adapter_key = "HKLM\\Adapter",
                                      .service_key = "HKLM\\Service",
                                      .package_path = "/package",
                                      .folder = inf->folder};
    struct reg_hive *scratch;
    int result = inf_install_check_files(&inf->install, inf->folder, err);

    if (result < 0)
        return result;
    if (reg_hive_create(&scratch) < 0)
        return error_set(err, -ENOMEM, "no memory for a registry");
    result = inf_install_write(&inf->install, &target, scratch, err);
    reg_hive_destroy(scratch);
    return result;
}

static int read_all(struct store_inf *inf, const char *path, const char *architecture,
                    const char *wanted, struct error *err)
{
    const struct inf_model *model;
    int result = read_inf(inf, path, err);

    inf->name = strndup(inf->file, strlen(inf->file) - strlen(SUFFIX));
    if (result == 0 && !inf->name)
        result = error_set(err, -ENOMEM, "no memory for the name of an INF file");
    if (result == 0)
        result = inf_driver_read(inf->inf, architecture, &inf->driver, err);
    if (result == 0)
        result = inf_driver_choose(inf->inf, &inf->driver, wanted, &model, err);
    if (result == 0)
        result = inf_install_read(inf->inf, &inf->driver, model, &inf->install, err);
    if (result == 0)
        result = check(inf, err);
    inf->has_catalog = faccessat(inf->folder, CATALOG_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    return result;
}

int store_inf_open(const char *path, const char *architecture, const char *model,
                   struct store_inf **result, struct error *err)
{
    struct store_inf *inf;
    char *file;
    int code, folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *result = NULL;
    if (folder < 0)
        return error_set(err, -errno, "cannot open the folder %s: %s", path, strerror(errno));
    code = find_file(folder, path, &file, err);
    if (code == 0 && !file && model)
        code = error_set(err, -EINVAL, "--model needs an INF file, and %s has none", path);
    if (code < 0 || !file) {
        close(folder);
        return code;
    }
    inf = calloc(1, sizeof(*inf));
    if (!inf) {
        free(file);
        close(folder);
        return error_set(err, -ENOMEM, "no memory for an INF file");
    }
    inf->file = file;
    inf->folder = folder;
    code = read_all(inf, path, architecture ? architecture : package_native_architecture(), model,
                    err);
    if (code < 0)
        store_inf_close(inf);
    else
        *result = inf;
    return code;
}

void store_inf_close(struct store_inf *inf)
{
    if (!inf)
        return;
    inf_install_finish(&inf->install);
    inf_driver_finish(&inf->driver);
    inf_destroy(inf->inf);
    close(inf->folder);
    free(inf->name);
    free(inf->file);
    free(inf);
}

void store_inf_options(const struct store_inf *inf, struct store_add_options *options)
{
    options->inf = inf->file;
    if (inf->has_catalog)
        return;
    if (!options->name)
        options->name = inf->name;
    if (!options->version)
        options->version = inf->driver.version;
}

const char *store_inf_description(const struct store_inf *inf)
{
    return inf->install.model->description;
}

int store_inf_write(const struct store_inf *inf, const struct store_package *package,
                    const char *adapter_key, const char *service_key, const char *description,
                    struct reg_hive *hive, struct error *err)
{
    struct inf_target target = {.adapter_key = adapter_key,
                                .service_key = service_key,
                                .package_path = package->path,
                                .has_library = package->library_path != NULL,
                                .description = description};
    int result;

    /* The package's own files: those of the folder may have changed since they were checked. */
    target.folder = tree_open_folder(package->path, err);
    if (target.folder < 0)
        return target.folder;
    result = inf_install_write(&inf->install, &target, hive, err);
    close(target.folder);
    return result;
}
