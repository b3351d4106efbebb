/* SPDX-License-Identifier: MIT */
#include "host/worker/libraries.h"

#include <link.h>
#include <stdbool.h>
#include <string.h>

struct list {
    char *text;
    size_t size, used;
};

static bool has(const struct list *list, const char *folder, size_t length)
{
    for (size_t at = 0; at < list->used; at += strlen(list->text + at) + 1) {
        if (strlen(list->text + at) == length && !memcmp(list->text + at, folder, length))
            return true;
    }
    return false;
}

static int add_folder(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct list *list = data;
    const char *end = strrchr(info->dlpi_name, '/');
    if (info->dlpi_name[0] != '/' || end == info->dlpi_name)
        return 0;
    size_t length = (size_t)(end - info->dlpi_name);
    if (length >= list->size - list->used || has(list, info->dlpi_name, length))
        return 0;
    memcpy(list->text + list->used, info->dlpi_name, length);
    list->text[list->used + length] = '\0';
    list->used += length + 1;
    return 0;
}

size_t libraries_folders(char *folders, size_t size)
{
    struct list list = {folders, size, 0};
    dl_iterate_phdr(add_folder, &list);
    return list.used;
}
