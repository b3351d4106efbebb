/* SPDX-License-Identifier: MIT */
/* The keys of gpupv.ini, as data: name, place, and how the text is read. Used by config.c. */
#ifndef GPUPV_HOST_CONFIG_KEYS_H
#define GPUPV_HOST_CONFIG_KEYS_H

#include <stddef.h>

#include "util/error.h"

struct config_vm;

#define CONFIG_MAX_KEYS 24

struct config_key {
    const char *name;
    size_t offset; /* of the field in struct config, config_adapter or config_vm */
    /* Reads `text` into the field, which holds a valid value already. The error tells the cause
     * alone; the caller puts file, section and key before it. */
    int (*parse)(const char *text, void *field, struct error *err);
};

const struct config_key *config_service_keys(size_t *count);
const struct config_key *config_adapter_keys(size_t *count);
const struct config_key *config_vm_keys(size_t *count);

/* Gives a VM what its section need not say. -ENOMEM. */
int config_vm_set_defaults(const char *name, struct config_vm *vm);

#endif
