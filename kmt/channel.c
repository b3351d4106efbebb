/* SPDX-License-Identifier: MIT */
#include "kmt/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpupv/kmt.h"
#include "kmt/fork.h"
#include "kmt/hello.h"
#include "kmt/process.h"
#include "kmt/stream.h"
#include "kmt/transport.h"
#include "util/log.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire is little-endian");

struct kmt_channel {
    atomic_uint references;
    uint64_t id;
    struct kmt_channel_info info;
    atomic_bool failed;
    char why[256]; /* written once, by who set `failed` */

    pthread_mutex_t turn; /* before `lock`: who calls again at once does not go before others */
    pthread_mutex_t lock; /* one call at a time; guards what follows */
    struct frame_reader reader;
    uint32_t sequence;

    atomic_int aperture;    /* descriptor, or -1; set once, after its size, under the fork lock */
    uint64_t aperture_size; /* bytes */
    int fd;                 /* changes only in create, destroy and a fork's child */
    struct kmt_channel *next, **link; /* the list of all, under the fork lock */
};

static struct kmt_channel *all_channels; /* under the fork lock */
static atomic_int timeout_ms = GPUPV_KMT_TIMEOUT_MS;

void kmt_channel_set_timeout(int milliseconds)
{
    atomic_store(&timeout_ms, milliseconds);
}

static void enlist_held(struct kmt_channel *channel)
{
    channel->next = all_channels;
    channel->link = &all_channels;
    if (all_channels)
        all_channels->link = &channel->next;
    all_channels = channel;
}

static void delist_held(struct kmt_channel *channel)
{
    *channel->link = channel->next;
    if (channel->next)
        channel->next->link = channel->link;
}

void kmt_channels_abandon(void)
{
    for (struct kmt_channel *channel = all_channels; channel; channel = channel->next) {
        if (channel->fd >= 0)
            close(channel->fd);
        channel->fd = -1;
        int aperture = atomic_exchange(&channel->aperture, -1);
        if (aperture >= 0)
            close(aperture);
        atomic_store(&channel->failed, true);
        /* A thread that this process does not have may have held the lock and been about to move
         * the buffer: both start afresh, and the buffer's memory is given up. */
        pthread_mutex_init(&channel->turn, NULL);
        pthread_mutex_init(&channel->lock, NULL);
        frame_reader_init(&channel->reader);
    }
}

static void fail_channel(struct kmt_channel *channel, const char *why)
{
    if (atomic_exchange(&channel->failed, true))
        return;
    /* The descriptor stays open, so that no other file gets its number while a thread waits on it.
     * The host sees the end at once. */
    if (channel->fd >= 0)
        shutdown(channel->fd, SHUT_RDWR);
    size_t size = strnlen(why, sizeof(channel->why) - 1);
    memcpy(channel->why, why, size);
    channel->why[size] = '\0';
    kmt_process_channel_lost(channel->id);
    if (channel->info.version) /* before hello was answered, who connects is told */
        log_warning("kmt", "lost the connection to %s: %s", channel->info.uri, why);
}

NTSTATUS kmt_channel_reject(struct kmt_channel *channel, const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    fail_channel(channel, why);
    return STATUS_DEVICE_REMOVED;
}

/* --- One message ---------------------------------------------------------------------------- */

static void lock_in_turn(struct kmt_channel *channel)
{
    pthread_mutex_lock(&channel->turn);
    pthread_mutex_lock(&channel->lock);
    pthread_mutex_unlock(&channel->turn);
}

static uint32_t next_sequence(struct kmt_channel *channel)
{
    if (!++channel->sequence)
        channel->sequence = 1;
    return channel->sequence;
}

static int send_locked(struct kmt_channel *channel, const struct kmt_call *call,
                       enum wire_kind kind, uint32_t sequence, int64_t deadline_ms,
                       struct error *err)
{
    struct wire_header header = {
        .size = (uint32_t)(sizeof(header) + call->fixed_size + call->data_size),
        .command = (uint16_t)call->command,
        .kind = (uint8_t)kind,
        .sequence = sequence,
    };
    struct iovec parts[] = {
        {&header, sizeof(header)},
        {(void *)call->fixed, call->fixed_size},
        {(void *)call->data, call->data_size},
    };
    return stream_send(channel->fd, parts, 3, call->descriptor ? *call->descriptor : -1,
                       deadline_ms, err);
}

static int check_reply(const struct kmt_call *call, uint32_t sequence,
                       const struct wire_header *header, struct error *err)
{
    if (header->kind != WIRE_REPLY || header->command != call->command ||
        header->sequence != sequence)
        return error_set(err, -EPROTO,
                         "a message of kind %u, command %u and sequence %u came instead of the "
                         "reply to command %d, sequence %u",
                         header->kind, header->command, header->sequence, (int)call->command,
                         sequence);
    bool success = NT_SUCCESS(header->status);
    size_t size = frame_payload_size(header);
    size_t least = success ? call->reply_min : 0;
    size_t most = success ? call->reply_max : call->failure_max;
    if (size < least || size > most)
        return error_set(err, -EPROTO,
                         "the reply to command %d with status 0x%08x has %zu bytes, not %zu to %zu",
                         (int)call->command, (unsigned int)header->status, size, least, most);
    return 0;
}

