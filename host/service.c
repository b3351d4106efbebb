/* SPDX-License-Identifier: MIT */
#include "host/service.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>
#include <systemd/sd-daemon.h>

#include "host/allocation.h"
#include "host/process.h"
#include "host/service_internal.h"
#include "util/log.h"

static uint64_t now_usec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- Snapshots --- */

static void apply_log_level(const struct service *service, const struct config *config)
{
    int level = service->options.log_level;
    log_set_level(level >= 0 ? (enum log_level)level : config->log);
}

/* Sockets are taken at the start, and kept. */
static void warn_of_fixed_settings(const struct config *older, const struct config *newer)
{
    if (strcmp(older->default_vm.socket, newer->default_vm.socket) ||
        strcmp(older->control, newer->control) ||
        older->default_vm.socket_mode != newer->default_vm.socket_mode)
        log_warning("service",
                    "%s: socket, socket-mode and control of [service] take effect when the "
                    "service is started anew",
                    newer->path);
}

static void notify_ready(const struct service *service)
{
    if (service->options.notify)
        sd_notifyf(0, "READY=1\nSTATUS=%zu adapters, generation %llu%s%s",
                   service->core.state->adapters.count, (unsigned long long)service->generation,
                   service->last_error.text[0] ? "; newest reload failed: " : "",
                   service->last_error.text);
}

static void notify_reloading(const struct service *service)
{
    if (service->options.notify)
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)now_usec());
}

/* Builds a snapshot and makes it the current one; on failure the older one stays. */
static int switch_state(struct service *service, struct config *config, struct inventory *inventory)
{
    struct state *state, *older = service->core.state;
    /* Watched before it is read, so that no change falls between. */
    hive_watch_update(service, config->hive);
    int result = state_create(config, inventory, older, &state, &service->last_error);
    if (!result && (!older || older->config != config)) {
        result = ports_update(service, config, &service->last_error);
        if (result)
            state_unref(state);
    }
    if (result) {
        if (older)
            hive_watch_update(service, older->config->hive);
        return result;
    }
    service->last_error.text[0] = '\0';
    if (older && older->config != config)
        warn_of_fixed_settings(older->config, config);
    service->core.state = state;
    state_unref(older);
    service->generation++;
    apply_log_level(service, config);
    for (struct vm *vm = service->core.vms; vm; vm = vm->next)
        vm_update_driver(vm);
    if (service->core.driver->configure)
        service->core.driver->configure(service->core.driver_context, state);
    log_info("service", "%zu adapters are offered (generation %llu)", state->adapters.count,
             (unsigned long long)service->generation);
    return 0;
}

void service_hive_changed(struct service *service)
{
    struct state *state = service->core.state;
    if (!state) /* the first snapshot is being made */
        return;
    /* A link on the way may point elsewhere now. */
    hive_watch_update(service, state->config->hive);
    if (!service->last_error.text[0] && state_hive_is_current(state))
        return;
    if (switch_state(service, state->config, state->inventory))
        log_error("service", "%s; the registry as it was stays in use", service->last_error.text);
    notify_ready(service);
}

/* --- Packages that are locked for a moment --- */

#define HOLD_RETRY_USEC (20 * 1000)

