/* SPDX-License-Identifier: MIT */
/*
 * The sockets of the VMs that the configuration names. A reload opens what is new, closes what is
 * gone, and touches no other; guests that are connected stay. The default VM's socket, which may be
 * the service manager's, is not among these.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/service_internal.h"
#include "util/log.h"

static void port_destroy(struct port *port)
{
    if (!port)
        return;
    acceptor_finish(&port->acceptor);
    vm_unref(port->vm);
    free(port);
}

static void destroy_list(struct port *port)
{
    while (port) {
        struct port *next = port->next;
        port_destroy(port);
        port = next;
    }
}

void ports_finish(struct service *service)
{
    destroy_list(service->ports);
    service->ports = NULL;
}

static struct vm *get_vm(struct service *service, struct config *config,
                         const struct config_vm *settings)
{
    struct vm *vm = vm_find(&service->core, settings->name);
    if (vm)
        return vm_ref(vm);
    return vm_create(&service->core, config, settings, &vm) ? NULL : vm;
}

static struct port **find_port(struct port **list, const char *path)
{
    struct port **at = list;
    while (*at && strcmp((*at)->acceptor.listener.path, path))
        at = &(*at)->next;
    return at;
}

static int open_port(struct service *service, struct config *config,
                     const struct config_vm *settings, struct port **list, struct error *err)
{
    struct port *port = calloc(1, sizeof(*port));
    if (!port)
        return error_set(err, -ENOMEM, "out of memory");
    port->service = service;
    acceptor_init(&port->acceptor, service->event, port_take, port);
    int result = 0;
    port->vm = get_vm(service, config, settings);
    if (!port->vm)
        result = error_set(err, -ENOMEM, "out of memory");
    if (!result)
        result =
            listener_open(&port->acceptor.listener, settings->socket, settings->socket_mode, err);
    if (!result && service->core.state)
        result = acceptor_start(&port->acceptor, err);
    if (result) {
        port_destroy(port);
        return error_prefix(err, result, "%s: [vm:%s]", config->path, settings->name);
    }
    port->next = *list;
    *list = port;
    return 0;
}

/* From here on nothing can fail. */
static void configure_port(struct port *port, struct vm *vm, struct config *config,
                           const struct config_vm *settings)
{
    vm_unref(port->vm);
    port->vm = vm;
    vm_configure(vm, config, settings);
    if (chmod(settings->socket, settings->socket_mode) < 0)
        log_warning("service", "cannot set the mode of %s: %s", settings->socket, strerror(errno));
}

int ports_update(struct service *service, struct config *config, struct error *err)
{
    struct port *fresh = NULL, *kept = NULL;
    struct vm **vms = calloc(config->vm_count + 1, sizeof(*vms));
    int result = vms ? 0 : error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < config->vm_count && !result; i++) {
        const struct config_vm *settings = &config->vms[i];
        if (!*find_port(&service->ports, settings->socket)) {
            result = open_port(service, config, settings, &fresh, err);
        }
        if (!result && !(vms[i] = get_vm(service, config, settings)))
            result = error_set(err, -ENOMEM, "out of memory");
    }
    if (result) {
        destroy_list(fresh);
        for (size_t i = 0; vms && i < config->vm_count; i++)
            vm_unref(vms[i]);
        free(vms);
        return result;
    }
    for (size_t i = 0; i < config->vm_count; i++) {
        const struct config_vm *settings = &config->vms[i];
        struct port **at = find_port(&fresh, settings->socket);
        if (!*at)
            at = find_port(&service->ports, settings->socket);
        struct port *port = *at;
        *at = port->next;
        port->next = kept;
        kept = port;
        configure_port(port, vms[i], config, settings);
    }
    free(vms);
    destroy_list(service->ports);
    service->ports = kept;
    vm_configure(service->default_vm, config, &config->default_vm);
    return 0;
}

int ports_start(struct service *service, struct error *err)
{
    int result = 0;
    for (struct port *port = service->ports; port && !result; port = port->next)
        result = acceptor_start(&port->acceptor, err);
    return result;
}
