/* SPDX-License-Identifier: MIT */
/* The parser of hive files: whatever it accepts must come back from its own text unchanged. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds, const char *what, const char *text)
{
    if (holds)
        return;
    fprintf(stderr, "%s:\n%s\n", what, text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reg_hive *hive, *again;
    struct error err = {.text = ""};
    if (reg_hive_parse("fuzz", (const char *)data, size, &hive, &err) < 0) {
        check(!strncmp(err.text, "fuzz:", 5), "an error without a place", err.text);
        return 0;
    }
    char *text, *second;
    size_t text_size, second_size;
    check(!reg_hive_format(hive, &text, &text_size), "cannot format", "");
    check(!reg_hive_parse("formatted", text, text_size, &again, &err), err.text, text);
    check(!reg_hive_format(again, &second, &second_size), "cannot format again", text);
    check(text_size == second_size && !memcmp(text, second, text_size), "not canonical", text);

    /* Merging a hive into itself changes nothing. */
    free(second);
    check(!reg_hive_merge(again, hive, &err), err.text, text);
    check(!reg_hive_format(again, &second, &second_size), "cannot format after merging", text);
    check(text_size == second_size && !memcmp(text, second, text_size), "merging changed", text);

    free(second);
    free(text);
    reg_hive_destroy(again);
    reg_hive_destroy(hive);
    return 0;
}
