/* SPDX-License-Identifier: MIT */
#include "icd/discovery.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpupv/ntstatus.h"
#include "util/log.h"

struct discovery {
    struct loader *loader;
    unsigned references; /* under the lock; the process' own is one */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct discovery *shared;
static bool failure_logged;
static struct error last_failure;
static struct timespec last_failure_time;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* In a child of fork another thread's lock would stay held for ever. */
static void after_fork_in_child(void)
{
    pthread_mutex_init(&lock, NULL);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

bool discovery_is_strict(void)
{
    const char *value = getenv("GPUPV_STRICT");

    return value && value[0] && strcmp(value, "0");
}

/* A handle that the host no longer knows tells that the connection is another one than before. */
static bool connection_lives(const struct loader *loader)
{
    D3DKMT_PHYSICAL_ADAPTER_COUNT count = {0};
    D3DKMT_QUERYADAPTERINFO args = {
        .hAdapter = loader->adapters[0].handle,
        .Type = KMTQAITYPE_PHYSICALADAPTERCOUNT,
        .pPrivateDriverData = &count,
        .PrivateDriverDataSize = sizeof(count),
    };
    return NT_SUCCESS(D3DKMTQueryAdapterInfo(&args));
}

/* The host has as many adapters as when it was asked. */
static bool count_is_current(const struct loader *loader)
{
    D3DKMT_ENUMADAPTERS2 args = {0};

    return NT_SUCCESS(D3DKMTEnumAdapters2(&args)) && args.NumAdapters == loader->adapter_count;
}

/* Whether there is something to use. For a new instance (`thorough`) an adapter without a driver,
 * or another number of adapters, is reason enough to look again. */
static bool is_usable(const struct loader *loader, bool thorough)
{
    size_t loaded = 0;

    for (size_t i = 0; i < loader->adapter_count; i++)
        loaded += loader->adapters[i].step == LOADER_STEP_DONE;
    if (!loaded || !connection_lives(loader))
        return false;
    return !thorough || (loaded == loader->adapter_count && count_is_current(loader));
}

static void drop_locked(struct discovery *discovery)
{
    if (!discovery || --discovery->references)
        return;
    loader_destroy(discovery->loader);
    free(discovery);
}

static bool failed_just_now(void)
{
    struct timespec now;

    if (!last_failure.text[0])
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - last_failure_time.tv_sec < 1;
}

static void note_failure_locked(const struct error *failure)
{
    last_failure = *failure;
    clock_gettime(CLOCK_MONOTONIC, &last_failure_time);
    if (!failure_logged)
        log_error("icd", "no Vulkan device of the host is offered: %s", failure->text);
    failure_logged = true;
}

static void note_success_locked(const struct loader *loader)
{
    last_failure.text[0] = '\0';
    if (!loader->adapter_count && !failure_logged) {
        log_error("icd", "no Vulkan device of the host is offered: the host answers and has no "
                         "adapter for this guest; look at its gpupv.ini with: gpupv host adapters");
        failure_logged = true;
    } else if (loader->adapter_count) {
        failure_logged = false;
    }
}

static int renew_locked(bool retry, struct error *err)
{
    struct discovery *fresh;
    struct error failure;

    if (!retry && failed_just_now())
        return error_set(err, -ENOTCONN, "%s", last_failure.text);
    fresh = calloc(1, sizeof(*fresh));
    if (!fresh)
        return error_set(err, -ENOMEM, "no memory to look for drivers");
    int code = loader_create(&fresh->loader, &failure);
    if (code < 0) {
        free(fresh);
        note_failure_locked(&failure);
        return error_set(err, code, "%s", failure.text);
    }
    note_success_locked(fresh->loader);
    fresh->references = 1;
    drop_locked(shared);
    shared = fresh;
    return 0;
}

struct discovery *discovery_acquire(bool retry, struct error *err)
{
    struct discovery *result = NULL;
    int code = 0;

    pthread_once(&fork_once, watch_forks);
    pthread_mutex_lock(&lock);
    if (!shared || !is_usable(shared->loader, retry))
        code = renew_locked(retry, err);
    if (code == 0) {
        result = shared;
        result->references++;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

void discovery_release(struct discovery *discovery)
{
    pthread_mutex_lock(&lock);
    drop_locked(discovery);
    pthread_mutex_unlock(&lock);
}

const struct loader *discovery_loader(const struct discovery *discovery)
{
    return discovery->loader;
}

void discovery_for_each_driver(const struct discovery *discovery,
                               bool (*visit)(const struct loader_umd *driver, void *data),
                               void *data)
{
    const struct loader *loader = discovery->loader;

    for (size_t i = 0; i < loader->adapter_count; i++) {
        bool seen = loader->adapters[i].step != LOADER_STEP_DONE;

        for (size_t j = 0; j < i && !seen; j++)
            seen = loader->adapters[j].umd == loader->adapters[i].umd;
        if (!seen && !visit(loader->adapters[i].umd, data))
            return;
    }
}
