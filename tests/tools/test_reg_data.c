/* SPDX-License-Identifier: MIT */
/* Registry data in reg.exe's spelling, read and printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/output.h"
#include "tools/reg_data.h"

#define BYTES(literal) literal, sizeof(literal) - 1

static void data_is_read(void **state)
{
    static const struct {
        enum reg_type type;
        const char *text, *separator;
        const char *bytes;
        size_t size;
    } cases[] = {
        {REG_TYPE_SZ, "a b", "\\0", BYTES("a b\0")},
        {REG_TYPE_SZ, NULL, "\\0", BYTES("\0")},
        {REG_TYPE_SZ, "a\\0b", "\\0", BYTES("a\\0b\0")},
        {REG_TYPE_EXPAND_SZ, "%x%", "\\0", BYTES("%x%\0")},
        {REG_TYPE_MULTI_SZ, "a\\0bc", "\\0", BYTES("a\0bc\0\0")},
        {REG_TYPE_MULTI_SZ, "a\\0bc\\0", "\\0", BYTES("a\0bc\0\0")},
        {REG_TYPE_MULTI_SZ, "a,b", ",", BYTES("a\0b\0\0")},
        {REG_TYPE_MULTI_SZ, "one", "\\0", BYTES("one\0\0")},
        {REG_TYPE_MULTI_SZ, "", "\\0", BYTES("\0")},
        /* Empty strings, such as the second one of a CopyToVm pair. */
        {REG_TYPE_MULTI_SZ, "a\\0\\0", "\\0", BYTES("a\0\0\0")},
        {REG_TYPE_MULTI_SZ, "a\\0\\0b", "\\0", BYTES("a\0\0b\0\0")},
        {REG_TYPE_MULTI_SZ, "\\0a", "\\0", BYTES("\0a\0\0")},
        {REG_TYPE_MULTI_SZ, ",", ",", BYTES("\0\0")},
        {REG_TYPE_MULTI_SZ, NULL, "\\0", BYTES("\0")},
        {REG_TYPE_DWORD, "32", "\\0", BYTES("\x20\0\0\0")},
        {REG_TYPE_DWORD, "0xffffffff", "\\0", BYTES("\xff\xff\xff\xff")},
        {REG_TYPE_DWORD, NULL, "\\0", BYTES("\0\0\0\0")},
        {REG_TYPE_QWORD, "0x0102030405060708", "\\0", BYTES("\x08\x07\x06\x05\x04\x03\x02\x01")},
        {REG_TYPE_QWORD, "18446744073709551615", "\\0", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff")},
        {REG_TYPE_BINARY, "00ff10", "\\0", BYTES("\x00\xff\x10")},
        {REG_TYPE_BINARY, "00 Ff,10:ab-CD", "\\0", BYTES("\x00\xff\x10\xab\xcd")},
        {REG_TYPE_BINARY, "", "\\0", BYTES("")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        uint8_t *data = NULL;
        size_t size = 0;

        assert_int_equal(
            reg_data_parse(cases[i].type, cases[i].text, cases[i].separator, &data, &size, &err),
            0);
        assert_int_equal(size, cases[i].size);
        assert_memory_equal(data, cases[i].bytes, size);
        free(data);
    }
}

static void wrong_data_is_refused(void **state)
{
    static const struct {
        enum reg_type type;
        const char *text, *separator, *part;
    } cases[] = {
        {REG_TYPE_DWORD, "x", "\\0", "\"x\""},
        {REG_TYPE_DWORD, "-1", "\\0", "\"-1\""},
        {REG_TYPE_DWORD, "4294967296", "\\0", "32 bits"},
        {REG_TYPE_QWORD, "18446744073709551616", "\\0", "64 bits"},
        {REG_TYPE_QWORD, "0x", "\\0", "\"0x\""},
        {REG_TYPE_BINARY, "0", "\\0", "pairs"},
        {REG_TYPE_BINARY, "00f", "\\0", "\"f\""},
        {REG_TYPE_BINARY, "0g", "\\0", "\"0g\""},
        {REG_TYPE_BINARY, "0 0", "\\0", "\"0 0\""},
        {REG_TYPE_MULTI_SZ, "a", "", "--separator"},
        {REG_TYPE_NONE, "a", "\\0", "type"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        uint8_t *data = NULL;
        size_t size;

        assert_true(reg_data_parse(cases[i].type, cases[i].text, cases[i].separator, &data, &size,
                                   &err) < 0);
        assert_non_null(strstr(err.text, cases[i].part));
        assert_null(data);
    }
}

static char *printed(const struct reg_value *value)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    assert_non_null(file);
    reg_print_value(file, value);
    fclose(file);
    return text;
}

