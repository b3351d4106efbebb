/* SPDX-License-Identifier: MIT */
/* What the kernel tells of a worker, out of a procfs that the test writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/worker_usage.h"

#define PID 4321

static char proc[] = "/tmp/gpupv-proc-XXXXXX";

static void path_of(const char *name, char path[256])
{
    snprintf(path, 256, "%s/%d%s%s", proc, PID, *name ? "/" : "", name);
}

static void write_file(const char *name, const char *text)
{
    char path[256];
    path_of(name, path);
    FILE *stream = fopen(path, "we");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    fclose(stream);
}

static int make(void **state)
{
    (void)state;
    char path[256];
    if (!mkdtemp(proc))
        return -1;
    path_of("", path);
    if (mkdir(path, 0700))
        return -1;
    path_of("fdinfo", path);
    return mkdir(path, 0700);
}

static int remove_all(void **state)
{
    static const char *const names[] = {"fdinfo/0", "fdinfo/3", "fdinfo/4", "fdinfo/5",
                                        "fdinfo/6", "fdinfo",   "statm",    "stat"};
    (void)state;
    char path[256];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_of(names[i], path);
        if (remove(path) && errno != ENOENT)
            return -1;
    }
    path_of("", path);
    return rmdir(path) || rmdir(proc);
}

static void test_memory_and_time(void **state)
{
    (void)state;
    struct worker_usage usage;
    char line[256];
    long ticks = sysconf(_SC_CLK_TCK);
    write_file("statm", "5000 300 200 10 0 400 0\n");
    /* A name that looks like fields. */
    snprintf(line, sizeof(line),
             "%d (a) R 1 2) S 1 2 3 0 -1 4194304 100 0 0 0 %ld %ld 7 8 20 0 9 0 123\n", PID,
             3 * ticks, ticks / 2);
    write_file("stat", line);
    worker_usage_read(proc, PID, &usage);
    assert_int_equal(usage.memory, 300 * sysconf(_SC_PAGESIZE));
    assert_int_equal(usage.cpu_ms, 3500);
    assert_false(usage.has_gpu);
    assert_int_equal(usage.gpu_ms, 0);
}

static void test_gpu(void **state)
{
    (void)state;
    struct worker_usage usage;
    write_file("fdinfo/0", "pos:\t0\nflags:\t02\nmnt_id:\t5\n");
    worker_usage_read(proc, PID, &usage);
    assert_false(usage.has_gpu);
    write_file("fdinfo/3", "pos:\t0\ndrm-driver:\tamdgpu\ndrm-client-id:\t7\n"
                           "drm-pdev:\t0000:03:00.0\ndrm-engine-gfx:\t5000000000 ns\n"
                           "drm-engine-compute:\t20000000 ns\ndrm-engine-capacity-compute:\t4\n"
                           "drm-memory-vram:\t4096 KiB\n");
    /* The same client once more, another one, and one of another device with its number. */
    write_file("fdinfo/4", "drm-client-id:\t7\ndrm-pdev:\t0000:03:00.0\n"
                           "drm-engine-gfx:\t5000000000 ns\n");
    write_file("fdinfo/5", "drm-client-id:\t8\ndrm-pdev:\t0000:03:00.0\n"
                           "drm-engine-gfx:\t1000000 ns\n");
    write_file("fdinfo/6", "drm-client-id:\t7\ndrm-pdev:\t0000:04:00.0\n"
                           "drm-engine-gfx:\t300000000 ns\n");
    worker_usage_read(proc, PID, &usage);
    assert_true(usage.has_gpu);
    assert_int_equal(usage.gpu_ms, 5000 + 20 + 1 + 300);
}

static void test_strange_files(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\n",
                                        "x",
                                        "4321 (",
                                        "4321 (a) S 1 2",
                                        "drm-client-id:\ndrm-engine-gfx\ndrm-engine-: ns\n"};
    struct worker_usage usage;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_file("stat", texts[i]);
        write_file("statm", texts[i]);
        for (char name[] = "fdinfo/3"; name[7] <= '6'; name[7]++)
            write_file(name, texts[i]);
        worker_usage_read(proc, PID, &usage);
        assert_int_equal(usage.memory, 0);
        assert_int_equal(usage.cpu_ms, 0);
        assert_false(usage.has_gpu);
    }
    worker_usage_read(proc, PID + 1, &usage);
    assert_int_equal(usage.memory, 0);
}

static void test_this_process(void **state)
{
    (void)state;
    struct worker_usage usage;
    worker_usage_read("/proc", getpid(), &usage);
    assert_true(usage.memory > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_and_time),
        cmocka_unit_test(test_gpu),
        cmocka_unit_test(test_strange_files),
        cmocka_unit_test(test_this_process),
    };
    return cmocka_run_group_tests(tests, make, remove_all);
}
