/* SPDX-License-Identifier: MIT */
/*
 * The thunk protocol between a guest process (kmt/) and the service (host/), over any byte stream.
 *
 * Everything is little-endian and fixed-width; nothing is a pointer. A message is a header and a
 * payload, at most WIRE_MAX_MESSAGE bytes together, never split. Handles are 32-bit names that the
 * host chose (wire/handle_table.h). Strings are UTF-16LE in the API's structures, UTF-8 elsewhere.
 *
 *   WIRE_REQUEST   wants exactly one WIRE_REPLY with the same command and sequence
 *   WIRE_ASYNC     wants none; the sequence is 0
 *   WIRE_REPLY     carries an NTSTATUS; its payload is empty unless said below
 *
 * The first message of a stream is WIRE_HELLO. Requests are answered in order. A peer that breaks
 * the framing (size, kind, unknown command, hello missing or repeated) is disconnected: after a
 * framing error nothing that follows can be trusted. A well-framed request with a wrong payload
 * gets STATUS_INVALID_PARAMETER and the stream goes on.
 *
 * This protocol is kept stable: a new command or field raises WIRE_VERSION_MAX, and both sides
 * speak the highest version that both know. A command of a later version than the one agreed on is
 * an unknown one.
 *
 * Where a comment says so, a message carries one descriptor, as SCM_RIGHTS beside its first byte:
 * that needs a Unix socket. A stream that has none gets STATUS_NOT_SUPPORTED for what needs one.
 */
#ifndef GPUPV_WIRE_PROTOCOL_H
#define GPUPV_WIRE_PROTOCOL_H

#include <stdint.h>

#define WIRE_MAX_MESSAGE (128u * 1024u)
#define WIRE_MAGIC 0x56505047u /* "GPPV" in the byte order of the stream */
#define WIRE_VERSION_MIN 1u
#define WIRE_VERSION_MAX 4u

enum wire_kind { WIRE_REQUEST = 1, WIRE_ASYNC = 2, WIRE_REPLY = 3 };

enum wire_command {
    WIRE_HELLO = 1,
    WIRE_ENUM_ADAPTERS = 2,
    WIRE_OPEN_ADAPTER_FROM_LUID = 3,
    WIRE_CLOSE_ADAPTER = 4,
    WIRE_QUERY_ADAPTER_INFO = 5,
    WIRE_ESCAPE = 6,
    WIRE_CREATE_DEVICE = 7,
    WIRE_DESTROY_DEVICE = 8,
    WIRE_CREATE_CONTEXT_VIRTUAL = 9,
    WIRE_DESTROY_CONTEXT = 10,
    WIRE_ENUM_REGISTRY = 11,
    /* Version 2: a full VM's copy of the driver store. */
    WIRE_STORE_LIST = 12,
    WIRE_STORE_READ = 13,
    WIRE_STORE_RULES = 14,
    /* Version 3: memory, hardware queues, monitored fences. */
    WIRE_MAP_APERTURE = 15,
    WIRE_CREATE_ALLOCATION = 16,
    WIRE_DESTROY_ALLOCATION = 17,
    WIRE_UPDATE_ALLOCATION = 18,
    WIRE_QUERY_VIDEO_MEMORY = 19,
    WIRE_CREATE_HW_QUEUE = 20,
    WIRE_DESTROY_HW_QUEUE = 21,
    WIRE_SUBMIT_COMMAND = 22,
    WIRE_CREATE_SYNC_OBJECT = 23,
    WIRE_DESTROY_SYNC_OBJECT = 24,
    WIRE_SIGNAL_FROM_CPU = 25,
    WIRE_WAIT_FROM_CPU = 26,
    WIRE_SIGNAL_FROM_GPU = 27,
    WIRE_WAIT_FROM_GPU = 28,
    /* Since version 4. */
    WIRE_LOCK_ALLOCATION = 29,
    WIRE_COMMAND_END
};

struct wire_header {
    uint32_t size; /* header and payload, bytes */
    uint16_t command;
    uint8_t kind;
    uint8_t reserved; /* 0 */
    uint32_t sequence;
    int32_t status; /* NTSTATUS in a reply, else 0 */
};

#define WIRE_MAX_PAYLOAD (WIRE_MAX_MESSAGE - (uint32_t)sizeof(struct wire_header))

struct wire_luid {
    uint32_t low;
    int32_t high;
};

/* HELLO. The reply is sent also on failure (STATUS_REVISION_MISMATCH), so that both sides can say
 * both ranges; the service then closes the stream. */
