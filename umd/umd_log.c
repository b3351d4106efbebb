/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "umd/umd.h"
#include "umd/umd_adapter.h"

void umd_log(enum gpupv_umd_log_level level, const char *format, ...)
{
    const struct gpupv_umd_callbacks *callbacks = umd_callbacks();
    char text[1024];
    va_list args;

    if (!callbacks)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    callbacks->Log(level, text);
}
