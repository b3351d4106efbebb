/* SPDX-License-Identifier: MIT */
/* A translated path lies below the guest's root, and no component of it leads upwards. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/paths.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct store_paths paths = {"/host/DriverStore", "/guest/HostDriverStore"};

static void require(int condition)
{
    if (!condition)
        abort();
}

static int leads_up(const char *path)
{
    for (const char *at = strstr(path, ".."); at; at = strstr(at + 1, "..")) {
        int starts = at == path || at[-1] == '/' || at[-1] == '\\';
        int ends = !at[2] || at[2] == '/' || at[2] == '\\';
        if (starts && ends)
            return 1;
    }
    return 0;
}

static void check_translation(const char *host)
{
    char *guest;
    if (store_path_to_guest(&paths, host, &guest))
        return;
    require(!leads_up(guest));
    size_t root = strlen(paths.guest_root);
    if (host[0] == '/') {
        require(!strncmp(guest, paths.guest_root, root));
        require(guest[root] == '/' || guest[root] == '\0');
    } else {
        require(strstr(guest, "\\HostDriverStore") || strstr(guest, "/HostDriverStore"));
    }
    free(guest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = malloc(size + 1);
    if (!path)
        return 0;
    memcpy(path, data, size);
    path[size] = '\0';

    check_translation(path);
    if (!store_path_check_relative(path, NULL))
        require(!leads_up(path) && path[0] != '/' && path[0] != '\0');
    size_t length;
    const char *package = store_path_package(&paths, path, &length);
    if (package) {
        require(package > path && length > 0 && strlen(package) >= length);
        require(!memchr(package, '/', length));
    }
    free(path);
    return 0;
}
