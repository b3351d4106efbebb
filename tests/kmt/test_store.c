/* SPDX-License-Identifier: MIT */
/* The store's functions: pages, parts, and what a broken host may say. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "util/log.h"

static const struct wire_hello_reply version_2 = {
    .version = 2,
    .version_min = 1,
    .version_max = 2,
    .max_message = WIRE_MAX_MESSAGE,
    .guard_mode = 2,
    .host_version = "fake",
};

static int start(void **state)
{
    *state = fake_host_start();
    fake_host_set_hello(*state, STATUS_SUCCESS, &version_2);
    return 0;
}

static void packages_come_page_by_page(void **state)
{
    struct gpupv_kmt_store *store;
    assert_status(gpupv_kmt_store_list(&store), STATUS_SUCCESS);
    assert_int_equal(store->copy_mode, 2);
    assert_string_equal(store->root, "/store");
    assert_int_equal(store->count, 5);
    assert_string_equal(store->packages[0].name, "pack0");
    assert_string_equal(store->packages[4].name, "pack4");
    assert_int_equal(store->packages[4].size, 1004);
    assert_int_equal(store->packages[4].catalog_size, 10);
    free(store);
    assert_int_equal(fake_host_requests(*state, WIRE_STORE_LIST), 3);
    assert_status(gpupv_kmt_store_list(NULL), STATUS_INVALID_PARAMETER);
    fake_host_reply_once(*state, WIRE_STORE_LIST, STATUS_NO_MEMORY, NULL, 0);
    assert_status(gpupv_kmt_store_list(&store), STATUS_NO_MEMORY);
}

static void files_come_in_parts(void **state)
{
    uint8_t bytes[2000];
    struct gpupv_kmt_store_file file;
    size_t size = 100;
    assert_status(gpupv_kmt_store_read("pack0", "a/b", 50, bytes, &size, &file), STATUS_SUCCESS);
    assert_int_equal(size, 100);
    assert_int_equal(bytes[0], 50);
    assert_int_equal(bytes[99], 149);
    assert_int_equal(file.size, 1000);
    assert_int_equal(file.modified_sec, 1234567890);
    assert_int_equal(file.modified_nsec, 5);
    assert_int_equal(file.executable, 1);
    struct {
        struct wire_store_read_request head;
        char names[8];
    } request;
    assert_int_equal(fake_host_last(*state, WIRE_STORE_READ, &request, sizeof(request)),
                     sizeof(request));
    assert_int_equal(request.head.package_size, 5);
    assert_int_equal(request.head.path_size, 3);
    assert_memory_equal(request.names, "pack0a/b", 8);

    size = sizeof(bytes);
    assert_status(gpupv_kmt_store_read("p", "a", 990, bytes, &size, NULL), STATUS_SUCCESS);
    assert_int_equal(size, 10);
    size = sizeof(bytes);
    assert_status(gpupv_kmt_store_read("p", "a", 1000, bytes, &size, NULL), STATUS_SUCCESS);
    assert_int_equal(size, 0);
    size = 0;
    assert_status(gpupv_kmt_store_read("p", "a", 0, NULL, &size, &file), STATUS_SUCCESS);
    assert_int_equal(file.size, 1000);
    const NTSTATUS refusals[] = {STATUS_NOT_SUPPORTED, STATUS_OBJECT_NAME_NOT_FOUND,
                                 STATUS_OBJECT_NAME_INVALID, STATUS_UNSUCCESSFUL};
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        fake_host_reply_once(*state, WIRE_STORE_READ, refusals[i], NULL, 0);
        assert_status(gpupv_kmt_store_read("p", "a", 0, NULL, &size, &file), refusals[i]);
    }
}

static void bad_arguments_never_leave(void **state)
{
    uint8_t byte;
    size_t size = 1;
    char *longest = calloc(1, 4097);
    assert_non_null(longest);
    memset(longest, 'x', 4096);
    assert_status(gpupv_kmt_store_read(NULL, "a", 0, &byte, &size, NULL), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_store_read("p", NULL, 0, &byte, &size, NULL), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_store_read("", "a", 0, &byte, &size, NULL), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_store_read("p", "", 0, &byte, &size, NULL), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_store_read("p", "a", 0, NULL, &size, NULL), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_store_read("p", "a", 0, &byte, NULL, NULL), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_store_read("p", longest, 0, &byte, &size, NULL),
                  STATUS_INVALID_PARAMETER);
    longest[256] = '\0';
    assert_status(gpupv_kmt_store_read(longest, "a", 0, &byte, &size, NULL),
                  STATUS_INVALID_PARAMETER);
    free(longest);
    assert_int_equal(fake_host_requests(*state, WIRE_STORE_READ), 0);
    struct gpupv_kmt_copy_rules *rules;
    assert_status(gpupv_kmt_store_rules(0, 0, &rules), STATUS_INVALID_PARAMETER);
    assert_status(gpupv_kmt_store_rules(support_open(), 0, NULL), STATUS_INVALID_PARAMETER);
    assert_int_equal(fake_host_requests(*state, WIRE_STORE_RULES), 0);
}

static void rules_come_page_by_page(void **state)
{
    struct gpupv_kmt_copy_rules *rules;
    D3DKMT_HANDLE adapter = support_open();
    assert_status(gpupv_kmt_store_rules(adapter, 7, &rules), STATUS_SUCCESS);
    assert_string_equal(rules->package, "pack");
    assert_int_equal(rules->count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_string_equal(rules->rules[i].source, "a/b.c");
        assert_string_equal(rules->rules[i].target, "xy");
        assert_int_equal(rules->rules[i].when_newer, i & 1);
        assert_int_equal(rules->rules[i].wow64, i >> 1);
    }
    free(rules);
    struct wire_store_rules_request request;
    fake_host_last(*state, WIRE_STORE_RULES, &request, sizeof(request));
    assert_int_equal(request.adapter, adapter);
    assert_int_equal(request.physical_adapter, 7);
    assert_int_equal(request.start, 2);
}

/* A host of version 1 would end the connection on these. */
static void an_old_host_is_not_asked(void **state)
{
    struct wire_hello_reply hello = version_2;
    hello.version = hello.version_max = 1;
    fake_host_set_hello(*state, STATUS_SUCCESS, &hello);
    struct gpupv_kmt_store *store;
    struct gpupv_kmt_copy_rules *rules;
    size_t size = 0;
    assert_status(gpupv_kmt_store_list(&store), STATUS_NOT_SUPPORTED);
    assert_status(gpupv_kmt_store_read("p", "a", 0, NULL, &size, NULL), STATUS_NOT_SUPPORTED);
    assert_status(gpupv_kmt_store_rules(support_open(), 0, &rules), STATUS_NOT_SUPPORTED);
    for (int command = WIRE_STORE_LIST; command < WIRE_COMMAND_END; command++)
        assert_int_equal(fake_host_requests(*state, (enum wire_command)command), 0);
    assert_int_equal(fake_host_connections(*state), 1);
}

