/* SPDX-License-Identifier: MIT */
/* The tree: paths, names, limits, order, merging. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "registry/registry.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int setup(void **state)
{
    struct reg_hive *hive;
    int result = reg_hive_create(&hive);
    *state = hive;
    return result;
}

static int teardown(void **state)
{
    reg_hive_destroy(*state);
    return 0;
}

static struct reg_key *make(struct reg_hive *hive, const char *path)
{
    struct reg_key *key = NULL;
    struct error err = {.text = ""};
    if (reg_hive_make(hive, path, &key, &err))
        fail_msg("%s: %s", path, err.text);
    return key;
}

static char *formatted(const struct reg_hive *hive)
{
    char *text;
    size_t size;
    assert_int_equal(reg_hive_format(hive, &text, &size), 0);
    assert_int_equal(strlen(text), size);
    return text;
}

static void keys_are_made_and_found(void **state)
{
    struct reg_hive *hive = *state;
    assert_non_null(reg_hive_find(hive, "HKLM"));
    assert_null(reg_hive_find(hive, "HKLM\\A"));
    struct reg_key *key = make(hive, "HKLM\\A\\B\\C");
    assert_ptr_equal(make(hive, "HKLM\\A\\B\\C"), key);
    assert_ptr_equal(reg_hive_find(hive, "HKEY_LOCAL_MACHINE\\A\\B\\C"), key);
    assert_ptr_equal(reg_hive_find(hive, "hklm\\a\\b\\c"), key);
    assert_ptr_equal(make(hive, "Hkey_Local_Machine\\a\\B\\c"), key);
    assert_string_equal(reg_key_name(key), "C");

    char *path = reg_key_path(key);
    assert_string_equal(path, "HKLM\\A\\B\\C");
    free(path);
    path = reg_key_path(reg_hive_find(hive, "HKLM"));
    assert_string_equal(path, "HKLM");
    free(path);

    struct reg_key *above = reg_hive_find(hive, "HKLM\\A\\B");
    assert_int_equal(reg_key_subkey_count(above), 1);
    assert_ptr_equal(reg_key_subkey(above, 0), key);
    assert_null(reg_key_subkey(above, 1));
    assert_ptr_equal(reg_key_find_subkey(above, "c"), key);
    assert_null(reg_key_find_subkey(above, "d"));
    assert_null(reg_key_find_subkey(above, ""));
    assert_null(reg_key_value(above, 0));
}

static void malformed_paths_are_refused(void **state)
{
    struct reg_hive *hive = *state;
    char long_name[REG_MAX_KEY_NAME + 16] = "HKLM\\";
    memset(long_name + 5, 'x', REG_MAX_KEY_NAME + 1);
    const struct {
        const char *path;
        int code;
        const char *says;
    } bad[] = {
        {"", -EINVAL, "HKLM"},
        {"\\", -EINVAL, "HKLM"},
        {"A", -EINVAL, "HKLM"},
        {"HKCU\\A", -EINVAL, "HKLM"},
        {"HKLMA", -EINVAL, "HKLM"},
        {"HKLM\\", -EINVAL, "no name"},
        {"HKLM\\A\\", -EINVAL, "no name"},
        {"HKLM\\A\\\\B", -EINVAL, "no name"},
        {"HKLM\\A\\B\nC", -EINVAL, "0x0a"},
        {"HKLM\\A\\\x7f", -EINVAL, "0x7f"},
        {"HKLM\\A\\\xc3", -EILSEQ, "UTF-8"},
        {"HKLM\\A\\\xed\xa0\x80", -EILSEQ, "UTF-8"},
        {long_name, -E2BIG, "at most 255"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err = {.text = ""};
        struct reg_key *key = NULL;
        int code = reg_hive_make(hive, bad[i].path, &key, &err);
        if (code != bad[i].code || !strstr(err.text, bad[i].says))
            fail_msg("%s: %d, %s", bad[i].path, code, err.text);
        assert_null(key);
        assert_null(reg_hive_find(hive, bad[i].path));
        assert_int_equal(reg_hive_delete(hive, bad[i].path, &err), bad[i].code);
    }
    /* Nothing of a wrong path was made. */
    assert_int_equal(reg_key_subkey_count(reg_hive_find(hive, "HKLM")), 0);
}

