/* SPDX-License-Identifier: MIT */
/*
 * What fork(2) means for streams: the child's copies are dead, and nothing of them may reach the
 * host, which hears the parent. The child's handler points them to words that say "lost"; the
 * parent's memory is not touched, and locks that other threads held are free again.
 */
#include "umd/stream_internal.h"

#include <pthread.h>

static struct umd_lock list_lock;
static struct umd_stream *all;   /* with list_lock */
static bool handlers_registered; /* with list_lock */

static struct stream_shared inherited_shared = {.lost = STREAM_LOST_DEVICE};
static struct wire_fence_cell inherited_fence = {.value = UINT64_MAX};

static void before_fork(void)
{
    umd_lock_take(&list_lock);
}

static void after_fork_in_parent(void)
{
    umd_lock_release(&list_lock);
}

static void after_fork_in_child(void)
{
    for (struct umd_stream *stream = all; stream; stream = stream->next) {
        stream->shared = &inherited_shared;
        stream->fence = &inherited_fence;
        stream->dead = true;
        stream->waiting = 0;
        stream->free_slots = 0;
        stream->messages = NULL; /* left where they are: another thread may have been at them */
        /* Another thread may have been in the middle of growing it: it is left where it is. */
        wire_encoder_init(&stream->encoder);
        stream->lock = (struct umd_lock){0};
    }
    list_lock = (struct umd_lock){0};
}

VkResult umd_stream_register(struct umd_stream *stream)
{
    VkResult result = VK_SUCCESS;
    umd_lock_take(&list_lock);
    if (!handlers_registered) {
        if (pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child))
            result = VK_ERROR_OUT_OF_HOST_MEMORY;
        else
            handlers_registered = true;
    }
    if (result == VK_SUCCESS) {
        stream->next = all;
        stream->link = &all;
        if (all)
            all->link = &stream->next;
        all = stream;
    }
    umd_lock_release(&list_lock);
    return result;
}

void umd_stream_unregister(struct umd_stream *stream)
{
    umd_lock_take(&list_lock);
    *stream->link = stream->next;
    if (stream->next)
        stream->next->link = stream->link;
    umd_lock_release(&list_lock);
}

bool umd_stream_is_inherited(const struct umd_stream *stream)
{
    return stream->shared == &inherited_shared;
}
