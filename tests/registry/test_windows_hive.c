/* SPDX-License-Identifier: MIT */
/* Hive files of Windows: keys are listed and imported, and damaged files give errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "registry/windows_hive.h"
#include "tests/registry/make_windows_hive.h"
#include "util/file.h"

#define TARGET "HKLM\\SYSTEM\\CurrentControlSet\\" WINDOWS_HIVE_CLASS "\\0003"

static char path[] = "/tmp/gpupv-windows-hive-XXXXXX";
static char *file;
static size_t file_size;

static int make_file(void **state)
{
    (void)state;
    struct error err;
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    if (make_windows_hive(path) < 0) {
        perror("make_windows_hive");
        return -1;
    }
    return file_read(AT_FDCWD, path, 1 << 20, &file, &file_size, &err);
}

static int remove_file(void **state)
{
    (void)state;
    free(file);
    return unlink(path);
}

static struct windows_hive *open_hive(void)
{
    struct windows_hive *hive;
    struct error err = {.text = ""};
    if (windows_hive_open(path, &hive, &err) < 0)
        fail_msg("%s", err.text);
    return hive;
}

static void check_text(const struct reg_hive *hive, const char *key, const char *name,
                       const char *wanted)
{
    const struct reg_key *found = reg_hive_find(hive, key);
    assert_non_null(found);
    const char *text = reg_key_string(found, name);
    assert_non_null(text);
    assert_string_equal(text, wanted);
}

static void test_list(void **state)
{
    (void)state;
    struct windows_hive *hive = open_hive();
    struct windows_hive_list list;
    struct error err = {.text = ""};
    assert_false(windows_hive_is_dirty(hive));
    assert_int_equal(windows_hive_list(hive, "CurrentControlSet\\" WINDOWS_HIVE_CLASS, &list, &err),
                     0);
    assert_string_equal(list.path, "ControlSet001\\" WINDOWS_HIVE_CLASS);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.keys[0].name, "0000");
    assert_string_equal(list.keys[0].description, "Contoso Graphics 5000");
    assert_int_equal(list.keys[0].values, 10);
    assert_int_equal(list.keys[0].subkeys, 1);
    assert_string_equal(list.keys[1].description, "Fabrikam Render");
    windows_hive_list_free(&list);

    assert_int_equal(windows_hive_list(hive, "", &list, &err), 0);
    assert_int_equal(list.count, 2);
    windows_hive_list_free(&list);
    windows_hive_close(hive);
}

static void test_import(void **state)
{
    (void)state;
    struct windows_hive *windows = open_hive();
    struct windows_hive_import report;
    struct reg_hive *hive;
    struct reg_key *key;
    struct error err = {.text = ""};
    assert_int_equal(reg_hive_create(&hive), 0);
    assert_int_equal(reg_hive_make(hive, TARGET, &key, &err), 0);
    assert_int_equal(reg_key_set_string(key, "DriverDesc", REG_TYPE_SZ, "old", &err), 0);
    assert_int_equal(reg_key_set_string(key, "Own", REG_TYPE_SZ, "stays", &err), 0);

    if (windows_hive_import(windows, WINDOWS_HIVE_DEFAULT_KEY, hive, TARGET, &report, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(report.keys, 2);
    assert_int_equal(report.values, 9);
    assert_int_equal(report.skipped_count, 2);
    assert_non_null(strstr(report.skipped[0], "Odd"));
    assert_non_null(strstr(report.skipped[0], "REG_NONE"));
    assert_non_null(strstr(report.skipped[1], "REG_RESOURCE_LIST"));
    assert_string_equal(report.path, WINDOWS_HIVE_DEFAULT_KEY);

    check_text(hive, TARGET, "DriverDesc", "Contoso Graphics 5000");
    check_text(hive, TARGET, "Own", "stays");
    check_text(hive, TARGET, "ImagePath", "%SystemRoot%\\umd.dll");
    key = reg_hive_find(hive, TARGET);
    uint32_t number;
    assert_int_equal(reg_key_dword(key, "FeatureLevel", &number), 0);
    assert_int_equal(number, 42);
    const struct reg_value *value = reg_key_find_value(key, "UserModeDriverName");
    assert_int_equal(value->type, REG_TYPE_MULTI_SZ);
    assert_int_equal(value->size, 17);
    assert_memory_equal(value->data, "C:\\umd.dll\0C:\\x\0\0", 17);
    value = reg_key_find_value(reg_hive_find(hive, TARGET "\\CopyToVmOverwrite"), "softgpufiles");
    assert_int_equal(value->size, 13);
    assert_memory_equal(value->data, "a.dll\0b.dll\0", 13);
    windows_hive_import_free(&report);
    reg_hive_destroy(hive);
    windows_hive_close(windows);
}

static void test_names_of_keys(void **state)
{
    (void)state;
    static const char *const names[] = {
        "CurrentControlSet\\" WINDOWS_HIVE_CLASS "\\0001",
        "currentcontrolset\\" WINDOWS_HIVE_CLASS "\\0001",
        "\\ControlSet001\\" WINDOWS_HIVE_CLASS "\\0001\\",
        "HKLM\\SYSTEM\\CurrentControlSet\\" WINDOWS_HIVE_CLASS "\\0001",
        "HKEY_LOCAL_MACHINE\\System\\ControlSet001\\" WINDOWS_HIVE_CLASS "\\0001",
    };
    struct windows_hive *windows = open_hive();
    struct error err = {.text = ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct windows_hive_import report;
        struct reg_hive *hive;
        assert_int_equal(reg_hive_create(&hive), 0);
        if (windows_hive_import(windows, names[i], hive, TARGET, &report, &err) < 0)
            fail_msg("%s: %s", names[i], err.text);
        check_text(hive, TARGET, "DriverDesc", "Fabrikam Render");
        windows_hive_import_free(&report);
        reg_hive_destroy(hive);
    }
    windows_hive_close(windows);
}

static void test_missing_keys(void **state)
{
    (void)state;
    struct windows_hive *windows = open_hive();
    struct windows_hive_import report;
    struct windows_hive_list list;
    struct reg_hive *hive;
    struct error err = {.text = ""};
    assert_int_equal(reg_hive_create(&hive), 0);
    assert_int_equal(
        windows_hive_import(windows, "ControlSet001\\Nothing\\x", hive, TARGET, &report, &err),
        -ENOENT);
    assert_non_null(strstr(err.text, "\"ControlSet001\\Nothing\" is not there"));
    assert_null(reg_hive_find(hive, TARGET));
    assert_int_equal(windows_hive_list(windows, "ControlSet002", &list, &err), -ENOENT);
    assert_int_equal(windows_hive_import(windows, "Select", hive, "SOFTWARE\\x", &report, &err),
                     -EINVAL);
    reg_hive_destroy(hive);
    windows_hive_close(windows);
}

static void check_no_hive(const void *data, size_t size, const char *part)
{
    struct windows_hive *hive;
    struct error err = {.text = ""};
    assert_int_equal(windows_hive_open_data("SYSTEM", data, size, &hive, &err), -EBADMSG);
    if (strncmp(err.text, "SYSTEM", 6) || !strstr(err.text, part))
        fail_msg("%s", err.text);
}

static void test_no_hive(void **state)
{
    (void)state;
    struct windows_hive *hive;
    struct error err = {.text = ""};
    check_no_hive("", 0, "regf");
    check_no_hive("MZ\x90\0", 4, "regf");
    check_no_hive("regf", 4, "damaged");
    check_no_hive(file, 4096, "damaged");
    check_no_hive(file, 5000, "damaged");
    assert_int_equal(windows_hive_open("/nonexistent/SYSTEM", &hive, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/SYSTEM"));
}

static void test_dirty(void **state)
{
    (void)state;
    struct windows_hive *hive;
    struct error err = {.text = ""};
    char *copy = malloc(file_size);
    assert_non_null(copy);
    memcpy(copy, file, file_size);
    copy[4]++;
    /* The checksum of the head covers the count: the sum is the XOR of all words. */
    copy[0x1fc] = (char)(copy[0x1fc] ^ copy[4] ^ file[4]);
    if (windows_hive_open_data("SYSTEM", copy, file_size, &hive, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(windows_hive_is_dirty(hive));
    windows_hive_close(hive);
    free(copy);
}

/* Reads all that can be read; returns whether the import succeeded. */
static bool use_damaged(const char *data, size_t size)
{
    struct windows_hive *windows;
    struct windows_hive_list list;
    struct windows_hive_import report;
    struct reg_hive *hive;
    struct error err = {.text = ""};
    int result = windows_hive_open_data("SYSTEM", data, size, &windows, &err);
    if (result) {
        assert_true(err.text[0] != '\0');
        return false;
    }
    if (windows_hive_list(windows, "CurrentControlSet\\" WINDOWS_HIVE_CLASS, &list, &err) == 0)
        windows_hive_list_free(&list);
    assert_int_equal(reg_hive_create(&hive), 0);
    result = windows_hive_import(windows, "ControlSet001", hive, TARGET, &report, &err);
    if (result) {
        assert_true(err.text[0] != '\0');
        assert_null(reg_hive_find(hive, TARGET));
    } else {
        windows_hive_import_free(&report);
    }
    reg_hive_destroy(hive);
    windows_hive_close(windows);
    return result == 0;
}

/* Every byte of the file gets other values, one at a time. */
static void test_mutated(void **state)
{
    (void)state;
    size_t failed = 0, done = 0;
    char *copy = malloc(file_size);
    assert_non_null(copy);
    memcpy(copy, file, file_size);
    for (size_t i = 0; i < file_size; i++) {
        static const uint8_t masks[] = {0xff, 0x80, 0x01};
        /* Of free space a sample is enough. */
        if (!copy[i] && i % 4 && i % 64)
            continue;
        for (size_t j = 0; j < sizeof(masks); j++) {
            copy[i] = (char)(file[i] ^ masks[j]);
            done++;
            failed += !use_damaged(copy, file_size);
        }
        copy[i] = file[i];
    }
    free(copy);
    assert_in_range(failed, 1, done - 1);
}

static void test_cut_off(void **state)
{
    (void)state;
    for (size_t size = 0; size < file_size; size += 61)
        assert_false(use_damaged(file, size));
    assert_true(use_damaged(file, file_size));
}

/* A list of subkeys whose entries lead back to the key itself. */
static void test_cycle(void **state)
{
    (void)state;
    char *copy = malloc(file_size);
    assert_non_null(copy);
    memcpy(copy, file, file_size);
    size_t keys = 0;
    for (size_t i = 4096 + 32; i + 80 < file_size; i += 8) {
        if (memcmp(copy + i + 4, "nk", 2))
            continue;
        keys++;
        /* The offset of the list of subkeys; each list then names this key. */
        uint32_t list;
        memcpy(&list, copy + i + 4 + 0x1c, 4);
        if (list == 0xffffffff || 4096 + (size_t)list + 12 > file_size)
            continue;
        uint32_t own = (uint32_t)(i - 4096);
        memcpy(copy + 4096 + list + 8, &own, 4);
    }
    assert_true(keys > 5);
    use_damaged(copy, file_size);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),          cmocka_unit_test(test_import),
        cmocka_unit_test(test_names_of_keys), cmocka_unit_test(test_missing_keys),
        cmocka_unit_test(test_no_hive),       cmocka_unit_test(test_dirty),
        cmocka_unit_test(test_mutated),       cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_cycle),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
