/* SPDX-License-Identifier: MIT */
/* Finds the known word that a mistyped one most likely stands for. */
#ifndef GPUPV_HOST_NEAR_NAME_H
#define GPUPV_HOST_NEAR_NAME_H

#include <stddef.h>

/* The nearest of `known` by the number of letters to change, or NULL when none is near. */
const char *near_name(const char *word, const char *const *known, size_t count);

#endif