struct wire_hello_request {
    uint32_t magic;
    uint16_t version_min, version_max;
    uint32_t guest_flags;  /* 0 */
    uint32_t pid;          /* the process' own idea; the host trusts SO_PEERCRED where it has it */
    char process_name[64]; /* UTF-8, NUL-padded; for logs */
};

struct wire_hello_reply {
    uint16_t version; /* chosen; 0 on failure */
    uint16_t version_min, version_max;
    uint16_t reserved;
    uint32_t max_message;
    uint32_t guard_mode;   /* enum guard_mode that the host applies */
    char host_version[32]; /* gpupv's version, NUL-padded */
};

/* ENUM_ADAPTERS: with capacity 0 nothing is opened and only `count` is told; with a capacity that
 * is too small STATUS_BUFFER_TOO_SMALL and `count`; else each adapter is opened. */
struct wire_enum_adapters_request {
    uint32_t filter; /* D3DKMT_ENUMADAPTERS_FILTER bits; EnumAdapters2 sends both bits set */
    uint32_t capacity;
};

struct wire_adapter {
    uint32_t handle;
    struct wire_luid luid;
    uint32_t sources;
    uint32_t precise_present_regions;
};

struct wire_enum_adapters_reply {
    uint32_t count;
    /* struct wire_adapter adapters[count], only when opened */
};

struct wire_open_adapter_request {
    struct wire_luid luid;
};

/* Reply of OPEN_ADAPTER_FROM_LUID, CREATE_DEVICE and CREATE_CONTEXT_VIRTUAL; request of the close
 * and destroy commands. The latter come as WIRE_ASYNC too: the guest checks its own handles. */
struct wire_handle {
    uint32_t handle;
};

/* QUERY_ADAPTER_INFO: followed by `size` bytes of private data in the wire form of its type: a
 * struct wire_*_info below. The reply's payload is that structure, filled (for QUERYREGISTRY a
 * struct wire_registry_reply and the value). */
struct wire_query_adapter_info_request {
    uint32_t adapter;
    uint32_t type; /* KMTQUERYADAPTERINFOTYPE */
    uint32_t size;
};

#define WIRE_MAX_PATH 260u /* MAX_PATH, UTF-16 units */

struct wire_umdrivername_info {
    uint32_t version; /* KMTUMDVERSION, in */
    uint16_t name[WIRE_MAX_PATH];
};
struct wire_adapterguid_info { /* GUID */
    uint32_t data1;
    uint16_t data2, data3;
    uint8_t data4[8];
};
struct wire_adapteraddress_info {
    uint32_t bus, device, function;
};
struct wire_adapterregistryinfo_info {
    uint16_t adapter[WIRE_MAX_PATH], bios[WIRE_MAX_PATH], dac_type[WIRE_MAX_PATH],
        chip_type[WIRE_MAX_PATH];
};
struct wire_u32_info { /* DRIVERVERSION, ADAPTERTYPE, PHYSICALADAPTERCOUNT, WDDM_2_7_CAPS,
                          PARAVIRTUALIZATION_RENDER */
    uint32_t value;
};
struct wire_u64_info { /* UMD_DRIVER_VERSION, KMD_DRIVER_VERSION: a.b.c.d, 16 bits each */
    uint64_t value;
};
struct wire_deviceids_info {
    uint32_t physical_adapter; /* in */
    uint32_t vendor, device, subvendor, subsystem, revision, bus_type;
};
struct wire_unique_guid_info {
    uint16_t text[40]; /* "{xxxxxxxx-xxxx-…}", NUL-terminated */
};
struct wire_description_info {
    uint16_t text[4096];
};
struct wire_servicename_info {
    uint16_t text[WIRE_MAX_PATH];
};

struct wire_registry_request { /* private data of QUERYREGISTRY */
    uint32_t query_type;       /* D3DDDI_QUERYREGISTRY_TYPE */
    uint32_t flags;            /* D3DDDI_QUERYREGISTRY_FLAGS */
    uint16_t name[WIRE_MAX_PATH];
    uint32_t value_type; /* REG_* */
    uint32_t physical_adapter;
};

/* The host sends the whole value; the thunk compares it with the caller's buffer, because only the
 * thunk knows the caller's WCHAR. Strings are UTF-16LE with their terminators. */
