/* SPDX-License-Identifier: MIT */
/* The CopyToVm rules of the host's adapters, as a guest gets them. */
#ifndef GPUPV_TOOLS_GUEST_RULES_H
#define GPUPV_TOOLS_GUEST_RULES_H

#include <stddef.h>

#include "hoststore/copy_rules.h"
#include "util/error.h"

/* Rules whose sources lie in one package. */
struct guest_rule_set {
    char *package; /* its folder's name */
    struct copy_rule *rules;
    size_t count;
};

/* Asks for the rules of every physical adapter, and checks their paths. Those without rules are
 * left out. -ECONNREFUSED, -EPERM for a path that is not acceptable, … */
int guest_rules_read(struct guest_rule_set **sets, size_t *count, struct error *err);
void guest_rules_free(struct guest_rule_set *sets, size_t count);

/* All of them as text, malloc'ed, to tell whether they have changed. NULL: out of memory. */
char *guest_rules_text(const struct guest_rule_set *sets, size_t count);

#endif
