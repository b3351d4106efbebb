/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/icd_manifest.h"

static int parse(const char *text, struct icd_manifest *manifest, struct error *err)
{
    return icd_manifest_parse("m.json", text, strlen(text), manifest, err);
}

static void valid_manifests_are_read(void **state)
{
    (void)state;
    struct icd_manifest manifest;
    assert_int_equal(parse("{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":"
                           "\"/usr/lib/libvulkan_lvp.so\",\"api_version\":\"1.1.230\"}}\n",
                           &manifest, NULL),
                     0);
    assert_string_equal(manifest.library_path, "/usr/lib/libvulkan_lvp.so");
    assert_null(manifest.library_arch);
    assert_int_equal(manifest.api_version, 1 << 22 | 1 << 12 | 230);
    icd_manifest_finish(&manifest);

    assert_int_equal(parse(" {\"ICD\":{\"api_version\":\"0.1.3.296\",\"library_arch\":\"64\","
                           "\"library_path\":\"lib.so\",\"is_portability_driver\":false,\"x\":[]},"
                           "\"file_format_version\":\"1.0.1\",\"other\":{\"deep\":[1,2.5]}}",
                           &manifest, NULL),
                     0);
    assert_string_equal(manifest.library_arch, "64");
    assert_int_equal(manifest.api_version, 1 << 22 | 3 << 12 | 296);
    icd_manifest_finish(&manifest);
    assert_null(manifest.library_path);
}

#define MANIFEST(format, path, version)                                                            \
    "{\"file_format_version\":" format ",\"ICD\":{\"library_path\":" path                          \
    ",\"api_version\":" version "}}"

static void faults_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part; /* of the message */
    } cases[] = {
        {"", "m.json:1:1"},
        {"   ", "ends too early"},
        {"12", "m.json"},
        {"[]", "no object"},
        {"null", "no object"},
        {"not json", "m.json:1:2: not valid JSON"},
        {"{\n  \"ICD\": {\n    oops\n  }\n}", "m.json:3:5"},
        {"{\"ICD\":{}", "ends too early"},
        {"{} x", "m.json:1:4"},
        {"{}{}", "m.json:1:3"},
        {"{\"a\":1,}", "not valid JSON"},
        {"{/* c */\"a\":1}", "not valid JSON"},
        {"{\"a\":\"\xff\"}", "not valid JSON"},
        {"{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}", "nesting"},
        {"{}", "file_format_version"},
        {"{\"file_format_version\":\"1.0.0\"}", "\"ICD\" is missing"},
        {"{\"file_format_version\":\"1.0.0\",\"ICD\":[]}", "\"ICD\" must be an object"},
        {"{\"file_format_version\":\"1.0.0\",\"ICD\":null}", "\"ICD\" must be an object"},
        {"{\"file_format_version\":\"1.0.0\",\"ICD\":{\"api_version\":\"1.1.0\"}}",
         "\"library_path\" is missing"},
        {"{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":\"a\"}}",
         "\"api_version\" is missing"},
        {MANIFEST("\"2.0.0\"", "\"a\"", "\"1.1.0\""), "file_format_version 2.0.0 is not known"},
        {MANIFEST("\"1\"", "\"a\"", "\"1.1.0\""), "file_format_version"},
        {MANIFEST("\"1.x.0\"", "\"a\"", "\"1.1.0\""), "file_format_version"},
        {MANIFEST("1", "\"a\"", "\"1.1.0\""), "must be a string"},
        {MANIFEST("\"1.0.0\"", "7", "\"1.1.0\""), "must be a string"},
        {MANIFEST("\"1.0.0\"", "\"\"", "\"1.1.0\""), "is empty"},
        {MANIFEST("\"1.0.0\"", "\"a\\u0000b\"", "\"1.1.0\""), "NUL"},
        {MANIFEST("\"1.0.0\"", "\"a\\nb\"", "\"1.1.0\""), "control character"},
        {MANIFEST("\"1.0.0\"", "\"lib/\"", "\"1.1.0\""), "folder"},
        {MANIFEST("\"1.0.0\"", "\"a\"", "1.1"), "must be a string"},
        {MANIFEST("\"1.0.0\"", "\"a\"", "\"1\""), "api_version"},
        {MANIFEST("\"1.0.0\"", "\"a\"", "\"1.2.3.4.5\""), "api_version"},
        {MANIFEST("\"1.0.0\"", "\"a\"", "\"1.1024.0\""), "api_version"},
        {MANIFEST("\"1.0.0\"", "\"a\"", "\"-1.1.0\""), "api_version"},
        {MANIFEST("\"1.0.0\"", "\"a\"", "\"1.1.0\",\"library_arch\":\"16\""), "library_arch"},
        {MANIFEST("\"1.0.0\"", "\"a\"", "\"1.1.0\",\"library_arch\":64"), "library_arch"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct icd_manifest manifest;
        struct error err = {""};
        assert_int_equal(parse(cases[i].text, &manifest, &err), -EINVAL);
        if (!strstr(err.text, "m.json") || !strstr(err.text, cases[i].part))
            fail_msg("%s: \"%s\" does not tell \"%s\"", cases[i].text, err.text, cases[i].part);
    }
}