struct wire_registry_reply {
    uint32_t status; /* D3DDDI_QUERYREGISTRY_STATUS: SUCCESS or FAIL */
    uint32_t size;   /* bytes that follow */
};

#define WIRE_MAX_REGISTRY_VALUE (64u * 1024u) /* bytes of one value, in its wire form */

/* ESCAPE: followed by `size` bytes; the reply's payload is those bytes as the driver left them. */
struct wire_escape_request {
    uint32_t adapter, device, context;
    uint32_t type;  /* D3DKMT_ESCAPETYPE */
    uint32_t flags; /* D3DDDI_ESCAPEFLAGS; VirtualMachineData is the host's to set */
    uint32_t size;
};

struct wire_create_device_request {
    uint32_t adapter;
    uint32_t flags;
};

/* CREATE_CONTEXT_VIRTUAL: followed by `size` bytes of private data. */
struct wire_create_context_request {
    uint32_t device;
    uint32_t node_ordinal, engine_affinity;
    uint32_t flags;
    uint32_t client_hint;
    uint32_t size;
};

/* ENUM_REGISTRY: the names and types of a key's values, from index `start` on, as many as fit.
 * STATUS_ACCESS_DENIED where the host's policy does not allow listing. */
struct wire_enum_registry_request {
    uint32_t adapter;
    uint32_t query_type; /* SERVICEKEY or ADAPTERKEY */
    uint32_t physical_adapter;
    uint32_t start;
};
struct wire_enum_registry_reply {
    uint32_t total; /* values in the key */
    uint32_t count; /* entries that follow */
};
struct wire_registry_entry {
    uint32_t type;
    uint32_t name_size; /* UTF-8 bytes that follow, padded with zeros to a multiple of 4 */
};

/* STORE_LIST: the packages that the offered adapters need, from index `start` on, as many as fit.
 * Behind the reply's structure: the folder in which the guest looks for the store (UTF-8, padded
 * with zeros to a multiple of 4), then the packages. */
struct wire_store_list_request {
    uint32_t start;
};
struct wire_store_list_reply {
    uint32_t copy_mode; /* GraphicsDrivers\DriverStoreCopyMode: enum wire_copy_mode */
    uint32_t total;     /* packages */
    uint32_t count;     /* entries that follow */
    uint32_t root_size; /* bytes, without the padding */
};
struct wire_store_package {
    uint64_t size;                /* bytes of all files, the catalog and the signature included */
    uint32_t catalog_size;        /* bytes of gpupv-catalog.json */
    uint32_t signature_size;      /* of gpupv-catalog.sig; 0: the package is not signed */
    uint8_t catalog_digest[32];   /* BLAKE2b-256 of the file */
    uint8_t signature_digest[32]; /* the same; zeros without a signature */
    uint32_t name_size;           /* bytes that follow, padded with zeros to a multiple of 4 */
    uint32_t reserved;            /* 0 */
};

enum wire_copy_mode {
    WIRE_COPY_DISABLED = 0,
    WIRE_COPY_MISSING = 1,   /* what is there already is not overwritten */
    WIRE_COPY_OVERWRITE = 2, /* a package that differs is replaced */
};

/* STORE_READ: a part of one file of a package; followed by the package's folder name and the
 * file's path in it, UTF-8, neither padded nor terminated. The file is the catalog, the signature,
 * or one that the catalog lists. Answered with the structure and up to `length` bytes of the file;
 * fewer at its end or when no more fit, none beyond it. The first read holds the package against
 * removal until the guest reads another one or its connection ends.
 * STATUS_NOT_SUPPORTED: the copy mode is 0; STATUS_OBJECT_NAME_NOT_FOUND: no adapter needs such a
 * package, or it has no such file; STATUS_OBJECT_NAME_INVALID: a path that no catalog may have. */
struct wire_store_read_request {
    uint64_t offset;
    uint32_t length;
    uint16_t package_size, path_size;
};
struct wire_store_read_reply {
    uint64_t file_size;
    int64_t modified_sec; /* time of the last change, since 1970 */
    uint32_t modified_nsec;
    uint32_t flags; /* WIRE_STORE_EXECUTABLE */
};
#define WIRE_STORE_EXECUTABLE 0x1u
#define WIRE_STORE_MAX_READ (WIRE_MAX_PAYLOAD - (uint32_t)sizeof(struct wire_store_read_reply))

