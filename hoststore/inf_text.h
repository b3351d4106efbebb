/* SPDX-License-Identifier: MIT */
/* Private to hoststore: the steps of inf_parse. */
#ifndef GPUPV_HOSTSTORE_INF_TEXT_H
#define GPUPV_HOSTSTORE_INF_TEXT_H

#include "hoststore/inf.h"

/* A file's bytes as UTF-8 with a NUL behind, malloc'ed. */
int inf_decode(const char *name, const void *data, size_t size, char **text, size_t *text_size,
               struct error *err);
/* Fills the sections from the text; nothing is replaced yet. */
int inf_scan(struct inf *inf, const char *text, size_t size, struct error *err);
/* Replaces %NAME% everywhere but in the strings' own sections. */
int inf_replace_strings(struct inf *inf, struct error *err);

#endif
