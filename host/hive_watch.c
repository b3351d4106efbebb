/* SPDX-License-Identifier: MIT */
/*
 * Follows the hive's file: `gpupv host reg add` takes effect at once. The folder is watched, since
 * the file is replaced by a rename. Only finished writes count; a file that is removed and written
 * anew, as some editors do, is read once it is there again. Where the path is a link, the link and
 * what it points to are followed, link by link.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "host/service_internal.h"
#include "util/log.h"

static bool is_link(const char *path)
{
    char byte;
    return readlink(path, &byte, 1) >= 0;
}

/* Whether the event is about a file that is followed. One that was just made is not written yet,
 * unless it is a link. */
static bool is_followed(const struct service *service, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        return true;
    for (size_t i = 0; event->len && i < service->hive_watch_count; i++) {
        const char *slash = strrchr(service->hive_watches[i].path, '/');
        if (slash && !strcmp(event->name, slash + 1) &&
            (!(event->mask & IN_CREATE) || is_link(service->hive_watches[i].path)))
            return true;
    }
    return false;
}

static int on_change(sd_event_source *source, const struct inotify_event *event, void *context)
{
    (void)source;
    struct service *service = context;
    if (is_followed(service, event))
        sd_event_source_set_enabled(service->hive_changed, SD_EVENT_ONESHOT);
    return 0;
}

/* Apart from the events, since it may replace the watches. */
static int on_changed(sd_event_source *source, void *context)
{
    (void)source;
    service_hive_changed(context);
    return 0;
}

static void add_changed_source(struct service *service)
{
    if (service->hive_changed ||
        sd_event_add_defer(service->event, &service->hive_changed, on_changed, service) < 0)
        return;
    sd_event_source_set_enabled(service->hive_changed, SD_EVENT_OFF);
    /* Before guests' requests: one that comes after a change is answered after it. */
    sd_event_source_set_priority(service->hive_changed, SD_EVENT_PRIORITY_IMPORTANT);
}

static void drop_watches(struct service *service)
{
    for (size_t i = 0; i < service->hive_watch_count; i++) {
        sd_event_source_disable_unref(service->hive_watches[i].source);
        free(service->hive_watches[i].path);
    }
    service->hive_watch_count = 0;
}

void hive_watch_finish(struct service *service)
{
    drop_watches(service);
    service->hive_changed = sd_event_source_disable_unref(service->hive_changed);
}

/* Where a link points to, malloc'ed; NULL for what is no link. */
static char *read_link(const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    if (length <= 0)
        return NULL;
    target[length] = '\0';
    if (target[0] == '/')
        return strdup(target);
    char *copy = strdup(path), *full = NULL;
    if (copy && asprintf(&full, "%s/%s", dirname(copy), target) < 0)
        full = NULL;
    free(copy);
    return full;
}

/* The path and what its links lead to; how many. */
static size_t list_paths(const char *path, char *paths[MAX_HIVE_WATCHES])
{
    size_t count = 0;
    for (char *at = strdup(path); at; at = read_link(at)) {
        paths[count++] = at;
        if (count == MAX_HIVE_WATCHES)
            break;
    }
    return count;
}

static void watch(struct service *service, char *path)
{
    struct hive_watch *added = &service->hive_watches[service->hive_watch_count++];
    *added = (struct hive_watch){.path = path};
    char *copy = strdup(path);
    int result = -ENOMEM;
    if (copy)
        result = sd_event_add_inotify(service->event, &added->source, dirname(copy),
                                      IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR,
                                      on_change, service);
    if (result < 0)
        log_warning("service",
                    "cannot watch the folder of %s: %s; changes to the hive take effect on SIGHUP "
                    "only",
                    path, strerror(-result));
    else
        sd_event_source_set_priority(added->source, SD_EVENT_PRIORITY_IMPORTANT);
    free(copy);
}

void hive_watch_update(struct service *service, const char *path)
{
    char *paths[MAX_HIVE_WATCHES];
    size_t count = list_paths(path, paths);
    bool same = count == service->hive_watch_count;
    for (size_t i = 0; i < count && same; i++)
        same = !strcmp(paths[i], service->hive_watches[i].path) && service->hive_watches[i].source;
    if (same) {
        for (size_t i = 0; i < count; i++)
            free(paths[i]);
        return;
    }
    drop_watches(service);
    add_changed_source(service);
    for (size_t i = 0; i < count; i++)
        watch(service, paths[i]);
}
