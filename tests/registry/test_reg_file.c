/* SPDX-License-Identifier: MIT */
/* .reg files: what Windows writes comes back byte for byte, all forms are read, and errors name
 * file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/reg_file.h"
#include "util/utf.h"

#define HEADER "Windows Registry Editor Version 5.00\r\n\r\n"
#define KEY "HKLM\\SOFTWARE\\Test"
#define SECTION "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Test]\r\n"

/* UTF-16LE with a byte-order mark. */
static uint8_t *utf16(const char *text, size_t *size)
{
    ssize_t count = utf8_to_utf16(text, strlen(text), NULL, 0);
    assert_true(count >= 0);
    uint16_t *units = malloc(2 * (size_t)count + 2);
    assert_non_null(units);
    utf8_to_utf16(text, strlen(text), units + 1, (size_t)count);
    units[0] = 0xfeff;
    for (ssize_t i = 0; i <= count; i++)
        units[i] = htole16(units[i]);
    *size = 2 * (size_t)count + 2;
    return (uint8_t *)units;
}

static struct reg_edits *parse(const char *text)
{
    struct reg_edits *edits;
    struct error err = {.text = ""};
    if (reg_file_parse("f.reg", text, strlen(text), &edits, &err) < 0)
        fail_msg("%s", err.text);
    return edits;
}

static void apply(struct reg_hive *hive, const char *text)
{
    struct reg_edits *edits = parse(text);
    struct error err = {.text = ""};
    if (reg_edits_apply(edits, hive, &err) < 0)
        fail_msg("%s", err.text);
    reg_edits_destroy(edits);
}

static struct reg_hive *hive_of(const char *text)
{
    struct reg_hive *hive;
    assert_int_equal(reg_hive_create(&hive), 0);
    apply(hive, text);
    return hive;
}

static const struct reg_value *value_of(const struct reg_hive *hive, const char *name)
{
    const struct reg_key *key = reg_hive_find(hive, KEY);
    assert_non_null(key);
    const struct reg_value *value = reg_key_find_value(key, name);
    if (!value)
        fail_msg("no value %s", name);
    return value;
}

static void check_value(const struct reg_hive *hive, const char *name, enum reg_type type,
                        const void *data, size_t size)
{
    const struct reg_value *value = value_of(hive, name);
    assert_int_equal(value->type, type);
    assert_int_equal(value->size, size);
    assert_memory_equal(value->data, data, size);
}

#define CHECK(hive, name, type, literal) check_value(hive, name, type, literal, sizeof(literal) - 1)

/* As regedit wrote it: breaks behind the comma that reaches column 77, an empty line at the end,
 * keys that hold nothing but keys, text with a line break. */
static const char windows_file[] =
    "Windows Registry Editor Version 5.00\r\n"
    "\r\n"
    "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Test]\r\n"
    "@=\"the default\"\r\n"
    "\"Back\\\\slash \\\"q\\\"\"=\"C:\\\\Windows\\\\x \\\"y\\\"\"\r\n"
    "\"DigitalProductId\"=hex:a4,00,00,00,03,00,00,00,35,35,32,37,34,2d,36,34,30,2d,\\\r\n"
    "  31,30,30,30,33,35,36,2d,32,33,38,39,34,00,5f,00,00,00,41,32,33,2d,30,30,30,\\\r\n"
    "  30,32,00,00\r\n"
    "\"Empty\"=\"\"\r\n"
    "\"Exactly25\"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14\r\n"
    "\"Lines\"=\"one\r\ntwo\"\r\n"
    "\"List\"=hex(7):61,00,00,00,e4,00,00,00,00,00\r\n"
    "\"Nothing\"=hex:\r\n"
    "\"Number\"=dword:0000002a\r\n"
    "\"Pair\"=hex(7):61,00,00,00,00,00,00,00\r\n"
    "\"Path\"=hex(2):25,00,53,00,79,00,73,00,74,00,65,00,6d,00,52,00,6f,00,6f,00,74,\\\r\n"
    "  00,25,00,5c,00,73,00,79,00,73,00,74,00,65,00,6d,00,33,00,32,00,00,00\r\n"
    "\"Quad\"=hex(b):88,77,66,55,44,33,22,11\r\n"
    "\"\xc3\xa4\xe2\x82\xac\"=\"gr\xc3\xbc\xc3\x9f\x65 \xf0\x9f\x98\x80\"\r\n"
    "\r\n"
    "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Test\\Between]\r\n"
    "\r\n"
    "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Test\\Between\\Deep]\r\n"
    "\"x\"=dword:ffffffff\r\n"
    "\"made later\"=dword:00000001\r\n"
    "\r\n"
    "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Test\\z]odd]\r\n"
    "\r\n";

