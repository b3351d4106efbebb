/* SPDX-License-Identifier: MIT */
#include "host/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "util/file.h"
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
    char *text;
    size_t size;
    int result = file_read(AT_FDCWD, path, REG_MAX_FILE, &text, &size, err);
    if (!result) {
        crypto_generichash(state->hive_digest, sizeof(state->hive_digest), (const uint8_t *)text,
                           size, NULL, 0);
        result = reg_hive_parse(path, text, size, &state->hive, err);
        free(text);
        return result;
    }
    if (result != -ENOENT)
        return result;
    if (older && !older->hive_missing && !strcmp(older->config->hive, path))
        return result;
    state->hive_missing = true;
    log_info("service", "no registry hive at %s; starting with an empty one", path);
    result = reg_hive_create(&state->hive);
    return result ? error_set(err, result, "out of memory") : 0;
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
        settings_read(made->hive, &made->settings);
        struct adapter_inputs inputs = {config, inventory, made->hive, &made->paths,
                                        &made->settings};
        struct adapters_before before = {older ? older->config : NULL,
                                         older ? &older->adapters : NULL};
        bool newer_devices = older && older->inventory != inventory;
        result = adapters_create(&inputs, newer_devices ? &before : NULL, &made->adapters, err);
    }
    if (result) {
        state_unref(made);
        return result;
    }
    *state = made;
    return 0;
}

bool state_hive_is_current(const struct state *state)
{
    uint8_t digest[STATE_DIGEST_SIZE];
    char *text;
    size_t size;
    int result = file_read(AT_FDCWD, state->config->hive, REG_MAX_FILE, &text, &size, NULL);
    if (result)
        return result == -ENOENT && state->hive_missing;
    crypto_generichash(digest, sizeof(digest), (const uint8_t *)text, size, NULL, 0);
    free(text);
    return !state->hive_missing && !memcmp(digest, state->hive_digest, sizeof(digest));
}

const struct adapter *state_find_adapter(const struct state *state, uint64_t luid)
{
    for (size_t i = 0; i < state->adapters.count; i++) {
        if (state->adapters.adapters[i].luid == luid)
            return &state->adapters.adapters[i];
    }
    return NULL;
}
