/* SPDX-License-Identifier: MIT */
/*
 * Looks at fences that only workers change, while something in the service waits for one: an event
 * of a guest's, or a context's signal or wait. Guests' own waits sleep on the fence itself.
 */
#include <string.h>

#include "host/service_internal.h"
#include "host/work.h"
#include "util/log.h"

#define LOOK_USEC 1000

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
    (void)usec;
    struct service *service = context;
    service->fence_timer_runs = false;
    if (!work_tick(&service->core) || service->fence_timer_runs)
        return 0;
    int result = sd_event_source_set_time_relative(source, LOOK_USEC);
    service->fence_timer_runs = result >= 0;
    return result < 0 ? result : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void fence_timer_start(void *context)
{
    struct service *service = context;
    if (service->fence_timer_runs)
        return;
    int result;
    if (!service->fence_timer) {
        result = sd_event_add_time_relative(service->event, &service->fence_timer, CLOCK_MONOTONIC,
                                            LOOK_USEC, 1, on_time, service);
    } else {
        result = sd_event_source_set_time_relative(service->fence_timer, LOOK_USEC);
        if (result >= 0)
            result = sd_event_source_set_enabled(service->fence_timer, SD_EVENT_ONESHOT);
    }
    service->fence_timer_runs = result >= 0;
    if (result < 0)
        log_error("service", "cannot look at fences: %s", strerror(-result));
}
