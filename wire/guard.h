/* SPDX-License-Identifier: MIT */
/*
 * The private-data guard: private data that crosses must hold no pointer and no handle of the
 * process that sends it (WDDM GPU-PV, "Driver private data passed through DDI").
 *
 * Refused: an 8-byte word at any 4-byte offset whose value lies in a mapped range of this process,
 * and a 4-byte word at any 4-byte offset that is a live handle. Thread-safe as far as the handle
 * test is.
 *
 * In a 32-bit process the structures that cross hold pointers in 8-byte words too, and those are
 * refused likewise. A 4-byte word can be an address there, but so much of the 4 GiB is mapped that
 * numbers, floating-point ones among them, often look like one: it is never refused. GUARD_WARN
 * logs it, GUARD_ENFORCE logs it at the debug level.
 */
#ifndef GPUPV_WIRE_GUARD_H
#define GPUPV_WIRE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* GUARD_STRICT, for guests alone: as GUARD_ENFORCE, and the streams of gpupv's driver are searched
 * (guard_find_address, umd/umd_stream_guard.c). */
enum guard_mode { GUARD_OFF = 0, GUARD_WARN = 1, GUARD_ENFORCE = 2, GUARD_STRICT = 3 };

/* "off", "warn", "enforce" or "strict". 0 or -EINVAL. */
int guard_parse_mode(const char *word, enum guard_mode *mode);

/* Scans `size` bytes, which need not be aligned. `is_handle` may be NULL. Returns 0 if clean,
 * -EPERM with *err naming the offset and the kind of the first finding. In GUARD_WARN the first
 * finding is logged, each time, and 0 returned; in GUARD_OFF nothing is scanned. `what` names the
 * data in messages, e.g. "escape". */
int guard_scan(enum guard_mode mode, const char *what, const void *data, size_t size,
               bool (*is_handle)(void *context, uint32_t handle), void *context, struct error *err);

/* The offset of the first 8-byte word, at a multiple of 8, that is an address of this process; `size`
 * when there is none. For data in which pointers can lie nowhere else: structures as they are in
 * memory. In a 32-bit process, where numbers look like addresses, nothing is found. */
size_t guard_find_address(const void *data, size_t size);

/* The host's scan of what it returns: `data` as it is now, `before` as the guest sent it, both of
 * `size` bytes. Words that nobody changed are passed over: they tell the guest nothing that it did
 * not know, and to judge them would tell it which addresses the host has mapped. */
int guard_scan_changes(enum guard_mode mode, const char *what, const void *before,
                       const void *data, size_t size, struct error *err);

#endif