static int on_hold_timer(sd_event_source *source, uint64_t usec, void *context)
{
    (void)usec;
    struct service *service = context;
    if (!holds_retry(&service->core.holds))
        return 0;
    int result = sd_event_source_set_time_relative(source, HOLD_RETRY_USEC);
    return result < 0 ? result : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void on_hold_pending(void *context)
{
    struct service *service = context;
    int result;
    if (!service->hold_source) {
        result = sd_event_add_time_relative(service->event, &service->hold_source, CLOCK_MONOTONIC,
                                            HOLD_RETRY_USEC, 0, on_hold_timer, service);
    } else {
        result = sd_event_source_set_time_relative(service->hold_source, HOLD_RETRY_USEC);
        if (result >= 0)
            result = sd_event_source_set_enabled(service->hold_source, SD_EVENT_ONESHOT);
    }
    if (result < 0)
        log_error("service", "cannot wait for the lock of a package: %s", strerror(-result));
}

/* The first snapshot is there: from now on guests are served. */
static int begin_serving(struct service *service)
{
    struct error err;
    int result = acceptor_start(&service->guests, &err);
    if (!result)
        result = ports_start(service, &err);
    if (!result)
        result = acceptor_start(&service->admins, &err);
    if (result) {
        log_error("service", "%s", err.text);
        return result;
    }
    if (service->options.ready)
        service->options.ready(service->options.ready_context);
    if (service->embedded_fd >= 0) {
        connection_take(service, service->default_vm, service->embedded_fd);
        service->embedded_fd = -1;
    }
    return 0;
}

static void on_reloaded(void *context, struct reload_result *loaded)
{
    struct service *service = context;
    bool first = !service->core.state;
    service->reloads += !first;
    int result = loaded->code;
    if (result)
        service->last_error = loaded->error;
    else
        result = switch_state(service, loaded->config, loaded->inventory);
    config_unref(loaded->config);
    inventory_unref(loaded->inventory);
    if (result)
        log_error("service", "%s%s", service->last_error.text,
                  first ? "" : "; the settings as they were stay in use");
    if (first && !result)
        result = begin_serving(service);
    if (first && result)
        sd_event_exit(service->event, result);
    else
        notify_ready(service);
}

/* --- Asked from outside the loop --- */

static void signal_fd(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof(one));
    (void)written; /* it fails only when it is signalled already */
}

void service_stop(struct service *service)
{
    signal_fd(service->stop_fd);
}

void service_reload(struct service *service)
{
    signal_fd(service->reload_fd);
}

static int on_stop(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source, (void)fd, (void)events;
    struct service *service = context;
    return sd_event_exit(service->event, 0);
}

static int on_reload(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source, (void)events;
    struct service *service = context;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0)
        return 0;
    log_info("service", "rereading %s and the registry", service->config->path);
    if (service->core.state)
        notify_reloading(service);
    reloader_request(&service->reloader, NULL);
    return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
    (void)source;
    struct service *service = context;
    if (info->ssi_signo == SIGHUP) {
        service_reload(service);
        return 0;
    }
    log_info("service", "stopping on signal %u", info->ssi_signo);
    return sd_event_exit(service->event, 0);
}

/* --- Life --- */

static void default_vm_take(void *context, int fd)
{
    struct service *service = context;
    connection_take(service, service->default_vm, fd);
}

static int open_sockets(struct service *service, struct error *err)
{
    const struct service_options *options = &service->options;
    if (options->embedded_fd >= 0)
        return 0;
    int result;
    if (options->activated_fd >= 0)
        result = listener_adopt(&service->guests.listener, options->activated_fd, err);
    else
        result = listener_open(&service->guests.listener, service->config->default_vm.socket,
                               service->config->default_vm.socket_mode, err);
    if (!result)
        result = listener_open(&service->admins.listener, service->config->control, 0600, err);
    if (!result)
        result = ports_update(service, service->config, err);
    return result;
}

static int add_signals(struct service *service)
{
    static const int signals[] = {SIGHUP, SIGTERM, SIGINT};
    int result = 0;
    for (size_t i = 0; i < 3 && result >= 0 && service->options.handle_signals; i++)
        result = sd_event_add_signal(service->event, NULL, signals[i], on_signal, service);
    return result;
}

static int add_sources(struct service *service, struct error *err)
{
    service->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    service->reload_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int result = service->stop_fd < 0 || service->reload_fd < 0 ? -errno : 0;
    if (result >= 0)
        result = sd_event_add_io(service->event, &service->stop_source, service->stop_fd, EPOLLIN,
                                 on_stop, service);
    if (result >= 0)
        result = sd_event_add_io(service->event, &service->reload_source, service->reload_fd,
                                 EPOLLIN, on_reload, service);
    if (result >= 0)
        result = add_signals(service);
    if (result >= 0 && service->options.notify)
        result = sd_event_set_watchdog(service->event, true);
    if (result < 0)
        return error_set(err, result, "cannot set up the event loop: %s", strerror(-result));
    sd_event_source_set_priority(service->stop_source, SD_EVENT_PRIORITY_IMPORTANT);
    return 0;
}

/* --- What the driver tells --- */

static void on_process_lost(void *service, void *process, const char *why)
{
    (void)service;
    process_lost(process, why);
}

static void on_event_signalled(void *service, void *process, uint32_t event)
{
    (void)service;
    process_signal_event(process, event);
}

static bool on_exported(void *service, void *process, uint32_t allocation, uint64_t offset,
                        int descriptor)
{
    (void)service;
    return allocation_take_export(process, allocation, offset, descriptor);
}

