/* SPDX-License-Identifier: MIT */
#include "host/holds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hoststore/store.h"
#include "util/log.h"

struct hold {
    struct hold *next;
    char *root, *package;
    unsigned users;
    int fd; /* -1: not held, or not yet */
    bool pending;
};

static void hold_free(struct hold *hold)
{
    free(hold->root);
    free(hold->package);
    free(hold);
}

/* False when the package cannot be held. */
static bool try_hold(struct hold *hold)
{
    struct error err;
    int result = store_try_hold(hold->root, hold->package, &hold->fd, &err);
    hold->pending = result == -EBUSY;
    if (result && !hold->pending)
        log_warning("service", "the driver package %s cannot be held: %s", hold->package, err.text);
    return !result || hold->pending;
}

struct hold *hold_acquire(struct hold_table *table, const char *root, const char *package)
{
    for (struct hold *at = table->first; at; at = at->next) {
        if (!strcmp(at->root, root) && !strcmp(at->package, package) &&
            (at->fd >= 0 || at->pending)) {
            at->users++;
            return at;
        }
    }
    struct hold *hold = calloc(1, sizeof(*hold));
    if (!hold)
        return NULL;
    *hold = (struct hold){.root = strdup(root), .package = strdup(package), .users = 1, .fd = -1};
    if (!hold->root || !hold->package || !try_hold(hold)) {
        hold_free(hold);
        return NULL;
    }
    hold->next = table->first;
    table->first = hold;
    if (hold->pending && table->on_pending)
        table->on_pending(table->context);
    return hold;
}

bool holds_retry(struct hold_table *table)
{
    bool pending = false;
    for (struct hold *at = table->first; at; at = at->next) {
        if (at->pending)
            try_hold(at);
        pending |= at->pending;
    }
    return pending;
}

void hold_release(struct hold_table *table, struct hold *hold)
{
    if (--hold->users)
        return;
    struct hold **at = &table->first;
    while (*at != hold)
        at = &(*at)->next;
    *at = hold->next;
    if (hold->fd >= 0)
        close(hold->fd);
    hold_free(hold);
}

size_t hold_count(const struct hold_table *table)
{
    size_t count = 0;
    for (const struct hold *at = table->first; at; at = at->next)
        count += at->fd >= 0;
    return count;
}

static bool set_has(const struct hold_set *set, const char *root, const char *package)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!strcmp(set->holds[i]->root, root) && !strcmp(set->holds[i]->package, package))
            return true;
    }
    return false;
}

int hold_set_add(struct hold_set *set, struct hold_table *table, const char *root,
                 char *const *packages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (set_has(set, root, packages[i]))
            continue;
        struct hold **larger = realloc(set->holds, (set->count + 1) * sizeof(*larger));
        if (!larger)
            return -ENOMEM;
        set->holds = larger;
        struct hold *hold = hold_acquire(table, root, packages[i]);
        if (hold)
            set->holds[set->count++] = hold;
    }
    return 0;
}

void hold_set_release(struct hold_set *set, struct hold_table *table)
{
    for (size_t i = 0; i < set->count; i++)
        hold_release(table, set->holds[i]);
    free(set->holds);
    *set = (struct hold_set){0};
}
