/* SPDX-License-Identifier: MIT */
#include "host/worker_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/worker/link.h"
#include "util/log.h"

/* A list of texts that grows; `failed` when memory was short. */
struct texts {
    char **list;
    size_t count;
    bool failed;
};

/* Takes the text. */
static void add(struct texts *texts, char *text)
{
    char **larger = realloc(texts->list, (texts->count + 2) * sizeof(*larger));
    if (larger)
        texts->list = larger;
    if (!larger || !text) {
        texts->failed = true;
        free(text);
        return;
    }
    texts->list[texts->count++] = text;
    texts->list[texts->count] = NULL;
}

static void add_copy(struct texts *texts, const char *text)
{
    add(texts, strdup(text));
}

static void free_list(char **list)
{
    for (char **at = list; at && *at; at++)
        free(*at);
    free(list);
}

/* "UUID@ICD,UUID@ICD". An adapter of more devices than a worker can drive is driven on the first.
 */
static char *describe_adapter(const struct adapter *adapter)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    for (size_t i = 0; i < adapter->physical_count && i < LINK_MAX_DEVICES; i++) {
        const struct host_device *device = adapter->devices[i];
        if (i)
            fputc(',', stream);
        for (size_t j = 0; j < sizeof(device->device_uuid); j++)
            fprintf(stream, "%02x", device->device_uuid[j]);
        fprintf(stream, "@%s", adapter->icd ? adapter->icd : "");
    }
    bool failed = ferror(stream);
    failed |= fclose(stream) != 0;
    if (failed) {
        free(text);
        text = NULL;
    }
    return text;
}

static const char *level_word(enum log_level level)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    return words[level];
}

static char **make_arguments(const struct state *state)
{
    struct texts texts = {0};
    add_copy(&texts, "gpupv-worker");
    add_copy(&texts, "--log");
    add_copy(&texts, level_word(log_get_level()));
    if (state->config->worker_validation)
        add_copy(&texts, "--validation");
    add_copy(&texts, "--memory");
    add_copy(&texts, state->config->worker_memory);
    if (!state->config->worker_sandbox)
        add_copy(&texts, "--no-sandbox");
    for (size_t i = 0; i < state->adapters.count; i++) {
        add_copy(&texts, "--adapter");
        add(&texts, describe_adapter(&state->adapters.adapters[i]));
    }
    if (!texts.failed)
        return texts.list;
    free_list(texts.list);
    return NULL;
}

/* gpupv's own driver must not be loaded (it would come here again), no layer may change what the
 * driver does, and no cache of one guest's shaders is shown to another. */
static char **make_environment(const struct state *state)
{
    static const char *const without[] = {
        "VK_INSTANCE_LAYERS=", "VK_ADD_DRIVER_FILES=", "VK_LOADER_", "GPUPV_"};
    static const char *const with[] = {"GPUPV_ICD_DISABLE=1", "MESA_SHADER_CACHE_DISABLE=true",
                                       "__GL_SHADER_DISK_CACHE=0"};
    struct texts texts = {0};
    for (char **at = environ; *at; at++) {
        bool kept = true;
        for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
            kept &= strncmp(*at, without[i], strlen(without[i])) != 0;
        for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
            kept &= strncmp(*at, with[i], strcspn(with[i], "=") + 1) != 0;
        if (kept)
            add_copy(&texts, *at);
    }
    for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
        add_copy(&texts, with[i]);
    add_copy(&texts, state->config->worker_validation ? "VK_LOADER_LAYERS_DISABLE=~implicit~"
                                                      : "VK_LOADER_LAYERS_DISABLE=~all~");
    if (!texts.failed)
        return texts.list;
    free_list(texts.list);
    return NULL;
}

struct worker_plan *worker_plan_create(const struct state *state)
{
    struct worker_plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return NULL;
    plan->refs = 1;
    plan->config = config_ref(state->config);
    plan->arguments = make_arguments(state);
    plan->environment = make_environment(state);
    plan->luids = calloc(state->adapters.count + 1, sizeof(*plan->luids));
    if (!plan->arguments || !plan->environment || !plan->luids) {
        worker_plan_unref(plan);
        return NULL;
    }
    plan->adapter_count = state->adapters.count;
    for (size_t i = 0; i < plan->adapter_count; i++)
        plan->luids[i] = state->adapters.adapters[i].luid;
    return plan;
}

struct worker_plan *worker_plan_ref(struct worker_plan *plan)
{
    plan->refs++;
    return plan;
}

void worker_plan_unref(struct worker_plan *plan)
{
    if (!plan || --plan->refs)
        return;
    free_list(plan->arguments);
    free_list(plan->environment);
    free(plan->luids);
    config_unref(plan->config);
    free(plan);
}

static bool same_patterns(const struct config_patterns *a, const struct config_patterns *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++)
        same = !strcmp(a->patterns[i], b->patterns[i]);
    return same;
}

bool worker_plan_equal(const struct worker_plan *a, const struct worker_plan *b)
{
    if (a->adapter_count != b->adapter_count ||
        (a->adapter_count && memcmp(a->luids, b->luids, a->adapter_count * sizeof(*a->luids))) ||
        !same_patterns(&a->config->worker_files, &b->config->worker_files))
        return false;
    size_t i = 0;
    while (a->arguments[i] && b->arguments[i] && !strcmp(a->arguments[i], b->arguments[i]))
        i++;
    return !a->arguments[i] && !b->arguments[i];
}

int worker_plan_find(const struct worker_plan *plan, uint64_t luid)
{
    for (size_t i = 0; i < plan->adapter_count; i++) {
        if (plan->luids[i] == luid)
            return (int)i;
    }
    return -1;
}
