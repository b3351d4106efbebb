/* SPDX-License-Identifier: MIT */
/*
 * Stands in for the service's control socket: answers each question {"op":"NAME"} with the contents
 * of FOLDER/NAME.json, or with what FOLDER/raw holds, if it is there. Where there is a
 * FOLDER/NAME.next, that is the answer from then on. Ends when its standard input ends. Usage:
 * fake_service SOCKET FOLDER
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int open_answer(const char *folder, const char *question)
{
    char path[512], next[512], op[64];
    int fd;

    snprintf(path, sizeof(path), "%s/raw", folder);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (sscanf(question, "{\"op\":\"%63[a-z]\"}", op) != 1)
        return -1;
    snprintf(path, sizeof(path), "%s/%s.json", folder, op);
    snprintf(next, sizeof(next), "%s/%s.next", folder, op);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    (void)rename(next, path);
    return fd;
}

static void answer(int client, const char *folder)
{
    char question[256], buffer[4096];
    ssize_t size = 0, n;
    int fd;

    do {
        n = read(client, question + size, sizeof(question) - 1 - (size_t)size);
        size += n > 0 ? n : 0;
    } while (n > 0 && !memchr(question, '\n', (size_t)size));
    question[size] = '\0';
    fd = open_answer(folder, question);
    while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0) {
        if (send(client, buffer, (size_t)n, MSG_NOSIGNAL) != n)
            break;
    }
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (argc != 3 || strlen(argv[1]) >= sizeof(name.sun_path) || listener < 0)
        return 2;
    strcpy(name.sun_path, argv[1]);
    if (bind(listener, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(listener, 8) < 0) {
        perror(argv[1]);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd fds[2] = {{.fd = listener, .events = POLLIN},
                                {.fd = STDIN_FILENO, .events = POLLIN}};

        if (poll(fds, 2, -1) < 0)
            return 1;
        if (fds[1].revents)
            return 0;
        if (fds[0].revents) {
            int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

            if (client >= 0) {
                answer(client, argv[2]);
                close(client);
            }
        }
    }
}
