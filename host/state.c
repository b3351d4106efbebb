/* SPDX-License-Identifier: MIT */
#include "host/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

struct state *state_ref(struct state *state)
{
    state->refs++;
    return state;
}

void state_unref(struct state *state)
{
    if (!state || --state->refs)
        return;
    adapters_finish(&state->adapters);
    reg_hive_destroy(state->hive);
    inventory_unref(state->inventory);
    config_unref(state->config);
    free(state);
}

/* A person who deletes the file while guests use it has made a mistake more often than a wish; an
 * empty file says the same and means it. */
static int load_hive(struct state *state, const struct state *older, struct error *err)
{
    const char *path = state->config->hive;
    int result = reg_hive_load(path, &state->hive, err);
    if (result != -ENOENT)
        return result;
    if (older && !older->hive_missing && !strcmp(older->config->hive, path))
        return result;
    state->hive_missing = true;
    log_info("service", "no registry hive at %s; starting with an empty one", path);
    result = reg_hive_create(&state->hive);
    return result ? error_set(err, result, "out of memory") : 0;
}

static void read_machine_settings(struct state *state)
{
    const struct reg_key *key = reg_hive_find(state->hive, ADAPTER_GRAPHICS_DRIVERS_KEY);
    uint32_t flags = 0;
    state->virtual_functions = DEFAULT_VIRTUAL_FUNCTIONS;
    if (!key)
        return;
    if (!reg_key_dword(key, "GpuVirtualizationFlags", &flags))
        state->secure_vm = flags & GPU_VIRTUALIZATION_FORCE_SECURE_VM;
    uint32_t functions;
    if (!reg_key_dword(key, "NumVirtualFunctions", &functions))
        state->virtual_functions = functions;
}

int state_create(struct config *config, struct inventory *inventory, const struct state *older,
                 struct state **state, struct error *err)
{
    struct state *made = calloc(1, sizeof(*made));
    if (!made)
        return error_set(err, -ENOMEM, "out of memory");
    made->refs = 1;
    made->config = config_ref(config);
    made->inventory = inventory_ref(inventory);
    made->paths = (struct store_paths){config->store, config->guest_store};
    int result = load_hive(made, older, err);
    if (!result) {
        read_machine_settings(made);
        bool strict = older && older->inventory != inventory;
        result = adapters_create(config, inventory, made->hive, &made->paths, strict,
                                 &made->adapters, err);
    }
    if (result) {
        state_unref(made);
        return result;
    }
    *state = made;
    return 0;
}

const struct adapter *state_find_adapter(const struct state *state, uint64_t luid)
{
    for (size_t i = 0; i < state->adapters.count; i++) {
        if (state->adapters.adapters[i].luid == luid)
            return &state->adapters.adapters[i];
    }
    return NULL;
}