static void keys_and_values_are_deleted(void **state)
{
    struct reg_hive *hive = *state;
    struct error err = {.text = ""};
    struct reg_key *key = make(hive, "HKLM\\A\\B\\C");
    make(hive, "HKLM\\A\\D");
    assert_int_equal(reg_key_set_dword(key, "x", 1, NULL), 0);
    assert_int_equal(reg_key_set_dword(key, "y", 2, NULL), 0);
    assert_int_equal(reg_key_delete_value(key, "X"), 0);
    assert_int_equal(reg_key_delete_value(key, "x"), -ENOENT);
    assert_int_equal(reg_key_value_count(key), 1);
    assert_non_null(reg_key_find_value(key, "y"));

    assert_int_equal(reg_hive_delete(hive, "hklm\\a\\b", &err), 0);
    assert_null(reg_hive_find(hive, "HKLM\\A\\B\\C"));
    assert_null(reg_hive_find(hive, "HKLM\\A\\B"));
    assert_non_null(reg_hive_find(hive, "HKLM\\A\\D"));
    assert_int_equal(reg_hive_delete(hive, "HKLM\\A\\B", &err), -ENOENT);
    assert_non_null(strstr(err.text, "HKLM\\A\\B"));
    assert_int_equal(reg_hive_delete(hive, "HKLM", &err), -EINVAL);
    assert_int_equal(reg_hive_delete(hive, "HKEY_LOCAL_MACHINE", &err), -EINVAL);
}

