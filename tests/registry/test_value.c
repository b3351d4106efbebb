/* SPDX-License-Identifier: MIT */
/* One value: its type, its text, the checks of its data. */
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

static void types_have_names(void **state)
{
    (void)state;
    static const struct {
        enum reg_type type;
        const char *name, *word;
        int number;
    } types[] = {
        {REG_TYPE_SZ, "REG_SZ", "sz", 1},
        {REG_TYPE_EXPAND_SZ, "REG_EXPAND_SZ", "Expand_Sz", 2},
        {REG_TYPE_BINARY, "REG_BINARY", "BINARY", 3},
        {REG_TYPE_DWORD, "REG_DWORD", "reg_dword", 4},
        {REG_TYPE_MULTI_SZ, "REG_MULTI_SZ", "Reg_Multi_SZ", 7},
        {REG_TYPE_QWORD, "REG_QWORD", "qword", 11},
    };
    for (size_t i = 0; i < COUNT(types); i++) {
        enum reg_type type = REG_TYPE_NONE;
        assert_int_equal(types[i].type, types[i].number);
        assert_string_equal(reg_type_name(types[i].type), types[i].name);
        assert_int_equal(reg_type_parse(types[i].name, &type), 0);
        assert_int_equal(type, types[i].type);
        type = REG_TYPE_NONE;
        assert_int_equal(reg_type_parse(types[i].word, &type), 0);
        assert_int_equal(type, types[i].type);
    }
    enum reg_type type = REG_TYPE_QWORD;
    static const char *const bad[] = {"",    "REG_", "REG_SZ ",  "s",
                                      "szz", "none", "REG_NONE", "reg_reg_sz"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(reg_type_parse(bad[i], &type), -EINVAL);
    assert_int_equal(type, REG_TYPE_QWORD);
    assert_null(reg_type_name(REG_TYPE_NONE));
    assert_null(reg_type_name((enum reg_type)5));
}

/* What a person types, the data it means, and how it is written by us. */
#define TEXT(type, typed, data, written)                                                           \
    {                                                                                              \
        REG_TYPE_##type, typed, data, sizeof(data) - 1, written                                    \
    }
static const struct {
    enum reg_type type;
    const char *typed, *data;
    size_t size;
    const char *written;
} values[] = {
    TEXT(SZ, "sz:\"\"", "\0", "sz:\"\""),
    TEXT(SZ, "  REG_SZ:  \"a b\"  ", "a b\0", "sz:\"a b\""),
    TEXT(SZ, "sz:\"C:\\\\x \\\"q\\\" \\n\\t\\r\"", "C:\\x \"q\" \n\t\r\0",
         "sz:\"C:\\\\x \\\"q\\\" \\n\\t\\r\""),
    TEXT(SZ, "sz:\"\\u{e9}\\u{1F600}\\u{10fFfF}\"", "\xc3\xa9\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\0",
         "sz:\"\xc3\xa9\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\""),
    /* What could not be seen, or would turn the line around, is written as an escape. */
    TEXT(SZ, "sz:\"\\u{1}\\u{7f}\xe2\x80\xae\xc2\x85\"", "\x01\x7f\xe2\x80\xae\xc2\x85\0",
         "sz:\"\\u{1}\\u{7f}\\u{202e}\\u{85}\""),
    TEXT(EXPAND_SZ, "expand_sz:\"%a%\\\\b\"", "%a%\\b\0", "expand_sz:\"%a%\\\\b\""),
    TEXT(MULTI_SZ, "multi_sz:", "\0", "multi_sz:"),
    TEXT(MULTI_SZ, "multi_sz:\"a\"\"b c\"", "a\0b c\0\0", "multi_sz:\"a\" \"b c\""),
    TEXT(MULTI_SZ, "multi_sz: \"a\" \\\n  \"\" \\ \r\n\"b\"", "a\0\0b\0\0",
         "multi_sz:\"a\" \"\" \"b\""),
    TEXT(MULTI_SZ, "multi_sz:\"\"", "\0\0", "multi_sz:\"\""),
    TEXT(MULTI_SZ, "multi_sz:\"a\" \"\"", "a\0\0\0", "multi_sz:\"a\" \"\""),
    TEXT(DWORD, "dword:32", "\x20\0\0\0", "dword:0x00000020"),
    TEXT(DWORD, "dword:0XfFfFfFfF", "\xff\xff\xff\xff", "dword:0xffffffff"),
    TEXT(DWORD, "dword:4294967295", "\xff\xff\xff\xff", "dword:0xffffffff"),
    TEXT(DWORD, "dword:000000000000000000001", "\1\0\0\0", "dword:0x00000001"),
    TEXT(DWORD, "dword:0", "\0\0\0\0", "dword:0x00000000"),
    TEXT(QWORD, "qword:0x0123456789abcdef", "\xef\xcd\xab\x89\x67\x45\x23\x01",
         "qword:0x0123456789abcdef"),
    TEXT(QWORD, "qword:18446744073709551615", "\xff\xff\xff\xff\xff\xff\xff\xff",
         "qword:0xffffffffffffffff"),
    TEXT(BINARY, "binary:", "", "binary:"),
    TEXT(BINARY, "binary:00 fF\t10", "\x00\xff\x10", "binary:00 ff 10"),
    TEXT(BINARY, "binary:00ff10", "\x00\xff\x10", "binary:00 ff 10"),
    TEXT(BINARY, "binary:\\\n 00 \\\r\n ff", "\x00\xff", "binary:00 ff"),
};

static void values_survive_their_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        struct error err = {.text = ""};
        struct reg_value value = {0};
        if (reg_value_parse(values[i].typed, &value.type, &value.data, &value.size, &err))
            fail_msg("%s: %s", values[i].typed, err.text);
        assert_int_equal(value.type, values[i].type);
        assert_int_equal(value.size, values[i].size);
        assert_memory_equal(value.data, values[i].data, value.size);
        char *written = reg_value_format(&value);
        assert_non_null(written);
        assert_string_equal(written, values[i].written);

        struct reg_value again = {0};
        assert_int_equal(reg_value_parse(written, &again.type, &again.data, &again.size, &err), 0);
        assert_int_equal(again.type, value.type);
        assert_int_equal(again.size, value.size);
        assert_memory_equal(again.data, value.data, value.size);
        free(again.data);
        free(written);
        free(value.data);
    }
}

