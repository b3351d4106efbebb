/* SPDX-License-Identifier: MIT */
#include "host/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int program_find(const char *name, char *path, size_t size, struct error *err)
{
    static const char *const places[] = {"", "../libexec/gpupv/", "../../libexec/gpupv/",
                                         "worker/"};
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    char *slash = NULL;
    if (length > 0) {
        folder[length] = '\0';
        slash = strrchr(folder, '/');
    }
    for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
        slash[1] = '\0';
        int used = snprintf(path, size, "%s%s%s", folder, places[i], name);
        if (used > 0 && (size_t)used < size && access(path, X_OK) == 0)
            return 0;
    }
    int used = snprintf(path, size, "%s/%s", GPUPV_LIBEXECDIR, name);
    if (used > 0 && (size_t)used < size && access(path, X_OK) == 0)
        return 0;
    return error_set(err, -ENOENT, "%s is neither beside this program nor in %s; reinstall gpupv",
                     name, GPUPV_LIBEXECDIR);
}

static int prepare_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int code = posix_spawnattr_setsigmask(attributes, &none);
    if (!code)
        code = posix_spawnattr_setsigdefault(attributes, &all);
    if (!code)
        code = posix_spawnattr_setpgroup(attributes, 0);
    if (!code)
        code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                        POSIX_SPAWN_SETPGROUP);
    return code;
}

int program_start(const char *path, char *const *arguments, char *const *environment,
                  const struct program_file *files, size_t count, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code)
        return -code;
    code = posix_spawnattr_init(&attributes);
    if (code)
        goto out_actions;
    code = prepare_attributes(&attributes);
    if (!code)
        code = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    for (size_t i = 0; i < count && !code; i++)
        code = posix_spawn_file_actions_adddup2(&actions, files[i].from, files[i].to);
    if (!code)
        code = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
out_actions:
    posix_spawn_file_actions_destroy(&actions);
    return -code;
}
