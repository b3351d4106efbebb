/* SPDX-License-Identifier: MIT */
/* Key files, signature files, and whether a signature fits a catalog. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hoststore/sign.h"
#include "util/file.h"

#define CATALOG "{ \"catalog_version\": 1 }\n"
/* RFC 8032, section 7.1, test 1. */
#define RFC_PUBLIC "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define RFC_SECRET "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"

struct fixture {
    char *folder, *path;
    struct secret_key key, other;
};

static void make_key(struct fixture *fixture, const char *name, struct secret_key *key)
{
    char *path = support_path(fixture->folder, "%s", name);
    struct public_key public;
    struct error err, warning;

    assert_int_equal(secret_key_generate(path, "a test's key", &public, &err), 0);
    assert_int_equal(secret_key_load(path, key, &warning, &err), 0);
    assert_string_equal(warning.text, "");
    assert_string_equal(key->public.id, public.id);
    assert_memory_equal(key->public.bytes, public.bytes, PUBLIC_KEY_SIZE);
    free(path);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fixture->folder = support_folder();
    fixture->path = support_path(fixture->folder, "key");
    make_key(fixture, "key", &fixture->key);
    make_key(fixture, "other", &fixture->other);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    secret_key_finish(&fixture->key);
    secret_key_finish(&fixture->other);
    support_delete(fixture->folder);
    free(fixture->path);
    free(fixture);
    return 0;
}

/* --- Keys --- */

static void test_key_files(void **state)
{
    struct fixture *fixture = *state;
    struct stat info;
    struct public_key public;
    struct error err;

    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    char *public_path = support_path(fixture->folder, "key.pub");
    assert_int_equal(stat(public_path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0644);
    assert_int_equal(public_key_load(public_path, &public, &err), 0);
    assert_string_equal(public.id, fixture->key.public.id);
    assert_string_equal(public.comment, "a test's key");
    assert_string_not_equal(public.id, fixture->other.public.id);
    free(public_path);
    /* Two keys with their public halves, and nothing that was left behind. */
    assert_int_equal(support_count(fixture->folder, "."), 4);
}

static void test_key_is_never_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct public_key public;
    struct secret_key key;
    struct error err, warning;

    assert_int_equal(secret_key_generate(fixture->path, NULL, &public, &err), -EEXIST);
    assert_non_null(strstr(err.text, fixture->path));
    /* Only the secret half is there: nothing is made, and no public half is left. */
    char *public_path = support_path(fixture->folder, "key.pub");
    assert_int_equal(unlink(public_path), 0);
    assert_int_equal(secret_key_generate(fixture->path, NULL, &public, &err), -EEXIST);
    assert_false(support_exists(fixture->folder, "key.pub"));
    free(public_path);
    assert_int_equal(secret_key_load(fixture->path, &key, &warning, &err), 0);
    assert_string_equal(key.public.id, fixture->key.public.id);
    assert_int_equal(support_count(fixture->folder, "."), 3);
}

static void test_key_in_no_folder(void **state)
{
    struct fixture *fixture = *state;
    struct public_key public;
    struct error err;
    char *path = support_path(fixture->folder, "none/key");

    assert_int_equal(secret_key_generate(path, NULL, &public, &err), -ENOENT);
    free(path);
}

static void test_mode_of_a_secret_key(void **state)
{
    struct fixture *fixture = *state;
    struct secret_key key;
    struct error err, warning;

    assert_int_equal(chmod(fixture->path, 0640), 0);
    assert_int_equal(secret_key_load(fixture->path, &key, &warning, &err), 0);
    assert_non_null(strstr(warning.text, "0640"));
    assert_non_null(strstr(warning.text, fixture->path));
    assert_int_equal(chmod(fixture->path, 0400), 0);
    assert_int_equal(secret_key_load(fixture->path, &key, &warning, &err), 0);
    assert_string_equal(warning.text, "");
}

static int parse_public(const char *text, struct public_key *key, struct error *err)
{
    return public_key_parse("k.pub", text, strlen(text), key, err);
}

static void test_public_key_texts(void **state)
{
    (void)state;
    struct public_key key;
    struct error err;

    assert_int_equal(parse_public(RFC_PUBLIC, &key, &err), 0);
    assert_int_equal(key.bytes[0], 0xd7);
    assert_string_equal(key.comment, "");
    assert_int_equal(
        parse_public("# one\r\n\n11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= lab 3 \r\n", &key,
                     &err),
        0);
    assert_int_equal(key.bytes[31], 0x1a);
    assert_string_equal(key.comment, "lab 3");
}

