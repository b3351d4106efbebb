/* SPDX-License-Identifier: MIT */
#include "host/worker_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/log.h"

#define MAX_ENDING 64 /* workers beside those of guest processes: warm ones, and ending ones */
#define MAX_RETRY_MS 60000u /* between attempts to start a warm worker */
#define FIRST_RETRY_MS 1000u
#define FINISH_MS 1000u /* for all workers together to end by themselves */

struct pool_worker {
    struct pool_worker *next;
    struct worker_pool *pool;
    struct worker_client *client;
    struct worker_plan *plan;
    bool warm;
};

static const struct worker_events warm_events;

struct worker_client *pool_worker_client(const struct pool_worker *worker)
{
    return worker->client;
}

const struct worker_plan *pool_worker_plan(const struct pool_worker *worker)
{
    return worker->plan;
}

static void remove_worker(struct pool_worker *worker)
{
    struct pool_worker **at = &worker->pool->workers;
    while (*at != worker)
        at = &(*at)->next;
    *at = worker->next;
    worker->pool->count--;
    worker_plan_unref(worker->plan);
    free(worker);
}

/* Its process is gone, and the client freed. */
static void on_reaped(void *context)
{
    remove_worker(context);
}

static int start_worker(struct worker_pool *pool, bool warm, const struct worker_events *events,
                        void *owner, struct pool_worker **made, struct error *err)
{
    struct pool_worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return error_set(err, -ENOMEM, "out of memory");
    struct worker_start start = {
        .event = pool->event,
        .path = pool->options.path,
        .arguments = pool->plan->arguments,
        .environment = pool->plan->environment,
        .config = pool->plan->config,
        .timing = pool->options.timing,
        .told_unwatched = &pool->told_unwatched,
    };
    int result = worker_client_start(&start, events, warm ? worker : owner, &worker->client, err);
    if (result) {
        free(worker);
        return result;
    }
    worker->pool = pool;
    worker->plan = worker_plan_ref(pool->plan);
    worker->warm = warm;
    worker->next = pool->workers;
    pool->workers = worker;
    pool->count++;
    pool->warm += warm;
    *made = worker;
    return 0;
}

void worker_pool_end(struct pool_worker *worker)
{
    worker_client_end(worker->client, on_reaped, worker);
}

/* --- Warm workers --- */

static unsigned wanted(const struct worker_pool *pool)
{
    if (!pool->plan || !pool->plan->adapter_count)
        return 0;
    if (pool->options.single)
        return !pool->taken && pool->plan->config->warm_workers;
    return pool->plan->config->warm_workers;
}

static void start_later(struct worker_pool *pool, unsigned ms)
{
    if (pool->warm >= wanted(pool))
        return;
    sd_event_source_set_time_relative(pool->timer, ms * 1000ull);
    sd_event_source_set_enabled(pool->timer, SD_EVENT_ONESHOT);
}

static void note_failure(struct worker_pool *pool)
{
    unsigned delay = FIRST_RETRY_MS;
    for (unsigned i = 0; i < pool->failures && delay < MAX_RETRY_MS; i++)
        delay *= 2;
    pool->failures++;
    start_later(pool, delay < MAX_RETRY_MS ? delay : MAX_RETRY_MS);
}

static void end_warm(struct pool_worker *worker)
{
    worker->warm = false;
    worker->pool->warm--;
    worker_pool_end(worker);
}

static void warm_is_ready(void *owner, struct worker_client *client)
{
    (void)client;
    struct pool_worker *worker = owner;
    worker->pool->failures = 0;
    start_later(worker->pool, 0);
}

static void warm_is_lost(void *owner, struct worker_client *client, const char *why)
{
    (void)client, (void)why;
    struct pool_worker *worker = owner;
    end_warm(worker);
    note_failure(worker->pool);
}

/* Nothing was asked of it. */
static void warm_has_event(void *owner, uint32_t event)
{
    (void)owner, (void)event;
}

