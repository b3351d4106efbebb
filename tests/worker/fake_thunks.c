/* SPDX-License-Identifier: MIT */
#include "tests/worker/fake_thunks.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static NTSTATUS create_device(D3DKMT_CREATEDEVICE *args)
{
    args->hDevice = 1;
    return STATUS_SUCCESS;
}

static NTSTATUS create_context(D3DKMT_CREATECONTEXTVIRTUAL *args)
{
    args->hContext = 1;
    return STATUS_SUCCESS;
}

static NTSTATUS destroy_device(CONST D3DKMT_DESTROYDEVICE *args)
{
    (void)args;
    return STATUS_SUCCESS;
}

static NTSTATUS destroy_context(CONST D3DKMT_DESTROYCONTEXT *args)
{
    (void)args;
    return STATUS_SUCCESS;
}

static void wait_word(const uint32_t *word, uint32_t seen, uint64_t timeout)
{
    struct timespec time = {(time_t)(timeout / 1000000000u), (long)(timeout % 1000000000u)};
    syscall(SYS_futex, word, FUTEX_WAIT, seen, &time, NULL, 0);
}

static void wake_word(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void fake_thunks_fill(struct gpupv_umd_callbacks *callbacks)
{
    callbacks->size = sizeof(*callbacks);
    callbacks->CreateDevice = create_device;
    callbacks->DestroyDevice = destroy_device;
    callbacks->CreateContextVirtual = create_context;
    callbacks->DestroyContext = destroy_context;
    callbacks->Wait = wait_word;
    callbacks->Wake = wake_word;
}
