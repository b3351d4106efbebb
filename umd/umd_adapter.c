/* SPDX-License-Identifier: MIT */
#include "umd/umd_adapter.h"

#include <stdlib.h>

#include "gpupv/ntstatus.h"
#include "umd/umd_facts.h"
#include "umd/umd_query_cache.h"

#define API __attribute__((visibility("default")))

/* What an older shim has as well; the rest is for windows. */
#define NEEDED_CALLBACKS offsetof(struct gpupv_umd_callbacks, OpenLibrary)

/* The table is the shim's, of which there is one in a process. */
static const struct gpupv_umd_callbacks *_Atomic shim_callbacks;

const struct gpupv_umd_callbacks *umd_callbacks(void)
{
    return atomic_load_explicit(&shim_callbacks, memory_order_acquire);
}

const struct gpupv_umd_callbacks *umd_window_callbacks(void)
{
    const struct gpupv_umd_callbacks *callbacks = umd_callbacks();

    return callbacks && callbacks->size >= sizeof(*callbacks) ? callbacks : NULL;
}

static uint64_t driver_version(void)
{
    unsigned part[3] = {0};
    unsigned i = 0;

    for (const char *c = GPUPV_VERSION; *c && i < 3; c++) {
        if (*c == '.')
            i++;
        else if (*c >= '0' && *c <= '9')
            part[i] = part[i] * 10 + (unsigned)(*c - '0');
    }
    return (uint64_t)(part[0] & 0xffff) << 48 | (uint64_t)(part[1] & 0xffff) << 32 |
           (uint64_t)(part[2] & 0xffff) << 16;
}

API NTSTATUS APIENTRY gpupv_umd_open_adapter(const struct gpupv_umd_adapter *adapter,
                                             struct gpupv_umd_info *info, void **adapter_context);
API NTSTATUS APIENTRY gpupv_umd_open_adapter(const struct gpupv_umd_adapter *adapter,
                                             struct gpupv_umd_info *info, void **adapter_context)
{
    struct umd_adapter *own;

    if (adapter->interface_version < GPUPV_UMD_INTERFACE_VERSION ||
        adapter->callbacks->size < NEEDED_CALLBACKS || info->size < sizeof(*info))
        return STATUS_REVISION_MISMATCH;
    atomic_store_explicit(&shim_callbacks, adapter->callbacks, memory_order_release);
    own = calloc(1, sizeof(*own));
    if (!own)
        return STATUS_NO_MEMORY;
    own->queries = umd_query_cache_create();
    if (!own->queries) {
        free(own);
        return STATUS_NO_MEMORY;
    }
    own->shim = *adapter;
    pthread_mutex_init(&own->lock, NULL);
    info->interface_version = GPUPV_UMD_INTERFACE_VERSION;
    info->driver_version = driver_version();
    info->node_count = 1;
    info->cross_node_sharing_tier = 0;
    *adapter_context = own;
    return STATUS_SUCCESS;
}

API void APIENTRY gpupv_umd_close_adapter(void *adapter_context);
API void APIENTRY gpupv_umd_close_adapter(void *adapter_context)
{
    struct umd_adapter *adapter = adapter_context;

    if (!adapter)
        return;
    umd_facts_destroy(adapter->facts);
    umd_query_cache_destroy(adapter->queries);
    pthread_mutex_destroy(&adapter->lock);
    free(adapter);
}

/* --- Facts --- */

static VkResult fetch(struct umd_stream *stream, struct umd_facts **facts)
{
    struct umd_call call;
    struct wire_encoder *encoder = umd_call_begin(stream, &call);
    VkResult result;

    if (encoder) {
        size_t at = encoder->used;
        struct stream_ask *ask = wire_put(encoder, sizeof(*ask));

        if (ask)
            *ask = (struct stream_ask){.head.opcode = STREAM_FACTS, .reply = call.word};
        wire_end_command(encoder, at);
    }
    result = umd_call_wait(&call);
    if (result == VK_SUCCESS)
        result = call.result;
    if (result == VK_SUCCESS)
        result = umd_facts_create(call.data, call.size, facts);
    umd_call_end(&call);
    return result;
}

VkResult umd_adapter_facts(struct umd_adapter *adapter, struct umd_stream *(*open)(void *data),
                           void *data, const struct umd_facts **facts)
{
    VkResult result = VK_SUCCESS;

    pthread_mutex_lock(&adapter->lock);
    if (!adapter->facts) {
        struct umd_stream *stream = open(data);

        result = stream ? fetch(stream, &adapter->facts) : VK_ERROR_INITIALIZATION_FAILED;
    }
    *facts = adapter->facts;
    pthread_mutex_unlock(&adapter->lock);
    return result;
}
