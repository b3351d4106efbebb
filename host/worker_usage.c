/* SPDX-License-Identifier: MIT */
#include "host/worker_usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A worker has one client for each device that a guest process made, or few. More are not looked
 * at. */
#define MAX_CLIENTS 256

static FILE *open_file(const char *proc, pid_t pid, const char *name)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/%d/%s", proc, (int)pid, name);
    return length < (int)sizeof(path) ? fopen(path, "re") : NULL;
}

static void read_memory(const char *proc, pid_t pid, struct worker_usage *usage)
{
    FILE *stream = open_file(proc, pid, "statm");
    uint64_t pages;
    if (!stream)
        return;
    if (fscanf(stream, "%*u %" SCNu64, &pages) == 1)
        usage->memory = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    fclose(stream);
}

static void read_time(const char *proc, pid_t pid, struct worker_usage *usage)
{
    FILE *stream = open_file(proc, pid, "stat");
    char line[1024];
    uint64_t user, kernel;
    if (!stream)
        return;
    /* The name, in parentheses, may hold anything. */
    const char *fields = fgets(line, sizeof(line), stream) ? strrchr(line, ')') : NULL;
    if (fields &&
        sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
               &user, &kernel) == 2)
        usage->cpu_ms = (user + kernel) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
    fclose(stream);
}

/* A client of a device: it may have several descriptors. */
struct client {
    char device[64];
    uint64_t id;
};

struct clients {
    struct client known[MAX_CLIENTS];
    size_t count;
};

static bool is_new(struct clients *clients, const struct client *client)
{
    for (size_t i = 0; i < clients->count; i++) {
        if (clients->known[i].id == client->id && !strcmp(clients->known[i].device, client->device))
            return false;
    }
    if (clients->count == MAX_CLIENTS)
        return false;
    clients->known[clients->count++] = *client;
    return true;
}

/* "drm-engine-render:	123456 ns"; a capacity stands in "drm-engine-capacity-render:	2". */
static void read_descriptor(FILE *stream, struct clients *clients, uint64_t *ns, bool *counted)
{
    char line[256];
    struct client client = {.device = ""};
    uint64_t sum = 0, one;
    bool has_id = false, has_time = false;
    while (fgets(line, sizeof(line), stream)) {
        if (sscanf(line, "drm-client-id: %" SCNu64, &client.id) == 1)
            has_id = true;
        (void)sscanf(line, "drm-pdev: %63s", client.device);
        if (!strncmp(line, "drm-engine-", 11) && strncmp(line, "drm-engine-capacity-", 20)) {
            const char *value = strchr(line, ':');
            if (value && sscanf(value + 1, " %" SCNu64 " ns", &one) == 1) {
                sum += one;
                has_time = true;
            }
        }
    }
    if (has_id && has_time && is_new(clients, &client)) {
        *ns += sum;
        *counted = true;
    }
}

static void read_gpu(const char *proc, pid_t pid, struct worker_usage *usage)
{
    char path[PATH_MAX];
    struct clients *clients = calloc(1, sizeof(*clients));
    int length = snprintf(path, sizeof(path), "%s/%d/fdinfo", proc, (int)pid);
    DIR *folder = clients && length < (int)sizeof(path) ? opendir(path) : NULL;
    uint64_t ns = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char name[sizeof(entry->d_name) + 8];
        snprintf(name, sizeof(name), "fdinfo/%s", entry->d_name);
        FILE *stream = entry->d_name[0] == '.' ? NULL : open_file(proc, pid, name);
        if (!stream)
            continue;
        read_descriptor(stream, clients, &ns, &usage->has_gpu);
        fclose(stream);
    }
    if (folder)
        closedir(folder);
    free(clients);
    usage->gpu_ms = ns / 1000000;
}

void worker_usage_read(const char *proc, pid_t pid, struct worker_usage *usage)
{
    *usage = (struct worker_usage){0};
    read_memory(proc, pid, usage);
    read_time(proc, pid, usage);
    read_gpu(proc, pid, usage);
}
