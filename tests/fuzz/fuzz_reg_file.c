/* SPDX-License-Identifier: MIT */
/* .reg files: an error names its line; what is accepted and exported comes back byte for byte. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/reg_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds, const char *what, const char *text)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

static void parse_and_apply(const void *data, size_t size, struct reg_hive *hive)
{
    struct reg_edits *edits;
    struct error err = {.text = ""};
    check(!reg_file_parse("exported", data, size, &edits, &err), "cannot read again", err.text);
    check(!reg_edits_apply(edits, hive, &err), "cannot apply again", err.text);
    check(!reg_edits_skipped(edits, 0), "something is left out", "");
    reg_edits_destroy(edits);
}

static void check_round_trip(const struct reg_hive *hive)
{
    struct reg_hive *again;
    void *first, *second;
    size_t first_size, second_size;
    check(!reg_hive_create(&again), "no hive", "");
    check(!reg_file_format(reg_hive_find(hive, "HKLM"), &first, &first_size), "cannot export", "");
    check(reg_file_recognise(first, first_size), "not recognised", "");
    parse_and_apply(first, first_size, again);
    check(!reg_file_format(reg_hive_find(again, "HKLM"), &second, &second_size),
          "cannot export again", "");
    check(first_size == second_size && !memcmp(first, second, first_size), "changed", "");
    free(second);
    free(first);
    reg_hive_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reg_edits *edits;
    struct reg_hive *hive;
    struct error err = {.text = ""};
    if (reg_file_parse("fuzz", data, size, &edits, &err) < 0) {
        check(!strncmp(err.text, "fuzz:", 5), "an error without a place", err.text);
        return 0;
    }
    check(!reg_hive_create(&hive), "no hive", "");
    int result = reg_edits_apply(edits, hive, &err);
    if (result) {
        const struct reg_key *root = reg_hive_find(hive, "HKLM");
        check(!strncmp(err.text, "fuzz:", 5), "an error without a place", err.text);
        check(!reg_key_subkey_count(root) && !reg_key_value_count(root), "half applied", err.text);
    } else {
        check_round_trip(hive);
    }
    reg_hive_destroy(hive);
    reg_edits_destroy(edits);
    return 0;
}
