/* SPDX-License-Identifier: MIT */
/*
 * A guest process that breaks the rules of streams (wire/stream.h), in every way that a case has
 * (hostile_*.c). It knows no driver: it fills rings by hand. Each case has a stream of its own; a
 * stream that breaks no rule lives beside them in the same process, and must not notice.
 *
 * Prints for each case "NAME 0xQUEUE PATTERN": what the service's log must say of that queue, or
 * "-" for a case that need not lose its stream. Exit status 1 when a stream lived on that must not,
 * or one was lost that must not. Usage: hostile [CASE...]
 */
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hostile_group *const groups[] = {
    &hostile_batches, &hostile_commands, &hostile_ids,   &hostile_structures,
    &hostile_memory,  &hostile_acquired, &hostile_parts, &hostile_devices,
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

/* 0, or 1 when the stream lives that must not. It stays open. */
static int run_case(const struct hostile_case *test, struct stream *s)
{
    open_stream(s);
    if (test->needs >= DEVICE)
        make_device(s);
    if (test->needs >= OBJECTS)
        make_objects(s);
    test->run(s);
    if (!test->pattern) {
        for (int i = 0; i < 500 && lost(s) == STREAM_ALIVE; i++)
            nap();
        printf("%s 0x%08x -\n", test->name, s->queue);
        return 0;
    }
    for (uint64_t start = now_ms(); lost(s) == STREAM_ALIVE; nap()) {
        if (now_ms() - start < PATIENCE_MS)
            continue;
        fprintf(stderr, "hostile: %s: the stream lives\n", test->name);
        return 1;
    }
    printf("%s 0x%08x %s\n", test->name, s->queue, test->pattern);
    return 0;
}

static uint64_t used_memory(void)
{
    D3DKMT_QUERYVIDEOMEMORYINFO info = {.hAdapter = adapter,
                                        .MemorySegmentGroup = D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL};
    check("the memory in use", D3DKMTQueryVideoMemoryInfo(&info));
    uint64_t used = info.CurrentUsage;
    info.MemorySegmentGroup = D3DKMT_MEMORY_SEGMENT_GROUP_NON_LOCAL;
    check("the memory in use", D3DKMTQueryVideoMemoryInfo(&info));
    return used + info.CurrentUsage;
}

/* Memory is given back when the worker has let go of it. */
static int awaits_memory(uint64_t before)
{
    uint64_t start = now_ms(), after = used_memory();
    for (; after > before && now_ms() - start < PATIENCE_MS; nap())
        after = used_memory();
    if (after <= before)
        return 0;
    fprintf(stderr, "hostile: %llu bytes stay in use, %llu were before\n",
            (unsigned long long)after, (unsigned long long)before);
    return 1;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], name))
            return true;
    }
    return argc == 1;
}

int main(int argc, char **argv)
{
    static struct stream good, *streams;
    D3DKMT_ADAPTERINFO adapters[16] = {0};
    D3DKMT_ENUMADAPTERS2 list = {.NumAdapters = 16, .pAdapters = adapters};
    check("the adapters", D3DKMTEnumAdapters2(&list));
    if (!list.NumAdapters)
        die("the adapters: there is none", STATUS_SUCCESS);
    adapter = adapters[0].hAdapter;

    setvbuf(stdout, NULL, _IOLBF, 0);
    open_stream(&good);
    make_device(&good);
    make_objects(&good);
    uint64_t before = used_memory();
    int failed = 0;
    size_t count = 0, opened = 0;
    for (size_t i = 0; i < GROUPS; i++)
        count += groups[i]->count;
    streams = calloc(count, sizeof(*streams));
    if (!streams)
        die("memory", STATUS_NO_MEMORY);
    for (size_t i = 0; i < GROUPS; i++) {
        for (size_t j = 0; j < groups[i]->count; j++) {
            const struct hostile_case *test = &groups[i]->cases[j];
            if (!is_wanted(test->name, argc, argv))
                continue;
            failed |= run_case(test, &streams[opened++]);
            if (!answers(&good)) {
                fprintf(stderr, "hostile: %s: a stream beside it was lost\n", test->name);
                return 1;
            }
        }
    }
    failed |= refused_streams();
    for (size_t i = 0; i < opened; i++)
        close_stream(&streams[i]);
    free(streams);
    failed |= awaits_memory(before);
    must_answer(&good, "the stream that breaks no rule");
    close_stream(&good);
    return failed;
}
