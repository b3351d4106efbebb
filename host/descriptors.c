/* SPDX-License-Identifier: MIT */
#include "host/descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool descriptors_pass(int fd)
{
    int domain = 0;
    socklen_t size = sizeof(domain);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

/* False when one had to be closed that should be kept. */
static bool keep(struct descriptor_list *list, struct cmsghdr *head)
{
    bool all = true;
    size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(head) + i * sizeof(fd), sizeof(fd));
        if (list && list->count < MAX_DESCRIPTORS) {
            list->fds[list->count++] = fd;
            continue;
        }
        close(fd);
        all = list == NULL;
    }
    return all;
}

ssize_t descriptor_list_receive(struct descriptor_list *list, int fd, void *data, size_t size)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {data, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return -errno;
    bool all = !(message.msg_flags & MSG_CTRUNC) || !list;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS)
            all &= keep(list, at);
    }
    return all ? got : -EPROTO;
}

int descriptor_list_take(struct descriptor_list *list)
{
    if (!list->count)
        return -1;
    int fd = list->fds[0];
    list->count--;
    memmove(list->fds, list->fds + 1, list->count * sizeof(*list->fds));
    return fd;
}

void descriptor_list_close(struct descriptor_list *list)
{
    while (list->count)
        close(list->fds[--list->count]);
}

ssize_t descriptor_send(int fd, const uint8_t *data, size_t size, int descriptor)
{
    struct iovec part = {(void *)data, size};
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &descriptor, sizeof(descriptor));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}
