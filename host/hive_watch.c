/* SPDX-License-Identifier: MIT */
/*
 * Follows the hive's file: `gpupv host reg add` takes effect at once. The folder is watched, since
 * the file is replaced by a rename. Only finished writes count; a file that is removed and written
 * anew, as some editors do, is read once it is there again. What a link points to is not watched.
 */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "host/service_internal.h"
#include "util/log.h"

static bool is_hive(const struct service *service, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        return true;
    const char *slash = strrchr(service->hive_watched, '/');
    return event->len && slash && !strcmp(event->name, slash + 1);
}

static int on_change(sd_event_source *source, const struct inotify_event *event, void *context)
{
    (void)source;
    struct service *service = context;
    if (is_hive(service, event))
        service_hive_changed(service);
    return 0;
}

void hive_watch_finish(struct service *service)
{
    service->hive_source = sd_event_source_disable_unref(service->hive_source);
    free(service->hive_watched);
    service->hive_watched = NULL;
}

void hive_watch_update(struct service *service)
{
    char *path = strdup(service->core.state->config->hive);
    if (path && service->hive_source && !strcmp(path, service->hive_watched)) {
        free(path);
        return;
    }
    hive_watch_finish(service);
    char *copy = path ? strdup(path) : NULL;
    if (!copy) {
        free(path);
        return;
    }
    service->hive_watched = path;
    const char *folder = dirname(copy);
    int result =
        sd_event_add_inotify(service->event, &service->hive_source, folder,
                             IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR, on_change, service);
    if (result < 0)
        log_warning("service",
                    "cannot watch %s: %s; changes to the hive take effect on SIGHUP only", folder,
                    strerror(-result));
    else
        /* Before guests' requests: one that comes after a change is answered after it. */
        sd_event_source_set_priority(service->hive_source, SD_EVENT_PRIORITY_IMPORTANT);
    free(copy);
}
