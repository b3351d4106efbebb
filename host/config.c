/* SPDX-License-Identifier: MIT */
#include "host/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <iniparser/iniparser.h>

#include "host/config_keys.h"
#include "host/near_name.h"

#define ADAPTER_PREFIX "adapter:"
#define VM_PREFIX "vm:"
#define MAX_NAME 63

const char *config_default_path(void)
{
    return GPUPV_SYSCONFDIR "/gpupv/gpupv.ini";
}

struct config *config_ref(struct config *config)
{
    __atomic_add_fetch(&config->refs, 1, __ATOMIC_RELAXED);
    return config;
}

static void adapter_finish(struct config_adapter *adapter)
{
    free(adapter->name);
    free(adapter->icd);
    free(adapter->device);
    for (size_t i = 0; i < adapter->linked_count; i++)
        free(adapter->linked[i]);
    free(adapter->linked);
    free(adapter->description);
    free(adapter->service);
}

static void patterns_finish(struct config_patterns *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->patterns[i]);
    free(list->patterns);
}

static void vm_finish(struct config_vm *vm)
{
    free(vm->name);
    free(vm->socket);
    patterns_finish(&vm->allow);
    patterns_finish(&vm->deny);
}

void config_unref(struct config *config)
{
    if (!config || __atomic_sub_fetch(&config->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < config->adapter_count; i++)
        adapter_finish(&config->adapters[i]);
    free(config->adapters);
    for (size_t i = 0; i < config->vm_count; i++)
        vm_finish(&config->vms[i]);
    free(config->vms);
    vm_finish(&config->default_vm);
    patterns_finish(&config->worker_files);
    free(config->path);
    free(config->control);
    free(config->hive);
    free(config->store);
    free(config->guest_store);
    free(config);
}

/* iniparser reports a syntax error through one callback of the whole process, and only there. The
 * thread that is parsing keeps the text here; the callback itself is installed once and for all. */
static _Thread_local struct error *parser_error;
static _Thread_local bool parser_reported;

static int take_parser_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int take_parser_error(const char *format, ...)
{
    if (!parser_error || parser_reported)
        return 0;
    va_list args;
    va_start(args, format);
    char text[sizeof(parser_error->text)];
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    /* "iniparser: syntax error in FILE (LINE):\n-> the line\n" becomes one line. */
    static const char program[] = "iniparser: ";
    const char *from = text;
    if (!strncmp(from, program, strlen(program)))
        from += strlen(program);
    size_t used = 0;
    for (; *from && used < sizeof(text) - 1; from++) {
        if (*from == '\n' && !from[1])
            break;
        text[used++] = (unsigned char)*from < ' ' ? ' ' : *from;
    }
    text[used] = '\0';
    error_set(parser_error, -EINVAL, "%s", text);
    parser_reported = true;
    return 0;
}

/* iniparser reads any file that opens; a FIFO would hang it and a folder give an empty result. */
static int check_regular(const char *path, struct error *err)
{
    struct stat info;
    if (stat(path, &info) < 0)
        return error_set(err, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return error_set(err, -EINVAL, "%s: not a regular file", path);
    return 0;
}

static int parse_file(const char *path, dictionary **ini, struct error *err)
{
    int result = check_regular(path, err);
    if (result)
        return result;

    struct error local = {{0}};
    parser_error = &local;
    parser_reported = false;
    iniparser_set_error_callback(take_parser_error);
    errno = 0;
    *ini = iniparser_load(path);
    int cause = errno;
    parser_error = NULL;
    if (*ini)
        return 0;
    if (parser_reported)
        return error_set(err, -EINVAL, "%s: %s", path, local.text);
    return error_set(err, cause ? -cause : -ENOMEM, "%s: cannot be read: %s", path,
                     strerror(cause ? cause : ENOMEM));
}

/* Sections: adapters and VMs are made first, in the file's order, so that keys find their place. */

static int check_name(const char *what, const char *name, struct error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strlen(name);
    if (!length || length > MAX_NAME || strspn(name, allowed) != length)
        return error_set(err, -EINVAL,
                         "the %s's name must be 1 to %d letters, digits, '.', '_' or '-'", what,
                         MAX_NAME);
    return 0;
}

static int add_adapter(struct config *config, const char *name, struct error *err)
{
    int result = check_name("adapter", name, err);
    if (result)
        return result;
    if (config->adapter_count == CONFIG_MAX_ADAPTERS)
        return error_set(err, -E2BIG, "more than %d adapters", CONFIG_MAX_ADAPTERS);

    struct config_adapter *adapter = &config->adapters[config->adapter_count];
    *adapter = (struct config_adapter){.key = -1, .enabled = true};
    config->adapter_count++;
    adapter->name = strdup(name);
    adapter->service = strdup(name);
    adapter->device = strdup("0");
    if (!adapter->name || !adapter->service || !adapter->device)
        return error_set(err, -ENOMEM, "out of memory");
    return 0;
}

static int add_vm(struct config *config, const char *name, struct error *err)
{
    int result = check_name("VM", name, err);
    if (result)
        return result;
    if (!strcmp(name, CONFIG_DEFAULT_VM))
        return error_set(err, -EINVAL, "the default VM's settings stand in [service]");
    if (config->vm_count == CONFIG_MAX_VMS)
        return error_set(err, -E2BIG, "more than %d VMs", CONFIG_MAX_VMS);
    result = config_vm_set_defaults(name, &config->vms[config->vm_count++]);
    return result ? error_set(err, result, "out of memory") : 0;
}

static bool starts_with(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

static int take_section(struct config *config, const char *section, struct error *err)
{
    if (!strcmp(section, "service"))
        return 0;
    int result;
    if (starts_with(section, ADAPTER_PREFIX)) {
        result = add_adapter(config, section + strlen(ADAPTER_PREFIX), err);
        return result ? error_prefix(err, result, "%s: [%s]", config->path, section) : 0;
    }
    if (starts_with(section, VM_PREFIX)) {
        result = add_vm(config, section + strlen(VM_PREFIX), err);
        return result ? error_prefix(err, result, "%s: [%s]", config->path, section) : 0;
    }
    static const char *const known[] = {"service", "adapter:NAME", "vm:NAME"};
    const char *near = near_name(section, known, sizeof(known) / sizeof(known[0]));
    return error_set(err, -EINVAL, "%s: [%s]: unknown section%s%s%s", config->path, section,
                     near ? "; is [" : "; the sections are [service], [adapter:NAME] and [vm:NAME]",
                     near ? near : "", near ? "] meant?" : "");
}

static bool is_section(const char *section, size_t length, const char *prefix, const char *name)
{
    size_t skip = strlen(prefix);
    return length == skip + strlen(name) && !strncmp(section, prefix, skip) &&
           !strncmp(section + skip, name, length - skip);
}

/* The object that a section fills, or NULL. */
static void *section_object(struct config *config, const char *section, size_t length,
                            const struct config_key **keys, size_t *count)
{
    if (is_section(section, length, "service", "")) {
        *keys = config_service_keys(count);
        return config;
    }
    for (size_t i = 0; i < config->adapter_count; i++) {
        if (is_section(section, length, ADAPTER_PREFIX, config->adapters[i].name)) {
            *keys = config_adapter_keys(count);
            return &config->adapters[i];
        }
    }
    for (size_t i = 0; i < config->vm_count; i++) {
        if (is_section(section, length, VM_PREFIX, config->vms[i].name)) {
            *keys = config_vm_keys(count);
            return &config->vms[i];
        }
    }
    return NULL;
}

static int unknown_key(const struct config *config, const char *section, size_t length,
                       const char *name, const struct config_key *keys, size_t count,
                       struct error *err)
{
    const char *known[CONFIG_MAX_KEYS];
    for (size_t i = 0; i < count; i++)
        known[i] = keys[i].name;
    const char *near = near_name(name, known, count);
    return error_set(err, -EINVAL, "%s: [%.*s] %s: unknown key%s%s%s", config->path, (int)length,
                     section, name, near ? "; is \"" : "; docs/configuration.md lists the keys",
                     near ? near : "", near ? "\" meant?" : "");
}

/* `entry` is iniparser's "section:key"; a section's name may hold a colon, a key's may not. */
static int take_value(struct config *config, const char *entry, const char *text, struct error *err)
{
    const char *colon = strrchr(entry, ':');
    if (!colon || colon == entry)
        return error_set(err, -EINVAL, "%s: %s: stands before the first [section]", config->path,
                         colon ? colon + 1 : entry);
    size_t length = (size_t)(colon - entry);
    const char *name = colon + 1;

    const struct config_key *keys;
    size_t count;
    void *object = section_object(config, entry, length, &keys, &count);
    if (!object)
        return error_set(err, -EINVAL, "%s: %s: a key's name must not hold a colon", config->path,
                         entry);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].name, name))
            continue;
        int result = keys[i].parse(text, (char *)object + keys[i].offset, err);
        if (result)
            return error_prefix(err, result, "%s: [%.*s] %s", config->path, (int)length, entry,
                                name);
        return 0;
    }
    return unknown_key(config, entry, length, name, keys, count, err);
}

