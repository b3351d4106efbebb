/* SPDX-License-Identifier: MIT */
/*
 * Opens what lies below a folder, and nothing else: no symbolic link is followed, no ".." accepted,
 * whoever changes the folder meanwhile. Private to hoststore. Thread-safe.
 *
 * The kernel does it in one step (openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, since Linux
 * 5.6). Where it refuses to - an older kernel (ENOSYS), a sandbox whose seccomp filter does not
 * know the call (ENOSYS or EPERM), a kernel that does not know one of the flags (E2BIG, EINVAL) -
 * the path is walked component by component with O_NOFOLLOW, which gives the same files and refuses
 * the same links in more system calls.
 */
#ifndef GPUPV_HOSTSTORE_OPEN_BENEATH_H
#define GPUPV_HOSTSTORE_OPEN_BENEATH_H

/* `path` is relative and passes store_path_check_relative, else -EPERM. `flags` are those of
 * open(2) without O_CREAT; O_CLOEXEC and O_NOFOLLOW are added. A descriptor or a negative errno:
 * -ELOOP or -ENOTDIR for a link on the way, -ELOOP for one at the end. */
int open_beneath(int folder, const char *path, int flags);

#endif