static void refuse_public(const char *text, const char *message)
{
    struct public_key key;
    struct error err = {""};

    assert_int_equal(parse_public(text, &key, &err), -EINVAL);
    if (!strstr(err.text, message))
        print_error("%s\n", err.text);
    assert_non_null(strstr(err.text, message));
}

static void test_public_keys_that_are_none(void **state)
{
    (void)state;
    refuse_public("", "no key");
    refuse_public("# nothing\n\n", "no key");
    refuse_public("# a\nrubbish\n", "k.pub:2:");
    refuse_public(RFC_PUBLIC "00", "k.pub:1:");
    refuse_public(RFC_PUBLIC "\n" RFC_PUBLIC "\n", "k.pub:2: a key file holds one key");
    refuse_public("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", "k.pub:1:");
    refuse_public("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURp=", "k.pub:1:");
    refuse_public(RFC_PUBLIC " a\x01z", "comment");
    refuse_public(RFC_PUBLIC " a\xffz", "comment");
    /* The secret key of another program must not end in a guest's configuration. */
    refuse_public(RFC_SECRET RFC_PUBLIC, "this is a secret key");
}

static int load_secret(struct fixture *fixture, const char *text, struct error *err)
{
    struct secret_key key;
    struct error warning;
    char *path = support_path(fixture->folder, "made");

    support_write_text(fixture->folder, "made", text);
    int result = secret_key_load(path, &key, &warning, err);
    free(path);
    return result;
}

static void test_secret_key_texts(void **state)
{
    struct error err;

    assert_int_equal(load_secret(*state, RFC_SECRET RFC_PUBLIC "\n", &err), 0);
    assert_int_equal(load_secret(*state, RFC_SECRET RFC_SECRET "\n", &err), -EINVAL);
    assert_non_null(strstr(err.text, "damaged"));
    assert_int_equal(load_secret(*state, RFC_PUBLIC "\n", &err), -EINVAL);
    assert_non_null(strstr(err.text, "this is a public key"));
    assert_int_equal(load_secret(*state, "", &err), -EINVAL);
}

/* --- Signatures --- */

static struct signature sign(const struct secret_key *key, const char *catalog)
{
    struct signature signature;

    assert_int_equal(secret_key_sign(key, catalog, strlen(catalog), &signature), 0);
    return signature;
}

static int check(const struct signature *signature, const struct secret_key *key,
                 const char *catalog)
{
    return signature_check(signature, &key->public, catalog, strlen(catalog));
}

static void test_sign_and_check(void **state)
{
    struct fixture *fixture = *state;
    struct signature signature = sign(&fixture->key, CATALOG), altered = signature;

    assert_int_equal(check(&signature, &fixture->key, CATALOG), 0);
    assert_int_equal(check(&signature, &fixture->key, CATALOG " "), -EBADMSG);
    assert_int_equal(check(&signature, &fixture->key, ""), -EBADMSG);
    assert_int_equal(check(&signature, &fixture->other, CATALOG), -EBADMSG);
    /* Another key's id on it does not help. */
    memcpy(altered.key_id, fixture->other.public.id, sizeof(altered.key_id));
    assert_int_equal(check(&altered, &fixture->other, CATALOG), -EBADMSG);
    for (size_t i = 0; i < SIGNATURE_SIZE; i++) {
        altered = signature;
        altered.bytes[i] ^= 1;
        assert_int_equal(check(&altered, &fixture->key, CATALOG), -EBADMSG);
    }
}

/* What is signed is not the catalog alone, so that a signature of the same bytes that was made for
 * something else does not pass. */
static void test_message_has_a_domain(void **state)
{
    (void)state;
    uint8_t *message;
    size_t size;

    assert_int_equal(signature_message("abc", 3, &message, &size), 0);
    assert_int_equal(size, sizeof(SIGNATURE_DOMAIN) + 3);
    assert_memory_equal(message, SIGNATURE_DOMAIN "\0abc", size);
    free(message);
    assert_int_equal(signature_message("", CATALOG_MAX_SIZE + 1ull, &message, &size), -EFBIG);
}

static struct signature_set two(const struct fixture *fixture)
{
    return (struct signature_set){
        .items = {sign(&fixture->key, CATALOG), sign(&fixture->other, CATALOG)}, .count = 2};
}

static void test_signature_file(void **state)
{
    struct fixture *fixture = *state;
    struct signature_set set = two(fixture), again = {.count = 0};
    char text[SIGNATURE_FILE_LIMIT], same[SIGNATURE_FILE_LIMIT];
    size_t size = signature_format(&set, text);

    assert_int_equal(size, strlen(text));
    assert_int_equal(signature_parse("s", text, size, &again, NULL), 0);
    assert_int_equal(again.count, 2);
    assert_int_equal(signature_format(&again, same), size);
    assert_string_equal(text, same);
    assert_non_null(signature_find(&again, fixture->other.public.id));
    assert_null(signature_find(&again, "0000000000000000"));
}