static int exchange_locked(struct kmt_channel *channel, struct kmt_call *call, NTSTATUS *status,
                           struct error *err)
{
    int64_t deadline_ms = stream_now_ms() + atomic_load(&timeout_ms);
    uint32_t sequence = next_sequence(channel);
    int result = send_locked(channel, call, WIRE_REQUEST, sequence, deadline_ms, err);
    if (result)
        return result;
    struct wire_header header;
    const uint8_t *payload;
    int descriptor;
    result = stream_receive(channel->fd, &channel->reader, deadline_ms, &header, &payload,
                            &descriptor, err);
    if (!result)
        result = check_reply(call, sequence, &header, err);
    if (!result && call->reply_descriptor)
        *call->reply_descriptor = descriptor;
    else if (descriptor >= 0)
        close(descriptor);
    if (result)
        return result;
    call->reply_size = frame_payload_size(&header);
    if (call->reply_size)
        memcpy(call->reply, payload, call->reply_size);
    *status = header.status;
    return 0;
}

size_t kmt_channel_room(const struct kmt_channel *channel, size_t fixed_size)
{
    return channel->info.max_message - sizeof(struct wire_header) - fixed_size;
}

NTSTATUS kmt_channel_call(struct kmt_channel *channel, struct kmt_call *call)
{
    call->reply_size = 0;
    if (call->reply_descriptor)
        *call->reply_descriptor = -1;
    if (call->data_size > kmt_channel_room(channel, call->fixed_size))
        return STATUS_INVALID_BUFFER_SIZE;
    NTSTATUS status = STATUS_DEVICE_REMOVED;
    lock_in_turn(channel);
    if (!atomic_load(&channel->failed)) {
        struct error err;
        if (exchange_locked(channel, call, &status, &err))
            fail_channel(channel, err.text);
    }
    pthread_mutex_unlock(&channel->lock);
    return status;
}

NTSTATUS kmt_channel_send_async(struct kmt_channel *channel, enum wire_command command,
                                const void *payload, size_t size)
{
    return kmt_channel_send_async_with(channel, command, payload, size, NULL, 0);
}

NTSTATUS kmt_channel_send_async_with(struct kmt_channel *channel, enum wire_command command,
                                     const void *payload, size_t size, const void *data,
                                     size_t data_size)
{
    struct kmt_call call = {.command = command,
                            .fixed = payload,
                            .fixed_size = size,
                            .data = data,
                            .data_size = data_size};
    NTSTATUS status = STATUS_DEVICE_REMOVED;
    lock_in_turn(channel);
    if (!atomic_load(&channel->failed)) {
        struct error err;
        int64_t deadline_ms = stream_now_ms() + atomic_load(&timeout_ms);
        if (send_locked(channel, &call, WIRE_ASYNC, 0, deadline_ms, &err))
            fail_channel(channel, err.text);
        else
            status = STATUS_SUCCESS;
    }
    pthread_mutex_unlock(&channel->lock);
    return status;
}

bool kmt_channel_check(struct kmt_channel *channel)
{
    if (atomic_load(&channel->failed))
        return false;
    if (pthread_mutex_trylock(&channel->lock))
        return true; /* in use, and whoever uses it will see */
    struct pollfd item = {.fd = channel->fd, .events = POLLIN};
    if (poll(&item, 1, 0) > 0)
        fail_channel(channel, item.revents & (POLLHUP | POLLERR)
                                  ? "the host closed the connection"
                                  : "the host sent something that nobody asked for");
    pthread_mutex_unlock(&channel->lock);
    return !atomic_load(&channel->failed);
}

/* --- The aperture --------------------------------------------------------------------------- */

int kmt_channel_aperture(struct kmt_channel *channel, uint64_t *size)
{
    int fd = atomic_load(&channel->aperture);
    *size = fd < 0 ? 0 : channel->aperture_size;
    return fd;
}

/* Who maps memory that can shrink can be killed by whoever shrinks it. */
static bool is_lasting(int fd, uint64_t size)
{
    struct stat status;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && seals & F_SEAL_SHRINK && fstat(fd, &status) == 0 &&
           (uint64_t)status.st_size >= size;
}

