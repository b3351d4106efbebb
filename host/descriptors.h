/* SPDX-License-Identifier: MIT */
/* Descriptors that travel beside the bytes of a Unix socket's stream. */
#ifndef GPUPV_HOST_DESCRIPTORS_H
#define GPUPV_HOST_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/rights.h"

/* Those that have come and that no message has taken yet, the oldest first; the list owns them. */
#define MAX_DESCRIPTORS RIGHTS_MAX
struct descriptor_list {
    int fds[MAX_DESCRIPTORS];
    size_t count;
};

/* Whether a stream passes descriptors. */
bool descriptors_pass(int fd);

/* Reads what is there, without waiting, and keeps what descriptors come with it; with a NULL list
 * they are closed. The bytes; 0 at the end; -EPROTO: there were too many descriptors; a negative
 * errno. */
ssize_t descriptor_list_receive(struct descriptor_list *list, int fd, void *data, size_t size);
/* The oldest, which is the caller's then, or -1. */
int descriptor_list_take(struct descriptor_list *list);
void descriptor_list_close(struct descriptor_list *list);

/* Sends what fits, without waiting, and a descriptor with it unless it is -1. As sendmsg(2). */
ssize_t descriptor_send(int fd, const uint8_t *data, size_t size, int descriptor);

#endif
