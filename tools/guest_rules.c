/* SPDX-License-Identifier: MIT */
#include "tools/guest_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hoststore/store.h"
#include "tools/guest.h"

#define MAX_PHYSICAL 32 /* a node mask has 32 bits */

static int take_rules(const struct gpupv_kmt_copy_rules *from, struct guest_rule_set *set,
                      struct error *err)
{
    *set = (struct guest_rule_set){.package = strdup(from->package),
                                   .rules = calloc(from->count + 1, sizeof(*set->rules))};
    if (!set->package || !set->rules)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < from->count; i++) {
        struct copy_rule *rule = &set->rules[set->count++];

        rule->when = from->rules[i].when_newer ? COPY_WHEN_NEWER : COPY_OVERWRITE;
        rule->wow64 = from->rules[i].wow64;
        rule->source = strdup(from->rules[i].source);
        rule->target = strdup(from->rules[i].target);
        if (!rule->source || !rule->target)
            return error_set(err, -ENOMEM, "out of memory");
        int result = copy_rule_check(rule, err);
        if (result)
            return error_prefix(err, result, "a CopyToVm rule of the host");
    }
    return 0;
}

/* One physical adapter: 1 when there is no such one. */
static int read_physical(D3DKMT_HANDLE adapter, uint32_t physical, struct guest_rule_set **sets,
                         size_t *count, struct error *err)
{
    struct gpupv_kmt_copy_rules *rules;
    NTSTATUS status = gpupv_kmt_store_rules(adapter, physical, &rules);
    char number[16];

    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        return 0; /* it has no package */
    if (status == STATUS_INVALID_PARAMETER && physical)
        return 1;
    if (status == STATUS_INVALID_PARAMETER)
        return error_set(err, -EINVAL,
                         "the host's registry has CopyToVm rules that are wrong; its log tells");
    if (!NT_SUCCESS(status))
        return error_set(err, guest_status_code(status),
                         "the host does not tell CopyToVm rules: %s",
                         guest_status_text(status, number));
    int result = 0;
    if (rules->count) {
        struct guest_rule_set *larger = realloc(*sets, (*count + 1) * sizeof(**sets));

        result = larger ? 0 : error_set(err, -ENOMEM, "out of memory");
        if (larger) {
            *sets = larger;
            result = take_rules(rules, &larger[(*count)++], err);
        }
    }
    free(rules);
    return result;
}

int guest_rules_read(struct guest_rule_set **sets, size_t *count, struct error *err)
{
    struct guest_adapter *adapters;
    size_t adapter_count;
    int result = guest_open_adapters(&adapters, &adapter_count, err);

    *sets = NULL;
    *count = 0;
    if (result)
        return result;
    for (size_t i = 0; i < adapter_count && result >= 0; i++) {
        result = 0;
        for (uint32_t n = 0; n < MAX_PHYSICAL && !result; n++)
            result = read_physical(adapters[i].handle, n, sets, count, err);
    }
    guest_close_adapters(adapters, adapter_count);
    if (result >= 0)
        return 0;
    guest_rules_free(*sets, *count);
    *sets = NULL;
    *count = 0;
    return result;
}

void guest_rules_free(struct guest_rule_set *sets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        copy_rules_free(sets[i].rules, sets[i].count);
        free(sets[i].package);
    }
    free(sets);
}

char *guest_rules_text(const struct guest_rule_set *sets, size_t count)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    if (!file)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < sets[i].count; j++) {
            const struct copy_rule *rule = &sets[i].rules[j];

            fprintf(file, "%s\n%d %d %s\n%s\n", sets[i].package, (int)rule->when, rule->wow64,
                    rule->source, rule->target);
        }
    }
    return fclose(file) == 0 ? text : (free(text), NULL);
}
