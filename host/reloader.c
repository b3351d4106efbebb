/* SPDX-License-Identifier: MIT */
#include "host/reloader.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int reloader_read_config(const char *path, const char *socket, struct config **config,
                         struct error *err)
{
    struct config *loaded;
    int result = config_load(path, &loaded, err);
    if (result)
        return result;
    if (socket) {
        char *copy = strdup(socket);
        if (!copy) {
            config_unref(loaded);
            return error_set(err, -ENOMEM, "out of memory");
        }
        free(loaded->default_vm.socket);
        loaded->default_vm.socket = copy;
    }
    *config = loaded;
    return 0;
}

static void signal_fd(int fd)
{
    uint64_t one = 1;
    while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static void run_once(struct reloader *reloader, struct reload_result *result)
{
    *result = (struct reload_result){.config = reloader->given};
    reloader->given = NULL;
    if (!result->config)
        result->code =
            reloader_read_config(reloader->path, reloader->socket, &result->config, &result->error);
    if (!result->code)
        result->code = inventory_collect(result->config, &reloader->source, reloader->cancel_fd,
                                         &result->inventory, &result->error);
    if (result->code) {
        config_unref(result->config);
        result->config = NULL;
    }
}

static void *thread_main(void *argument)
{
    struct reloader *reloader = argument;
    run_once(reloader, &reloader->result);
    signal_fd(reloader->done_fd);
    return NULL;
}

/* Without a thread to be had, guests wait for the drivers: late is better than never. */
static void start(struct reloader *reloader)
{
    reloader->running = true;
    if (pthread_create(&reloader->thread, NULL, thread_main, reloader)) {
        reloader->running = false;
        struct reload_result result;
        run_once(reloader, &result);
        reloader->done(reloader->context, &result);
    }
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source, (void)events;
    struct reloader *reloader = context;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0)
        return 0;
    pthread_join(reloader->thread, NULL);
    reloader->running = false;
    reloader->done(reloader->context, &reloader->result);
    if (reloader->again) {
        reloader->again = false;
        start(reloader);
    }
    return 0;
}

int reloader_init(struct reloader *reloader, sd_event *event, struct error *err)
{
    reloader->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    reloader->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int result = reloader->done_fd < 0 || reloader->cancel_fd < 0 ? -errno : 0;
    if (!result)
        result = sd_event_add_io(event, &reloader->done_source, reloader->done_fd, EPOLLIN, on_done,
                                 reloader);
    if (result < 0) {
        reloader_finish(reloader);
        return error_set(err, result, "cannot watch for reloads: %s", strerror(-result));
    }
    sd_event_source_set_priority(reloader->done_source, SD_EVENT_PRIORITY_IMPORTANT);
    return 0;
}

void reloader_request(struct reloader *reloader, struct config *config)
{
    if (reloader->running) {
        reloader->again = true;
        return;
    }
    reloader->given = config ? config_ref(config) : NULL;
    start(reloader);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void reloader_finish(struct reloader *reloader)
{
    if (reloader->running) {
        signal_fd(reloader->cancel_fd);
        pthread_join(reloader->thread, NULL);
        reloader->running = false;
        config_unref(reloader->result.config);
        inventory_unref(reloader->result.inventory);
    }
    reloader->done_source = sd_event_source_disable_unref(reloader->done_source);
    close_fd(&reloader->done_fd);
    close_fd(&reloader->cancel_fd);
}
