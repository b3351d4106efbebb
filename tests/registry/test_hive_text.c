/* SPDX-License-Identifier: MIT */
/* The text form of a hive: what is read, which line an error names, and what is written. */
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
#define FIRST "gpupv registry 1\n"

static struct reg_hive *parse(const char *text)
{
    struct reg_hive *hive = NULL;
    struct error err = {.text = ""};
    if (reg_hive_parse("test", text, strlen(text), &hive, &err))
        fail_msg("%s", err.text);
    return hive;
}

static void assert_written(const struct reg_hive *hive, const char *expected)
{
    char *text;
    size_t size;
    assert_int_equal(reg_hive_format(hive, &text, &size), 0);
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
    free(text);
}

/* In the form in which it is written. */
static const char canonical[] =
    FIRST "\n[HKLM]\n"
          "\"root\" = dword:0x00000001\n"
          "\n[HKLM\\SYSTEM\\Empty]\n"
          "\n[HKLM\\SYSTEM\\Services\\gpu0]\n"
          "@ = sz:\"the default\"\n"
          "\"Binary\" = binary:00 ff 10\n"
          "\"Dword\" = dword:0x00000020\n"
          "\"Expand\" = expand_sz:\"%SystemRoot%\\\\x\"\n"
          "\"Long\" = binary:\\\n"
          "    00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 \\\n"
          "    18\n"
          "\"Multi\" = multi_sz:\"a\" \"b\" \"\"\n"
          "\"None\" = multi_sz:\n"
          "\"q\\\"\\\\\\n\" = sz:\"gr\xc3\xbc\xc3\x9f"
          "e \xf0\x9f\x98\x80 \\u{1} ' # [ ] =\"\n"
          "\"Qword\" = qword:0x123456789abcdef0\n"
          "\n[HKLM\\SYSTEM\\Services\\gpu0\\Sub [1] key]\n"
          "\"\xc3\x89\" = dword:0xffffffff\n";

static void canonical_text_comes_back_unchanged(void **state)
{
    (void)state;
    struct reg_hive *hive = parse(canonical);
    assert_written(hive, canonical);
    const struct reg_key *key = reg_hive_find(hive, "HKLM\\system\\services\\GPU0");
    assert_int_equal(reg_key_value_count(key), 9);
    assert_string_equal(reg_key_string(key, ""), "the default");
    assert_int_equal(reg_key_find_value(key, "long")->size, 25);
    assert_non_null(reg_key_find_subkey(key, "sub [1] KEY"));
    reg_hive_destroy(hive);
}

static void free_form_becomes_canonical(void **state)
{
    (void)state;
    struct reg_hive *hive = parse("gpupv registry 1\r\n"
                                  "# a comment with \"quotes\" and [brackets]\r\n"
                                  "   # another\n"
                                  "\r\n"
                                  "  [HKEY_LOCAL_MACHINE\\B]  \t\r\n"
                                  "\t\"y\"=REG_DWORD: 2\r\n"
                                  "\"x\"   =   qword:1   \r\n"
                                  "[hklm\\a]\n"
                                  "\"list\" = multi_sz:\"1\" \\\r\n"
                                  "    \"2\" \\  \n"
                                  "    \"3\"\n"
                                  "[HKLM\\b]\n"
                                  "\"\" = sz:\"last\"");
    assert_written(hive, FIRST "\n[HKLM\\a]\n"
                               "\"list\" = multi_sz:\"1\" \"2\" \"3\"\n"
                               "\n[HKLM\\B]\n"
                               "\"y\" = dword:0x00000002\n"
                               "\"x\" = qword:0x0000000000000001\n"
                               "@ = sz:\"last\"\n");
    reg_hive_destroy(hive);
}

