/* SPDX-License-Identifier: MIT */
/*
 * What gpupv's thunks offer beside the D3DKMT API. For the shim and the tools; C and C++.
 * All functions are thread-safe; what is said of waiting in gpupv/d3dkmthk.h holds for them too.
 */
#ifndef GPUPV_KMT_H
#define GPUPV_KMT_H

#include <stddef.h>
#include <stdint.h>

#include "gpupv/d3dkmthk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How long the host may take for one answer, in milliseconds. After that it counts as gone. */
#define GPUPV_KMT_TIMEOUT_MS 30000

struct gpupv_kmt_info {
    char transport[256];                 /* URI in use, e.g. "unix:/run/gpupv/host.sock" */
    uint32_t protocol_version;           /* agreed on */
    uint32_t protocol_min, protocol_max; /* the host's range */
    char host_version[32];
};

/* Connects if there is no connection and describes it. `info` may be NULL. `message` (may be NULL)
 * gets a line for a person, cut at message_size bytes: on failure what failed, why and what to do,
 * on success nothing. The host is the one of GPUPV_HOST (unix:PATH or embedded:), else the one on
 * unix:/run/gpupv/host.sock.
 * STATUS_DEVICE_REMOVED: no service there; STATUS_REVISION_MISMATCH: it speaks other versions of
 * the protocol; STATUS_NOT_SUPPORTED: GPUPV_HOST names no transport of this build;
 * STATUS_NO_MEMORY; another failure with which the host refused this process. */
NTSTATUS gpupv_kmt_connect(struct gpupv_kmt_info *info, char *message, size_t message_size);

/* One value of a registry key: its name in UTF-8 and its type. */
struct gpupv_kmt_registry_entry {
    char name[1040];
    uint32_t type;
};

/* Lists the values of an adapter's service or adapter key, where the host's policy allows listing.
 * `query_type` is D3DDDI_QUERYREGISTRY_SERVICEKEY or _ADAPTERKEY, `physical_adapter` the index of
 * the linked adapter. *entries is malloc'ed, NULL for no values; the caller frees it.
 * STATUS_ACCESS_DENIED: listing is not allowed; STATUS_OBJECT_NAME_NOT_FOUND: there is no such key;
 * STATUS_INVALID_PARAMETER, STATUS_DEVICE_REMOVED, STATUS_NO_MEMORY: as in gpupv/d3dkmthk.h. */
NTSTATUS gpupv_kmt_list_registry(D3DKMT_HANDLE adapter, uint32_t query_type,
                                 uint32_t physical_adapter,
                                 struct gpupv_kmt_registry_entry **entries, size_t *count);

/* --- The copy of the driver store in a full VM ---
 *
 * These need a host that speaks version 2 of the protocol: STATUS_NOT_SUPPORTED with an older one.
 * They connect if there is no connection. STATUS_DEVICE_REMOVED, STATUS_NO_MEMORY: as above. */

/* A package that the host's adapters need. */
struct gpupv_kmt_store_package {
    char name[256];             /* of its folder in ROOT/FileRepository */
    uint64_t size;              /* bytes of all files, catalog and signature included */
    uint32_t catalog_size;      /* bytes of gpupv-catalog.json */
    uint32_t signature_size;    /* bytes of gpupv-catalog.sig; 0: it is not signed */
    uint8_t catalog_digest[32]; /* BLAKE2b-256 of these files */
    uint8_t signature_digest[32];
};

struct gpupv_kmt_store {
    uint32_t copy_mode; /* DriverStoreCopyMode: 0 off, 1 copy what is missing, 2 replace, too */
    char root[4096];    /* the guest's folder to which the host translates paths in its store */
    size_t count;
    struct gpupv_kmt_store_package *packages;
};

/* Lists the packages. *store is one malloc'ed block with all of it; the caller frees it. */
NTSTATUS gpupv_kmt_store_list(struct gpupv_kmt_store **store);

struct gpupv_kmt_store_file {
    uint64_t size;        /* bytes of the whole file */
    int64_t modified_sec; /* time of its last change, since 1970 */
    uint32_t modified_nsec;
    uint32_t executable; /* 1 or 0 */
};

/* Reads up to *size bytes of a package's file at `offset`; *size gets how many, fewer at the file's
 * end or when a message holds no more, 0 behind the end. `path` is relative to the package. While
 * the host is asked for parts of one package, it keeps that package. `file` may be NULL.
 * STATUS_NOT_SUPPORTED: the host's DriverStoreCopyMode is 0; STATUS_OBJECT_NAME_NOT_FOUND: no
 * adapter needs the package, or it has no such file; STATUS_OBJECT_NAME_INVALID: a path that no
 * package can have; STATUS_INVALID_PARAMETER: NULL, empty or too long; STATUS_UNSUCCESSFUL: the
 * host cannot read the file. */
NTSTATUS gpupv_kmt_store_read(const char *package, const char *path, uint64_t offset, void *data,
                              size_t *size, struct gpupv_kmt_store_file *file);

