/* SPDX-License-Identifier: MIT */
/* What the fake worker tries in its sandbox (fake_worker_sandbox.c). */
#ifndef GPUPV_TESTS_HOST_FAKE_WORKER_H
#define GPUPV_TESTS_HOST_FAKE_WORKER_H

/* "open PATH" and so on. 0, or the errno that it got. */
int sandbox_try(const char *what);

/* The sandbox finds a kernel that does not tell anybody what a process tries. */
void sandbox_take_notification(void);

#endif