static void broken_lists_are_caught(void **state)
{
    struct {
        struct wire_store_list_reply head;
        char root[8];
        struct wire_store_package package;
        char name[8];
    } good = {{1, 1, 1, 6}, "/store", {.name_size = 5}, "pack0"}, copy;
    const size_t whole = sizeof(good);
    struct gpupv_kmt_store *store;
    fake_host_reply_once(*state, WIRE_STORE_LIST, STATUS_SUCCESS, &good, whole);
    assert_status(gpupv_kmt_store_list(&store), STATUS_SUCCESS);
    assert_int_equal(store->count, 1);
    free(store);
    for (size_t size = 0; size < whole; size++) {
        fake_host_reply_once(*state, WIRE_STORE_LIST, STATUS_SUCCESS, &good, size);
        assert_status(gpupv_kmt_store_list(&store), STATUS_DEVICE_REMOVED);
    }
    for (int i = 0; i < 11; i++) {
        copy = good;
        switch (i) {
        case 0:
            copy.head.copy_mode = 3;
            break;
        case 1:
            copy.head.total = UINT32_MAX;
            break;
        case 2:
            copy.head.count = UINT32_MAX;
            break;
        case 3:
            copy.head.count = 2;
            break;
        case 4:
            copy.head.root_size = 0;
            break;
        case 5:
            copy.head.root_size = UINT32_MAX;
            break;
        case 6:
            copy.root[2] = '\xff';
            break;
        case 7:
            copy.package.name_size = 0;
            break;
        case 8:
            copy.package.name_size = UINT32_MAX - 2;
            break;
        case 9:
            copy.package.reserved = 1;
            break;
        case 10:
            copy.name[1] = '\0';
            break;
        }
        fake_host_reply_once(*state, WIRE_STORE_LIST, STATUS_SUCCESS, &copy, whole);
        assert_status(gpupv_kmt_store_list(&store), STATUS_DEVICE_REMOVED);
    }
}

