/* SPDX-License-Identifier: MIT */
/* What the shim lends to drivers that know gpupv: the thunks, sleeping, the log, libraries, threads. */
#include <dlfcn.h>

#include "gpupv/kmt.h"
#include "loader/umd.h"
#include "loader/umd_threads.h"
#include "util/log.h"

static void log_line(enum gpupv_umd_log_level level, const char *message)
{
    static const enum log_level levels[] = {
        [GPUPV_UMD_LOG_ERROR] = LOG_LEVEL_ERROR,
        [GPUPV_UMD_LOG_WARNING] = LOG_LEVEL_WARNING,
        [GPUPV_UMD_LOG_INFO] = LOG_LEVEL_INFO,
        [GPUPV_UMD_LOG_DEBUG] = LOG_LEVEL_DEBUG,
    };
    bool known = (size_t)level < sizeof(levels) / sizeof(levels[0]);

    log_message(known ? levels[level] : LOG_LEVEL_DEBUG, "umd", __FILE__, __LINE__, "%s", message);
}

static int search(const void *data, size_t size, int with_handles, size_t *offset)
{
    return (int)gpupv_kmt_guard(data, size, with_handles, offset);
}

static void *open_library(const char *name)
{
    return dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

const struct gpupv_umd_callbacks umd_callbacks = {
    .size = sizeof(umd_callbacks),
    .QueryAdapterInfo = D3DKMTQueryAdapterInfo,
    .Escape = D3DKMTEscape,
    .CreateDevice = D3DKMTCreateDevice,
    .DestroyDevice = D3DKMTDestroyDevice,
    .CreateContextVirtual = D3DKMTCreateContextVirtual,
    .DestroyContext = D3DKMTDestroyContext,
    .CreateAllocation2 = D3DKMTCreateAllocation2,
    .DestroyAllocation2 = D3DKMTDestroyAllocation2,
    .Lock2 = D3DKMTLock2,
    .Unlock2 = D3DKMTUnlock2,
    .CreateHwQueue = D3DKMTCreateHwQueue,
    .DestroyHwQueue = D3DKMTDestroyHwQueue,
    .SubmitCommandToHwQueue = D3DKMTSubmitCommandToHwQueue,
    .QueryVideoMemoryInfo = D3DKMTQueryVideoMemoryInfo,
    .Wait = gpupv_kmt_wait,
    .Wake = gpupv_kmt_wake,
    .Log = log_line,
    .Guard = search,
    .OpenLibrary = open_library,
    .LibrarySymbol = dlsym,
    .CreateThread = umd_thread_create,
    .JoinThread = umd_thread_join,
    .ShareMemory = gpupv_kmt_share_memory,
};