static void warm_has_lost_stream(void *owner, uint32_t queue, uint32_t reason, const char *why)
{
    (void)owner, (void)queue, (void)reason, (void)why;
}

static const struct worker_events warm_events = {warm_is_ready, warm_is_lost, warm_has_event,
                                                 warm_has_lost_stream};

/* One at a time: the next one when this one is ready. */
static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
    (void)source, (void)usec;
    struct worker_pool *pool = context;
    struct pool_worker *worker;
    struct error err;
    if (pool->warm >= wanted(pool))
        return 0;
    if (start_worker(pool, true, &warm_events, NULL, &worker, &err)) {
        log_error("worker", "%s", err.text);
        note_failure(pool);
    }
    return 0;
}

void worker_pool_configure(struct worker_pool *pool, const struct state *state)
{
    struct worker_plan *plan = worker_plan_create(state);
    if (!plan) {
        log_error("worker", "out of memory: workers are started as before");
        return;
    }
    bool same = pool->plan && worker_plan_equal(plan, pool->plan);
    worker_plan_unref(pool->plan);
    pool->plan = plan;
    unsigned kept = 0;
    for (struct pool_worker *at = pool->workers, *next; at; at = next) {
        next = at->next;
        if (at->warm && (!same || ++kept > wanted(pool)))
            end_warm(at);
    }
    pool->failures = 0;
    start_later(pool, 0);
}

/* --- For guest processes --- */

static struct pool_worker *find_warm(const struct worker_pool *pool)
{
    struct pool_worker *best = NULL;
    for (struct pool_worker *at = pool->workers; at; at = at->next) {
        if (at->warm && !worker_client_is_lost(at->client) &&
            (!best || worker_client_is_ready(at->client)))
            best = at;
    }
    return best;
}

int worker_pool_take(struct worker_pool *pool, const struct worker_events *events, void *owner,
                     const char *name, struct pool_worker **taken, struct error *err)
{
    if (!pool->plan)
        return error_set(err, -EAGAIN, "no adapter is offered yet");
    struct pool_worker *worker = find_warm(pool);
    if (!worker) {
        if (pool->count >= pool->plan->config->max_clients + MAX_ENDING)
            return error_set(err, -EAGAIN, "%u workers are running or about to end", pool->count);
        int result = start_worker(pool, false, events, owner, &worker, err);
        if (result)
            return result;
    }
    bool was_ready = worker_client_is_ready(worker->client);
    pool->warm -= worker->warm;
    worker->warm = false;
    pool->taken = true;
    worker_client_give(worker->client, events, owner, name);
    log_info("worker", "worker %d serves %s%s", (int)worker_client_pid(worker->client), name,
             was_ready ? "" : " when its drivers are loaded");
    start_later(pool, pool->options.warm_delay_ms);
    *taken = worker;
    return 0;
}

/* --- Life --- */

int worker_pool_init(struct worker_pool *pool, sd_event *event,
                     const struct worker_pool_options *options)
{
    *pool = (struct worker_pool){.options = *options, .event = event};
    int result =
        sd_event_add_time_relative(event, &pool->timer, CLOCK_MONOTONIC, 0, 0, on_timer, pool);
    if (result >= 0)
        result = sd_event_source_set_enabled(pool->timer, SD_EVENT_OFF);
    return result < 0 ? result : 0;
}

static unsigned now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned)now.tv_sec * 1000u + (unsigned)(now.tv_nsec / 1000000);
}

void worker_pool_finish(struct worker_pool *pool)
{
    for (struct pool_worker *at = pool->workers; at; at = at->next)
        worker_client_end(at->client, NULL, NULL);
    unsigned start = now_ms();
    while (pool->workers) {
        struct pool_worker *worker = pool->workers;
        unsigned used = now_ms() - start;
        worker_client_wait(worker->client, used < FINISH_MS ? FINISH_MS - used : 0);
        worker_client_destroy(worker->client);
        remove_worker(worker);
    }
    pool->timer = sd_event_source_disable_unref(pool->timer);
    worker_plan_unref(pool->plan);
    pool->plan = NULL;
}