static void malformed_texts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *says;
    } bad[] = {
        {"", -EINVAL, "type and a colon"},
        {"sz", -EINVAL, "type and a colon"},
        {"sz \"a\"", -EINVAL, "type and a colon"},
        {"sz :\"a\"", -EINVAL, "type and a colon"},
        {"none:1", -EINVAL, "type and a colon"},
        {"averylongwordthatisnotypeatall:1", -EINVAL, "type and a colon"},
        {"\"a\"", -EINVAL, "type and a colon"},
        {"sz:", -EINVAL, "in quotes"},
        {"sz:a", -EINVAL, "in quotes"},
        {"sz:\"a", -EINVAL, "no closing quote"},
        {"sz:\"a\\\"", -EINVAL, "no closing quote"},
        {"sz:\"a\nb\"", -EINVAL, "no closing quote"},
        {"sz:\"a\r\nb\"", -EINVAL, "no closing quote"},
        {"sz:\"a\rb\"", -EINVAL, "0x0d"},
        {"sz:\"a\tb\"", -EINVAL, "0x09"},
        {"sz:\"a\x7f\"", -EINVAL, "0x7f"},
        {"sz:\"C:\\Windows\"", -EINVAL, "\"\\W\" is no escape"},
        {"sz:\"\\", -EINVAL, "is written"},
        {"sz:\"\\0\"", -EINVAL, "\"\\0\" is no escape"},
        {"sz:\"\\u00e9\"", -EINVAL, "in braces"},
        {"sz:\"\\u{}\"", -EINVAL, "in braces"},
        {"sz:\"\\u{1234567}\"", -EINVAL, "in braces"},
        {"sz:\"\\u{12\"", -EINVAL, "in braces"},
        {"sz:\"\\u{0}\"", -EINVAL, "\\u{0}"},
        {"sz:\"\\u{d800}\"", -EINVAL, "no Unicode character"},
        {"sz:\"\\u{dfff}\"", -EINVAL, "no Unicode character"},
        {"sz:\"\\u{110000}\"", -EINVAL, "no Unicode character"},
        {"sz:\"\xff\"", -EILSEQ, "UTF-8"},
        {"sz:\"a\" x", -EINVAL, "follows the value"},
        {"sz:\"a\" \"b\"", -EINVAL, "follows the value"},
        {"multi_sz:a", -EINVAL, "follows the value"},
        {"multi_sz:\"a\" b", -EINVAL, "follows the value"},
        {"multi_sz:\"a\" \\ \"b\"", -EINVAL, "end of a line"},
        {"multi_sz:\"a\" \\", -EINVAL, "no line follows"},
        {"dword:", -EINVAL, "a number is missing"},
        {"dword:0x", -EINVAL, "follows the value"},
        {"dword:x", -EINVAL, "a number is missing"},
        {"dword:-1", -EINVAL, "a number is missing"},
        {"dword:0x1g", -EINVAL, "follows the value"},
        {"dword:4294967296", -EINVAL, "too large"},
        {"dword:0x100000000", -EINVAL, "too large"},
        {"qword:18446744073709551616", -EINVAL, "too large"},
        {"qword:0x10000000000000000", -EINVAL, "too large"},
        {"binary:0", -EINVAL, "pairs"},
        {"binary:00 1", -EINVAL, "pairs"},
        {"binary:00,11", -EINVAL, "pairs"},
        {"binary:zz", -EINVAL, "pairs"},
        {"binary:00 \\", -EINVAL, "no line follows"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err = {.text = ""};
        enum reg_type type = REG_TYPE_NONE;
        uint8_t *data = NULL;
        size_t size = 0;
        int code = reg_value_parse(bad[i].text, &type, &data, &size, &err);
        if (code != bad[i].code || !strstr(err.text, bad[i].says))
            fail_msg("%s: %d, %s", bad[i].text, code, err.text);
        assert_null(data);
        assert_int_equal(type, REG_TYPE_NONE);
    }
}

