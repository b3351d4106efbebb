/* SPDX-License-Identifier: MIT */
#include "tools/hive_edit.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"

static int make_parent(const char *path, struct error *err)
{
    char *copy = strdup(path);
    int result;

    if (!copy)
        return error_set(err, -ENOMEM, "no memory for the path %s", path);
    result = file_make_folders(dirname(copy), 0755, err);
    free(copy);
    return result;
}

int hive_edit_begin(const char *path, struct hive_edit *edit, struct error *err)
{
    int result;

    *edit = (struct hive_edit){.path = path, .lock = -1};
    result = make_parent(path, err);
    if (result < 0)
        return result;
    result = reg_hive_lock(path, &edit->lock, err);
    if (result < 0)
        return result;
    result = reg_hive_load(path, &edit->hive, err);
    if (result == -ENOENT)
        result = reg_hive_create(&edit->hive);
    if (result == -ENOMEM)
        error_set(err, result, "no memory for the registry %s", path);
    if (result < 0)
        close(edit->lock);
    return result;
}

int hive_edit_save(struct hive_edit *edit, struct error *err)
{
    return reg_hive_save(edit->hive, edit->path, err);
}

void hive_edit_end(struct hive_edit *edit)
{
    reg_hive_destroy(edit->hive);
    close(edit->lock);
}

int hive_read(const char *path, struct reg_hive **hive, struct error *err)
{
    int result = reg_hive_load(path, hive, err);

    if (result == -ENOENT)
        return error_set(err, result,
                         "there is no registry file %s yet; \"gpupv host reg add\" makes it, and "
                         "hive= in the configuration says where it lies",
                         path);
    return result;
}
