/* SPDX-License-Identifier: MIT */
/*
 * A process that adds and removes packages is killed again and again, after a random time: what the
 * store shows afterwards is whole packages only.
 */
#include "support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hoststore/store.h"
#include "util/log.h"

#define ROUNDS 60
#define LONGEST_LIFE_US 30000

/* Adds and removes two packages until it is killed. */
static void churn(const char *root, const char *manifest)
{
    static const struct store_add_options options[] = {{.name = "one"}, {.name = "two"}};
    log_set_level(LOG_LEVEL_ERROR);
    for (unsigned i = 0;; i++) {
        struct store_package package;
        struct error err = {""};
        bool added;
        if (store_add_manifest(root, manifest, &options[i % 2], &package, &added, &err)) {
            fprintf(stderr, "%s\n", err.text);
            _exit(1);
        }
        if (i % 3 == 2)
            (void)store_remove(root, package.folder_name, NULL);
        store_package_finish(&package);
    }
}

static size_t check_store(const char *root)
{
    struct store_package *list;
    size_t count;
    struct error err = {""};
    assert_int_equal(store_list(root, &list, &count, &err), 0);
    /* Nothing but packages is visible. */
    int visible = support_count(root, STORE_REPOSITORY);
    assert_int_equal(count, visible < 0 ? 0 : visible);
    for (size_t i = 0; i < count; i++) {
        if (store_verify(root, list[i].folder_name, &err))
            fail_msg("%s", err.text);
        store_package_finish(&list[i]);
    }
    free(list);
    return count;
}

static void killed_writers_leave_whole_packages(void **state)
{
    (void)state;
    char *folder = support_folder();
    char *root = support_path(folder, "DriverStore");
    char *manifest = support_path(folder, "drv.json");
    support_copy(folder, "libdrv.so", support_library());
    support_write_text(folder, "drv.json",
                       "{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":"
                       "\"./libdrv.so\",\"api_version\":\"1.3.0\"}}");
    srandom((unsigned)time(NULL));
    size_t seen = 0;
    for (int i = 0; i < ROUNDS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (!child)
            churn(root, manifest);
        usleep((useconds_t)(random() % LONGEST_LIFE_US));
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        seen += check_store(root);
    }

    /* The store is usable after all that. */
    struct store_package package;
    bool added;
    assert_int_equal(store_add_manifest(root, manifest, NULL, &package, &added, NULL), 0);
    store_package_finish(&package);
    assert_true(check_store(root) >= 1);
    print_message("%zu packages were met in %d rounds\n", seen, ROUNDS);
    free(root);
    free(manifest);
    support_delete(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_writers_leave_whole_packages),
    };
    return cmocka_run_group_tests_name("hoststore killed writers", tests, NULL, NULL);
}
