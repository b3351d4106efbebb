/* SPDX-License-Identifier: MIT */
/* `gpupv cdi generate`: a CDI specification of this machine's adapters. */
#include "tools/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/config.h"
#include "tools/cdi_spec.h"
#include "tools/control.h"
#include "tools/host_env.h"
#include "tools/output.h"
#include "tools/vm_choice.h"
#include "util/file.h"

/* Without sections the service chooses the adapters, so it is asked; it may not run yet. */
static void ask_for_adapters(const struct host_env *env, struct words *adapters)
{
    struct error err = {0};
    json_object *answer, *list;

    if (control_ask(env->control, "adapters", &answer, &err) < 0) {
        output_note("the names of the adapters are not known, so the only device is \"" CDI_ALL
                    "\": %s",
                    err.text);
        return;
    }
    list = json_array(answer, "adapters");
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        const char *name = json_text(json_object_array_get_idx(list, i), "name");

        if (name)
            words_add(adapters, name);
    }
    json_object_put(answer);
}

static int list_adapters(const struct host_env *env, struct words *adapters, struct error *err)
{
    const struct config *config = env->config;
    int result = 0;

    for (size_t i = 0; i < config->adapter_count; i++) {
        if (config->adapters[i].enabled)
            words_add(adapters, config->adapters[i].name);
    }
    if (!config->adapter_count)
        ask_for_adapters(env, adapters);
    for (size_t i = 0; i < adapters->count && !result; i++)
        result = cdi_check_device(adapters->items[i], err);
    return result;
}

static int list_nodes(const struct cli *cli, struct words *nodes, struct error *err)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        const char *path = cli->given[i].value;
        struct stat info;

        if (strcmp(cli->given[i].option->name, "device") != 0)
            continue;
        if (path[0] != '/' || stat(path, &info) < 0 ||
            (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)))
            return error_set(err, -EINVAL,
                             "--device %s: it must be the absolute path of a device that exists",
                             path);
        words_add(nodes, path);
    }
    return 0;
}

static int check_paths(const struct cdi_source *source, struct error *err)
{
    struct stat info;

    if (stat(source->packages, &info) < 0)
        return error_set(err, -errno,
                         "the driver store %s: %s; put a driver into it with \"gpupv host store "
                         "add\"",
                         source->packages, strerror(errno));
    if (stat(source->socket, &info) < 0 || !S_ISSOCK(info.st_mode))
        output_note("there is no socket at %s yet; containers start once the service runs",
                    source->socket);
    return 0;
}

static int make_folder_of(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    int result;

    if (!slash || slash == path)
        return 0;
    folder = strndup(path, (size_t)(slash - path));
    if (!folder)
        return error_set(err, -ENOMEM, "out of memory");
    result = file_make_folders(folder, 0755, err);
    free(folder);
    return result;
}

static int write_spec(const struct cdi_source *source, const char *path, struct error *err)
{
    json_object *spec = cdi_spec_make(source);
    const char *text;
    size_t size;
    char *whole;
    int result;

    if (!spec)
        return error_set(err, -ENOMEM, "out of memory");
    if (!path || strcmp(path, "-") == 0) {
        output_json(spec);
        return 0;
    }
    text = json_object_to_json_string_ext(spec,
                                          JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
    size = text ? (size_t)asprintf(&whole, "%s\n", text) : (size_t)-1;
    json_object_put(spec);
    if (size == (size_t)-1)
        return error_set(err, -ENOMEM, "out of memory");
    result = make_folder_of(path, err);
    if (!result)
        result = file_write_atomic(path, whole, size, 0644, err);
    free(whole);
    return result;
}

static int generate(const struct cli *cli, const struct host_env *env, struct error *err)
{
    const char *kind = cli_value(cli, "kind");
    struct words adapters = {0}, nodes = {0};
    struct shims shims = {0};
    struct cdi_source source = {.kind = kind ? kind : CDI_KIND,
                                .guest_store = env->guest_store,
                                .shims = &shims,
                                .tool = cli_given(cli, "with-tool"),
                                .adapters = &adapters,
                                .nodes = &nodes};
    const struct config_vm *vm;
    char *packages = NULL;
    int result = cdi_check_kind(source.kind, err);

    if (!result)
        result = vm_find(env->config, cli_value(cli, "vm"), &vm, err);
    if (!result)
        result = shims_find(cli_value(cli, "prefix"), &shims, err);
    if (!result)
        result = list_nodes(cli, &nodes, err);
    if (!result)
        result = list_adapters(env, &adapters, err);
    if (!result && (adapters.failed || nodes.failed ||
                    asprintf(&packages, "%s/FileRepository", env->store) < 0))
        result = error_set(err, -ENOMEM, "out of memory");
    if (!result) {
        source.packages = packages;
        source.socket = vm->socket;
        result = check_paths(&source, err);
    }
    if (!result)
        result = write_spec(&source, cli_value(cli, "output"), err);
    free(packages);
    shims_finish(&shims);
    words_finish(&nodes);
    words_finish(&adapters);
    return result;
}

enum exit_code cmd_cdi_generate(const struct cli *cli)
{
    struct host_env env;
    struct error err = {0};
    int result = host_env_open(cli, &env, &err);

    if (!result) {
        result = generate(cli, &env, &err);
        host_env_close(&env);
    }
    return result < 0 ? output_error(cli, result, &err) : EXIT_DONE;
}