static int take_dictionary(struct config *config, const dictionary *ini, struct error *err)
{
    size_t sections = 0;
    for (ssize_t i = 0; i < ini->size; i++)
        sections += ini->key[i] && !ini->val[i];
    config->adapters = calloc(sections + 1, sizeof(*config->adapters));
    config->vms = calloc(sections + 1, sizeof(*config->vms));
    if (!config->adapters || !config->vms)
        return error_set(err, -ENOMEM, "out of memory");

    int result = 0;
    for (ssize_t i = 0; i < ini->size && !result; i++) {
        if (ini->key[i] && !ini->val[i])
            result = take_section(config, ini->key[i], err);
    }
    for (ssize_t i = 0; i < ini->size && !result; i++) {
        if (ini->key[i] && ini->val[i])
            result = take_value(config, ini->key[i], ini->val[i], err);
    }
    return result;
}

static int check_sockets(const struct config *config, struct error *err)
{
    if (!strcmp(config->default_vm.socket, config->control))
        return error_set(err, -EINVAL, "%s: [service] control: must differ from socket",
                         config->path);
    for (size_t i = 0; i < config->vm_count; i++) {
        const struct config_vm *vm = &config->vms[i];
        const char *other = !strcmp(vm->socket, config->control) ? "[service] control" : NULL;
        for (size_t j = 0; j <= i && !other; j++) {
            const struct config_vm *earlier = config_vm_at(config, j);
            if (!strcmp(vm->socket, earlier->socket))
                other = j ? earlier->name : "[service]";
        }
        if (other)
            return error_set(err, -EINVAL, "%s: [vm:%s] socket: %s has the same", config->path,
                             vm->name, other);
    }
    return 0;
}

