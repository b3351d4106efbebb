/* SPDX-License-Identifier: MIT */
#include "tools/class_keys.h"

static bool is_taken(const struct host_env_adapter *adapters, size_t count, unsigned number)
{
    for (size_t i = 0; i < count; i++) {
        const struct host_env_adapter *a = &adapters[i];

        if (a->enabled && a->first_key != CLASS_KEY_NEXT_FREE && number >= a->first_key &&
            number - a->first_key < a->physical_count)
            return true;
    }
    return false;
}

static unsigned find_free(const struct host_env_adapter *adapters, size_t count, unsigned wanted)
{
    unsigned run = 0;

    for (unsigned number = 0; number < CLASS_KEY_LIMIT; number++) {
        run = is_taken(adapters, count, number) ? 0 : run + 1;
        if (run == wanted)
            return number + 1 - wanted;
    }
    return CLASS_KEY_NEXT_FREE;
}

void class_keys_assign(struct host_env_adapter *adapters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (adapters[i].enabled && adapters[i].first_key == CLASS_KEY_NEXT_FREE)
            adapters[i].first_key = find_free(adapters, count, adapters[i].physical_count);
    }
}