/* STORE_RULES: the CopyToVm rules of a physical adapter's key, from index `start` on, as many as
 * fit. Behind the reply's structure: the folder name of the package that the sources lie in (UTF-8,
 * padded with zeros to a multiple of 4), then the rules.
 * STATUS_NOT_SUPPORTED as above; STATUS_OBJECT_NAME_NOT_FOUND: the adapter has no package;
 * STATUS_INVALID_PARAMETER: also for rules that contradict the documentation (the host logs why).
 */
struct wire_store_rules_request {
    uint32_t adapter;
    uint32_t physical_adapter;
    uint32_t start;
};
struct wire_store_rules_reply {
    uint32_t total, count;
    uint32_t package_size; /* bytes, without the padding */
    uint32_t reserved;     /* 0 */
};
struct wire_store_rule {
    uint32_t flags;                    /* WIRE_RULE_* */
    uint16_t source_size, target_size; /* UTF-8 bytes that follow, source first; the two together
                                          padded with zeros to a multiple of 4 */
};
#define WIRE_RULE_WHEN_NEWER 0x1u /* else the target is overwritten */
#define WIRE_RULE_WOW64 0x2u      /* else into the native folder */

/* MAP_APERTURE: no payload. The reply carries a descriptor of the process' aperture, the same each
 * time: memory shared with the host, which can neither grow nor shrink. Allocations and fences lie
 * in it at the offsets that their replies tell. STATUS_NOT_SUPPORTED: no descriptors. */
struct wire_map_aperture_reply {
    uint64_t size;
};

/* CREATE_ALLOCATION: followed by `count` struct wire_allocation_info. All are created, or none.
 * Answered with the structure and `count` struct wire_allocation. */
struct wire_create_allocation_request {
    uint32_t device;
    uint32_t resource; /* to add them to, or 0 */
    uint32_t flags;    /* WIRE_CREATE_RESOURCE: they make up a new one */
    uint32_t count;    /* 1 … WIRE_MAX_ALLOCATIONS */
};
#define WIRE_CREATE_RESOURCE 0x1u
#define WIRE_MAX_ALLOCATIONS 1024u
struct wire_allocation_info {
    uint64_t size;  /* bytes; the host rounds it up */
    uint32_t flags; /* WIRE_ALLOCATION_* */
    uint32_t priority;
};
#define WIRE_ALLOCATION_CPU_VISIBLE 0x1u
#define WIRE_ALLOCATION_ACCESSED_PHYSICALLY 0x2u
/* Since version 4, instead of CPU_VISIBLE: the driver's own memory, which LOCK_ALLOCATION shares. */
#define WIRE_ALLOCATION_EXPORTED 0x4u
struct wire_create_allocation_reply {
    uint32_t resource; /* or 0 */
    uint32_t count;
};
#define WIRE_NO_OFFSET UINT64_MAX
struct wire_allocation {
    uint64_t size;
    uint64_t offset; /* in the aperture; WIRE_NO_OFFSET when it is not CPU-visible */
    uint32_t handle;
    uint32_t reserved;
};

/* LOCK_ALLOCATION: of an allocation with WIRE_ALLOCATION_EXPORTED, once, when the driver has made
 * its memory. The reply carries a descriptor of the file that it lies in.
 * STATUS_INVALID_PARAMETER: there is no such allocation, the driver has made none, or it was given
 * out already. */
struct wire_lock_allocation_reply {
    uint64_t offset; /* in the file: whole pages */
};

/* DESTROY_ALLOCATION, a request or WIRE_ASYNC: followed by `count` handles of allocations; or with
 * a resource and none. All are destroyed, or none. */
struct wire_destroy_allocation_request {
    uint32_t device;
    uint32_t resource;
    uint32_t flags; /* D3DDDICB_DESTROYALLOCATION2FLAGS */
    uint32_t count;
};

/* UPDATE_ALLOCATION: `mask` is PropertyMaskValue of D3DDDI_UPDATEALLOCPROPERTY. */
struct wire_update_allocation_request {
    uint32_t allocation;
    uint32_t mask;
    uint32_t flags; /* D3DDDI_UPDATEALLOCPROPERTY_FLAGS */
    uint32_t segment_set, preferred_segment;
};

struct wire_query_video_memory_request {
    uint32_t adapter;
    uint32_t group; /* D3DKMT_MEMORY_SEGMENT_GROUP */
    uint32_t physical_adapter;
    uint32_t reserved; /* 0 */
};
struct wire_query_video_memory_reply {
    uint64_t budget, usage;
};

