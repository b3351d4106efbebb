/* SPDX-License-Identifier: MIT */
/*
 * What a fork(2) of the application means for the thunks: the child shares no stream with its
 * parent. Its copies of the descriptors are closed before it runs on, nothing is sent, and it knows
 * no handle. A fork never waits for the host: the lock below is held only while a descriptor is
 * made, listed or closed, never during a request.
 */
#ifndef GPUPV_KMT_FORK_H
#define GPUPV_KMT_FORK_H

/* Registers the handlers, once. 0 or -ENOMEM. */
int kmt_fork_register(void);

/* Between these no other thread can fork with a copy of a descriptor that no list knows. */
void kmt_fork_hold_off(void);
void kmt_fork_allow(void);

#endif