static void keys_are_sorted_and_values_are_not(void **state)
{
    (void)state;
    struct reg_hive *hive =
        parse(FIRST "[HKLM\\c]\n[HKLM\\a]\n\"2\"=dword:2\n[HKLM\\b]\n[HKLM\\a]\n\"1\"=dword:1\n");
    assert_written(hive, FIRST "\n[HKLM\\a]\n"
                               "\"2\" = dword:0x00000002\n"
                               "\"1\" = dword:0x00000001\n"
                               "\n[HKLM\\b]\n\n[HKLM\\c]\n");
    reg_hive_destroy(hive);
}

static void an_empty_hive_is_its_first_line(void **state)
{
    (void)state;
    struct reg_hive *hive = parse("gpupv registry 1");
    assert_written(hive, FIRST);
    reg_hive_destroy(hive);
}

static void a_part_can_be_exported(void **state)
{
    (void)state;
    struct reg_hive *hive = parse(canonical);
    char *text;
    size_t size;
    assert_int_equal(
        reg_key_format(reg_hive_find(hive, "HKLM\\SYSTEM\\Services\\gpu0\\sub [1] key"), &text,
                       &size),
        0);
    assert_string_equal(text, FIRST "\n[HKLM\\SYSTEM\\Services\\gpu0\\Sub [1] key]\n"
                                    "\"\xc3\x89\" = dword:0xffffffff\n");
    struct reg_hive *part = parse(text);
    assert_int_equal(reg_key_subkey_count(reg_hive_find(part, "HKLM\\SYSTEM")), 1);
    free(text);

    assert_int_equal(reg_key_format(reg_hive_find(hive, "HKLM\\SYSTEM\\Empty"), &text, &size), 0);
    assert_string_equal(text, FIRST "\n[HKLM\\SYSTEM\\Empty]\n");
    free(text);
    reg_hive_destroy(part);
    reg_hive_destroy(hive);
}

