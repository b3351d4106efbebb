/* SPDX-License-Identifier: MIT */
/* CreateThread and JoinThread of struct gpupv_umd_callbacks. */
#ifndef GPUPV_LOADER_UMD_THREADS_H
#define GPUPV_LOADER_UMD_THREADS_H

void *umd_thread_create(void (*run)(void *data), void *data);
void umd_thread_join(void *thread);

#endif
