/* SPDX-License-Identifier: MIT */
/* The first exchange of a channel. */
#ifndef GPUPV_KMT_HELLO_H
#define GPUPV_KMT_HELLO_H

#include "kmt/channel.h"

/* Says hello on a channel that just connected and fills the host's half of *info. Statuses as
 * kmt_channel_create. */
NTSTATUS kmt_hello(struct kmt_channel *channel, struct kmt_channel_info *info, struct error *err);

#endif
