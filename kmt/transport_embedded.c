/* SPDX-License-Identifier: MIT */
/*
 * embedded: runs a private service for this process on one end of a socketpair. The service forks
 * once and its first process exits, so that the application never has a child that lasts; the
 * service itself ends when the stream does.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmt/transport.h"

#define SERVICE_FD 3

extern char **environ;

/* Where the service may lie, seen from the folder of this library: installed in lib/, installed in
 * lib/ARCHITECTURE/, in the build tree. */
static const char *const beside_us[] = {"../bin/gpupvd", "../../bin/gpupvd", "../host/gpupvd"};

static bool own_folder(char folder[PATH_MAX])
{
    Dl_info info;
    if (!dladdr(beside_us, &info) || !info.dli_fname || !realpath(info.dli_fname, folder))
        return false;
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

static int find_service(char path[PATH_MAX], struct error *err)
{
    const char *named = secure_getenv("GPUPV_SERVICE");
    if (named && *named) {
        if (access(named, X_OK) < 0)
            return error_set(err, -errno, "cannot run GPUPV_SERVICE=%s: %s", named,
                             strerror(errno));
        int length = snprintf(path, PATH_MAX, "%s", named);
        return length < PATH_MAX ? 0 : error_set(err, -ENAMETOOLONG, "GPUPV_SERVICE is too long");
    }

    char folder[PATH_MAX];
    bool known = own_folder(folder);
    for (size_t i = 0; known && i < sizeof(beside_us) / sizeof(beside_us[0]); i++) {
        int length = snprintf(path, PATH_MAX, "%s/%s", folder, beside_us[i]);
        if (length < PATH_MAX && access(path, X_OK) == 0)
            return 0;
    }
    snprintf(path, PATH_MAX, "%s/gpupvd", GPUPV_BINDIR);
    if (access(path, X_OK) < 0)
        strcpy(path, "gpupvd"); /* without a slash it is searched in PATH */
    return 0;
}

/* The service gets the stream as SERVICE_FD, this process' standard error, nothing else of it. */
static int prepare_files(posix_spawn_file_actions_t *actions, int service_end)
{
    int result = posix_spawn_file_actions_adddup2(actions, service_end, SERVICE_FD);
    if (!result)
        result = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (!result)
        result = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
#ifdef GPUPV_HAVE_SPAWN_CLOSEFROM
    if (!result)
        result = posix_spawn_file_actions_addclosefrom_np(actions, SERVICE_FD + 1);
#endif
    return result;
}

/* Signals as a fresh program expects them, and a session of its own: an interrupt at the terminal
 * is the application's to handle. */
static int prepare_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSID);
}

static int spawn(const char *path, int service_end, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int result = posix_spawn_file_actions_init(&actions);
    if (result)
        return -result;
    posix_spawnattr_t attributes;
    result = posix_spawnattr_init(&attributes);
    if (result)
        goto out_actions;

    char number[16];
    snprintf(number, sizeof(number), "%d", SERVICE_FD);
    const char *config = secure_getenv("GPUPV_CONFIG");
    const char *arguments[] = {"gpupvd", "--embedded", number, NULL, NULL, NULL};
    if (config && *config) {
        arguments[3] = "--config";
        arguments[4] = config;
    }
    result = prepare_files(&actions, service_end);
    if (!result)
        result = prepare_attributes(&attributes);
    if (!result)
        result = posix_spawnp(pid, path, &actions, &attributes, (char **)arguments, environ);

    posix_spawnattr_destroy(&attributes);
out_actions:
    posix_spawn_file_actions_destroy(&actions);
    return -result;
}

static int wait_for_first_process(const char *path, pid_t pid, struct error *err)
{
    int status;
    pid_t waited;
    do
        waited = waitpid(pid, &status, 0);
    while (waited < 0 && errno == EINTR);
    if (waited < 0)
        return 0; /* the application reaps its children itself, and ours with them */
    if (WIFEXITED(status) && !WEXITSTATUS(status))
        return 0;
    if (WIFSIGNALED(status))
        return error_set(err, -ECHILD, "%s --embedded was ended by signal %d", path,
                         WTERMSIG(status));
    return error_set(err, -ECHILD,
                     "%s --embedded failed with exit status %d; it has written why to standard "
                     "error",
                     path, WEXITSTATUS(status));
}

static int embedded_open(const char *address, int *fd, struct error *err)
{
    if (*address)
        return error_set(err, -EINVAL, "GPUPV_HOST=embedded:%s: nothing may follow the colon",
                         address);
    char path[PATH_MAX];
    int result = find_service(path, err);
    if (result)
        return result;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return error_set(err, -errno, "cannot make a socketpair: %s", strerror(errno));

    pid_t pid;
    result = spawn(path, ends[1], &pid);
    close(ends[1]);
    if (result)
        error_set(err, result, "cannot run %s: %s; name the service in GPUPV_SERVICE", path,
                  strerror(-result));
    else
        result = wait_for_first_process(path, pid, err);
    if (result) {
        close(ends[0]);
        return result;
    }
    *fd = ends[0];
    return 0;
}

const struct kmt_transport kmt_transport_embedded = {
    .name = "embedded",
    .open = embedded_open,
};