/* A file that the driver wants outside its package: a value of the CopyToVm keys. */
struct gpupv_kmt_copy_rule {
    char source[4096];   /* relative to the package */
    char target[256];    /* a file name in the guest's library folder */
    uint32_t when_newer; /* 1: only over an older file; 0: always */
    uint32_t wow64;      /* 1: into the folder of 32-bit libraries */
};

struct gpupv_kmt_copy_rules {
    char package[256]; /* that the sources lie in */
    size_t count;
    struct gpupv_kmt_copy_rule *rules;
};

/* The rules of a physical adapter. *rules is one malloc'ed block; the caller frees it.
 * STATUS_OBJECT_NAME_NOT_FOUND: the adapter has no driver package; STATUS_INVALID_PARAMETER: no
 * such adapter, or the host's registry has rules that are wrong; STATUS_NOT_SUPPORTED as above. */
NTSTATUS gpupv_kmt_store_rules(D3DKMT_HANDLE adapter, uint32_t physical_adapter,
                               struct gpupv_kmt_copy_rules **rules);

/* --- Memory --- */

/* Allocations that one D3DKMTCreateAllocation2 makes at most. */
#define GPUPV_KMT_MAX_ALLOCATIONS 1024u

/* Private data of one allocation, for D3DKMTCreateAllocation2. It crosses in fields of its own: the
 * guard does not look at it. */
#define GPUPV_ALLOCATION_MAGIC 0x41565047u
#define GPUPV_ALLOCATION_CPU_VISIBLE 0x1u         /* lies in the aperture: D3DKMTLock2 maps it */
#define GPUPV_ALLOCATION_ACCESSED_PHYSICALLY 0x2u /* kept, as by D3DKMTUpdateAllocationProperty */
/* Instead of CPU_VISIBLE: the host driver's own memory. D3DKMTLock2 maps it once the driver has made
 * it, for as long as the allocation lives. STATUS_NOT_SUPPORTED: the host is older, or the
 * connection passes no descriptors. */
#define GPUPV_ALLOCATION_EXPORTED 0x4u
struct gpupv_allocation_private {
    uint32_t magic; /* GPUPV_ALLOCATION_MAGIC */
    uint32_t flags; /* GPUPV_ALLOCATION_* */
    /* in: bytes, not 0; out: rounded up to the host's pages */
    uint64_t size __attribute__((aligned(8)));
    uint64_t reserved; /* 0 */
};

/* Sleeps while *word is `seen`, at most `timeout` nanoseconds (UINT64_MAX: for ever), and maybe for
 * no reason. `word` is 4-byte aligned and lies in memory shared with the host (an allocation, a
 * fence's value). While it sleeps it looks now and then whether the host is still there: when the
 * connection is lost, all fences of it that this process has mapped become UINT64_MAX, and all that
 * sleep on one wake. Thread-safe. */
void gpupv_kmt_wait(const uint32_t *word, uint32_t seen, uint64_t timeout);
/* Wakes all that sleep on a word, on both sides. */
void gpupv_kmt_wake(uint32_t *word);

/* Memory that D3DKMTLock2 has mapped, for others in the guest to map (a display server): *fd is a
 * descriptor of the caller's, and the `size` bytes at `address` lie at *offset of the *file_size
 * bytes that it has. Whoever gets it sees all CPU-visible memory of this process.
 * STATUS_NOT_SUPPORTED: the memory is not shared with the host; STATUS_DEVICE_REMOVED: the
 * connection was lost; STATUS_NO_MEMORY: no descriptor is free; STATUS_INVALID_PARAMETER: NULL.
 * Thread-safe. */
NTSTATUS gpupv_kmt_share_memory(const void *address, size_t size, int *fd, uint64_t *offset,
                                uint64_t *file_size);

enum gpupv_kmt_guard_result {
    GPUPV_KMT_GUARD_OFF = 0,     /* GPUPV_GUARD is not "strict": nothing was searched */
    GPUPV_KMT_GUARD_CLEAN = 1,
    GPUPV_KMT_GUARD_ADDRESS = 2, /* an 8-byte word, at a multiple of 8, is an address of this process */
    GPUPV_KMT_GUARD_HANDLE = 3,  /* a 4-byte word is a live handle */
};
/* With GPUPV_GUARD=strict: searches what is about to cross beside the thunks. `data` is 8-byte
 * aligned as it will be on the other side; handles are only searched for when asked to, because any
 * number may be equal to one. *offset: of the first finding. */
enum gpupv_kmt_guard_result gpupv_kmt_guard(const void *data, size_t size, int with_handles,
                                            size_t *offset);

/* A name for an NTSTATUS, e.g. "STATUS_INVALID_PARAMETER"; NULL for one that gpupv never returns.
 * The string is constant. */
const char *gpupv_kmt_status_name(NTSTATUS status);

#ifdef __cplusplus
}
#endif

#endif
