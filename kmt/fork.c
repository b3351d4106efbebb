/* SPDX-License-Identifier: MIT */
#include "kmt/fork.h"

#include <pthread.h>

#include "kmt/channel.h"
#include "kmt/process.h"

static pthread_mutex_t fork_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int register_result;

void kmt_fork_hold_off(void)
{
    pthread_mutex_lock(&fork_lock);
}

void kmt_fork_allow(void)
{
    pthread_mutex_unlock(&fork_lock);
}

static void before_fork(void)
{
    kmt_fork_hold_off();
    kmt_process_lock();
}

static void after_fork_in_parent(void)
{
    kmt_process_unlock();
    kmt_fork_allow();
}

static void after_fork_in_child(void)
{
    kmt_channels_abandon();
    kmt_process_reset_locked();
    kmt_process_unlock();
    kmt_fork_allow();
}

static void register_handlers(void)
{
    register_result = -pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

int kmt_fork_register(void)
{
    pthread_once(&once, register_handlers);
    return register_result;
}
