/* SPDX-License-Identifier: MIT */
/* Checks and conversions of one value's data. Private to registry/. */
#ifndef GPUPV_REGISTRY_VALUE_H
#define GPUPV_REGISTRY_VALUE_H

#include <stdbool.h>

#include "registry/registry.h"

static inline bool value_type_is_text(enum reg_type type)
{
    return type == REG_TYPE_SZ || type == REG_TYPE_EXPAND_SZ || type == REG_TYPE_MULTI_SZ;
}

/* Whether `data` has the form that struct reg_value tells for the type, within the limits. -EINVAL,
 * -EILSEQ, -E2BIG. */
int value_check(enum reg_type type, const void *data, size_t size, struct error *err);

/* Little-endian, 4 or 8 bytes. */
void value_put_number(uint8_t *data, size_t size, uint64_t number);
uint64_t value_get_number(const struct reg_value *value);

/* UTF-8 with NULs in it as UTF-16LE, malloc'ed. -EILSEQ; -E2BIG over REG_MAX_VALUE_SIZE; -ENOMEM.
 */
int value_text_to_wire(const char *text, size_t size, uint8_t **wire, size_t *wire_size);

#endif