static struct reg_key *new_key(struct reg_hive **hive)
{
    struct reg_key *key;
    assert_int_equal(reg_hive_create(hive), 0);
    assert_int_equal(reg_hive_make(*hive, "HKLM\\K", &key, NULL), 0);
    return key;
}

static void data_must_fit_its_type(void **state)
{
    (void)state;
    static const struct {
        enum reg_type type;
        const char *data;
        size_t size;
        int code;
    } sets[] = {
        {REG_TYPE_SZ, "a", 2, 0},
        {REG_TYPE_SZ, "a", 1, -EINVAL},
        {REG_TYPE_SZ, "", 0, -EINVAL},
        {REG_TYPE_SZ, "a\0b", 4, -EINVAL},
        {REG_TYPE_SZ, "a\0", 3, -EINVAL},
        {REG_TYPE_SZ, "\xc3", 2, -EILSEQ},
        {REG_TYPE_EXPAND_SZ, "", 1, 0},
        {REG_TYPE_EXPAND_SZ, "a\0", 3, -EINVAL},
        {REG_TYPE_MULTI_SZ, "", 1, 0},
        {REG_TYPE_MULTI_SZ, "", 0, -EINVAL},
        {REG_TYPE_MULTI_SZ, "a\0", 3, 0},
        {REG_TYPE_MULTI_SZ, "a", 2, -EINVAL},
        {REG_TYPE_MULTI_SZ, "a\0b", 4, -EINVAL},
        {REG_TYPE_MULTI_SZ, "a\0\xed\xa0\x80\0", 7, -EILSEQ},
        {REG_TYPE_DWORD, "abcd", 4, 0},
        {REG_TYPE_DWORD, "abcd", 3, -EINVAL},
        {REG_TYPE_DWORD, "abcdefgh", 8, -EINVAL},
        {REG_TYPE_QWORD, "abcdefgh", 8, 0},
        {REG_TYPE_QWORD, "abcd", 4, -EINVAL},
        {REG_TYPE_BINARY, NULL, 0, 0},
        {REG_TYPE_BINARY, "\0\0", 2, 0},
        {REG_TYPE_NONE, "", 0, -EINVAL},
        {(enum reg_type)5, "abcd", 4, -EINVAL},
        {(enum reg_type)12, "abcd", 4, -EINVAL},
    };
    struct reg_hive *hive;
    struct reg_key *key = new_key(&hive);
    for (size_t i = 0; i < COUNT(sets); i++) {
        struct error err = {.text = ""};
        int code = reg_key_set(key, "v", sets[i].type, sets[i].data, sets[i].size, &err);
        if (code != sets[i].code)
            fail_msg("set %zu gives %d", i, code);
        const struct reg_value *value = reg_key_find_value(key, "v");
        if (code) {
            assert_true(err.text[0] != '\0');
        } else {
            assert_int_equal(value->type, sets[i].type);
            assert_int_equal(value->size, sets[i].size);
            if (value->size)
                assert_memory_equal(value->data, sets[i].data, value->size);
        }
    }
    assert_int_equal(reg_key_value_count(key), 1);
    reg_hive_destroy(hive);
}