static void errors_name_line_and_cause(void **state)
{
    (void)state;
    static const struct {
        int line;
        int code;
        const char *says, *text;
    } bad[] = {
        {1, -EINVAL, "first line must be \"gpupv registry 1\"", ""},
        {1, -EINVAL, "first line", "\n" FIRST},
        {1, -EINVAL, "first line", "# x\n" FIRST},
        {1, -EINVAL, "first line", " " FIRST},
        {1, -EINVAL, "first line", "gpupv registry"},
        {1, -EINVAL, "another version", "gpupv registry 2\n"},
        {1, -EINVAL, "another version", "gpupv registry 1 \n"},
        {1, -EINVAL, "another version", "gpupv registry 10\n"},
        {1, -EINVAL, "byte-order mark", "\xef\xbb\xbf" FIRST},
        {2, -EINVAL, "a line starts with", FIRST "x\n"},
        {2, -EINVAL, "a line starts with", FIRST "gpupv registry 1\n"},
        {2, -EINVAL, "before the first key", FIRST "\"x\" = dword:1\n"},
        {2, -EINVAL, "before the first key", FIRST "@ = dword:1\n"},
        {2, -EINVAL, "ends with ']'", FIRST "[HKLM\n"},
        {2, -EINVAL, "ends with ']'", FIRST "["},
        {2, -EINVAL, "ends with ']'", FIRST "[HKLM] # comment\n"},
        {2, -EINVAL, "HKLM or HKEY_LOCAL_MACHINE", FIRST "[]\n"},
        {2, -EINVAL, "HKLM or HKEY_LOCAL_MACHINE", FIRST "[HKCU\\A]\n"},
        {4, -EINVAL, "no name", FIRST "\n[HKLM\\A]\n[HKLM\\A\\]\n"},
        {2, -EINVAL, "0x09", FIRST "[HKLM\\a\tb]\n"},
        {3, -EINVAL, "'=' and a value", FIRST "[HKLM\\A]\n\"x\"\n"},
        {3, -EINVAL, "'=' and a value", FIRST "[HKLM\\A]\n\"x\" dword:1\n"},
        {3, -EINVAL, "'=' and a value", FIRST "[HKLM\\A]\n@"},
        {3, -EINVAL, "type and a colon", FIRST "[HKLM\\A]\n\"x\" =\n"},
        {3, -EINVAL, "type and a colon", FIRST "[HKLM\\A]\n\"x\" = 1\n"},
        {3, -EINVAL, "type and a colon", FIRST "[HKLM\\A]\n\"x\" = word:1\n"},
        {3, -EINVAL, "no closing quote", FIRST "[HKLM\\A]\n\"x = dword:1\n"},
        {3, -EINVAL, "no closing quote", FIRST "[HKLM\\A]\n\"x\" = sz:\"a\n\"\n"},
        {3, -EINVAL, "a comment needs a line", FIRST "[HKLM\\A]\n\"x\" = dword:1 # comment\n"},
        {3, -EINVAL, "a comment needs a line", FIRST "[HKLM\\A]\n\"x\" = sz:\"a\" \"b\"\n"},
        {3, -EINVAL, "too large", FIRST "[HKLM\\A]\n\"x\" = dword:4294967296\n"},
        {5, -EINVAL, "pairs", FIRST "[HKLM\\A]\n\"x\" = binary:00 \\\n 11 \\\n 2\n"},
        {3, -EINVAL, "no line follows", FIRST "[HKLM\\A]\n\"x\" = binary:00 \\"},
        {6, -EINVAL, "no escape",
         "gpupv registry 1\r\n\r\n[HKLM\\A]\r\n\"x\" = multi_sz:\"a\" \\\r\n\"b\" "
         "\\\r\n\"\\q\"\r\n"},
        {3, -EILSEQ, "UTF-8", FIRST "# fine\n# \xff\n[\n"},
        {2, -EILSEQ, "UTF-8", FIRST "[HKLM\\\xc3]\n"},
        {2, -EILSEQ, "UTF-8", FIRST "\xe2\x82\n\xac\n"},
        /* Both lines of a value that comes twice. */
        {6, -EINVAL, "line 3 already", FIRST "[HKLM\\A]\n\"x\" = dword:1\n\n\n\"X\" = dword:1\n"},
        {6, -EINVAL, "line 3 already",
         FIRST "[HKLM\\A]\n\"\xc3\xa9\" = dword:1\n[HKLM\\B]\n[hklm\\a]\n\"\xc3\x89\" = sz:\"\"\n"},
        {4, -EINVAL, "line 3 already", FIRST "[HKLM\\A]\n@ = dword:1\n\"\" = dword:1\n"},
        {7, -EINVAL, "line 3 already",
         FIRST "[HKLM\\A]\n\"x\" = binary:00 \\\n 11 \\\n 22\n\"y\" = dword:1\n\"x\" = dword:1\n"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct reg_hive *hive = NULL;
        struct error err = {.text = ""};
        int code = reg_hive_parse("some/file", bad[i].text, strlen(bad[i].text), &hive, &err);
        char place[32];
        int length = snprintf(place, sizeof(place), "some/file:%d: ", bad[i].line);
        if (code != bad[i].code || strncmp(err.text, place, (size_t)length) ||
            !strstr(err.text, bad[i].says))
            fail_msg("text %zu gives %d, \"%s\", not line %d with \"%s\"", i, code, err.text,
                     bad[i].line, bad[i].says);
        assert_null(hive);
    }
}

static void a_nul_byte_is_an_error(void **state)
{
    (void)state;
    static const char text[] = FIRST "# a\n# b\0c\n";
    struct reg_hive *hive = NULL;
    struct error err = {.text = ""};
    assert_int_equal(reg_hive_parse("f", text, sizeof(text) - 1, &hive, &err), -EILSEQ);
    assert_memory_equal(err.text, "f:3: ", 5);
    assert_non_null(strstr(err.text, "NUL"));
    assert_null(hive);
}

static char *repeated(const char *before, const char *part, size_t count, const char *after)
{
    char *text = malloc(strlen(before) + count * strlen(part) + strlen(after) + 1);
    assert_non_null(text);
    char *at = stpcpy(text, before);
    while (count--)
        at = stpcpy(at, part);
    strcpy(at, after);
    return text;
}

static void assert_limit(const char *before, const char *part, size_t count, const char *after,
                         const char *place)
{
    struct reg_hive *hive = NULL;
    struct error err = {.text = ""};
    char *text = repeated(before, part, count, after);
    hive = parse(text);
    reg_hive_destroy(hive);
    hive = NULL;
    free(text);
    text = repeated(before, part, count + 1, after);
    assert_int_equal(reg_hive_parse("f", text, strlen(text), &hive, &err), -E2BIG);
    assert_memory_equal(err.text, place, strlen(place));
    assert_null(hive);
    free(text);
}

static void limits_name_their_line(void **state)
{
    (void)state;
    assert_limit(FIRST "\n[HKLM", "\\k", REG_MAX_DEPTH - 1, "]\n", "f:3: ");
    assert_limit(FIRST "\n[HKLM\\", "\xc3\xa9", REG_MAX_KEY_NAME, "]\n", "f:3: ");
    assert_limit(FIRST "[HKLM\\A]\n\"", "\\u{e9}", REG_MAX_VALUE_NAME, "\" = dword:1\n", "f:3: ");
    assert_limit(FIRST "[HKLM\\A]\n\"x\" = sz:\"", "a", REG_MAX_VALUE_SIZE / 2 - 1, "\"\n",
                 "f:3: ");
    /* A value of many lines is named by its first. */
    assert_limit(FIRST "[HKLM\\A]\n\"x\" = binary:", "\\\n00 ", REG_MAX_VALUE_SIZE, "\n", "f:3: ");
}

static void large_values_come_back(void **state)
{
    (void)state;
    struct reg_hive *hive, *again;
    struct reg_key *key;
    uint8_t *bytes = malloc(REG_MAX_VALUE_SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < REG_MAX_VALUE_SIZE; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    assert_int_equal(reg_hive_create(&hive), 0);
    assert_int_equal(reg_hive_make(hive, "HKLM\\A", &key, NULL), 0);
    /* Each length around the line's width too. */
    for (size_t size = 0; size < 100; size++) {
        char name[16];
        snprintf(name, sizeof(name), "b%zu", size);
        assert_int_equal(reg_key_set(key, name, REG_TYPE_BINARY, bytes, size, NULL), 0);
    }
    assert_int_equal(reg_key_set(key, "all", REG_TYPE_BINARY, bytes, REG_MAX_VALUE_SIZE, NULL), 0);
    char *text;
    size_t size;
    assert_int_equal(reg_hive_format(hive, &text, &size), 0);
    again = parse(text);
    assert_written(again, text);
    const struct reg_value *value = reg_key_find_value(reg_hive_find(again, "HKLM\\A"), "all");
    assert_int_equal(value->size, REG_MAX_VALUE_SIZE);
    assert_memory_equal(value->data, bytes, REG_MAX_VALUE_SIZE);
    /* A person reads it: no line is longer than a screen is wide. */
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 100);
    free(text);
    free(bytes);
    reg_hive_destroy(again);
    reg_hive_destroy(hive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_text_comes_back_unchanged),
        cmocka_unit_test(free_form_becomes_canonical),
        cmocka_unit_test(keys_are_sorted_and_values_are_not),
        cmocka_unit_test(an_empty_hive_is_its_first_line),
        cmocka_unit_test(a_part_can_be_exported),
        cmocka_unit_test(errors_name_line_and_cause),
        cmocka_unit_test(a_nul_byte_is_an_error),
        cmocka_unit_test(limits_name_their_line),
        cmocka_unit_test(large_values_come_back),
    };
    return cmocka_run_group_tests_name("registry/hive_text", tests, NULL, NULL);
}
