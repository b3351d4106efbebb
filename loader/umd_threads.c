/* SPDX-License-Identifier: MIT */
#include "loader/umd_threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct thread {
    pthread_t id;
    void (*run)(void *data);
    void *data;
};

static void *start(void *data)
{
    const struct thread *thread = data;
    thread->run(thread->data);
    return NULL;
}

void *umd_thread_create(void (*run)(void *data), void *data)
{
    struct thread *thread = malloc(sizeof(*thread));
    if (!thread)
        return NULL;
    thread->run = run;
    thread->data = data;
    /* The program's signal handlers are for its own threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&thread->id, NULL, start, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0)
        return thread;
    free(thread);
    return NULL;
}

void umd_thread_join(void *data)
{
    struct thread *thread = data;
    pthread_join(thread->id, NULL);
    free(thread);
}
