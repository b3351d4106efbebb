/* SPDX-License-Identifier: MIT */
/* fork(2): the child shares nothing with its parent, and the parent notices nothing. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmt/channel.h"
#include "support.h"
#include "util/log.h"

/* Checks in a child cannot use cmocka's: each failure is an exit status of its own. */
#define CHILD_EXPECT(condition)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            _exit(__LINE__ % 200 + 1);                                                             \
    } while (0)

static void wait_for(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fail_msg("the child ended with 0x%x, line %% 200 is %d", (unsigned int)status,
                 WEXITSTATUS(status) - 1);
}

static UINT physical_count(D3DKMT_HANDLE adapter, NTSTATUS *status)
{
    UINT count = 0;
    *status = support_query(adapter, KMTQAITYPE_PHYSICALADAPTERCOUNT, &count, sizeof(count));
    return count;
}

static void child_with_handles(D3DKMT_HANDLE adapter, D3DKMT_HANDLE device)
{
    NTSTATUS status;
    physical_count(adapter, &status);
    CHILD_EXPECT(status == STATUS_INVALID_PARAMETER);
    const D3DKMT_CLOSEADAPTER close_args = {adapter};
    CHILD_EXPECT(D3DKMTCloseAdapter(&close_args) == STATUS_INVALID_PARAMETER);
    const D3DKMT_DESTROYDEVICE destroy_args = {device};
    CHILD_EXPECT(D3DKMTDestroyDevice(&destroy_args) == STATUS_INVALID_PARAMETER);

    D3DKMT_OPENADAPTERFROMLUID open_args = {{FAKE_LUID_LOW(0), FAKE_LUID_HIGH}, 0};
    CHILD_EXPECT(D3DKMTOpenAdapterFromLuid(&open_args) == STATUS_SUCCESS);
    CHILD_EXPECT(physical_count(open_args.hAdapter, &status) == 2);
    CHILD_EXPECT(status == STATUS_SUCCESS);
    const D3DKMT_CLOSEADAPTER own = {open_args.hAdapter};
    CHILD_EXPECT(D3DKMTCloseAdapter(&own) == STATUS_SUCCESS);
    _exit(0);
}

static void the_child_has_its_own_connection(void **state)
{
    D3DKMT_HANDLE adapter = support_open();
    D3DKMT_HANDLE device = support_create_device(adapter);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child)
        child_with_handles(adapter, device);
    wait_for(child);

    NTSTATUS status;
    assert_int_equal(physical_count(adapter, &status), 2);
    assert_status(status, STATUS_SUCCESS);
    const D3DKMT_DESTROYDEVICE destroy = {device};
    assert_status(D3DKMTDestroyDevice(&destroy), STATUS_SUCCESS);
    support_close(adapter);
    assert_int_equal(fake_host_connections(*state), 2);
}

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* The parent's descriptors of its channels are closed in the child, and only those. */
static void the_child_holds_no_copy(void **state)
{
    struct kmt_channel *channels[3];
    support_close(support_open()); /* the fourth: the process' own */
    for (int i = 0; i < 3; i++)
        assert_status(kmt_channel_create(fake_host_uri(*state), &channels[i], NULL),
                      STATUS_SUCCESS);
    int before = count_descriptors();
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        CHILD_EXPECT(count_descriptors() == before - 4);
        CHILD_EXPECT(!kmt_channel_check(channels[0]));
        for (int i = 0; i < 3; i++)
            kmt_channel_unref(channels[i]);
        CHILD_EXPECT(count_descriptors() == before - 4);
        _exit(0);
    }
    wait_for(child);
    for (int i = 0; i < 3; i++) {
        assert_true(kmt_channel_check(channels[i]));
        kmt_channel_unref(channels[i]);
    }
}

/* Forks while other threads are in the middle of requests: no child hangs, no request fails. */
static atomic_bool stop;

static void *ask_until_stopped(void *argument)
{
    D3DKMT_HANDLE adapter = *(D3DKMT_HANDLE *)argument;
    uintptr_t failures = 0;
    while (!atomic_load(&stop)) {
        NTSTATUS status;
        failures += physical_count(adapter, &status) != 2;
    }
    return (void *)failures;
}

static void forks_amid_requests(void **state)
{
    (void)state;
    enum { THREADS = 3, FORKS = 20 };
    D3DKMT_HANDLE adapter = support_open();
    pthread_t threads[THREADS];
    atomic_store(&stop, false);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_until_stopped, &adapter), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (!child)
            child_with_handles(adapter, adapter);
        wait_for(child);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        void *failures;
        pthread_join(threads[i], &failures);
        assert_ptr_equal(failures, NULL);
    }
    support_close(adapter);
}

/* A child of a child. */
static void generations(void **state)
{
    (void)state;
    D3DKMT_HANDLE adapter = support_open();
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        D3DKMT_OPENADAPTERFROMLUID args = {{FAKE_LUID_LOW(1), FAKE_LUID_HIGH}, 0};
        CHILD_EXPECT(D3DKMTOpenAdapterFromLuid(&args) == STATUS_SUCCESS);
        pid_t grandchild = fork();
        CHILD_EXPECT(grandchild >= 0);
        if (!grandchild)
            child_with_handles(args.hAdapter, adapter);
        int status;
        CHILD_EXPECT(waitpid(grandchild, &status, 0) == grandchild && status == 0);
        NTSTATUS answer;
        CHILD_EXPECT(physical_count(args.hAdapter, &answer) == 2);
        _exit(0);
    }
    wait_for(child);
    support_close(adapter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        host_test(the_child_has_its_own_connection),
        host_test(the_child_holds_no_copy),
        host_test(forks_amid_requests),
        host_test(generations),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
