/* SPDX-License-Identifier: MIT */
/*
 * Holds a package of a driver store, as the service does for a guest process, until its standard
 * input ends. Usage: hold_package STORE PACKAGE
 */
#include <stdio.h>
#include <unistd.h>

#include "hoststore/store.h"

int main(int argc, char **argv)
{
    struct error err = {0};
    char byte;
    int fd;

    if (argc != 3)
        return 2;
    if (store_hold(argv[1], argv[2], &fd, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    close(fd);
    return 0;
}
