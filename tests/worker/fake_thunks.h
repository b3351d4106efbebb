/* SPDX-License-Identifier: MIT */
/* Thunks of a UMD that need no host: devices and contexts are the number 1, words are waited for
 * with futexes. */
#ifndef GPUPV_TESTS_WORKER_FAKE_THUNKS_H
#define GPUPV_TESTS_WORKER_FAKE_THUNKS_H

#include "gpupv/umd.h"

/* Sets `size`, and the functions for devices, contexts, waiting and waking; the others stay. */
void fake_thunks_fill(struct gpupv_umd_callbacks *callbacks);

#endif
