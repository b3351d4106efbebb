/* SPDX-License-Identifier: MIT */
#include "hoststore/inf_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hoststore/paths.h"
#include "hoststore/tree.h"

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

char *inf_path_join(const char *folder, const char *subfolder, const char *name)
{
    const char *const parts[] = {folder, subfolder, name};
    char *path = malloc(strlen(folder) + strlen(subfolder) + strlen(name) + 4);
    size_t used = 0;
    if (!path)
        return NULL;
    for (size_t i = 0; i < 3; i++) {
        for (const char *at = parts[i]; *at;) {
            size_t length = strcspn(at, "\\/");
            if (length && !(length == 1 && *at == '.')) {
                if (used)
                    path[used++] = '/';
                memcpy(path + used, at, length);
                used += length;
            }
            at += length + (at[length] != '\0');
        }
    }
    path[used] = '\0';
    return path;
}

/* Puts the spelling that the folder has into `name`; it has the same length, as only ASCII letters
 * compare without case. */
static bool find_spelling(int folder, char *name)
{
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    int fd = openat(folder, ".", OPEN_FOLDER);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    struct dirent *entry;
    bool found = false;
    while (!found && (entry = readdir(list))) {
        found = !strcasecmp(entry->d_name, name) && strlen(entry->d_name) == strlen(name);
        if (found)
            memcpy(name, entry->d_name, strlen(name));
    }
    closedir(list);
    return found;
}

/* Corrects the names in `path` from front to back. */
static bool correct_path(int folder, char *path)
{
    int at = folder;
    bool found = true;
    for (char *name = path; found;) {
        char *slash = strchr(name, '/');
        if (slash)
            *slash = '\0';
        found = find_spelling(at, name);
        int next = found && slash ? openat(at, name, OPEN_FOLDER) : -1;
        if (slash)
            *slash = '/';
        if (at != folder)
            close(at);
        at = next;
        if (!slash)
            break;
        found = found && next >= 0;
        name = slash + 1;
    }
    if (at >= 0 && at != folder)
        close(at);
    return found;
}

int inf_find_file(int folder, const char *path, char **found, struct error *err)
{
    struct error why;
    int result = store_path_check_relative(path, &why);
    if (result)
        return error_set(err, result, "the file \"%s\": %s", path, why.text);
    char *copy = strdup(path);
    if (!copy)
        return error_set(err, -ENOMEM, "out of memory");
    if (!correct_path(folder, copy)) {
        result = error_set(err, -ENOENT, "the file \"%s\" is not in the folder", path);
        goto out_copy;
    }
    int fd = tree_open_file(folder, copy, err);
    if (fd < 0) {
        result = fd;
        goto out_copy;
    }
    close(fd);
    *found = copy;
    return 0;
out_copy:
    free(copy);
    return result;
}
