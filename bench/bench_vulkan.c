/* SPDX-License-Identifier: MIT */
/*
 * bench_vulkan [NAME...]
 *
 * What Vulkan costs on the driver that the loader finds: prints a line `NAME VALUE UNIT` for each
 * measurement (of those whose names begin with one of the arguments; default: all). Names that end
 * in .call tell what the calling thread pays, those in .done what it takes until the device has
 * done it. bench/run runs it on the host's driver and in a guest, in turn, and compares.
 */
#include "bench_vulkan.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void bench_check(VkResult result, const char *what)
{
    if (result == VK_SUCCESS)
        return;
    fprintf(stderr, "bench_vulkan: %s: VkResult %d\n", what, result);
    exit(1);
}

void bench_print(const char *name, double value, const char *unit)
{
    printf("%s %.6g %s\n", name, value, unit);
    fflush(stdout);
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

double bench_quantile(double *values, size_t count, double quantile)
{
    qsort(values, count, sizeof(*values), compare);
    size_t index = (size_t)(quantile * (double)(count - 1) + 0.5);
    return values[index];
}

static bool is_wanted(const char *name, char **names, int count)
{
    for (int i = 0; i < count; i++)
        if (!strncmp(name, names[i], strlen(names[i])))
            return true;
    return count == 0;
}

/* A whole process that opens a device and ends: this program, with no measurement. */
static void whole_process(void)
{
    enum { COUNT = 9 };
    double values[COUNT];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (int i = -1; i < COUNT; i++) {
        char name[] = "bench_vulkan", none[] = "none";
        char *const arguments[] = {name, none, NULL};
        pid_t pid;
        int status;
        double start = bench_now();
        if (posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environ) != 0 ||
            waitpid(pid, &status, 0) != pid || status != 0) {
            fprintf(stderr, "bench_vulkan: the whole process failed\n");
            exit(1);
        }
        if (i >= 0)
            values[i] = (bench_now() - start) * 1e3;
    }
    posix_spawn_file_actions_destroy(&actions);
    bench_print("start.process", bench_quantile(values, COUNT, 0.5), "ms");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct bench *bench);
    } groups[] = {
        {"record", bench_record}, {"objects", bench_objects}, {"memory", bench_memory},
        {"submit", bench_submit}, {"work", bench_work},       {"pipeline", bench_pipelines},
    };
    struct bench bench = {0};
    if (is_wanted("start", argv + 1, argc - 1))
        whole_process();
    bench_start(&bench);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (is_wanted(groups[i].name, argv + 1, argc - 1))
            groups[i].run(&bench);
    bench_finish(&bench);
    return 0;
}
