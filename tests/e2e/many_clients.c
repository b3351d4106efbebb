/* SPDX-License-Identifier: MIT */
/*
 * many_clients CLIENTS QUERIES SERVICE-PID
 *
 * Starts CLIENTS processes that connect at once and each read the service key's value "Dword"
 * QUERIES times; every answer is checked. Afterwards the service's memory must be back where it
 * was after a first, equal run (the first run fills the allocator's caches).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

#include "gpupv/d3dkmthk.h"

static int query_many(int queries, int start_fd)
{
    char go;
    if (read(start_fd, &go, 1) != 0) /* returns 0 when the parent closes the other end */
        return 1;
    D3DKMT_ADAPTERINFO adapters[16];
    D3DKMT_ENUMADAPTERS2 list = {.NumAdapters = 16, .pAdapters = adapters};
    if (D3DKMTEnumAdapters2(&list) != STATUS_SUCCESS || list.NumAdapters == 0)
        return 2;
    for (int i = 0; i < queries; i++) {
        D3DDDI_QUERYREGISTRY_INFO info = {
            .QueryType = D3DDDI_QUERYREGISTRY_SERVICEKEY,
            .ValueName = L"Dword",
            .ValueType = REG_DWORD,
        };
        D3DKMT_QUERYADAPTERINFO args = {
            .hAdapter = adapters[0].hAdapter,
            .Type = KMTQAITYPE_QUERYREGISTRY,
            .pPrivateDriverData = &info,
            .PrivateDriverDataSize = sizeof(info),
        };
        if (D3DKMTQueryAdapterInfo(&args) != STATUS_SUCCESS || info.OutputDword != 0x12345678)
            return 3;
    }
    return 0;
}

static int run_clients(int clients, int queries)
{
    int start[2];
    if (pipe(start) < 0)
        return -1;
    for (int i = 0; i < clients; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return -1;
        if (pid == 0) {
            close(start[1]);
            _exit(query_many(queries, start[0]));
        }
    }
    close(start[0]);
    close(start[1]);
    int failures = 0;
    for (int i = 0; i < clients; i++) {
        int status;
        if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fprintf(stderr, "a client ended with wait status 0x%x\n", (unsigned)status);
            failures++;
        }
    }
    return failures;
}

/* Private memory of a process, KiB. */
static long memory_of(const char *pid)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    long anonymous = -1;
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "RssAnon: %ld", &anonymous) == 1)
            break;
    fclose(file);
    return anonymous;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: many_clients CLIENTS QUERIES SERVICE-PID\n");
        return 2;
    }
    int clients = atoi(argv[1]), queries = atoi(argv[2]);
    long before = 0;
    for (int round = 0; round < 2; round++) {
        before = memory_of(argv[3]);
        int failures = run_clients(clients, queries);
        if (failures) {
            fprintf(stderr, "%d of %d clients failed in round %d\n", failures, clients, round);
            return 1;
        }
    }
    /* The service drops a client when its socket closes; give it a moment to see the last ones. */
    long after = 0;
    for (int tries = 0; tries < 50; tries++) {
        after = memory_of(argv[3]);
        if (before > 0 && after <= before + 512)
            break;
        usleep(100000);
    }
    printf("%d clients, %d queries each, twice: all answered; service memory %ld KiB before, %ld "
           "KiB after\n",
           clients, queries, before, after);
    return before > 0 && after <= before + 512 ? 0 : 1;
}
