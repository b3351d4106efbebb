/* SPDX-License-Identifier: MIT */
/* The name under which libdxg installs this header. */
#include "../d3dukmdt.h"
