/* SPDX-License-Identifier: MIT */
/*
 * store_copy PACKAGE PATH FILE [ROUNDS]
 *
 * Reads a file of the host's driver store through the thunks (GPUPV_HOST names the service), part by
 * part as `gpupv guest run` does, without writing it: MB/s, the best and the median of ROUNDS. For
 * scale, the same bytes are read with pread(2) from FILE, the same file on this machine.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gpupv/kmt.h"

#define BLOCK (256u * 1024u)
#define MAX_ROUNDS 100

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t read_host(const char *package, const char *path, void *block)
{
    uint64_t done = 0;
    for (;;) {
        size_t size = BLOCK;
        NTSTATUS status = gpupv_kmt_store_read(package, path, done, block, &size, NULL);
        if (status != STATUS_SUCCESS) {
            fprintf(stderr, "store_copy: the host does not give %s: 0x%08x\n", path,
                    (unsigned)status);
            exit(1);
        }
        if (!size)
            return done;
        done += size;
    }
}

static uint64_t read_file(const char *file, void *block)
{
    uint64_t done = 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    for (ssize_t got; fd >= 0 && (got = pread(fd, block, BLOCK, (off_t)done)) > 0;)
        done += (uint64_t)got;
    if (fd < 0 || !done) {
        perror(file);
        exit(1);
    }
    close(fd);
    return done;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a > b ? -1 : a < b;
}

static void print_rates(const char *what, double *rates, int rounds)
{
    qsort(rates, (size_t)rounds, sizeof(*rates), compare);
    printf("%-28s best %8.0f MB/s   median %8.0f MB/s\n", what, rates[0], rates[rounds / 2]);
}

int main(int argc, char **argv)
{
    int rounds = argc > 4 ? atoi(argv[4]) : 5;
    double rates[MAX_ROUNDS], local[MAX_ROUNDS];
    void *block = malloc(BLOCK);
    if (argc < 4 || !block || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: store_copy PACKAGE PATH FILE [ROUNDS]\n");
        return 2;
    }
    read_host(argv[1], argv[2], block); /* into the page cache, and connected */
    for (int i = 0; i < rounds; i++) {
        double start = now_s();
        uint64_t size = read_host(argv[1], argv[2], block);
        double middle = now_s();
        if (read_file(argv[3], block) != size) {
            fprintf(stderr, "store_copy: %s has another size\n", argv[3]);
            return 1;
        }
        rates[i] = (double)size / (middle - start) / 1e6;
        local[i] = (double)size / (now_s() - middle) / 1e6;
    }
    print_rates("pread of the same file", local, rounds);
    print_rates("through the thunks", rates, rounds);
    free(block);
    return 0;
}
