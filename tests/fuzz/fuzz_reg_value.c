/* SPDX-License-Identifier: MIT */
/* One value as a person types it: type and data survive being formatted and parsed again, and a key
 * takes what the parser accepts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void check_set(const struct reg_value *value)
{
    struct reg_hive *hive;
    struct reg_key *key;
    struct error err = {.text = ""};
    check(!reg_hive_create(&hive), "cannot create");
    check(!reg_hive_make(hive, "HKLM\\A", &key, &err), err.text);
    check(!reg_key_set(key, "v", value->type, value->data, value->size, &err), err.text);
    const struct reg_value *found = reg_key_find_value(key, "V");
    check(found && found->size == value->size && !memcmp(found->data, value->data, value->size),
          "the key holds other data");
    reg_hive_destroy(hive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    check(text != NULL, "no memory");
    memcpy(text, data, size);
    text[size] = '\0';

    struct reg_value value = {0}, again = {0};
    struct error err = {.text = ""};
    if (reg_value_parse(text, &value.type, &value.data, &value.size, &err) < 0) {
        check(err.text[0], "an error without a text");
        free(text);
        return 0;
    }
    char *formatted = reg_value_format(&value);
    check(formatted != NULL, "cannot format");
    check(!reg_value_parse(formatted, &again.type, &again.data, &again.size, &err), err.text);
    check(again.type == value.type && again.size == value.size &&
              !memcmp(again.data, value.data, value.size),
          "formatting changed the value");
    check_set(&value);

    free(again.data);
    free(formatted);
    free(value.data);
    free(text);
    return 0;
}