static void size_and_nul_are_checked(void **state)
{
    (void)state;
    struct icd_manifest manifest;
    struct error err;
    static const char nul[] = "{\"a\":1}\n\0";
    assert_int_equal(icd_manifest_parse("m.json", nul, sizeof(nul) - 1, &manifest, &err), -EINVAL);
    assert_non_null(strstr(err.text, "m.json:2:1"));

    char *large = malloc(ICD_MANIFEST_MAX_SIZE + 1);
    assert_non_null(large);
    memset(large, ' ', ICD_MANIFEST_MAX_SIZE + 1);
    assert_int_equal(icd_manifest_parse("m.json", large, ICD_MANIFEST_MAX_SIZE + 1, &manifest,
                                        &err),
                     -EFBIG);
    free(large);
}

static void files_are_loaded(void **state)
{
    (void)state;
    char *folder = support_folder();
    char *path = support_path(folder, "m.json");
    struct icd_manifest manifest;
    struct error err;
    assert_int_equal(icd_manifest_load(path, &manifest, &err), -ENOENT);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(icd_manifest_load(folder, &manifest, &err), -EISDIR);
    support_write_text(folder, "m.json", MANIFEST("\"1.0.0\"", "\"./a.so\"", "\"1.3\""));
    assert_int_equal(icd_manifest_load(path, &manifest, &err), 0);
    assert_int_equal(manifest.api_version, 1 << 22 | 3 << 12);
    icd_manifest_finish(&manifest);
    support_write_text(folder, "m.json", "{");
    assert_int_equal(icd_manifest_load(path, &manifest, &err), -EINVAL);
    assert_non_null(strstr(err.text, path));
    free(path);
    support_delete(folder);
}

static void libraries_stay_in_the_package(void **state)
{
    (void)state;
    static const struct {
        const char *manifest, *library, *result;
    } cases[] = {
        {"m.json", "./lib.so", "lib.so"},
        {"m.json", "lib.so", "lib.so"},
        {"m.json", "lib//sub/./x.so", "lib/sub/x.so"},
        {"share/icd.d/m.json", "lib.so", "share/icd.d/lib.so"},
        {"share/icd.d/m.json", "../../lib/x.so", "lib/x.so"},
        {"share/m.json", "../x.so", "x.so"},
        {"m.json", "a/../x.so", "x.so"},
        {"m.json", "/usr/lib/x.so", NULL},
        {"m.json", "../x.so", NULL},
        {"m.json", "a/../../x.so", NULL},
        {"share/m.json", "../../x.so", NULL},
        {"share/m.json", "../../share/x.so", NULL},
        {"m.json", "..", NULL},
        {"m.json", ".", NULL},
        {"m.json", "a\\..\\x.so", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct icd_manifest manifest = {.library_path = (char *)cases[i].library};
        struct error err = {""};
        char *library = NULL;
        int result =
            icd_manifest_library_in_package(&manifest, cases[i].manifest, &library, &err);
        if (cases[i].result) {
            assert_int_equal(result, 0);
            assert_string_equal(library, cases[i].result);
            free(library);
        } else {
            assert_int_equal(result, -EPERM);
            assert_non_null(strstr(err.text, "library_path"));
        }
    }
}

static void relocation_keeps_the_rest(void **state)
{
    (void)state;
    const char *text = "{\"file_format_version\":\"1.0.1\",\"vendor\":{\"x\":[1,2.50,null]},"
                       "\"ICD\":{\"library_path\":\"/a/b.so\",\"api_version\":\"1.3.5\","
                       "\"library_arch\":\"64\",\"extra\":\"a/b\"}}";
    char *result;
    size_t size;
    assert_int_equal(icd_manifest_relocate(text, strlen(text), "./b.so", &result, &size, NULL), 0);
    assert_int_equal(strlen(result), size);
    struct icd_manifest manifest;
    assert_int_equal(icd_manifest_parse("r", result, size, &manifest, NULL), 0);
    assert_string_equal(manifest.library_path, "./b.so");
    assert_string_equal(manifest.library_arch, "64");
    icd_manifest_finish(&manifest);
    assert_non_null(strstr(result, "2.50"));
    assert_non_null(strstr(result, "\"extra\": \"a/b\""));

    /* Relocating what was relocated changes nothing: equal packages stay equal. */
    char *again;
    size_t again_size;
    assert_int_equal(icd_manifest_relocate(result, size, "./b.so", &again, &again_size, NULL), 0);
    assert_string_equal(again, result);
    free(again);
    free(result);

    assert_int_equal(icd_manifest_relocate("{", 1, "x", &result, &size, NULL), -EINVAL);
    assert_int_equal(icd_manifest_relocate("{}", 2, "x", &result, &size, NULL), -EINVAL);
}

static void manifests_are_recognised(void **state)
{
    (void)state;
    assert_true(icd_manifest_is_likely("{\"ICD\":{}}", 10));
    assert_false(icd_manifest_is_likely("{\"ICD\":1}", 9));
    assert_false(icd_manifest_is_likely("{\"layer\":{}}", 12));
    assert_false(icd_manifest_is_likely("text", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_manifests_are_read),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(size_and_nul_are_checked),
        cmocka_unit_test(files_are_loaded),
        cmocka_unit_test(libraries_stay_in_the_package),
        cmocka_unit_test(relocation_keeps_the_rest),
        cmocka_unit_test(manifests_are_recognised),
    };
    return cmocka_run_group_tests_name("hoststore ICD manifests", tests, NULL, NULL);
}