static int check_together(const struct config *config, struct error *err)
{
    int result = check_sockets(config, err);
    if (result)
        return result;
    for (size_t i = 0; i < config->adapter_count; i++) {
        const struct config_adapter *a = &config->adapters[i];
        for (size_t j = 0; a->luid && j < i; j++) {
            if (config->adapters[j].luid == a->luid)
                return error_set(err, -EINVAL, "%s: [adapter:%s] luid: [adapter:%s] has the same",
                                 config->path, a->name, config->adapters[j].name);
        }
    }
    return 0;
}

/* Class keys: written numbers first, then the free ones in the file's order. Sections that are not
 * enabled keep theirs, so that switching one off moves no other adapter to another key. */

static bool take_keys(bool *taken, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (first + i > CONFIG_MAX_CLASS_KEY || taken[first + i])
            return false;
    }
    memset(&taken[first], true, count);
    return true;
}

static int assign_keys(struct config *config, bool written, bool *taken, struct error *err)
{
    for (size_t i = 0; i < config->adapter_count; i++) {
        struct config_adapter *a = &config->adapters[i];
        size_t count = a->linked_count + 1;
        if ((a->key >= 0) != written)
            continue;
        a->class_key = written ? (unsigned)a->key : 0;
        while (!take_keys(taken, a->class_key, count)) {
            if (written || ++a->class_key > CONFIG_MAX_CLASS_KEY)
                return error_set(err, -EINVAL,
                                 "%s: [adapter:%s] key: of the %zu class keys from %04u on, one is "
                                 "another adapter's or out of range",
                                 config->path, a->name, count, written ? a->class_key : 0);
        }
    }
    return 0;
}

static int assign_class_keys(struct config *config, struct error *err)
{
    bool *taken = calloc(CONFIG_MAX_CLASS_KEY + 1, sizeof(*taken));
    if (!taken)
        return error_set(err, -ENOMEM, "out of memory");
    int result = assign_keys(config, true, taken, err);
    if (!result)
        result = assign_keys(config, false, taken, err);
    free(taken);
    return result;
}

static int make_default(const char *path, struct config **made, struct error *err)
{
    struct config *config = calloc(1, sizeof(*config));
    if (!config)
        return error_set(err, -ENOMEM, "out of memory");
    config->refs = 1;
    int result = config_vm_set_defaults(CONFIG_DEFAULT_VM, &config->default_vm);
    free(config->default_vm.socket);
    config->default_vm.socket = strdup("/run/gpupv/host.sock");
    config->path = strdup(path);
    config->control = strdup("/run/gpupv/control.sock");
    config->hive = strdup("/var/lib/gpupv/registry.hive");
    config->store = strdup("/var/lib/gpupv/DriverStore");
    config->guest_store = strdup("/run/gpupv/HostDriverStore");
    config->guard = GUARD_ENFORCE;
    config->max_clients = 1024;
    config->log = LOG_LEVEL_INFO;
    config->probe_timeout = 20;
    config->warm_workers = 1;
    config->worker_sandbox = true;
    config->worker_memory = "auto";
    if (result || !config->path || !config->default_vm.socket || !config->control ||
        !config->hive || !config->store || !config->guest_store) {
        config_unref(config);
        return error_set(err, -ENOMEM, "out of memory");
    }
    *made = config;
    return 0;
}

const struct config_vm *config_find_vm(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config_vm_count(config); i++) {
        if (!strcmp(config_vm_at(config, i)->name, name))
            return config_vm_at(config, i);
    }
    return NULL;
}

int config_load(const char *path, struct config **config, struct error *err)
{
    bool named = path != NULL;
    if (!named)
        path = config_default_path();
    struct config *loading = NULL;
    int result = make_default(path, &loading, err);
    if (result)
        return result;

    dictionary *ini = NULL;
    result = parse_file(path, &ini, err);
    if (result == -ENOENT && !named) {
        loading->default_vm.max_clients = loading->max_clients;
        *config = loading;
        return 0;
    }
    if (result)
        goto out_unref;
    result = take_dictionary(loading, ini, err);
    loading->default_vm.max_clients = loading->max_clients;
    if (!result)
        result = check_together(loading, err);
    if (!result)
        result = assign_class_keys(loading, err);
    iniparser_freedict(ini);
    if (result)
        goto out_unref;
    *config = loading;
    return 0;

out_unref:
    config_unref(loading);
    return result;
}
