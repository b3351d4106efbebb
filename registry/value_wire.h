/* SPDX-License-Identifier: MIT */
/* Values as Windows stores them (.reg files, hive files): strings in UTF-16LE, and any type number.
 * For registry/ and the host's tools. */
#ifndef GPUPV_REGISTRY_VALUE_WIRE_H
#define GPUPV_REGISTRY_VALUE_WIRE_H

#include "registry/registry.h"

/* "REG_NONE", "REG_LINK" … for a number of winnt.h, or the number in hexadecimal. */
#define VALUE_WIRE_TYPE_SIZE 40
void value_wire_type_name(uint32_t number, char text[VALUE_WIRE_TYPE_SIZE]);

/*
 * Checks what Windows stored and gives it in the form of struct reg_value; *data is malloc'ed.
 * Missing terminators of strings are added, and superfluous ones of a single string are dropped.
 *   -ENOTSUP  a type that this registry does not keep, because no guest can query it
 *   -EINVAL   a number of the wrong size, half a UTF-16 unit, text behind a string's end
 *   -EILSEQ   text that is not UTF-16
 *   -E2BIG, -ENOMEM
 */
int value_from_wire(uint32_t number, const uint8_t *bytes, size_t bytes_size, enum reg_type *type,
                    uint8_t **data, size_t *size, struct error *err);

/* The bytes of a value that was checked before, malloc'ed. -ENOMEM. */
int value_to_wire(const struct reg_value *value, uint8_t **bytes, size_t *size);

#endif
