/* SPDX-License-Identifier: MIT */
/* What the shim lends to drivers for window systems: libraries and threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "fake_kmt.h"
#include "gpupv/ntstatus.h"
#include "gpupv/umd.h"
#include "loader/umd.h"

static void every_function_is_there(void **state)
{
    void *functions[sizeof(umd_callbacks) / sizeof(void *)];
    size_t first = offsetof(struct gpupv_umd_callbacks, QueryAdapterInfo) / sizeof(void *);

    (void)state;
    memcpy(functions, &umd_callbacks, sizeof(functions));
    assert_int_equal(umd_callbacks.size, sizeof(umd_callbacks));
    for (size_t i = first; i < sizeof(functions) / sizeof(functions[0]); i++)
        assert_non_null(functions[i]);
}

static void libraries_are_opened_by_name(void **state)
{
    double (*cosine)(double);
    void *library = umd_callbacks.OpenLibrary("libm.so.6");
    void *symbol;

    (void)state;
    assert_non_null(library);
    symbol = umd_callbacks.LibrarySymbol(library, "cos");
    assert_non_null(symbol);
    memcpy(&cosine, &symbol, sizeof(symbol));
    assert_true(cosine(0) == 1);
    assert_null(umd_callbacks.LibrarySymbol(library, "gpupv_there_is_no_such_function"));
    assert_null(umd_callbacks.OpenLibrary("libgpupv-there-is-no-such-library.so.1"));
    assert_ptr_equal(umd_callbacks.OpenLibrary("libm.so.6"), library);
}

struct seen {
    pthread_t thread;
    sigset_t mask;
    int runs;
};

static void run(void *data)
{
    struct seen *seen = data;

    seen->thread = pthread_self();
    pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    seen->runs++;
}

/* The program's signals are not for the driver's threads, and its own mask stays as it is. */
static void threads_take_no_signals(void **state)
{
    struct seen seen[3] = {0};
    void *threads[3];
    sigset_t before, after;

    (void)state;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (int i = 0; i < 3; i++) {
        threads[i] = umd_callbacks.CreateThread(run, &seen[i]);
        assert_non_null(threads[i]);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 0; i < 3; i++) {
        umd_callbacks.JoinThread(threads[i]);
        assert_int_equal(seen[i].runs, 1);
        assert_false(pthread_equal(seen[i].thread, pthread_self()));
        assert_int_equal(sigismember(&seen[i].mask, SIGUSR1), 1);
        assert_int_equal(sigismember(&seen[i].mask, SIGTERM), 1);
        assert_int_equal(sigismember(&seen[i].mask, SIGCHLD), 1);
    }
    assert_int_equal(sigismember(&after, SIGUSR2), 1);
    assert_int_equal(sigismember(&after, SIGUSR1), 0);
}

static void memory_is_lent_by_the_thunks(void **state)
{
    uint64_t offset, size;
    int fd = -1;

    (void)state;
    assert_int_equal(umd_callbacks.ShareMemory(&fd, sizeof(fd), &fd, &offset, &size),
                     STATUS_NOT_SUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_is_there),
        cmocka_unit_test(libraries_are_opened_by_name),
        cmocka_unit_test(threads_take_no_signals),
        cmocka_unit_test(memory_is_lent_by_the_thunks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