static void broken_parts_are_caught(void **state)
{
    struct {
        struct wire_store_read_reply head;
        uint8_t bytes[8];
    } answer = {.head = {.file_size = 100}};
    uint8_t bytes[8];
    const struct {
        uint64_t offset, file_size;
        uint32_t nsec;
        size_t extra;
    } cases[] = {
        {0, 7, 0, 8},          /* more than the file has */
        {UINT64_MAX, 8, 0, 8}, /* the same, beyond its end */
        {93, 100, 0, 8},
        {0, 100, 1000000000, 8},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t size = 8;
        answer.head.file_size = cases[i].file_size;
        answer.head.modified_nsec = cases[i].nsec;
        fake_host_reply_once(*state, WIRE_STORE_READ, STATUS_SUCCESS, &answer,
                             sizeof(answer.head) + cases[i].extra);
        assert_status(gpupv_kmt_store_read("p", "a", cases[i].offset, bytes, &size, NULL),
                      STATUS_DEVICE_REMOVED);
    }
    /* More than was asked for, and less than the head. */
    size_t size = 7;
    answer.head = (struct wire_store_read_reply){.file_size = 100};
    fake_host_reply_once(*state, WIRE_STORE_READ, STATUS_SUCCESS, &answer, sizeof(answer));
    assert_status(gpupv_kmt_store_read("p", "a", 0, bytes, &size, NULL), STATUS_DEVICE_REMOVED);
    size = 8;
    fake_host_reply_once(*state, WIRE_STORE_READ, STATUS_SUCCESS, &answer, sizeof(answer.head) - 1);
    assert_status(gpupv_kmt_store_read("p", "a", 0, bytes, &size, NULL), STATUS_DEVICE_REMOVED);
    fake_host_spoil(*state, WIRE_STORE_READ, FAULT_DIE_MID_PAYLOAD);
    assert_status(gpupv_kmt_store_read("p", "a", 0, bytes, &size, NULL), STATUS_DEVICE_REMOVED);
    assert_status(gpupv_kmt_store_read("p", "a", 0, bytes, &size, NULL), STATUS_SUCCESS);
}

static void broken_rules_are_caught(void **state)
{
    struct {
        struct wire_store_rules_reply head;
        char package[4];
        struct wire_store_rule rule;
        char names[8];
    } good = {{1, 1, 4, 0}, {'p', 'a', 'c', 'k'}, {0, 5, 2}, "a/b.cxy"}, answer;
    struct gpupv_kmt_copy_rules *rules;
    for (int i = 0; i < 8; i++) {
        size_t size = sizeof(answer);
        answer = good;
        switch (i) {
        case 0:
            answer.head.reserved = 1;
            break;
        case 1:
            answer.head.package_size = 0;
            break;
        case 2:
            answer.rule.flags = 4;
            break;
        case 3:
            answer.rule.source_size = 0;
            break;
        case 4:
            answer.rule.target_size = UINT16_MAX;
            break;
        case 5:
            answer.names[0] = '\xff';
            break;
        case 6:
            size--;
            break;
        case 7:
            answer.head.count = 0;
            break; /* something is left over */
        }
        fake_host_reply_once(*state, WIRE_STORE_RULES, STATUS_SUCCESS, &answer, size);
        assert_status(gpupv_kmt_store_rules(support_open(), 0, &rules), STATUS_DEVICE_REMOVED);
    }
}

int main(void)
{
#define store_test(function) cmocka_unit_test_setup_teardown(function, start, support_stop)
    const struct CMUnitTest tests[] = {
        store_test(packages_come_page_by_page), store_test(files_come_in_parts),
        store_test(bad_arguments_never_leave),  store_test(rules_come_page_by_page),
        store_test(an_old_host_is_not_asked),   store_test(broken_lists_are_caught),
        store_test(broken_parts_are_caught),    store_test(broken_rules_are_caught),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
