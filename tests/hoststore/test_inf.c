/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/inf_driver.h"

static struct inf *parse_bytes(const void *data, size_t size)
{
    struct inf *inf;
    struct error err = {""};
    if (inf_parse("t.inf", data, size, &inf, &err))
        fail_msg("%s", err.text);
    return inf;
}

static struct inf *parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static const struct inf_line *line_of(const struct inf *inf, const char *section, size_t index)
{
    const struct inf_section *found = inf_find(inf, section);
    assert_non_null(found);
    assert_true(index < found->count);
    return &found->lines[index];
}

static void expect_fields(const struct inf_line *line, const char *key, size_t count,
                          const char *const *fields)
{
    if (key)
        assert_string_equal(line->key, key);
    else
        assert_null(line->key);
    assert_int_equal(line->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(line->fields[i], fields[i]);
}

#define EXPECT(line, key, ...)                                                  \
    expect_fields(line, key, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
                  (const char *[]){__VA_ARGS__})

static void test_lines(void **state)
{
    (void)state;
    struct inf *inf = parse("; comment\r\n"
                            "[One]\r\n"
                            "  a , b c ,, \"d , ; e\" ; comment\r\n"
                            "key = x, y=z\n"
                            "\n"
                            "long, \\ ; a comment\n"
                            "   goes on, \\\n"
                            "\t\"to the end\"\n"
                            "[ Two ] ; comment\n"
                            "\"say \"\"yes\"\"\", C:\\dir\\file, pre\"quoted \"post\n"
                            "[ONE]\n"
                            "more\n"
                            "empty =\n");
    EXPECT(line_of(inf, "one", 0), NULL, "a", "b c", "", "d , ; e");
    EXPECT(line_of(inf, "one", 1), "key", "x", "y=z");
    EXPECT(line_of(inf, "one", 2), NULL, "long", "goes on", "to the end");
    EXPECT(line_of(inf, "one", 3), NULL, "more");
    EXPECT(line_of(inf, "one", 4), "empty", "");
    EXPECT(line_of(inf, "Two", 0), NULL, "say \"yes\"", "C:\\dir\\file", "prequoted post");
    assert_int_equal(line_of(inf, "one", 2)->number, 6);
    assert_int_equal(line_of(inf, "one", 3)->number, 12);
    assert_int_equal(inf->count, 2);
    assert_string_equal(inf_field(line_of(inf, "one", 0), 9), "");
    assert_null(inf_find(inf, "three"));
    assert_string_equal(inf_field(inf_find_line(inf_find(inf, "one"), "KEY"), 1), "y=z");
    inf_destroy(inf);
}

/* The directives as they stand in the document: mixed quotes, a full stop at the end. */
static void test_typographic_quotes(void **state)
{
    (void)state;
    struct inf *inf = parse(
        "[S]\n"
        "\"CopyToVm\\softgpu1.dll”, “softgpu2.dll”\n"
        "\"softgpu1.dll”,”softgpu.dll\"\n"
        "“Subdir1\\Subdir2\\softgpu2wow64.dll”,”softgpu.dll”.\n"
        "\"the “best” one\"\n");
    EXPECT(line_of(inf, "S", 0), NULL, "CopyToVm\\softgpu1.dll", "softgpu2.dll");
    EXPECT(line_of(inf, "S", 1), NULL, "softgpu1.dll", "softgpu.dll");
    EXPECT(line_of(inf, "S", 2), NULL, "Subdir1\\Subdir2\\softgpu2wow64.dll", "softgpu.dll");
    EXPECT(line_of(inf, "S", 3), NULL, "the “best” one");
    inf_destroy(inf);
}

static void test_strings(void **state)
{
    (void)state;
    struct inf *inf = parse("[S]\n"
                            "%A%, \"x%b%y\", 100%%, %REG_MULTI_SZ%, %13%\\f.dll\n"
                            "%A% = %Only%\n"
                            "%REG_DWORD%,%REG_SZ%,%REG_EXPAND_SZ%,%REG_BINARY%,%REG_QWORD%\n"
                            "[Strings.0407]\n"
                            "A = \"anders\"\n"
                            "Only = \"nur\"\n"
                            "[Strings]\n"
                            "a = \"the, A; %b%\"\n"
                            "B = bee\n"
                            "REG_DWORD = 0x10001 ; own\n");
    EXPECT(line_of(inf, "S", 0), NULL, "the, A; %b%", "xbeey", "100%", "0x00010000",
           "\x01"
           "13\x01\\f.dll");
    EXPECT(line_of(inf, "S", 1), "the, A; %b%", "nur");
    EXPECT(line_of(inf, "S", 2), NULL, "0x10001", "0x00000000", "0x00020000", "0x00000001",
           "0x000b0001");
    inf_destroy(inf);
}

static void test_encodings(void **state)
{
    (void)state;
    static const char text[] = "[S]\n\"Gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac\"\n";
    static const uint8_t utf16[] = {0xff, 0xfe, '[', 0, 'S', 0, ']', 0,    '\r', 0,   '\n', 0,
                                    'G',  0,    'r', 0, 0xfc, 0, 0xdf, 0, 'e',  0,   ' ',  0,
                                    0xac, 0x20, '\r', 0, '\n', 0};
    struct inf *inf = parse(text);
    EXPECT(line_of(inf, "S", 0), NULL, "Grüße €");
    inf_destroy(inf);
    inf = parse("\xef\xbb\xbf[S]\n\"Grüße €\"\n\x1a");
    EXPECT(line_of(inf, "S", 0), NULL, "Grüße €");
    inf_destroy(inf);
    inf = parse_bytes(utf16, sizeof(utf16));
    EXPECT(line_of(inf, "S", 0), NULL, "Grüße €");
    inf_destroy(inf);
    inf = parse("[S]\nGr\xfc\xdf\x65 \x80\n");
    EXPECT(line_of(inf, "S", 0), NULL, "Grüße €");
    inf_destroy(inf);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size; /* 0: to the NUL */
        int code;
        const char *message;
    } cases[] = {
        {"a = b\n", 0, -EINVAL, "t.inf:1: a line stands before the first [section]"},
        {"[S]\n\n\"open\n", 0, -EINVAL, "t.inf:3: a quoted text does not end"},
        {"[S\n", 0, -EINVAL, "t.inf:1: the name of a section has no ]"},
        {"[S] x\n", 0, -EINVAL, "t.inf:1: something follows"},
        {"[ ]\n", 0, -EINVAL, "t.inf:1: a section has no name"},
        {"[S]\na\x02\n", 0, -EINVAL, "t.inf:2: a control character"},
        {"[S]\na\0b\n", 8, -EINVAL, "t.inf:2: a control character"},
        {"[S]\na\n%x%\n", 0, -EINVAL, "t.inf:3: %x% is not defined in [Strings]"},
        {"[S]\n50%\n", 0, -EINVAL, "t.inf:2: a single % is in \"50%\""},
        {"[Strings]\nabc\n", 0, -EINVAL, "t.inf:2: a line of [Strings] has no \"=\""},
        {"\xfe\xff\0[", 4, -EILSEQ, "big-endian"},
        {"\xff\xfe[", 3, -EILSEQ, "half a character"},
        {"\xff\xfe\0\xd8", 4, -EILSEQ, "not valid UTF-16"},
        {"[S]\n\x81\n", 0, -EILSEQ, "byte 0x81 at offset 0x4"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {""};
        struct inf *inf = NULL;
        size_t size = cases[i].size ? cases[i].size : strlen(cases[i].text);
        assert_int_equal(inf_parse("t.inf", cases[i].text, size, &inf, &err), cases[i].code);
        assert_null(inf);
        if (!strstr(err.text, cases[i].message))
            fail_msg("\"%s\" is not \"%s\"", err.text, cases[i].message);
    }
}

/* `count` times `text` behind `head`. */
static char *repeat(const char *head, const char *text, size_t count)
{
    size_t length = strlen(text), at = strlen(head);
    char *all = malloc(at + count * length + 1);
    assert_non_null(all);
    strcpy(all, head);
    for (size_t i = 0; i < count; i++, at += length)
        strcpy(all + at, text);
    return all;
}

static void expect_limit(char *text, int code, const char *message)
{
    struct error err = {""};
    struct inf *inf;
    assert_int_equal(inf_parse("t.inf", text, strlen(text), &inf, &err), code);
    if (!strstr(err.text, message))
        fail_msg("%s", err.text);
    free(text);
}

static void test_limits(void **state)
{
    (void)state;
    expect_limit(repeat("[S]\n", "abcdefgh", INF_MAX_SIZE / 8), -EFBIG, "at most 4194304");
    expect_limit(repeat("[S]\n", "abcdefgh", INF_MAX_TEXT / 8 + 1), -E2BIG, "field is too long");
    expect_limit(repeat("[S]\n", ",,,,,,,\n", INF_MAX_FIELDS / 8 + 1), -E2BIG, "too many fields");
    expect_limit(repeat("[S]\n", "%a%%a%%a%%a%\n", 2), -EINVAL, "not defined");
    /* A text that grows over the limit of one field. */
    char *big = repeat("", "0123456789abcdef", 256), *all = NULL;
    assert_true(asprintf(&all, "[Strings]\na=%s\n[S]\n%%a%% %%a%% %%a%% %%a%% %%a%%\n", big) > 0);
    expect_limit(all, -E2BIG, "too long");
    /* And many of them. */
    char *head = NULL;
    assert_true(asprintf(&head, "[Strings]\na=%s\n[S]\n", big) > 0);
    expect_limit(repeat(head, "%a%\n", INF_MAX_TOTAL / 4096 + 1), -E2BIG, "too much text");
    free(head);
    free(big);
}

static void test_numbers(void **state)
{
    (void)state;
    long long number;
    assert_int_equal(inf_number("0x1F", &number), 0);
    assert_int_equal(number, 31);
    assert_int_equal(inf_number("010", &number), 0);
    assert_int_equal(number, 10);
    assert_int_equal(inf_number("-1", &number), 0);
    assert_int_equal(number, -1);
    assert_int_equal(inf_number("0xffffffffffffffff", &number), 0);
    static const char *const bad[] = {"", "-", "x", "1x", " 1", "+1", "0x", "0x10000000000000000"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(inf_number(bad[i], &number), -EINVAL);
}

/* --- Drivers -------------------------------------------------------------------------------- */

#define VERSION                          \
    "[Version]\n"                        \
    "Signature=\"$Windows NT$\"\n"       \
    "Class=Display\n"                    \
    "ClassGuid={4d36e968-e325-11ce-bfc1-08002be10318}\n" \
    "Provider=\"Makers\"\n"              \
    "DriverVer=02/06/2025,31.0.15.1234\n" \
    "CatalogFile=soft.cat\n"

#define DRIVER                                                             \
    VERSION "[Manufacturer]\n"                                             \
            "Makers = Models, NTamd64, NTamd64.10.0...16299, NTamd64.6.1, NTx86, NT\n" \
            "Others = Other, NTarm64\n"                                    \
            "[Models]\nPlain = P, PCI\\0\n"                                \
            "[Models.NT]\nAny = N, PCI\\1\n"                               \
            "[Models.NTamd64]\nOld = O, PCI\\2\n"                          \
            "[Models.NTamd64.6.1]\nSeven = S, PCI\\3\n"                    \
            "[Models.NTamd64.10.0...16299]\nTen = T, PCI\\4, PCI\\5\nEleven = E, PCI\\6\n" \
            "Ten again = T, PCI\\7\n"                                      \
            "[Models.NTx86]\nSmall = X, PCI\\8\n"                          \
            "[Other.NTarm64]\nArm = A, PCI\\9\n"

static void read_driver(const struct inf *inf, const char *architecture, struct inf_driver *driver)
{
    struct error err = {""};
    if (inf_driver_read(inf, architecture, driver, &err))
        fail_msg("%s", err.text);
}

static void test_version(void **state)
{
    (void)state;
    struct inf *inf = parse(DRIVER);
    struct inf_driver driver;
    read_driver(inf, "x86_64", &driver);
    assert_string_equal(driver.class_name, "Display");
    assert_string_equal(driver.class_guid, "{4d36e968-e325-11ce-bfc1-08002be10318}");
    assert_string_equal(driver.provider, "Makers");
    assert_string_equal(driver.date, "2025-02-06");
    assert_string_equal(driver.version, "31.0.15.1234");
    assert_string_equal(driver.catalog, "soft.cat");
    inf_driver_finish(&driver);
    inf_destroy(inf);
}

static void test_models(void **state)
{
    (void)state;
    static const struct {
        const char *architecture, *first;
        size_t count;
    } cases[] = {
        /* The newest Windows of the architecture; x86 its own; arm64 from another maker too. */
        {"x86_64", "Ten", 3}, {"i386", "Small", 1}, {"aarch64", "Any", 2}, {"riscv64", "Any", 1},
    };
    struct inf *inf = parse(DRIVER);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct inf_driver driver;
        read_driver(inf, cases[i].architecture, &driver);
        assert_int_equal(driver.model_count, cases[i].count);
        assert_string_equal(driver.models[0].description, cases[i].first);
        assert_string_equal(driver.models[0].manufacturer, "Makers");
        inf_driver_finish(&driver);
    }
    inf_destroy(inf);
}

static void test_choose(void **state)
{
    (void)state;
    struct inf *inf = parse(DRIVER);
    struct inf_driver driver;
    const struct inf_model *model;
    struct error err = {""};
    read_driver(inf, "x86_64", &driver);
    assert_int_equal(inf_driver_choose(inf, &driver, NULL, &model, &err), -EINVAL);
    assert_non_null(strstr(err.text, "\"Ten\" (PCI\\4), \"Eleven\" (PCI\\6)"));
    assert_int_equal(inf_driver_choose(inf, &driver, "pci\\5", &model, &err), 0);
    assert_string_equal(model->section, "T");
    assert_string_equal(model->hardware_id, "PCI\\4");
    assert_int_equal(inf_driver_choose(inf, &driver, "ELEVEN", &model, &err), 0);
    assert_string_equal(model->section, "E");
    assert_int_equal(inf_driver_choose(inf, &driver, "PCI\\2", &model, &err), -ENOENT);
    assert_non_null(strstr(err.text, "no model \"PCI\\2\""));
    inf_driver_finish(&driver);
    read_driver(inf, "i386", &driver);
    assert_int_equal(inf_driver_choose(inf, &driver, NULL, &model, &err), 0);
    assert_string_equal(model->description, "Small");
    inf_driver_finish(&driver);
    inf_destroy(inf);
}

static void test_bad_drivers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *message;
    } cases[] = {
        {"[X]\n", -EINVAL, "no [Version] section"},
        {"[Version]\nSignature=Linux\n", -EINVAL, "t.inf:2: [Version] has the Signature \"Linux\""},
        {"[Version]\nSignature=$Chicago$\n", -EINVAL, "no DriverVer"},
        {"[Version]\nSignature=$Chicago$\nDriverVer=2025-02-06,1\n", -EINVAL, "t.inf:3: "},
        {"[Version]\nSignature=$Chicago$\nDriverVer=13/06/2025,1\n", -EINVAL, "MM/DD/YYYY"},
        {"[Version]\nSignature=$Chicago$\nDriverVer=02/06/2025,1.2.3.4.5\n", -EINVAL, "1.2.3.4.5"},
        {"[Version]\nSignature=$Chicago$\nDriverVer=02/06/2025,a\n", -EINVAL, "\"a\""},
        {VERSION, -EINVAL, "no [Manufacturer]"},
        {VERSION "[Manufacturer]\nM=Models,NTarm64\n[Models.NTarm64]\nA=B,C\n", -ENOENT,
         "no models section for x86_64"},
        {VERSION "[Manufacturer]\nM=Models\n[Models]\nB,C\n", -EINVAL, "t.inf:11: "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct inf *inf = parse(cases[i].text);
        struct inf_driver driver;
        struct error err = {""};
        assert_int_equal(inf_driver_read(inf, "x86_64", &driver, &err), cases[i].code);
        if (!strstr(err.text, cases[i].message))
            fail_msg("\"%s\" is not \"%s\"", err.text, cases[i].message);
        inf_destroy(inf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_typographic_quotes),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_bad_drivers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
