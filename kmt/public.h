/* SPDX-License-Identifier: MIT */
/* Marks what libgpupv_kmt.so exports; everything else is hidden by the build. */
#ifndef GPUPV_KMT_PUBLIC_H
#define GPUPV_KMT_PUBLIC_H

#define KMT_PUBLIC __attribute__((visibility("default")))

#endif
