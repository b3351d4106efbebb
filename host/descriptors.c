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

ssize_t descriptor_list_receive(struct descriptor_list *list, int fd, void *data, size_t size)
{
    union rights_control control;
    struct iovec part = {data, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    rights_expect(&message, &control, MAX_DESCRIPTORS);
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return -errno;
    size_t none = 0;
    if (!list) {
        rights_take(&message, NULL, 0, &none);
        return got;
    }
    bool all = rights_take(&message, list->fds, MAX_DESCRIPTORS, &list->count);
    return all && !(message.msg_flags & MSG_CTRUNC) ? got : -EPROTO;
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
    union rights_control control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    rights_attach(&message, &control, &descriptor, descriptor >= 0);
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}
