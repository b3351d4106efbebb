/* SPDX-License-Identifier: MIT */
#include "tools/run_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
#define FORWARDED_COUNT (sizeof(forwarded) / sizeof(forwarded[0]))

struct report {
    int fd;
    char text[4096];
    size_t size;
};

int run_guest_file(const char *name, const void *data, size_t size, struct error *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC), result;

    if (fd < 0)
        return error_set(err, -errno, "cannot make a file in memory: %s", strerror(errno));
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, (const char *)data + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            goto failed;
        done += (size_t)n;
    }
    if (lseek(fd, 0, SEEK_SET) == 0)
        return fd;
failed:
    result = error_set(err, -errno, "cannot write a file in memory: %s", strerror(errno));
    close(fd);
    return result;
}

/* The options as --args takes them: each ends with a NUL. */
static int options_file(const struct words *options, struct error *err)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    int fd;

    if (!file)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < options->count; i++)
        fwrite(options->items[i], 1, strlen(options->items[i]) + 1, file);
    fd = fclose(file) == 0 ? run_guest_file("options", text, size, err)
                           : error_set(err, -ENOMEM, "out of memory");
    free(text);
    return fd;
}

static int spawn_error(int error, struct error *err)
{
    if (error == ENOENT)
        return error_set(err, -error,
                         "bubblewrap's program bwrap was not found in PATH; install the package "
                         "bubblewrap");
    return error_set(err, -error, "bwrap cannot be started: %s", strerror(error));
}

/* In a process group of its own, so that a terminal's signals reach the program once: from us. */
static int spawn(const struct words *options, char *const *program, const int *keep,
                 size_t keep_count, const sigset_t *mask, pid_t *pid, struct error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    struct words words = {0};
    int args = options_file(options, err), result;
    char **argv;
    size_t count = 0;

    if (args < 0)
        return args;
    words_add_all(&words, "bwrap", "--args", NULL);
    words_add_format(&words, "%d", args);
    words_add(&words, "--");
    while (program[count])
        words_add(&words, program[count++]);
    argv = words.items;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, mask);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    /* Onto itself: it is inherited then. */
    result = posix_spawn_file_actions_adddup2(&actions, args, args);
    for (size_t i = 0; i < keep_count && !result; i++)
        result = posix_spawn_file_actions_adddup2(&actions, keep[i], keep[i]);
    if (!result && words_error(&words))
        result = ENOMEM;
    if (!result)
        result = posix_spawnp(pid, "bwrap", &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    words_finish(&words);
    close(args);
    return result ? spawn_error(result, err) : 0;
}

static void read_report(struct report *report)
{
    for (;;) {
        ssize_t n =
            read(report->fd, report->text + report->size, sizeof(report->text) - 1 - report->size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        report->size += (size_t)n;
    }
}

/* A number that one of the report's lines, each a JSON object, has under this name. */
static bool report_number(struct report *report, const char *name, int *number)
{
    char text[sizeof(report->text)], *position = NULL;
    bool found = false;

    read_report(report);
    memcpy(text, report->text, report->size);
    text[report->size] = '\0';
    for (char *line = strtok_r(text, "\n", &position); line && !found;
         line = strtok_r(NULL, "\n", &position)) {
        json_object *object = json_tokener_parse(line), *member;

        if (object && json_object_object_get_ex(object, name, &member) &&
            json_object_is_type(member, json_type_int)) {
            *number = json_object_get_int(member);
            found = true;
        }
        json_object_put(object);
    }
    return found;
}

/* The report's process is the first one in the guest, which waits for all others; the program is
 * its oldest child. 0 when it does not run. */
static pid_t find_program(struct report *report)
{
    char path[64];
    int guest, program = 0;
    FILE *file;

    if (!report_number(report, "child-pid", &guest))
        return 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", guest, guest);
    file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%d", &program) != 1)
        program = 0;
    fclose(file);
    return program;
}

static void forward(struct report *report, pid_t bwrap, int number)
{
    pid_t program = find_program(report);

    if (program > 0)
        kill(program, number);
    else if (number != SIGWINCH)
        kill(bwrap, number); /* which takes the guest that it is making along */
}

/* Until bubblewrap has ended. */
static int wait_for(pid_t bwrap, struct report *report, const sigset_t *waited)
{
    for (;;) {
        int status, number = sigwaitinfo(waited, NULL);

        if (number > 0 && number != SIGCHLD)
            forward(report, bwrap, number);
        if (waitpid(bwrap, &status, WNOHANG) == bwrap)
            return status;
    }
}

static int not_started(struct error *err)
{
    return error_set(err, -ECHILD,
                     "the guest was not started; bwrap's message says why. If it may not make "
                     "namespaces: the kernel must allow them to this user "
                     "(sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces, "
                     "kernel.apparmor_restrict_unprivileged_userns)");
}

int run_guest(const struct words *options, char *const *program, const int *keep, size_t keep_count,
              int report_read, int report_write, int *status, struct error *err)
{
    struct report report = {.fd = report_read};
    sigset_t waited, before;
    pid_t bwrap;
    int result, ended;

    sigemptyset(&waited);
    sigaddset(&waited, SIGCHLD);
    for (size_t i = 0; i < FORWARDED_COUNT; i++)
        sigaddset(&waited, forwarded[i]);
    sigprocmask(SIG_BLOCK, &waited, &before);
    fcntl(report_read, F_SETFL, O_NONBLOCK);
    result = spawn(options, program, keep, keep_count, &before, &bwrap, err);
    close(report_write);
    if (result < 0)
        goto restore;
    ended = wait_for(bwrap, &report, &waited);
    if (WIFSIGNALED(ended))
        *status = 128 + WTERMSIG(ended);
    else if (!report_number(&report, "exit-code", status))
        result = not_started(err);
restore:
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(report_read);
    return result;
}
