/* SPDX-License-Identifier: MIT */
#include "tools/host_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/config.h"

static int list_adapters(struct host_env *env, struct error *err)
{
    const struct config *config = env->config;

    env->adapters =
        calloc(config->adapter_count ? config->adapter_count : 1, sizeof(*env->adapters));
    if (!env->adapters)
        return error_set(err, -ENOMEM, "no memory for the list of adapters");
    for (size_t i = 0; i < config->adapter_count; i++) {
        const struct config_adapter *section = &config->adapters[i];
        struct host_env_adapter *adapter = &env->adapters[env->adapter_count++];

        adapter->name = section->name;
        adapter->service = section->service ? section->service : section->name;
        adapter->description = section->description;
        adapter->physical_count = 1 + (unsigned)section->linked_count;
        adapter->first_key = section->class_key;
    }
    return 0;
}

int host_env_open(const struct cli *cli, struct host_env *env, struct error *err)
{
    const char *path = cli_value(cli, "config");
    int result;

    *env = (struct host_env){0};
    if (!path)
        path = getenv("GPUPV_CONFIG");
    result = config_load(path && *path ? path : NULL, &env->config, err);
    /* "Not found" is said of what a command asks for; its configuration is not that. */
    if (result < 0)
        return result == -ENOENT ? -EINVAL : result;
    env->control = env->config->control;
    env->hive = env->config->hive;
    env->store = env->config->store;
    env->guest_store = env->config->guest_store;
    result = list_adapters(env, err);
    if (result < 0)
        config_unref(env->config);
    return result;
}

void host_env_close(struct host_env *env)
{
    free(env->adapters);
    config_unref(env->config);
}

const struct host_env_adapter *host_env_find(const struct host_env *env, const char *name)
{
    for (size_t i = 0; i < env->adapter_count; i++) {
        if (strcmp(env->adapters[i].name, name) == 0)
            return &env->adapters[i];
    }
    return NULL;
}