static void names_compare_without_case_and_keep_theirs(void **state)
{
    struct reg_hive *hive = *state;
    /* É é, Ж ж, σ and its final form, ſ (upper case: S), and a pair outside the BMP. */
    static const char *const pairs[][2] = {
        {"\xc3\x89t\xc3\xa9", "\xc3\xa9T\xc3\x89"},
        {"\xd0\x96", "\xd0\xb6"},
        {"\xcf\x83", "\xcf\x82"},
        {"\xc5\xbf", "s"},
        {"\xf0\x90\x90\x80", "\xf0\x90\x90\xa8"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char first[64], second[64];
        snprintf(first, sizeof(first), "HKLM\\%s", pairs[i][0]);
        snprintf(second, sizeof(second), "HKLM\\%s", pairs[i][1]);
        struct reg_key *key = make(hive, first);
        assert_ptr_equal(make(hive, second), key);
        assert_string_equal(reg_key_name(key), pairs[i][0]);

        assert_int_equal(reg_key_set_dword(key, pairs[i][0], 1, NULL), 0);
        assert_int_equal(reg_key_set_dword(key, pairs[i][1], 2, NULL), 0);
        assert_int_equal(reg_key_value_count(key), 1);
        const struct reg_value *value = reg_key_find_value(key, pairs[i][1]);
        assert_string_equal(value->name, pairs[i][0]);
        assert_int_equal(value->data[0], 2);
    }
    /* Simple mapping: one character stays one, and accents count. */
    struct reg_key *key = make(hive, "HKLM\\plain");
    assert_int_equal(reg_key_set_dword(key, "\xc3\x9f", 1, NULL), 0);
    assert_null(reg_key_find_value(key, "ss"));
    assert_int_equal(reg_key_set_dword(key, "e", 1, NULL), 0);
    assert_null(reg_key_find_value(key, "\xc3\xa9"));
}

static void names_have_limits(void **state)
{
    struct reg_hive *hive = *state;
    struct reg_key *key = make(hive, "HKLM\\A");
    struct error err = {.text = ""};
    char name[4 * REG_MAX_VALUE_NAME];

    memset(name, 'x', sizeof(name));
    name[REG_MAX_VALUE_NAME] = '\0';
    assert_int_equal(reg_key_set_dword(key, name, 1, &err), 0);
    assert_non_null(reg_key_find_value(key, name));
    name[REG_MAX_VALUE_NAME] = 'x';
    name[REG_MAX_VALUE_NAME + 1] = '\0';
    assert_int_equal(reg_key_set_dword(key, name, 1, &err), -E2BIG);
    assert_non_null(strstr(err.text, "at most 259"));
    assert_null(reg_key_find_value(key, name));
    assert_int_equal(reg_key_delete_value(key, name), -ENOENT);

    /* Counted in UTF-16: two units each. */
    for (size_t i = 0; i < REG_MAX_VALUE_NAME / 2; i++)
        memcpy(name + 4 * i, "\xf0\x90\x90\x80", 5);
    strcat(name, "x");
    assert_int_equal(reg_key_set_dword(key, name, 1, &err), 0);
    strcat(name, "x");
    assert_int_equal(reg_key_set_dword(key, name, 1, &err), -E2BIG);
    assert_int_equal(reg_key_set_dword(key, "\xc3", 1, &err), -EILSEQ);

    /* A name whose upper case has more bytes: U+0250, U+2C6F. */
    for (size_t i = 0; i < REG_MAX_VALUE_NAME; i++)
        memcpy(name + 2 * i, "\xc9\x90", 3);
    assert_int_equal(reg_key_set_dword(key, name, 7, &err), 0);
    assert_non_null(reg_key_find_value(key, name));
}

static void paths_have_a_depth(void **state)
{
    struct reg_hive *hive = *state;
    char path[4 + 2 * REG_MAX_DEPTH + 1] = "HKLM";
    for (size_t depth = 1; depth < REG_MAX_DEPTH; depth++)
        strcat(path, "\\k");
    struct reg_key *key = make(hive, path);
    assert_ptr_equal(reg_hive_find(hive, path), key);
    strcat(path, "\\k");
    struct error err = {.text = ""};
    assert_int_equal(reg_hive_make(hive, path, &key, &err), -E2BIG);
    assert_non_null(strstr(err.text, "64"));
    assert_null(reg_hive_find(hive, path));
}

static void fill(struct reg_hive *hive, const char *path, int count)
{
    struct reg_key *key = make(hive, path);
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "v%d", i);
        assert_int_equal(reg_key_set_dword(key, name, (uint32_t)i, NULL), 0);
    }
}

static void keys_have_a_capacity(void **state)
{
    struct reg_hive *hive = *state;
    struct error err = {.text = ""};
    fill(hive, "HKLM\\A", 16384);
    struct reg_key *key = reg_hive_find(hive, "HKLM\\A");
    assert_int_equal(reg_key_set_dword(key, "more", 1, &err), -E2BIG);
    assert_non_null(strstr(err.text, "16384"));
    assert_int_equal(reg_key_value_count(key), 16384);
    assert_int_equal(reg_key_set_dword(key, "V7", 1, &err), 0);

    for (int i = 0; i < 16384; i++) {
        char path[32];
        snprintf(path, sizeof(path), "HKLM\\A\\k%d", i);
        make(hive, path);
    }
    assert_int_equal(reg_hive_make(hive, "HKLM\\A\\more\\below", &key, &err), -E2BIG);
    assert_int_equal(reg_key_subkey_count(reg_hive_find(hive, "HKLM\\A")), 16384);
}

