/* SPDX-License-Identifier: MIT */
/* Hive files of Windows: whatever they hold, keys are listed and imported or there is an error. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "registry/windows_hive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TARGET "HKLM\\SOFTWARE\\Target"

static void check(int holds, const char *what, const char *text)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

static void use_key(struct windows_hive *windows, const char *key)
{
    struct windows_hive_list list;
    struct windows_hive_import report;
    struct reg_hive *hive;
    struct error err = {.text = ""};
    char *text;
    size_t size;
    if (windows_hive_list(windows, key, &list, &err))
        check(err.text[0], "no message", key);
    else
        windows_hive_list_free(&list);

    check(!reg_hive_create(&hive), "no hive", "");
    err.text[0] = '\0';
    if (windows_hive_import(windows, key, hive, TARGET, &report, &err)) {
        check(err.text[0], "no message", key);
        check(!reg_hive_find(hive, TARGET), "half imported", err.text);
    } else {
        /* What came in is sound: it has a text. */
        check(reg_hive_find(hive, TARGET) != NULL, "nothing imported", key);
        check(!reg_hive_format(hive, &text, &size), "cannot be written", key);
        free(text);
        windows_hive_import_free(&report);
    }
    reg_hive_destroy(hive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct windows_hive *hive;
    struct error err = {.text = ""};
    if (size > 1024 * 1024)
        return 0;
    if (windows_hive_open_data("fuzz", data, size, &hive, &err) < 0) {
        check(err.text[0], "no message", "open");
        return 0;
    }
    use_key(hive, "");
    use_key(hive, WINDOWS_HIVE_DEFAULT_KEY);
    use_key(hive, "CurrentControlSet\\Control");
    windows_hive_close(hive);
    return 0;
}
