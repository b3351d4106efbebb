/* SPDX-License-Identifier: MIT */
/* The guest's configuration: what it may say, and that anything else trusts nobody. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hoststore/trust.h"

#define KEY_A "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define KEY_B "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="

static char *folder, *config;

static int set_up(void **state)
{
    (void)state;
    folder = support_folder();
    config = support_path(folder, "guest.json");
    setenv("GPUPV_GUEST_CONFIG", config, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unsetenv("GPUPV_GUEST_CONFIG");
    free(config);
    support_delete(folder);
    return 0;
}

static struct trust *load(void)
{
    struct trust *trust;
    struct error err = {""};
    int result = trust_load(&trust, &err);

    if (result)
        fail_msg("%d, %s", result, err.text);
    return trust;
}

static void expect(const char *text, size_t keys, bool test_signing)
{
    support_write_text(folder, "guest.json", text);
    struct trust *trust = load();
    assert_string_equal(trust->path, config);
    assert_int_equal(trust->key_count, keys);
    assert_int_equal(trust->test_signing, test_signing);
    trust_destroy(trust);
}

static void refuse(const char *text, const char *message)
{
    struct trust *trust;
    struct error err = {""};

    support_write_text(folder, "guest.json", text);
    int result = trust_load(&trust, &err);
    if (result >= 0 || !strstr(err.text, message) || !strstr(err.text, folder))
        fail_msg("%d, %s", result, err.text);
}

static void test_default_file(void **state)
{
    (void)state;
    bool named;

    assert_string_equal(trust_config_path(&named), config);
    assert_true(named);
    setenv("GPUPV_GUEST_CONFIG", "", 1);
    assert_non_null(strstr(trust_config_path(&named), "/gpupv/guest.json"));
    assert_false(named);
}

static void test_named_file_is_missing(void **state)
{
    (void)state;
    struct trust *trust;
    struct error err;

    assert_int_equal(trust_load(&trust, &err), -ENOENT);
    assert_non_null(strstr(err.text, config));
}

static void test_test_signing(void **state)
{
    (void)state;
    expect("{}", 0, true);
    expect("{\"test_signing\": false}", 0, false);
    expect("{\"trusted_keys\": []}", 0, true);
    expect("{\"trusted_keys\": [\"" KEY_A "\"]}", 1, false);
    expect("{\"trusted_keys\": [\"" KEY_A "\"], \"test_signing\": true}", 1, true);
    expect("{\"test_signing\": true, \"trusted_keys\": [\"" KEY_A "\", \"" KEY_B "\"]}", 2, true);
    /* The same key twice is one. */
    expect("{\"trusted_keys\": [\"" KEY_A "\", \"" KEY_A "\"]}", 1, false);
}

static void test_key_files(void **state)
{
    (void)state;
    char text[4096];

    support_write_text(folder, "here.pub", "# one\n" KEY_A " lab 3\n");
    support_write_text(folder, "keys/there.pub", KEY_B "\n");
    snprintf(text, sizeof(text), "{\"trusted_keys\": [\"here.pub\", \"%s/keys/there.pub\"]}",
             folder);
    expect(text, 2, false);
}

static void test_folder(void **state)
{
    (void)state;
    support_write_text(folder, "trusted.d/b.pub", KEY_B);
    support_write_text(folder, "trusted.d/a.pub", KEY_A " the first");
    support_write_text(folder, "trusted.d/README", "no key");
    support_write_text(folder, "trusted.d/.hidden.pub", "no key");
    support_write_text(folder, "guest.json", "{}");
    struct trust *trust = load();
    assert_int_equal(trust->key_count, 2);
    assert_string_equal(trust->keys[0].comment, "the first");
    assert_false(trust->test_signing);
    trust_destroy(trust);
    expect("{\"test_signing\": true}", 2, true);

    support_write_text(folder, "trusted.d/c.pub", "# a key will come here\nrubbish\n");
    refuse("{}", "trusted.d/c.pub:2:");
}

static void test_folder_that_is_none(void **state)
{
    (void)state;
    support_write_text(folder, "trusted.d", "x");
    refuse("{}", "trusted.d");
}

static void test_errors_are_placed(void **state)
{
    (void)state;
    refuse("", "guest.json:1:1:");
    refuse("{\n  \"test_signing\": yes }", "guest.json:2:");
    refuse("{} x", "guest.json:1:");
    refuse("[]", "no object");
    refuse("{\"test_signing\": \"no\"}", "must be true or false");
    refuse("{\"test_signing\": 1}", "must be true or false");
    refuse("{\"test-signing\": false}", "\"test-signing\" is not known");
    refuse("{\"trusted_keys\": \"" KEY_A "\"}", "must be an array");
    refuse("{\"trusted_keys\": [\"" KEY_A "\", 5]}", "trusted_keys[1]");
    refuse("{\"trusted_keys\": [\"abc\"]}", "trusted_keys[0]");
    refuse("{\"trusted_keys\": [\"\"]}", "trusted_keys[0]");
    refuse("{\"trusted_keys\": [\"none.pub\"]}", "none.pub");
    refuse("{\"trusted_keys\": [\"" KEY_A "\\u0000\"]}", "NUL");
}

static void test_file_that_cannot_be_read(void **state)
{
    (void)state;
    struct trust *trust;
    struct error err;

    assert_int_equal(mkdir(config, 0755), 0);
    assert_int_equal(trust_load(&trust, &err), -EISDIR);
    assert_int_equal(rmdir(config), 0);
    char *large = malloc(TRUST_CONFIG_LIMIT + 2);
    memset(large, ' ', TRUST_CONFIG_LIMIT + 1);
    large[TRUST_CONFIG_LIMIT + 1] = '\0';
    support_write_text(folder, "guest.json", large);
    free(large);
    assert_int_equal(trust_load(&trust, &err), -EFBIG);
}

static void test_too_many_keys(void **state)
{
    (void)state;
    char *text = calloc(TRUST_MAX_KEYS + 2, 80);
    size_t used = (size_t)sprintf(text, "{\"trusted_keys\": [");

    for (int i = 0; i <= TRUST_MAX_KEYS; i++)
        used += (size_t)sprintf(text + used, "%s\"%064x\"", i ? ", " : "", i);
    strcpy(text + used, "]}");
    refuse(text, "more than 256");
    free(text);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_default_file),
        TEST(test_named_file_is_missing),
        TEST(test_test_signing),
        TEST(test_key_files),
        TEST(test_folder),
        TEST(test_folder_that_is_none),
        TEST(test_errors_are_placed),
        TEST(test_file_that_cannot_be_read),
        TEST(test_too_many_keys),
    };

    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