static void children_come_in_order(void **state)
{
    struct reg_hive *hive = *state;
    static const char *const names[] = {"b", "C", "a", "_", "\xc3\xa9", "B2", "10", "9", "Z"};
    static const char *const sorted[] = {"10", "9", "a", "b", "B2", "C", "Z", "_", "\xc3\xa9"};
    struct reg_key *key = make(hive, "HKLM\\K");
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[32];
        snprintf(path, sizeof(path), "HKLM\\K\\%s", names[i]);
        make(hive, path);
        assert_int_equal(reg_key_set_dword(key, names[i], 0, NULL), 0);
    }
    for (size_t i = 0; i < COUNT(sorted); i++) {
        assert_string_equal(reg_key_name(reg_key_subkey(key, i)), sorted[i]);
        assert_string_equal(reg_key_value(key, i)->name, names[i]);
    }
    /* Values stand in the order in which they came: one that is set again keeps its place, one that
     * is made again comes last. */
    assert_int_equal(reg_key_set_dword(key, "C", 1, NULL), 0);
    assert_string_equal(reg_key_value(key, 1)->name, "C");
    assert_int_equal(reg_key_delete_value(key, "C"), 0);
    assert_string_equal(reg_key_value(key, 1)->name, "a");
    assert_int_equal(reg_key_set_dword(key, "C", 1, NULL), 0);
    assert_string_equal(reg_key_value(key, COUNT(names) - 1)->name, "C");
    assert_null(reg_key_value(key, COUNT(names)));
}

static void merging_adds_and_replaces(void **state)
{
    struct reg_hive *hive = *state;
    struct reg_hive *from;
    struct error err = {.text = ""};
    struct reg_key *key = make(hive, "HKLM\\Both");
    assert_int_equal(reg_key_set_dword(key, "Stays", 1, NULL), 0);
    assert_int_equal(reg_key_set_dword(key, "Changes", 2, NULL), 0);
    make(hive, "HKLM\\Only\\Here");

    assert_int_equal(reg_hive_create(&from), 0);
    key = make(from, "HKLM\\BOTH");
    assert_int_equal(reg_key_set_string(key, "CHANGES", REG_TYPE_SZ, "new", NULL), 0);
    assert_int_equal(reg_key_set_dword(key, "Added", 3, NULL), 0);
    make(from, "HKLM\\Only\\There");
    char *before = formatted(from);
    assert_int_equal(reg_hive_merge(hive, from, &err), 0);
    char *after = formatted(from);
    assert_string_equal(before, after);
    reg_hive_destroy(from);

    char *text = formatted(hive);
    assert_string_equal(text, "gpupv registry 1\n"
                              "\n[HKLM\\Both]\n"
                              "\"Stays\" = dword:0x00000001\n"
                              "\"Changes\" = sz:\"new\"\n"
                              "\"Added\" = dword:0x00000003\n"
                              "\n[HKLM\\Only\\Here]\n"
                              "\n[HKLM\\Only\\There]\n");
    assert_int_equal(reg_hive_merge(hive, hive, &err), 0);
    char *again = formatted(hive);
    assert_string_equal(again, text);
    free(again);
    free(text);
    free(after);
    free(before);
}

static void a_failed_merge_changes_nothing(void **state)
{
    struct reg_hive *hive = *state;
    struct reg_hive *from;
    struct error err = {.text = ""};
    fill(hive, "HKLM\\Full", 16384);
    assert_int_equal(reg_key_set_dword(make(hive, "HKLM\\A"), "x", 1, NULL), 0);
    char *before = formatted(hive);

    /* The first key would merge, the second is full. */
    assert_int_equal(reg_hive_create(&from), 0);
    assert_int_equal(reg_key_set_dword(make(from, "HKLM\\A"), "x", 2, NULL), 0);
    assert_int_equal(reg_key_set_dword(make(from, "HKLM\\Full"), "more", 1, NULL), 0);
    assert_int_equal(reg_hive_merge(hive, from, &err), -E2BIG);
    assert_true(err.text[0] != '\0');
    reg_hive_destroy(from);

    char *after = formatted(hive);
    assert_string_equal(before, after);
    free(after);
    free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_made_and_found, setup, teardown),
        cmocka_unit_test_setup_teardown(malformed_paths_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_and_values_are_deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(names_compare_without_case_and_keep_theirs, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(names_have_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_have_a_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_have_a_capacity, setup, teardown),
        cmocka_unit_test_setup_teardown(children_come_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(merging_adds_and_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_merge_changes_nothing, setup, teardown),
    };
    return cmocka_run_group_tests_name("registry/hive", tests, NULL, NULL);
}
