/* SPDX-License-Identifier: MIT */
#include "host/probe_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/program.h"

#define PROBE_NAME "gpupv-probe"
#define MAX_OUTPUT (1024 * 1024)

extern char **environ;

int probe_client_init(struct probe_client *client, struct error *err)
{
    return program_find(PROBE_NAME, client->path, sizeof(client->path), err);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int start_probe(const char *path, const char *icd, int output, pid_t *pid)
{
    char *name = (char *)PROBE_NAME, *option = (char *)"--icd";
    char *arguments[] = {name, icd ? option : NULL, (char *)icd, NULL};
    struct program_file files[] = {{output, STDOUT_FILENO}};
    return program_start(path, arguments, environ, files, 1, pid);
}

struct output {
    char *data;
    size_t used, capacity;
};

/* One read(2). 1 for more to come, 0 at the end. */
static int read_some(int fd, struct output *output)
{
    if (output->used == output->capacity) {
        if (output->capacity >= MAX_OUTPUT)
            return -EFBIG;
        size_t larger = output->capacity ? output->capacity * 2 : 16 * 1024;
        char *data = realloc(output->data, larger);
        if (!data)
            return -ENOMEM;
        output->data = data;
        output->capacity = larger;
    }
    ssize_t got = read(fd, output->data + output->used, output->capacity - output->used);
    if (got < 0)
        return errno == EINTR ? 1 : -errno;
    output->used += (size_t)got;
    return got > 0;
}

/* Reads until the probe closes its end, the time is over, or somebody cancels. */
static int read_all(int fd, int64_t deadline, int cancel_fd, struct output *output)
{
    for (;;) {
        int64_t left = deadline - now_ms();
        if (left <= 0)
            return -ETIMEDOUT;
        struct pollfd ready[] = {{fd, POLLIN, 0}, {cancel_fd, POLLIN, 0}};
        int code = poll(ready, 2, (int)left);
        if (code < 0 && errno != EINTR)
            return -errno;
        if (code <= 0)
            continue;
        if (ready[1].revents)
            return -ECANCELED;
        code = read_some(fd, output);
        if (code <= 0)
            return code;
    }
}

/* Waits until the child has ended, and leaves it to be reaped: until then nobody else can get its
 * number, and the kill of its group hits what it started and nothing else. */
static bool wait_for_exit(pid_t pid, int64_t deadline, int cancel_fd)
{
    for (;;) {
        siginfo_t info = {0};
        int code = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
        if (code < 0 && errno != EINTR)
            return true;
        if (code == 0 && info.si_pid == pid)
            return true;
        struct pollfd cancel = {cancel_fd, POLLIN, 0};
        if (now_ms() >= deadline || poll(&cancel, 1, 2) > 0)
            return false;
    }
}

static int reap(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return 0; /* somebody ignores SIGCHLD: how it ended cannot be known */
    }
    return status;
}

static int describe_failure(const char *of, int code, int status, unsigned timeout,
                            struct error *err)
{
    if (code == -ETIMEDOUT)
        return error_set(err, code, "%s: the driver did not answer within %u s (probe-timeout)", of,
                         timeout);
    if (code == -ECANCELED)
        return error_set(err, code, "%s: given up, the service is stopping", of);
    if (code < 0)
        return error_set(err, code, "%s: cannot read from " PROBE_NAME ": %s", of, strerror(-code));
    if (WIFSIGNALED(status))
        return error_set(err, -EIO, "%s: the driver crashed while it was asked (signal %d, %s)", of,
                         WTERMSIG(status), strsignal(WTERMSIG(status)));
    return error_set(err, -EIO, "%s: " PROBE_NAME " failed (exit code %d); its message is above",
                     of, WEXITSTATUS(status));
}

static int list_devices(void *context, const char *icd, unsigned timeout, int cancel_fd,
                        struct host_device **devices, size_t *count, struct error *err)
{
    const struct probe_client *client = context;
    const char *of = icd ? icd : "the host's installed drivers";
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, -errno, "%s: cannot make a pipe: %s", of, strerror(errno));
    pid_t pid;
    int64_t deadline = now_ms() + (int64_t)timeout * 1000;
    int code = start_probe(client->path, icd, ends[1], &pid);
    close(ends[1]);
    if (code) {
        close(ends[0]);
        return error_set(err, code, "cannot start %s: %s", client->path, strerror(-code));
    }

    struct output output = {0};
    code = read_all(ends[0], deadline, cancel_fd, &output);
    close(ends[0]);
    bool ended = code == 0 && wait_for_exit(pid, deadline, cancel_fd);
    kill(-pid, SIGKILL);
    int status = reap(pid);
    if (code == 0 && !ended)
        status = 0; /* it told everything and hung in an exit handler: nothing is lost */

    int result;
    if (code < 0 || status)
        result = describe_failure(of, code, status, timeout, err);
    else
        result = probe_parse(of, output.data ? output.data : "", output.used, devices, count, err);
    free(output.data);
    return result;
}

struct host_device_source probe_client_source(struct probe_client *client)
{
    return (struct host_device_source){list_devices, client, "/sys"};
}