static void test_truncated_signature_file(void **state)
{
    struct signature_set set = two(*state), parsed = {.count = 77};
    char text[SIGNATURE_FILE_LIMIT];
    size_t size = signature_format(&set, text), lines = 0;

    for (size_t cut = 0; cut < size; cut++) {
        struct error err = {""};
        int result = signature_parse("s", text, cut, &parsed, &err);
        if (result == 0) { /* cut behind the first of the two lines */
            assert_int_equal(parsed.count, 1);
            parsed.count = 77;
            lines++;
        } else {
            assert_int_equal(result, -EINVAL);
            assert_non_null(strstr(err.text, "s:"));
            assert_int_equal(parsed.count, 77);
        }
    }
    assert_int_equal(lines, 1);
}

static void refuse_file(const char *text, size_t size, const char *message)
{
    struct signature_set set;
    struct error err = {""};

    assert_true(signature_parse("s", text, size, &set, &err) < 0);
    if (!strstr(err.text, message))
        print_error("%s\n", err.text);
    assert_non_null(strstr(err.text, message));
}

static void test_trailing_bytes(void **state)
{
    struct signature_set set = two(*state);
    char text[SIGNATURE_FILE_LIMIT + 8];
    size_t size = signature_format(&set, text);

    strcpy(text + size, "\n");
    refuse_file(text, size + 1, "s:4:");
    text[size] = '\0';
    refuse_file(text, size + 1, "s:4: the line is cut short");
    strcpy(text + size, "x");
    refuse_file(text, size + 1, "s:4:");
}

static void test_wrong_signature_files(void **state)
{
    struct fixture *fixture = *state;
    struct signature_set set = two(fixture);
    char text[SIGNATURE_FILE_LIMIT], *line;

    refuse_file("gpupv-signature 2\n", 18, "s:1:");
    refuse_file("gpupv-signature 1\n", 18, "no signature");
    set.items[1] = set.items[0];
    refuse_file(text, signature_format(&set, text), "signs twice");
    set = two(fixture);
    size_t size = signature_format(&set, text);
    line = strchr(text, '\n') + 1;
    line[0] = 'A'; /* ids are lower-case */
    refuse_file(text, size, "s:2:");
    size = signature_format(&set, text);
    line[16] = '\t';
    refuse_file(text, size, "s:2:");
    size = signature_format(&set, text);
    line[20] = '!';
    refuse_file(text, size, "s:2:");
    /* Found by fuzzing: libsodium takes this byte for a digit. */
    size = signature_format(&set, text);
    line[17 + 21] = (char)0xb9;
    refuse_file(text, size, "s:2:");
    char *large = calloc(1, SIGNATURE_FILE_LIMIT + 1);
    refuse_file(large, SIGNATURE_FILE_LIMIT + 1, "at most");
    free(large);
}

static void test_full_signature_file(void **state)
{
    struct fixture *fixture = *state;
    struct signature_set set = {.count = SIGNATURE_MAX_COUNT}, again;
    char text[SIGNATURE_FILE_LIMIT];

    for (size_t i = 0; i < set.count; i++) {
        set.items[i] = sign(&fixture->key, CATALOG);
        snprintf(set.items[i].key_id, KEY_ID_SIZE, "%016zx", i);
    }
    size_t size = signature_format(&set, text);
    assert_int_equal(signature_parse("s", text, size, &again, NULL), 0);
    assert_int_equal(again.count, SIGNATURE_MAX_COUNT);
    /* One more line. */
    char *line = strchr(text, '\n') + 1;
    size_t length = (size_t)(strchr(line, '\n') + 1 - line);
    memcpy(text + size, line, length);
    text[size] = 'f';
    refuse_file(text, size + length, "at most 16");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_key_files),
        TEST(test_key_is_never_replaced),
        TEST(test_key_in_no_folder),
        TEST(test_mode_of_a_secret_key),
        TEST(test_public_key_texts),
        TEST(test_public_keys_that_are_none),
        TEST(test_secret_key_texts),
        TEST(test_sign_and_check),
        TEST(test_message_has_a_domain),
        TEST(test_signature_file),
        TEST(test_truncated_signature_file),
        TEST(test_trailing_bytes),
        TEST(test_wrong_signature_files),
        TEST(test_full_signature_file),
    };

    return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
