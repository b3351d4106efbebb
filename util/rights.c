/* SPDX-License-Identifier: MIT */
#include "util/rights.h"

#include <string.h>
#include <unistd.h>

void rights_attach(struct msghdr *message, union rights_control *control, const int *fds,
                   size_t count)
{
    if (!count)
        return;
    memset(control, 0, sizeof(*control));
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(count * sizeof(*fds));
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(*fds));
    memcpy(CMSG_DATA(head), fds, count * sizeof(*fds));
}

void rights_expect(struct msghdr *message, union rights_control *control, size_t room)
{
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(room * sizeof(int));
}

bool rights_take(struct msghdr *message, int *fds, size_t room, size_t *count)
{
    bool all = true;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        size_t came = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < came; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(at) + i * sizeof(fd), sizeof(fd));
            if (*count < room) {
                fds[(*count)++] = fd;
            } else {
                close(fd);
                all = false;
            }
        }
    }
    return all;
}
