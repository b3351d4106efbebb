/* SPDX-License-Identifier: MIT */
#include "host/worker_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <seccomp.h>

#include "host/worker_files.h"
#include "host/worker_log.h"
#include "host/worker_open.h"

struct worker_watch {
    int fd;
    pid_t pid;
    sd_event_source *source;
    struct config *config;
    struct worker_folders folders;
    void (*stopped)(void *context, const char *what);
    void *context;
    struct seccomp_notif *call;
    struct seccomp_notif_resp *unused; /* libseccomp makes both at once */
};

/* Where the calls have their arguments. -1: they have none of that kind. */
static const struct path_call {
    const char *name;
    enum worker_call call;
    int folder, path, flags, to, size;
    int fixed_flags;
} path_calls[] = {
    {"open", WORKER_CALL_OPEN, -1, 0, 1, -1, -1, 0},
    {"openat", WORKER_CALL_OPEN, 0, 1, 2, -1, -1, 0},
    {"creat", WORKER_CALL_OPEN, -1, 0, -1, -1, -1, O_WRONLY | O_CREAT | O_TRUNC},
    {"stat", WORKER_CALL_STAT, -1, 0, -1, 1, -1, 0},
    {"lstat", WORKER_CALL_STAT, -1, 0, -1, 1, -1, AT_SYMLINK_NOFOLLOW},
    {"newfstatat", WORKER_CALL_STAT, 0, 1, 3, 2, -1, 0},
    {"access", WORKER_CALL_ACCESS, -1, 0, 1, -1, -1, 0},
    {"faccessat", WORKER_CALL_ACCESS, 0, 1, 2, -1, -1, 0},
    {"readlink", WORKER_CALL_READLINK, -1, 0, -1, 1, 2, 0},
    {"readlinkat", WORKER_CALL_READLINK, 0, 1, -1, 2, 3, 0},
};

static const struct path_call *find_path_call(const char *name)
{
    for (size_t i = 0; i < sizeof(path_calls) / sizeof(path_calls[0]); i++) {
        if (!strcmp(path_calls[i].name, name))
            return &path_calls[i];
    }
    return NULL;
}

/* Page by page: the text may end right before memory that is none. */
static int read_text(pid_t pid, uint64_t address, char *text, size_t size)
{
    size_t used = 0;
    while (used < size) {
        size_t part = 4096 - (size_t)((address + used) & 4095);
        if (part > size - used)
            part = size - used;
        struct iovec to = {text + used, part}, from = {(void *)(uintptr_t)(address + used), part};
        ssize_t got = process_vm_readv(pid, &to, 1, &from, 1, 0);
        if (got <= 0)
            return got < 0 ? -errno : -EFAULT;
        if (memchr(text + used, '\0', (size_t)got))
            return 0;
        used += (size_t)got;
    }
    return -ENAMETOOLONG;
}

/* Makes the path absolute. The worker's current folder is the root. */
static int complete(const struct worker_watch *watch, int folder, char path[PATH_MAX])
{
    char link[64], base[PATH_MAX], whole[2 * PATH_MAX];
    ssize_t length = 0;
    if (path[0] == '/')
        return 0;
    if (!path[0])
        return -ENOENT;
    if (folder != AT_FDCWD) {
        snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)watch->pid, folder);
        length = readlink(link, base, sizeof(base) - 1);
        if (length < 0)
            return -EBADF;
    }
    base[length] = '\0';
    int used = snprintf(whole, sizeof(whole), "%s/%s", base, path);
    if (used >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(path, whole, (size_t)used + 1);
    return 0;
}

static int argument(const struct seccomp_notif *call, int index, int otherwise)
{
    return index < 0 ? otherwise : (int)call->data.args[index];
}

static int read_path(const struct worker_watch *watch, const struct path_call *kind,
                     struct worker_open *request)
{
    const struct seccomp_notif *call = watch->call;
    int result =
        read_text(watch->pid, call->data.args[kind->path], request->path, sizeof(request->path));
    if (!result)
        result = complete(watch, argument(call, kind->folder, AT_FDCWD), request->path);
    /* Whose memory was that? The call is still waiting, so it was the worker's. */
    if (!result && seccomp_notify_id_valid(watch->fd, call->id))
        result = -ESRCH;
    return result;
}