/* A fence's value in the aperture. Cells lie WIRE_FENCE_STRIDE bytes apart. Who waits adds 1 to
 * `waiters` and sleeps on the value's low half (a futex); who changes the value wakes when
 * `waiters` is not 0. UINT64_MAX: what would have signalled it is gone. */
struct wire_fence_cell {
    uint64_t value;
    uint32_t waiters;
    uint32_t reserved;
};
#define WIRE_FENCE_STRIDE 64u

/* CREATE_HW_QUEUE: followed by `size` bytes of private data. Answered with the structure, and with
 * no bytes or `size` bytes of private data as the driver left it. */
struct wire_create_hw_queue_request {
    uint32_t context;
    uint32_t flags; /* D3DDDI_CREATEHWQUEUEFLAGS */
    uint32_t size;
    uint32_t reserved; /* 0 */
};
struct wire_create_hw_queue_reply {
    uint64_t fence_offset; /* of the progress fence's cell; WIRE_NO_OFFSET: there is no aperture */
    uint32_t queue, fence; /* handles */
};

/* SUBMIT_COMMAND, WIRE_ASYNC only: followed by `size` bytes of private data. */
struct wire_submit_command_request {
    uint64_t fence_value; /* that the queue's progress fence reaches when it is done, or 0 */
    uint32_t queue;       /* a hardware queue, or a context */
    uint32_t size;
};

/* CREATE_SYNC_OBJECT: of a CPU notification, carries a descriptor of an eventfd. */
struct wire_create_sync_object_request {
    uint64_t initial_value;
    uint32_t device;
    uint32_t type;  /* D3DDDI_SYNCHRONIZATIONOBJECT_TYPE */
    uint32_t flags; /* D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS */
    uint32_t engine_affinity;
};
struct wire_create_sync_object_reply {
    uint64_t offset; /* of the fence's cell, or WIRE_NO_OFFSET */
    uint32_t handle;
    uint32_t reserved;
};

/* SIGNAL_FROM_CPU, WAIT_FROM_CPU: `object` is a device; the latter carries a descriptor of an
 * eventfd, which is signalled once when the fences have their values.
 * SIGNAL_FROM_GPU, WAIT_FROM_GPU, WIRE_ASYNC only: `object` is a context.
 * Followed by `count` struct wire_fence_value. */
struct wire_fence_request {
    uint32_t object;
    uint32_t flags;    /* D3DDDICB_SIGNALFLAGS, or WIRE_WAIT_ANY */
    uint32_t count;    /* 1 … WIRE_MAX_FENCES */
    uint32_t reserved; /* 0 */
};
#define WIRE_WAIT_ANY 0x1u
#define WIRE_MAX_FENCES 32u
struct wire_fence_value {
    uint64_t value;
    uint32_t fence;
    uint32_t reserved; /* 0 */
};

_Static_assert(sizeof(struct wire_allocation_info) == 16, "no padding on the wire");
_Static_assert(sizeof(struct wire_allocation) == 24, "no padding on the wire");
_Static_assert(sizeof(struct wire_update_allocation_request) == 20, "no padding on the wire");
_Static_assert(sizeof(struct wire_fence_cell) == 16, "no padding on the wire");
_Static_assert(sizeof(struct wire_create_hw_queue_reply) == 16, "no padding on the wire");
_Static_assert(sizeof(struct wire_submit_command_request) == 16, "no padding on the wire");
_Static_assert(sizeof(struct wire_create_sync_object_request) == 24, "no padding on the wire");
_Static_assert(sizeof(struct wire_create_sync_object_reply) == 16, "no padding on the wire");
_Static_assert(sizeof(struct wire_fence_value) == 16, "no padding on the wire");

_Static_assert(sizeof(struct wire_store_package) == 88, "no padding on the wire");
_Static_assert(sizeof(struct wire_store_read_request) == 16, "no padding on the wire");
_Static_assert(sizeof(struct wire_store_read_reply) == 24, "no padding on the wire");
_Static_assert(sizeof(struct wire_header) == 16, "no padding on the wire");
_Static_assert(sizeof(struct wire_hello_request) == 80, "no padding on the wire");
_Static_assert(sizeof(struct wire_hello_reply) == 48, "no padding on the wire");
_Static_assert(sizeof(struct wire_adapter) == 20, "no padding on the wire");
_Static_assert(sizeof(struct wire_adapterguid_info) == 16, "no padding on the wire");
_Static_assert(sizeof(struct wire_registry_request) == 536, "no padding on the wire");

#endif