static const struct host_driver_callbacks driver_callbacks = {
    .exported = on_exported,
    .process_lost = on_process_lost,
    .signal_event = on_event_signalled,
};

static int start_driver(struct service *service, struct error *err)
{
    const struct host_driver *driver = service->core.driver;
    struct host_driver_start start = {
        .event = service->event,
        .callbacks = &driver_callbacks,
        .service = service,
        .single_process = service->options.embedded_fd >= 0,
    };
    if (driver->start && !NT_SUCCESS(driver->start(service->core.driver_context, &start)))
        return error_set(err, -ENOMEM, "the driver \"%s\" cannot be started: out of memory",
                         driver->name);
    service->driver_started = true;
    return 0;
}

static int add_reloader(struct service *service, struct error *err)
{
    service->reloader.path = service->options.config_path;
    service->reloader.socket = service->options.socket;
    service->reloader.source = service->options.devices;
    service->reloader.done = on_reloaded;
    service->reloader.context = service;
    return reloader_init(&service->reloader, service->event, err);
}

int service_create(const struct service_options *options, struct service **made, struct error *err)
{
    struct service *service = calloc(1, sizeof(*service));
    if (!service)
        return error_set(err, -ENOMEM, "out of memory");
    service->options = *options;
    service->core.driver = options->driver;
    service->core.driver_context = options->driver_context;
    service->core.holds = (struct hold_table){.on_pending = on_hold_pending, .context = service};
    service->core.want_ticks = fence_timer_start;
    service->core.ticks_context = service;
    service->start_usec = now_usec();
    service->stop_fd = service->reload_fd = service->embedded_fd = -1;
    service->reloader.done_fd = service->reloader.cancel_fd = -1;
    listener_init(&service->guests.listener);
    listener_init(&service->admins.listener);
    int result = sodium_init() < 0 ? -ENOSYS : sd_event_new(&service->event);
    acceptor_init(&service->guests, service->event, default_vm_take, service);
    acceptor_init(&service->admins, service->event, control_take, service);
    if (result < 0) {
        result = error_set(err, result, "cannot set up the service: %s", strerror(-result));
        goto out;
    }
    result = reloader_read_config(options->config_path, options->socket, &service->config, err);
    if (result)
        goto out;
    apply_log_level(service, service->config);
    result = start_driver(service, err);
    if (result)
        goto out;
    result = vm_create(&service->core, service->config, &service->config->default_vm,
                       &service->default_vm);
    if (result) {
        error_set(err, result, "out of memory");
        goto out;
    }
    result = add_sources(service, err);
    if (!result)
        result = add_reloader(service, err);
    if (!result)
        result = open_sockets(service, err);
    if (!result) {
        service->embedded_fd = options->embedded_fd;
        *made = service;
        return 0;
    }
out:
    /* A descriptor that was passed is still the caller's. */
    if (options->activated_fd >= 0)
        service->guests.listener.fd = -1;
    service_destroy(service);
    return result;
}

int service_run(struct service *service)
{
    reloader_request(&service->reloader, service->config);
    int result = sd_event_loop(service->event);
    if (service->options.notify)
        sd_notify(0, "STOPPING=1");
    if (result < 0)
        log_error("service", "the service ends: %s", strerror(-result));
    return result;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void service_destroy(struct service *service)
{
    if (!service)
        return;
    acceptor_finish(&service->guests);
    acceptor_finish(&service->admins);
    connection_destroy_all(service);
    ports_finish(service);
    vm_unref(service->default_vm);
    if (service->driver_started && service->core.driver->stop)
        service->core.driver->stop(service->core.driver_context);
    control_destroy_all(service);
    reloader_finish(&service->reloader);
    hive_watch_finish(service);
    store_cache_finish(&service->core.store);
    state_unref(service->core.state);
    config_unref(service->config);
    sd_event_source_disable_unref(service->hold_source);
    sd_event_source_disable_unref(service->fence_timer);
    event_signal_finish(&service->core.events);
    sd_event_source_disable_unref(service->stop_source);
    sd_event_source_disable_unref(service->reload_source);
    close_fd(service->embedded_fd);
    close_fd(service->stop_fd);
    close_fd(service->reload_fd);
    sd_event_unref(service->event);
    free(service);
}