static void stop(struct worker_watch *watch, const char *what)
{
    /* No further call is taken: the context ends the worker. */
    watch->source = sd_event_source_disable_unref(watch->source);
    watch->stopped(watch->context, what);
}

static void judge_path(struct worker_watch *watch, const struct path_call *kind)
{
    struct worker_open request = {
        .notify = watch->fd,
        .id = watch->call->id,
        .pid = watch->pid,
        .call = kind->call,
        .flags = argument(watch->call, kind->flags, kind->fixed_flags),
        .to = kind->to < 0 ? 0 : watch->call->data.args[kind->to],
        .size = kind->size < 0 ? 0 : watch->call->data.args[kind->size],
    };
    int result = read_path(watch, kind, &request);
    if (result) {
        worker_open_answer(watch->fd, request.id, result);
        return;
    }
    enum worker_file file = worker_files_judge(request.path, &watch->config->worker_files,
                                               watch->folders.text, watch->folders.size);
    if (file == WORKER_FILE_STOP && kind->call == WORKER_CALL_OPEN) {
        char what[PATH_MAX + 64];
        worker_log_clean(request.path, strlen(request.path));
        snprintf(what, sizeof(what), "it tried to open %.512s", request.path);
        stop(watch, what);
    } else if (file == WORKER_FILE_STOP || file == WORKER_FILE_MISSING) {
        bool makes = kind->call == WORKER_CALL_OPEN && request.flags & O_CREAT;
        worker_open_answer(watch->fd, request.id, makes ? -EACCES : -ENOENT);
    } else {
        request.granted = file == WORKER_FILE_GRANTED;
        worker_open_start(&request);
    }
}

static void judge(struct worker_watch *watch)
{
    const struct seccomp_data *data = &watch->call->data;
    char *name = seccomp_syscall_resolve_num_arch(data->arch, data->nr), what[128];
    const struct path_call *kind = name ? find_path_call(name) : NULL;
    static const char *const with_numbers[] = {"ioctl", "fcntl", "prctl",
                                               "clone", "kill",  "tgkill"};
    bool numbers = false;
    for (size_t i = 0; name && i < sizeof(with_numbers) / sizeof(with_numbers[0]); i++)
        numbers |= !strcmp(name, with_numbers[i]);
    if (kind) {
        judge_path(watch, kind);
    } else {
        if (!name)
            snprintf(what, sizeof(what), "it made the system call %d", data->nr);
        else if (numbers)
            snprintf(what, sizeof(what), "it made the system call %s(0x%llx, 0x%llx)", name,
                     (unsigned long long)data->args[0], (unsigned long long)data->args[1]);
        else
            snprintf(what, sizeof(what), "it made the system call %s", name);
        stop(watch, what);
    }
    free(name);
}

static int on_call(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source;
    struct worker_watch *watch = context;
    if (!(events & EPOLLIN)) { /* all threads are gone */
        watch->source = sd_event_source_disable_unref(watch->source);
        return 0;
    }
    memset(watch->call, 0, sizeof(*watch->call));
    if (seccomp_notify_receive(fd, watch->call) == 0)
        judge(watch); /* may end in worker_watch_destroy */
    return 0;
}

int worker_watch_create(sd_event *event, int fd, pid_t pid, struct config *config,
                        const struct worker_folders *folders,
                        void (*stopped)(void *context, const char *what), void *context,
                        struct worker_watch **watch)
{
    struct worker_watch *made = calloc(1, sizeof(*made) + folders->size);
    int result = made ? seccomp_notify_alloc(&made->call, &made->unused) : -ENOMEM;
    if (result) {
        close(fd);
        free(made);
        return -ENOMEM;
    }
    if (folders->size)
        memcpy(made + 1, folders->text, folders->size);
    made->folders = (struct worker_folders){(const char *)(made + 1), folders->size};
    made->fd = fd;
    made->pid = pid;
    made->config = config_ref(config);
    made->stopped = stopped;
    made->context = context;
    result = sd_event_add_io(event, &made->source, fd, EPOLLIN, on_call, made);
    if (result < 0) {
        worker_watch_destroy(made);
        return result;
    }
    *watch = made;
    return 0;
}

void worker_watch_destroy(struct worker_watch *watch)
{
    if (!watch)
        return;
    sd_event_source_disable_unref(watch->source);
    close(watch->fd);
    seccomp_notify_free(watch->call, watch->unused);
    config_unref(watch->config);
    free(watch);
}
