/* SPDX-License-Identifier: MIT */
#include "tools/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/output.h"

static int connect_error(const char *path, int error, struct error *err)
{
    switch (error) {
    case ENOENT:
    case ECONNREFUSED:
        return error_set(err, -ECONNREFUSED,
                         "no service answers at the control socket %s: %s; start it with "
                         "\"systemctl start gpupvd\", or name its configuration with --config",
                         path, strerror(error));
    case EACCES:
    case EPERM:
        return error_set(err, -EACCES,
                         "this user may not use the control socket %s; run the command as root or "
                         "as the user that the service runs as",
                         path);
    default:
        return error_set(err, -error, "cannot connect to the control socket %s: %s", path,
                         strerror(error));
    }
}

static int open_socket(const char *path, int *fd, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval timeout = {.tv_sec = CONTROL_TIMEOUT_S};
    int error;

    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(
            err, -ENAMETOOLONG,
            "the control socket's path %s is too long: a socket's path has at most %zu "
            "bytes; set a shorter one as control= in the configuration",
            path, sizeof(address.sun_path) - 1);
    strcpy(address.sun_path, path);

    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return error_set(err, -errno, "cannot make a socket: %s", strerror(errno));
    setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return 0;
    error = errno;
    close(*fd);
    return connect_error(path, error, err);
}

static int io_error(const char *path, int error, struct error *err)
{
    if (error == EAGAIN || error == EWOULDBLOCK)
        return error_set(err, -ETIMEDOUT,
                         "the service at %s did not answer within %d seconds; its log (journalctl "
                         "-u gpupvd) may tell why",
                         path, CONTROL_TIMEOUT_S);
    return error_set(err, -error, "the connection to %s broke: %s", path, strerror(error));
}

static int send_question(int fd, const char *path, const char *op, struct error *err)
{
    char line[64];
    int size = snprintf(line, sizeof(line), "{\"op\":\"%s\"}\n", op);

    for (int sent = 0; sent < size;) {
        ssize_t n = send(fd, line + sent, (size_t)(size - sent), MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_error(path, errno, err);
        sent += (int)n;
    }
    return 0;
}

/* Reads until the service closes or the line ends. */
static int receive_answer(int fd, const char *path, char **text, size_t *size, struct error *err)
{
    size_t capacity = 0;

    *text = NULL;
    *size = 0;
    for (;;) {
        ssize_t n;

        if (*size == capacity) {
            char *larger;

            capacity = capacity ? 2 * capacity : 16384;
            if (capacity > CONTROL_MAX_ANSWER)
                return error_set(err, -EPROTO, "the answer of the service at %s is over %d MiB",
                                 path, CONTROL_MAX_ANSWER >> 20);
            larger = realloc(*text, capacity);
            if (!larger)
                return error_set(err, -ENOMEM, "no memory for the service's answer");
            *text = larger;
        }
        n = recv(fd, *text + *size, capacity - *size, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_error(path, errno, err);
        if (n == 0 || memchr(*text + *size, '\n', (size_t)n)) {
            *size += (size_t)n;
            return 0;
        }
        *size += (size_t)n;
    }
}

static int parse_answer(const char *path, const char *text, size_t size, json_object **answer,
                        struct error *err)
{
    json_tokener *tokener = json_tokener_new();
    const char *reason;

    if (!tokener)
        return error_set(err, -ENOMEM, "no memory for the service's answer");
    *answer = json_tokener_parse_ex(tokener, text, (int)size);
    json_tokener_free(tokener);
    if (!json_object_is_type(*answer, json_type_object)) {
        json_object_put(*answer);
        return error_set(err, -EPROTO,
                         "what listens at %s did not answer with JSON; is it gpupv's service?",
                         path);
    }
    if (json_boolean(*answer, "ok"))
        return 0;
    reason = json_text(*answer, "error");
    error_set(err, -EREMOTEIO, "the service at %s reports: %s", path,
              reason ? reason : "an error without a text");
    json_object_put(*answer);
    return -EREMOTEIO;
}

int control_ask(const char *path, const char *op, json_object **answer, struct error *err)
{
    char *text = NULL;
    size_t size;
    int fd = -1, result;

    *answer = NULL;
    result = open_socket(path, &fd, err);
    if (result < 0)
        return result;
    result = send_question(fd, path, op, err);
    if (result < 0)
        goto close_socket;
    result = receive_answer(fd, path, &text, &size, err);
    if (result < 0)
        goto free_text;
    result = parse_answer(path, text, size, answer, err);
free_text:
    free(text);
close_socket:
    close(fd);
    return result;
}

json_object *control_find_adapter(json_object *answer, const char *name)
{
    json_object *adapters = json_array(answer, "adapters");

    for (size_t i = 0; adapters && i < json_object_array_length(adapters); i++) {
        json_object *adapter = json_object_array_get_idx(adapters, i);
        const char *text = json_text(adapter, "name");

        if (text && strcmp(text, name) == 0)
            return adapter;
    }
    return NULL;
}