static void test_round_trip(void **state)
{
    (void)state;
    size_t size, written_size;
    uint8_t *file = utf16(windows_file, &size);
    struct reg_edits *edits;
    struct reg_hive *hive;
    struct error err = {.text = ""};
    void *written;

    assert_true(reg_file_recognise(file, size));
    if (reg_file_parse("f.reg", file, size, &edits, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(reg_hive_create(&hive), 0);
    assert_int_equal(reg_edits_apply(edits, hive, &err), 0);
    assert_int_equal(reg_file_format(reg_hive_find(hive, KEY), &written, &written_size), 0);
    assert_int_equal(written_size, size);
    assert_memory_equal(written, file, size);

    CHECK(hive, "Back\\slash \"q\"", REG_TYPE_SZ, "C:\\Windows\\x \"y\"\0");
    CHECK(hive, "List", REG_TYPE_MULTI_SZ, "a\0\xc3\xa4\0\0");
    CHECK(hive, "Pair", REG_TYPE_MULTI_SZ, "a\0\0\0");
    CHECK(hive, "Path", REG_TYPE_EXPAND_SZ, "%SystemRoot%\\system32\0");
    CHECK(hive, "Lines", REG_TYPE_SZ, "one\r\ntwo\0");
    CHECK(hive, "Quad", REG_TYPE_QWORD, "\x88\x77\x66\x55\x44\x33\x22\x11");
    struct reg_edits_count count = reg_edits_count(edits);
    assert_int_equal(count.keys, 4);
    assert_int_equal(count.values, 15);

    free(written);
    reg_hive_destroy(hive);
    reg_edits_destroy(edits);
    free(file);
}

/* Every prefix length, so that breaks on and around the column are all there. */
static void test_round_trip_of_every_length(void **state)
{
    (void)state;
    struct reg_hive *hive, *again;
    struct reg_key *key;
    uint8_t data[300];
    struct error err = {.text = ""};
    assert_int_equal(reg_hive_create(&hive), 0);
    assert_int_equal(reg_hive_make(hive, KEY, &key, &err), 0);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(7 * i);
    for (size_t i = 1; i < 100; i++) {
        char name[128];
        memset(name, '"', i);
        name[i] = '\0';
        assert_int_equal(reg_key_set(key, name, REG_TYPE_BINARY, data, 3 * i, &err), 0);
    }
    void *text;
    size_t size, longest = 0;
    assert_int_equal(reg_file_format(key, &text, &size), 0);
    const uint16_t *units = text;
    for (size_t i = 0, from = 0; i < size / 2; i++) {
        if (le16toh(units[i]) != '\n')
            continue;
        /* A long name alone reaches further. */
        if (i - from < 90 && i - from - 1 > longest)
            longest = i - from - 1;
        from = i + 1;
    }
    assert_in_range(longest, 78, 89);

    struct reg_edits *edits;
    if (reg_file_parse("f.reg", text, size, &edits, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(reg_hive_create(&again), 0);
    assert_int_equal(reg_edits_apply(edits, again, &err), 0);
    void *second;
    size_t second_size;
    assert_int_equal(reg_file_format(reg_hive_find(again, KEY), &second, &second_size), 0);
    assert_int_equal(second_size, size);
    assert_memory_equal(second, text, size);
    free(second);
    free(text);
    reg_edits_destroy(edits);
    reg_hive_destroy(again);
    reg_hive_destroy(hive);
}

static void test_forms(void **state)
{
    (void)state;
    /* UTF-8 with a mark, LF, comments, all types by number, blanks, upper case, short digits. */
    struct reg_hive *hive = hive_of("\xef\xbb\xbfWindows Registry Editor Version 5.00\n"
                                    "; a comment\n"
                                    "[hklm\\software\\TEST] ; behind a key\n"
                                    "\"a\" = \"b\" ; behind a value\n"
                                    "  \"one\"=hex(1):78,00,00,00\n"
                                    "\"unended\"=hex(1):78,00\n"
                                    "\"two\"=HEX(2):25,0,78,0,25,0,0,0\n"
                                    "\"three\"=hex(3):0A,ff\n"
                                    "\"four\"=hex(4):01,00,00,80\n"
                                    "\"seven\"=hex(00000007):61,00,00,00,62,00\n"
                                    "\"nolist\"=hex(7):\n"
                                    "\"eleven\"=hex(b):01,00,00,00,00,00,00,00\n"
                                    "\"number\"=DWORD:ABC\n"
                                    "\"bytes\"=hex:01,\\\n"
                                    "\t 02 , \\ \n"
                                    "  03\\\n"
                                    "  ,04 ; the end\n"
                                    "@=\"d\"");
    CHECK(hive, "a", REG_TYPE_SZ, "b\0");
    CHECK(hive, "one", REG_TYPE_SZ, "x\0");
    CHECK(hive, "unended", REG_TYPE_SZ, "x\0");
    CHECK(hive, "two", REG_TYPE_EXPAND_SZ, "%x%\0");
    CHECK(hive, "three", REG_TYPE_BINARY, "\x0a\xff");
    CHECK(hive, "four", REG_TYPE_DWORD, "\x01\0\0\x80");
    CHECK(hive, "seven", REG_TYPE_MULTI_SZ, "a\0b\0\0");
    CHECK(hive, "nolist", REG_TYPE_MULTI_SZ, "\0");
    CHECK(hive, "eleven", REG_TYPE_QWORD, "\x01\0\0\0\0\0\0\0");
    CHECK(hive, "number", REG_TYPE_DWORD, "\xbc\x0a\0\0");
    CHECK(hive, "bytes", REG_TYPE_BINARY, "\1\2\3\4");
    CHECK(hive, "", REG_TYPE_SZ, "d\0");
    reg_hive_destroy(hive);
}

static void test_edits_in_order(void **state)
{
    (void)state;
    struct reg_hive *hive = hive_of(HEADER SECTION "\"stays\"=\"1\"\r\n\"goes\"=\"2\"\r\n"
                                                   "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Test\\Sub]\r\n");
    apply(hive, HEADER SECTION "\"GOES\"=-\r\n\"never was\"=-\r\n@=-\r\n"
                               "\"twice\"=\"old\"\r\n\"Twice\"=\"new\"\r\n"
                               "[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Test\\sub]\r\n"
                               "[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Nowhere\\At all]\r\n");
    const struct reg_key *key = reg_hive_find(hive, KEY);
    assert_int_equal(reg_key_value_count(key), 2);
    CHECK(hive, "stays", REG_TYPE_SZ, "1\0");
    CHECK(hive, "twice", REG_TYPE_SZ, "new\0");
    assert_int_equal(reg_key_subkey_count(key), 0);
    assert_null(reg_hive_find(hive, "HKLM\\SOFTWARE\\Nowhere"));

    struct reg_edits *edits = parse(HEADER "[-HKLM\\a]\n[HKLM\\a]\n\"x\"=-\n\"y\"=\"\"\n");
    struct reg_edits_count count = reg_edits_count(edits);
    assert_int_equal(count.keys, 1);
    assert_int_equal(count.values, 1);
    assert_int_equal(count.deleted_keys, 1);
    assert_int_equal(count.deleted_values, 1);
    assert_int_equal(count.skipped, 0);
    reg_edits_destroy(edits);
    reg_hive_destroy(hive);
}

static void test_types_not_kept(void **state)
{
    (void)state;
    struct reg_edits *edits = parse(HEADER SECTION "\"none\"=hex(0):01,\\\r\n  02\r\n"
                                                   "\"big\"=hex(5):00,00,00,01\r\n"
                                                   "\"own\"=hex(ffff0001):\r\n"
                                                   "\"kept\"=dword:1\r\n");
    assert_int_equal(reg_edits_count(edits).values, 1);
    assert_int_equal(reg_edits_count(edits).skipped, 3);
    const char *text = reg_edits_skipped(edits, 0);
    assert_true(!strncmp(text, "f.reg:4: ", 9));
    assert_non_null(strstr(text, "\"none\""));
    assert_non_null(strstr(text, "REG_NONE"));
    assert_non_null(strstr(reg_edits_skipped(edits, 1), "REG_DWORD_BIG_ENDIAN"));
    assert_non_null(strstr(reg_edits_skipped(edits, 2), "0xffff0001"));
    assert_null(reg_edits_skipped(edits, 3));
    reg_edits_destroy(edits);
}

/* Nothing of a file that fails late is in the hive. */
static void test_all_or_nothing(void **state)
{
    (void)state;
    struct reg_hive *hive = hive_of(HEADER SECTION "\"a\"=\"1\"\r\n");
    struct reg_edits *edits =
        parse(HEADER SECTION "\"a\"=\"2\"\r\n\"b\"=\"2\"\r\n[-HKEY_LOCAL_MACHINE]\r\n");
    struct error err = {.text = ""};
    assert_int_equal(reg_edits_apply(edits, hive, &err), -EINVAL);
    assert_true(!strncmp(err.text, "f.reg:6: ", 9));
    CHECK(hive, "a", REG_TYPE_SZ, "1\0");
    assert_int_equal(reg_key_value_count(reg_hive_find(hive, KEY)), 1);
    reg_edits_destroy(edits);
    reg_hive_destroy(hive);
}

static void check_error(const char *data, size_t size, int code, const char *start,
                        const char *part)
{
    struct reg_edits *edits;
    struct error err = {.text = ""};
    int result = reg_file_parse("f.reg", data, size, &edits, &err);
    if (result != code)
        fail_msg("%d instead of %d, \"%s\": %.100s", result, code, err.text, data);
    if (strncmp(err.text, start, strlen(start)) || !strstr(err.text, part))
        fail_msg("\"%s\" is not \"%s… %s\"", err.text, start, part);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *start, *part;
    } cases[] = {
        {"", "f.reg:1: ", "first line"},
        {"REGEDIT4\r\n\r\n[HKEY_LOCAL_MACHINE\\x]\r\n", "f.reg:1: ", "REGEDIT4"},
        {"Windows Registry Editor Version 6.00\r\n", "f.reg:1: ", "5.00"},
        {HEADER "\"a\"=\"b\"\r\n", "f.reg:3: ", "before the first key"},
        {HEADER "[HKEY_CURRENT_USER\\x]\r\n", "f.reg:3: ", "HKEY_CURRENT_USER"},
        {HEADER "[HKCR\\x]\r\n", "f.reg:3: ", "HKCR"},
        {HEADER "[Software\\x]\r\n", "f.reg:3: ", "starts with HKLM"},
        {HEADER "[HKLM\\x\r\n", "f.reg:3: ", "no ']'"},
        {HEADER "[HKLM\\x] y\r\n", "f.reg:3: ", "something follows"},
        {HEADER "[HKLM\\x\\\\y]\r\n", "f.reg:3: ", "no name"},
        {HEADER "[-HKLM\\x]\r\n\"a\"=\"b\"\r\n", "f.reg:4: ", "deletes"},
        {HEADER SECTION "garbage\r\n", "f.reg:4: ", "a line starts with"},
        {HEADER SECTION "\"a\"\r\n", "f.reg:4: ", "'='"},
        {HEADER SECTION "\"a\"=b\r\n", "f.reg:4: ", "behind '='"},
        {HEADER SECTION "\"a\"=\"b\" c\r\n", "f.reg:4: ", "something follows"},
        {HEADER SECTION "\"a\"=\"C:\\new\"\r\n", "f.reg:4: ", "'\\'"},
        {HEADER SECTION "\"a\"=\"b\r\n\"c\"=\"d\"\r\n", "f.reg:5: ", "began in line 4"},
        {HEADER SECTION "\"a\"=\"b\r\n", "f.reg:4: ", "closing quote"},
        {HEADER SECTION "\"a\"=dword:123456789\r\n", "f.reg:4: ", "eight"},
        {HEADER SECTION "\"a\"=dword:\r\n", "f.reg:4: ", "eight"},
        {HEADER SECTION "\"a\"=dword:0x1\r\n", "f.reg:4: ", "something follows"},
        {HEADER SECTION "\"a\"=hex:1g\r\n", "f.reg:4: ", "','"},
        {HEADER SECTION "\"a\"=hex:g\r\n", "f.reg:4: ", "pairs"},
        {HEADER SECTION "\"a\"=hex:01,\r\n", "f.reg:4: ", "pairs"},
        {HEADER SECTION "\"a\"=hex:01,\\\r\n  02 03\r\n", "f.reg:5: ", "','"},
        {HEADER SECTION "\"a\"=hex:01,\\", "f.reg:4: ", "no line follows"},
        {HEADER SECTION "\"a\"=hex:01,\\02\r\n", "f.reg:4: ", "end of a line"},
        {HEADER SECTION "\"a\"=hex(:01\r\n", "f.reg:4: ", "hex(7)"},
        {HEADER SECTION "\"a\"=hex(2)01\r\n", "f.reg:4: ", "':'"},
        {HEADER SECTION "\"a\"=hex(4):01,\\\r\n02\r\n", "f.reg:4: ", "REG_DWORD has 4 bytes"},
        {HEADER SECTION "\"a\"=hex(b):01\r\n", "f.reg:4: ", "REG_QWORD has 8 bytes"},
        {HEADER SECTION "\"a\"=hex(2):01\r\n", "f.reg:4: ", "UTF-16 units"},
        {HEADER SECTION "\"a\"=hex(1):78,00,00,00,79,00\r\n", "f.reg:4: ", "text follows"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_error(cases[i].text, strlen(cases[i].text), -EINVAL, cases[i].start, cases[i].part);
}

static void test_bad_encodings(void **state)
{
    (void)state;
#define BAD(literal, code, start, part) check_error(literal, sizeof(literal) - 1, code, start, part)
    BAD("\xfe\xff\0W\0i", -EINVAL, "f.reg:1: ", "big-endian");
    BAD("W\0i\0n\0", -EINVAL, "f.reg:1: ", "byte-order mark");
    BAD("\xff\xfeW", -EILSEQ, "f.reg:1: ", "odd number");
    BAD("\xff\xfeW\0\n\0\x00\xd8", -EILSEQ, "f.reg:2: ", "UTF-16");
    BAD(HEADER ";\xff\n", -EILSEQ, "f.reg:3: ", "UTF-8");
    BAD(HEADER SECTION "; \0\n", -EINVAL, "f.reg:4: ", "NUL");
    BAD(HEADER SECTION "\"a\"=hex(1):00,d8\n", -EILSEQ, "f.reg:4: ", "UTF-16");
#undef BAD
    static const char hive_text[] = "gpupv registry 1\n";
    assert_false(reg_file_recognise(hive_text, strlen(hive_text)));
    assert_false(reg_file_recognise("", 0));
    assert_true(reg_file_recognise("REGEDIT4", 8));
    assert_true(reg_file_recognise("\xef\xbb\xbfWindows Registry Editor Version 5.00", 39));
}

static void test_limits(void **state)
{
    (void)state;
    static const char head[] = HEADER SECTION "\"a\"=hex:00";
    size_t bytes = REG_MAX_VALUE_SIZE + 1, size = strlen(head) + 3 * bytes;
    char *text = malloc(size + 1);
    assert_non_null(text);
    strcpy(text, head);
    for (size_t i = 1; i < bytes; i++)
        strcat(text + strlen(head) + 3 * (i - 1), ",00");
    check_error(text, strlen(text), -E2BIG, "f.reg:4: ", "65537 bytes");
    free(text);

    char name[400];
    snprintf(name, sizeof(name), HEADER SECTION "\"%0300d\"=\"x\"\r\n", 0);
    check_error(name, strlen(name), -E2BIG, "f.reg:4: ", "UTF-16 units");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_round_trip_of_every_length),
        cmocka_unit_test(test_forms),          cmocka_unit_test(test_edits_in_order),
        cmocka_unit_test(test_types_not_kept), cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_errors),         cmocka_unit_test(test_bad_encodings),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
