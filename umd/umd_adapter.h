/* SPDX-License-Identifier: MIT */
/* Adapters that the shim has opened for this driver. */
#ifndef GPUPV_UMD_ADAPTER_H
#define GPUPV_UMD_ADAPTER_H

#include "umd/umd.h"

/* The shim's functions; NULL before the first adapter is opened. */
const struct gpupv_umd_callbacks *umd_callbacks(void);

/* The same when they are all there; NULL: the shim is too old for windows. */
const struct gpupv_umd_callbacks *umd_window_callbacks(void);

/* What is known of the adapter's device, fetched from the host on first need by the stream that
 * open(data) gives. Belongs to the adapter. Thread-safe. */
VkResult umd_adapter_facts(struct umd_adapter *adapter, struct umd_stream *(*open)(void *data),
                           void *data, const struct umd_facts **facts);

#endif
