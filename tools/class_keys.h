/* SPDX-License-Identifier: MIT */
/*
 * Which class-key numbers adapters get by the configuration alone; the service counts the same way
 * (host/adapters.c): numbers set with key= first, then, section by section, the first free ones in
 * a row. Sections that are not enabled take part only with a number that is set.
 */
#ifndef GPUPV_TOOLS_CLASS_KEYS_H
#define GPUPV_TOOLS_CLASS_KEYS_H

#include "tools/host_env.h"

/* In `first_key`: the number is still to be found, or (after) there is none. */
#define CLASS_KEY_NEXT_FREE (~0u)
#define CLASS_KEY_LIMIT 10000u

void class_keys_assign(struct host_env_adapter *adapters, size_t count);

#endif
