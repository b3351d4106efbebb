/* SPDX-License-Identifier: MIT */
#include "host/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/file.h"

void listener_init(struct listener *listener)
{
    *listener = (struct listener){-1, -1, NULL};
}

static int make_folder_of(const char *path, struct error *err)
{
    char *copy = strdup(path);
    if (!copy)
        return error_set(err, -ENOMEM, "out of memory");
    int result = file_make_folders(dirname(copy), 0755, err);
    free(copy);
    return result;
}

/* --- The lock --- */

static char *lock_path(const char *path)
{
    char *name = NULL;
    return asprintf(&name, "%s.lock", path) < 0 ? NULL : name;
}

/* The holder writes its process number into the file, for this message alone. */
static int refuse(int fd, const char *path, struct error *err)
{
    char text[32] = "";
    ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
    text[got > 0 ? strcspn(text, "\n") : 0] = '\0';
    return error_set(err, -EADDRINUSE,
                     "another gpupvd%s%s uses the socket %s; stop it, or name another socket",
                     *text ? ", process " : "", text, path);
}

static bool is_still_there(int fd, const char *name)
{
    struct stat ours, theirs;
    return fstat(fd, &ours) == 0 && stat(name, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
           ours.st_dev == theirs.st_dev;
}

/* A service that stops removes its lock file. Who had opened it before, and locks it after, holds a
 * lock on nothing: hence the loop. */
static int take_lock(const char *path, int *lock_fd, struct error *err)
{
    char *name = lock_path(path);
    if (!name)
        return error_set(err, -ENOMEM, "out of memory");
    int result;
    for (;;) {
        int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0) {
            result = error_set(err, -errno, "cannot open %s: %s", name, strerror(errno));
            break;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            result = errno == EWOULDBLOCK
                         ? refuse(fd, path, err)
                         : error_set(err, -errno, "cannot lock %s: %s", name, strerror(errno));
            close(fd);
            break;
        }
        if (is_still_there(fd, name)) {
            char text[32];
            int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());
            if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)length, 0) < 0)
                errno = 0; /* the number is for a message only */
            *lock_fd = fd;
            result = 0;
            break;
        }
        close(fd);
    }
    free(name);
    return result;
}

static void drop_lock(const char *path, int lock_fd)
{
    char *name = lock_path(path);
    if (name) {
        unlink(name);
        free(name);
    }
    close(lock_fd);
}

/* --- The socket --- */

static bool somebody_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    /* EAGAIN: the queue of a living listener is full. */
    bool answered =
        connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;
    close(fd);
    return answered;
}

/* With the lock held, a socket that nobody listens on was left by a service that died. */
static int remove_stale(const char *path, const struct sockaddr_un *address, struct error *err)
{
    struct stat info;
    if (lstat(path, &info) < 0)
        return errno == ENOENT
                   ? 0
                   : error_set(err, -errno, "cannot stat %s: %s", path, strerror(errno));
    if (!S_ISSOCK(info.st_mode))
        return error_set(err, -EEXIST, "%s exists and is not a socket; move it away", path);
    if (somebody_listens(address))
        return error_set(err, -EADDRINUSE,
                         "another program listens on %s; stop it, or name another socket", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set(err, -errno, "cannot remove the stale socket %s: %s", path,
                         strerror(errno));
    return 0;
}

/* The mode is set before the name exists, so that nobody gets in who should not; the umask may
 * then have taken too much away. */
static int bind_and_listen(int fd, const char *path, const struct sockaddr_un *address, mode_t mode,
                           struct error *err)
{
    if (fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        return error_set(err, -errno, "cannot bind %s: %s", path, strerror(errno));
    if (chmod(path, mode) < 0 || listen(fd, SOMAXCONN) < 0) {
        int code = -errno;
        unlink(path);
        return error_set(err, code, "cannot listen on %s: %s", path, strerror(-code));
    }
    return 0;
}

int listener_open(struct listener *listener, const char *path, mode_t mode, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(err, -ENAMETOOLONG, "the path of the socket %s is too long", path);
    strcpy(address.sun_path, path);

    int lock_fd = -1, result = make_folder_of(path, err);
    if (result)
        return result;
    result = take_lock(path, &lock_fd, err);
    if (result)
        return result;
    result = remove_stale(path, &address, err);
    if (result)
        goto out_lock;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        result = error_set(err, -errno, "cannot make a socket: %s", strerror(errno));
        goto out_lock;
    }
    result = bind_and_listen(fd, path, &address, mode, err);
    if (result)
        goto out_socket;
    listener->path = strdup(path);
    if (!listener->path) {
        result = error_set(err, -ENOMEM, "out of memory");
        goto out_name;
    }
    listener->fd = fd;
    listener->lock_fd = lock_fd;
    return 0;

out_name:
    unlink(path);
out_socket:
    close(fd);
out_lock:
    drop_lock(path, lock_fd);
    return result;
}

int listener_adopt(struct listener *listener, int fd, struct error *err)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return error_set(err, -errno, "the socket that was passed cannot be used: %s",
                         strerror(errno));
    listener->fd = fd;
    return 0;
}

void listener_finish(struct listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->path) {
        unlink(listener->path);
        drop_lock(listener->path, listener->lock_fd);
        free(listener->path);
    }
    listener_init(listener);
}