NTSTATUS kmt_channel_map_aperture(struct kmt_channel *channel)
{
    if (!kmt_channel_speaks(channel, 3))
        return STATUS_NOT_SUPPORTED;
    if (atomic_load(&channel->aperture) >= 0)
        return STATUS_SUCCESS;
    struct wire_map_aperture_reply reply;
    int fd = -1;
    struct kmt_call call = {
        .command = WIRE_MAP_APERTURE,
        .reply = &reply,
        .reply_min = sizeof(reply),
        .reply_max = sizeof(reply),
        .reply_descriptor = &fd,
    };
    NTSTATUS status = kmt_channel_call(channel, &call);
    if (NT_SUCCESS(status) && (fd < 0 || !is_lasting(fd, reply.size)))
        status = kmt_channel_reject(channel, "the host gave an aperture that is none");
    if (!NT_SUCCESS(status)) {
        if (fd >= 0)
            close(fd);
        return status;
    }
    kmt_fork_hold_off();
    if (atomic_load(&channel->aperture) < 0 && channel->fd >= 0) {
        channel->aperture_size = reply.size;
        atomic_store(&channel->aperture, fd);
        fd = -1;
    }
    kmt_fork_allow();
    if (fd >= 0)
        close(fd); /* another thread was faster */
    return STATUS_SUCCESS;
}

/* --- Life ----------------------------------------------------------------------------------- */

enum guard_mode kmt_guard_mode(void)
{
    enum guard_mode mode = GUARD_ENFORCE;
    const char *word = secure_getenv("GPUPV_GUARD");
    if (word && guard_parse_mode(word, &mode))
        log_warning("kmt", "GPUPV_GUARD=%s is none of off, warn, enforce, strict; enforce is taken",
                    word);
    return mode;
}

static NTSTATUS status_of(int result)
{
    switch (result) {
    case -ENOMEM:
        return STATUS_NO_MEMORY;
    case -EPROTONOSUPPORT:
        return STATUS_NOT_SUPPORTED;
    default:
        return STATUS_DEVICE_REMOVED;
    }
}

/* Opens and connects the socket. It is in the list from the moment that it exists. */
static int open_stream(struct kmt_channel *channel, const char *uri, struct error *err)
{
    const char *address;
    const struct kmt_transport *transport = kmt_transport_find(uri, &address, err);
    if (!transport)
        return -EPROTONOSUPPORT;
    kmt_fork_hold_off();
    int result = transport->open(address, &channel->fd, err);
    kmt_fork_allow();
    if (!result && transport->connect)
        result = transport->connect(channel->fd, address, atomic_load(&timeout_ms), err);
    return result;
}

static void destroy(struct kmt_channel *channel)
{
    kmt_fork_hold_off();
    delist_held(channel);
    if (channel->fd >= 0)
        close(channel->fd);
    if (channel->aperture >= 0)
        close(channel->aperture);
    kmt_fork_allow();
    frame_reader_finish(&channel->reader);
    pthread_mutex_destroy(&channel->turn);
    pthread_mutex_destroy(&channel->lock);
    free(channel);
}

NTSTATUS kmt_channel_create(const char *uri, struct kmt_channel **channel, struct error *err)
{
    static atomic_uint_fast64_t last_id;
    int result = kmt_fork_register();
    struct kmt_channel *made = result ? NULL : calloc(1, sizeof(*made));
    if (!made) {
        error_set(err, -ENOMEM, "out of memory connecting to %s", uri);
        return STATUS_NO_MEMORY;
    }
    atomic_init(&made->references, 1);
    made->id = atomic_fetch_add(&last_id, 1) + 1;
    made->fd = -1;
    atomic_init(&made->aperture, -1);
    pthread_mutex_init(&made->turn, NULL);
    pthread_mutex_init(&made->lock, NULL);
    frame_reader_init(&made->reader);
    snprintf(made->info.uri, sizeof(made->info.uri), "%s", uri);
    made->info.max_message = WIRE_MAX_MESSAGE;
    made->info.guard_mode = kmt_guard_mode();
    kmt_fork_hold_off();
    enlist_held(made);
    kmt_fork_allow();

    NTSTATUS status;
    result = open_stream(made, uri, err);
    if (result) {
        status = status_of(result);
        goto out_unref;
    }
    status = kmt_hello(made, &made->info, err);
    if (!NT_SUCCESS(status))
        goto out_unref;
    log_debug("kmt", "connected to %s, protocol %u, host %s", uri, made->info.version,
              made->info.host_version);
    *channel = made;
    return STATUS_SUCCESS;

out_unref:
    kmt_channel_unref(made);
    return status;
}

struct kmt_channel *kmt_channel_ref(struct kmt_channel *channel)
{
    atomic_fetch_add(&channel->references, 1);
    return channel;
}

void kmt_channel_unref(struct kmt_channel *channel)
{
    if (channel && atomic_fetch_sub(&channel->references, 1) == 1)
        destroy(channel);
}

const char *kmt_channel_why(const struct kmt_channel *channel)
{
    return channel->why;
}

const struct kmt_channel_info *kmt_channel_info(const struct kmt_channel *channel)
{
    return &channel->info;
}

uint64_t kmt_channel_id(const struct kmt_channel *channel)
{
    return channel->id;
}
