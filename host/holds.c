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
    int fd;
};

static void hold_free(struct hold *hold)
{
    free(hold->root);
    free(hold->package);
    free(hold);
}

struct hold *hold_acquire(struct hold_table *table, const char *root, const char *package)
{
    for (struct hold *at = table->first; at; at = at->next) {
        if (!strcmp(at->root, root) && !strcmp(at->package, package)) {
            at->users++;
            return at;
        }
    }
    struct hold *hold = calloc(1, sizeof(*hold));
    if (!hold)
        return NULL;
    *hold = (struct hold){.root = strdup(root), .package = strdup(package), .users = 1};
    struct error err = {"out of memory"};
    if (!hold->root || !hold->package || store_hold(root, package, &hold->fd, &err)) {
        log_warning("service", "the driver package %s cannot be held: %s", package, err.text);
        hold_free(hold);
        return NULL;
    }
    hold->next = table->first;
    table->first = hold;
    return hold;
}

void hold_release(struct hold_table *table, struct hold *hold)
{
    if (--hold->users)
        return;
    struct hold **at = &table->first;
    while (*at != hold)
        at = &(*at)->next;
    *at = hold->next;
    close(hold->fd);
    hold_free(hold);
}

size_t hold_count(const struct hold_table *table)
{
    size_t count = 0;
    for (const struct hold *at = table->first; at; at = at->next)
        count++;
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
