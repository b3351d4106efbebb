/* SPDX-License-Identifier: MIT */
/* Descriptors that go along with the bytes of a Unix socket's message (SCM_RIGHTS). */
#ifndef GPUPV_UTIL_RIGHTS_H
#define GPUPV_UTIL_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define RIGHTS_MAX 8u /* descriptors of one message */

/* Room for them; lives as long as the message is in use. */
union rights_control {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(RIGHTS_MAX * sizeof(int))];
};

/* Sends `count` descriptors, RIGHTS_MAX at most, with the message; none changes nothing. */
void rights_attach(struct msghdr *message, union rights_control *control, const int *fds,
                   size_t count);

/* Makes room for at least `room` descriptors, RIGHTS_MAX at most, of a message to be received. */
void rights_expect(struct msghdr *message, union rights_control *control, size_t room);
/* Adds those that came to fds, which has *count of `room` places taken; the caller owns them. False
 * when some found no place: they are closed. */
bool rights_take(struct msghdr *message, int *fds, size_t room, size_t *count);

#endif