/* Sizes are counted as they cross: in UTF-16, with terminators. */
static void large_values_are_refused(void **state)
{
    (void)state;
    struct reg_hive *hive;
    struct reg_key *key = new_key(&hive);
    const size_t units = REG_MAX_VALUE_SIZE / 2;
    char *data = calloc(1, 4 * REG_MAX_VALUE_SIZE);
    struct error err = {.text = ""};

    assert_int_equal(reg_key_set(key, "b", REG_TYPE_BINARY, data, REG_MAX_VALUE_SIZE, &err), 0);
    assert_int_equal(reg_key_set(key, "b", REG_TYPE_BINARY, data, REG_MAX_VALUE_SIZE + 1, &err),
                     -E2BIG);
    assert_int_equal(reg_key_find_value(key, "b")->size, REG_MAX_VALUE_SIZE);

    memset(data, 'a', units);
    data[units - 1] = '\0';
    assert_int_equal(reg_key_set_string(key, "s", REG_TYPE_SZ, data, &err), 0);
    assert_int_equal(reg_key_set_string(key, "m", REG_TYPE_MULTI_SZ, data, &err), -E2BIG);
    assert_non_null(strstr(err.text, "65538 bytes"));
    data[units - 2] = '\0';
    assert_int_equal(reg_key_set_string(key, "m", REG_TYPE_MULTI_SZ, data, &err), 0);
    memset(data, 'a', units);
    assert_int_equal(reg_key_set_string(key, "s", REG_TYPE_SZ, data, &err), -E2BIG);

    /* As many characters of four bytes, which are two units each. */
    for (size_t i = 0; i < units / 2; i++)
        memcpy(data + 4 * i, "\xf0\x9f\x98\x80", 5);
    assert_int_equal(reg_key_set_string(key, "s", REG_TYPE_SZ, data, &err), -E2BIG);
    data[4 * (units / 2 - 1)] = '\0';
    assert_int_equal(reg_key_set_string(key, "s", REG_TYPE_SZ, data, &err), 0);

    free(data);
    reg_hive_destroy(hive);
}

static void values_are_read_by_type(void **state)
{
    (void)state;
    struct reg_hive *hive;
    struct reg_key *key = new_key(&hive);
    uint32_t number = 5;
    assert_int_equal(reg_key_set_dword(key, "n", 0x89abcdef, NULL), 0);
    assert_int_equal(reg_key_find_value(key, "N")->data[0], 0xef);
    assert_int_equal(reg_key_dword(key, "N", &number), 0);
    assert_int_equal(number, 0x89abcdef);
    number = 5;
    assert_int_equal(reg_key_dword(key, "missing", &number), -ENOENT);
    assert_null(reg_key_string(key, "n"));
    assert_null(reg_key_string(key, "missing"));

    assert_int_equal(reg_key_set_string(key, "s", REG_TYPE_SZ, "text", NULL), 0);
    assert_string_equal(reg_key_string(key, "S"), "text");
    assert_int_equal(reg_key_dword(key, "s", &number), -EINVAL);
    assert_int_equal(reg_key_set_string(key, "s", REG_TYPE_EXPAND_SZ, "%x%", NULL), 0);
    assert_string_equal(reg_key_string(key, "s"), "%x%");
    assert_int_equal(reg_key_set_string(key, "m", REG_TYPE_MULTI_SZ, "only", NULL), 0);
    assert_int_equal(reg_key_find_value(key, "m")->size, 6);
    assert_int_equal(reg_key_set(key, "m", REG_TYPE_MULTI_SZ, "one\0two\0", 9, NULL), 0);
    assert_string_equal(reg_key_string(key, "m"), "one");
    assert_int_equal(reg_key_set(key, "m", REG_TYPE_MULTI_SZ, "", 1, NULL), 0);
    assert_null(reg_key_string(key, "m"));
    assert_int_equal(reg_key_set_string(key, "d", REG_TYPE_DWORD, "1", NULL), -EINVAL);
    assert_int_equal(number, 5);
    reg_hive_destroy(hive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(values_survive_their_text),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(data_must_fit_its_type),
        cmocka_unit_test(large_values_are_refused),
        cmocka_unit_test(values_are_read_by_type),
    };
    return cmocka_run_group_tests_name("registry/value", tests, NULL, NULL);
}
