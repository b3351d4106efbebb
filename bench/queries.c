/* SPDX-License-Identifier: MIT */
/*
 * queries [SECONDS [CLIENTS]]
 *
 * Registry queries through the thunks (GPUPV_HOST names the service): the time of one query of one
 * client (p50, p99), and the queries per second of 1, 2 … CLIENTS client processes. For scale, a
 * bare round trip of one byte over a socket pair between two processes is measured in the same run.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "gpupv/d3dkmthk.h"

#define MAX_SAMPLES 2000000

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static D3DKMT_HANDLE open_adapter(void)
{
    D3DKMT_ADAPTERINFO adapters[16];
    D3DKMT_ENUMADAPTERS2 list = {.NumAdapters = 16, .pAdapters = adapters};
    NTSTATUS status = D3DKMTEnumAdapters2(&list);
    if (status != STATUS_SUCCESS || list.NumAdapters == 0) {
        fprintf(stderr, "queries: no adapter (status 0x%08x); is GPUPV_HOST right?\n",
                (unsigned)status);
        exit(1);
    }
    return adapters[0].hAdapter;
}

static void query(D3DKMT_HANDLE adapter)
{
    struct {
        D3DDDI_QUERYREGISTRY_INFO info;
        uint8_t room[4096];
    } data = {
        .info = {.QueryType = D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH},
    };
    D3DKMT_QUERYADAPTERINFO args = {
        .hAdapter = adapter,
        .Type = KMTQAITYPE_QUERYREGISTRY,
        .pPrivateDriverData = &data,
        .PrivateDriverDataSize = sizeof(data),
    };
    if (D3DKMTQueryAdapterInfo(&args) != STATUS_SUCCESS) {
        fprintf(stderr, "queries: a query failed\n");
        exit(1);
    }
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void print_times(const char *what, uint64_t *samples, size_t count)
{
    qsort(samples, count, sizeof(*samples), compare);
    printf("%-28s p50 %7.1f us   p99 %7.1f us   (%zu samples)\n", what,
           (double)samples[count / 2] / 1e3, (double)samples[count * 99 / 100] / 1e3, count);
}

static double bare_round_trips(uint64_t *samples, uint64_t length)
{
    int pair[2];
    char byte = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        while (read(pair[1], &byte, 1) == 1 && write(pair[1], &byte, 1) == 1)
            ;
        _exit(0);
    }
    close(pair[1]);
    size_t count = 0;
    uint64_t end = now_ns() + length;
    for (uint64_t start; (start = now_ns()) < end && count < MAX_SAMPLES; count++) {
        if (write(pair[0], &byte, 1) != 1 || read(pair[0], &byte, 1) != 1)
            exit(1);
        samples[count] = now_ns() - start;
    }
    close(pair[0]);
    waitpid(pid, NULL, 0);
    print_times("bare socket round trip", samples, count);
    return (double)samples[count / 2];
}

static double one_client(uint64_t *samples, uint64_t length)
{
    D3DKMT_HANDLE adapter = open_adapter();
    size_t count = 0;
    uint64_t end = now_ns() + length;
    for (uint64_t start; (start = now_ns()) < end && count < MAX_SAMPLES; count++) {
        query(adapter);
        samples[count] = now_ns() - start;
    }
    D3DKMT_CLOSEADAPTER close_args = {.hAdapter = adapter};
    D3DKMTCloseAdapter(&close_args);
    print_times("one registry query", samples, count);
    return (double)samples[count / 2];
}

static void many_clients(int clients, uint64_t length, uint64_t *counts)
{
    fflush(stdout);
    for (int i = 0; i < clients; i++) {
        if (fork() != 0)
            continue;
        D3DKMT_HANDLE adapter = open_adapter();
        uint64_t count = 0, end = now_ns() + length;
        for (; now_ns() < end; count++)
            query(adapter);
        counts[i] = count;
        _exit(0);
    }
    uint64_t total = 0;
    for (int i = 0; i < clients; i++)
        wait(NULL);
    for (int i = 0; i < clients; i++)
        total += counts[i];
    printf("%3d clients: %9.0f queries/s\n", clients, (double)total / ((double)length * 1e-9));
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 2.0;
    int most = argc > 2 ? atoi(argv[2]) : 64;
    uint64_t length = (uint64_t)(seconds * 1e9);
    uint64_t *samples = malloc(MAX_SAMPLES * sizeof(*samples));
    uint64_t *counts = mmap(NULL, 4096 * sizeof(*counts), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!samples || counts == MAP_FAILED || most < 1 || most > 4096 || seconds <= 0) {
        fprintf(stderr, "usage: queries [SECONDS [CLIENTS]]\n");
        return 2;
    }
    double bare = bare_round_trips(samples, length);
    double one = one_client(samples, length);
    printf("a query costs %.2f bare round trips\n", one / bare);
    for (int clients = 1; clients <= most; clients *= 4)
        many_clients(clients, length, counts);
    free(samples);
    return 0;
}