static const struct {
    const char *name;
    enum reg_type type;
    const char *bytes;
    size_t size;
    const char *text, *json;
} values[] = {
    {"Name", REG_TYPE_SZ, BYTES("a b\0"), "    Name    REG_SZ    a b\n", "\"a b\""},
    {"", REG_TYPE_SZ, BYTES("\0"), "    (Default)    REG_SZ    \n", "\"\""},
    {"P", REG_TYPE_EXPAND_SZ, BYTES("%x%\0"), "    P    REG_EXPAND_SZ    %x%\n", "\"%x%\""},
    {"M", REG_TYPE_MULTI_SZ, BYTES("a\0b c\0\0"), "    M    REG_MULTI_SZ    a\\0b c\n",
     "[\"a\",\"b c\"]"},
    {"M", REG_TYPE_MULTI_SZ, BYTES("\0"), "    M    REG_MULTI_SZ    \n", "[]"},
    {"M", REG_TYPE_MULTI_SZ, BYTES("a\0\0\0"), "    M    REG_MULTI_SZ    a\\0\\0\n",
     "[\"a\",\"\"]"},
    {"M", REG_TYPE_MULTI_SZ, BYTES("\0b\0\0"), "    M    REG_MULTI_SZ    \\0b\n", "[\"\",\"b\"]"},
    {"M", REG_TYPE_MULTI_SZ, BYTES("\0\0"), "    M    REG_MULTI_SZ    \\0\n", "[\"\"]"},
    {"D", REG_TYPE_DWORD, BYTES("\x20\0\0\0"), "    D    REG_DWORD    0x20\n", "32"},
    {"D", REG_TYPE_DWORD, BYTES("\xff\xff\xff\xff"), "    D    REG_DWORD    0xffffffff\n",
     "4294967295"},
    {"Q", REG_TYPE_QWORD, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"),
     "    Q    REG_QWORD    0xffffffffffffffff\n", "18446744073709551615"},
    {"B", REG_TYPE_BINARY, BYTES("\x00\xff\x10"), "    B    REG_BINARY    00FF10\n", "\"00ff10\""},
    {"B", REG_TYPE_BINARY, BYTES(""), "    B    REG_BINARY    \n", "\"\""},
    /* What would steer a terminal is shown, not sent: ESC, C1 control, bad UTF-8, DEL. */
    {"E\x1b[0m", REG_TYPE_SZ, BYTES("\xc2\x9b\x31\xff\x7f \xc3\xa9\0"),
     "    E\\x1b[0m    REG_SZ    \\xc2\\x9b1\\xff\\x7f \xc3\xa9\n", NULL},
};

static void values_are_printed_as_by_reg_exe(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct reg_value value = {(char *)values[i].name, values[i].type, values[i].size,
                                  (uint8_t *)values[i].bytes};
        char *text = printed(&value);

        assert_string_equal(text, values[i].text);
        free(text);
    }
}

static void values_become_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct reg_value value = {(char *)values[i].name, values[i].type, values[i].size,
                                  (uint8_t *)values[i].bytes};
        json_object *object = reg_value_json(&value), *data;

        assert_string_equal(json_text(object, "name"), values[i].name);
        assert_string_equal(json_text(object, "type"), reg_type_name(values[i].type));
        assert_true(json_object_object_get_ex(object, "data", &data));
        if (values[i].json)
            assert_string_equal(json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN),
                                values[i].json);
        json_object_put(object);
    }
}

static void roots_are_spelled_out(void **state)
{
    static const char *const cases[][2] = {
        {"HKLM", "HKEY_LOCAL_MACHINE"},
        {"HKLM\\A\\b", "HKEY_LOCAL_MACHINE\\A\\b"},
        {"hklm\\A", "HKEY_LOCAL_MACHINE\\A"},
        {"HKLMX\\A", "HKLMX\\A"},
        {"HKEY_LOCAL_MACHINE\\A", "HKEY_LOCAL_MACHINE\\A"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *path = reg_long_path(cases[i][0]);

        assert_string_equal(path, cases[i][1]);
        free(path);
    }
}

static void numbers_are_readable(void **state)
{
    char text[32];

    (void)state;
    output_grouped(0, text, sizeof(text));
    assert_string_equal(text, "0");
    output_grouped(999, text, sizeof(text));
    assert_string_equal(text, "999");
    output_grouped(1000, text, sizeof(text));
    assert_string_equal(text, "1,000");
    output_grouped(UINT64_MAX, text, sizeof(text));
    assert_string_equal(text, "18,446,744,073,709,551,615");
    output_size(1023, text, sizeof(text));
    assert_string_equal(text, "1023 B");
    output_size(1536, text, sizeof(text));
    assert_string_equal(text, "1.5 KiB");
    output_size(UINT64_MAX, text, sizeof(text));
    assert_string_equal(text, "16.0 EiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_read),
        cmocka_unit_test(wrong_data_is_refused),
        cmocka_unit_test(values_are_printed_as_by_reg_exe),
        cmocka_unit_test(values_become_json),
        cmocka_unit_test(roots_are_spelled_out),
        cmocka_unit_test(numbers_are_readable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
