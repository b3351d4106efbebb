/* SPDX-License-Identifier: MIT */
/*
 * Types of the WDDM interface that user-mode drivers share with the graphics kernel. Names, numbers
 * and layouts are those of WDDM 3.0 (d3dukmdt.h), of which only what gpupv's D3DKMT functions use
 * is declared. Every structure has the size and offsets that libdxg gives it on Linux.
 */
#ifndef GPUPV_D3DUKMDT_H
#define GPUPV_D3DUKMDT_H

#include "ntstatus.h"
#include "wintypes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Versions of the WDDM kernel interface. A program may compare them. */
#define DXGKDDI_INTERFACE_VERSION_VISTA 0x1052
#define DXGKDDI_INTERFACE_VERSION_VISTA_SP1 0x1053
#define DXGKDDI_INTERFACE_VERSION_WIN7 0x2005
#define DXGKDDI_INTERFACE_VERSION_WIN8 0x300E
#define DXGKDDI_INTERFACE_VERSION_WDDM1_3 0x4002
#define DXGKDDI_INTERFACE_VERSION_WDDM2_0 0x5023
#define DXGKDDI_INTERFACE_VERSION_WDDM2_1 0x6003
#define DXGKDDI_INTERFACE_VERSION_WDDM2_2 0x700A
#define DXGKDDI_INTERFACE_VERSION_WDDM2_3 0x8001
#define DXGKDDI_INTERFACE_VERSION_WDDM2_4 0x9006
#define DXGKDDI_INTERFACE_VERSION_WDDM2_5 0xA00B
#define DXGKDDI_INTERFACE_VERSION_WDDM2_6 0xB004
#define DXGKDDI_INTERFACE_VERSION_WDDM2_7 0xC004
#define DXGKDDI_INTERFACE_VERSION_WDDM2_8 0xD001
#define DXGKDDI_INTERFACE_VERSION_WDDM2_9 0xE003
#define DXGKDDI_INTERFACE_VERSION_WDDM3_0 0xF003
#ifndef DXGKDDI_INTERFACE_VERSION
#define DXGKDDI_INTERFACE_VERSION DXGKDDI_INTERFACE_VERSION_WDDM3_0
#endif

/*
 * Structures have the layout of 64-bit programs in 32-bit ones too, as libdxg's have: a pointer
 * takes eight bytes, as a union whose other member is its name with _Align, and 64-bit members are
 * aligned to eight. Initialize members by name; where a pointer stands in a list of values, write
 * D3DKMT_PTR_INIT(pointer).
 */
#if UINTPTR_MAX == UINT64_MAX
#define D3DKMT_ALIGN64
#define D3DKMT_PTR_HELPER(Name)
#define D3DKMT_PTR(Type, Name) Type Name
#define D3DKMT_PTR_INIT(x) (x)
#else
#define D3DKMT_ALIGN64 __attribute__((aligned(8)))
#define D3DKMT_PTR_HELPER(Name) D3DKMT_ALIGN64 UINT64 Name;
#define D3DKMT_PTR(Type, Name)                                                                     \
    __extension__ union {                                                                          \
        D3DKMT_PTR_HELPER(Name##_Align)                                                            \
        Type Name;                                                                                 \
    }
#define D3DKMT_PTR_INIT(x)                                                                         \
    {                                                                                              \
        (UINT64)(SIZE_T)(x)                                                                        \
    }
#endif

/* The name of an adapter, device, context … in this process; 0 names nothing. It stays valid until
 * it is closed or destroyed, the connection to the host is lost, or the process forks (the child
 * has none). Never a pointer, and not to be shared with another process. */
typedef UINT D3DKMT_HANDLE;

typedef struct _D3DDDI_ALLOCATIONLIST {
    D3DKMT_HANDLE hAllocation;
    __extension__ union {
        __extension__ struct {
            UINT WriteOperation : 1;
            UINT DoNotRetireInstance : 1;
            UINT OfferPriority : 3;
            UINT Reserved : 27;
        };
        UINT Value;
    };
} D3DDDI_ALLOCATIONLIST;

typedef struct _D3DDDI_PATCHLOCATIONLIST {
    UINT AllocationIndex;
    __extension__ union {
        __extension__ struct {
            UINT SlotId : 24;
            UINT Reserved : 8;
        };
        UINT Value;
    };
    UINT DriverId;
    UINT AllocationOffset; /* bytes */
    UINT PatchOffset;      /* bytes */
    UINT SplitOffset;      /* bytes */
} D3DDDI_PATCHLOCATIONLIST;

/* How D3DKMTEscape passes the call on. VirtualMachineData is the host's to set: a caller that sets
 * it gets STATUS_INVALID_PARAMETER. DriverKnownEscape: the data is one of the
 * D3DDDI_DRIVERESCAPE_* structures below. */
typedef struct _D3DDDI_ESCAPEFLAGS {
    __extension__ union {
        __extension__ struct {
            UINT HardwareAccess : 1;
            UINT DeviceStatusQuery : 1;
            UINT ChangeFrameLatency : 1;
            UINT NoAdapterSynchronization : 1;
            UINT Reserved : 1;
            UINT VirtualMachineData : 1;
            UINT DriverKnownEscape : 1;
            UINT DriverCommonEscape : 1;
            UINT Reserved2 : 24;
        };
        UINT Value;
    };
} D3DDDI_ESCAPEFLAGS;

/* The known escapes; each structure starts with its number. */
typedef enum _D3DDDI_DRIVERESCAPETYPE {
    D3DDDI_DRIVERESCAPETYPE_TRANSLATEALLOCATIONHANDLE = 0,
    D3DDDI_DRIVERESCAPETYPE_TRANSLATERESOURCEHANDLE = 1,
    D3DDDI_DRIVERESCAPETYPE_CPUEVENTUSAGE = 2,
    D3DDDI_DRIVERESCAPETYPE_MAX,
} D3DDDI_DRIVERESCAPETYPE;

typedef struct _D3DDDI_DRIVERESCAPE_TRANSLATEALLOCATIONEHANDLE {
    D3DDDI_DRIVERESCAPETYPE EscapeType;
    D3DKMT_HANDLE hAllocation; /* in: the guest's, out: the host's */
} D3DDDI_DRIVERESCAPE_TRANSLATEALLOCATIONEHANDLE;

typedef struct _D3DDDI_DRIVERESCAPE_TRANSLATERESOURCEHANDLE {
    D3DDDI_DRIVERESCAPETYPE EscapeType;
    D3DKMT_HANDLE hResource; /* in: the guest's, out: the host's */
} D3DDDI_DRIVERESCAPE_TRANSLATERESOURCEHANDLE;

typedef struct _D3DDDI_DRIVERESCAPE_CPUEVENTUSAGE {
    D3DDDI_DRIVERESCAPETYPE EscapeType;
    D3DKMT_HANDLE hSyncObject;
    D3DKMT_ALIGN64 UINT64 hKmdCpuEvent;
    UINT Usage[8];
} D3DDDI_DRIVERESCAPE_CPUEVENTUSAGE;

typedef struct _D3DDDI_CREATECONTEXTFLAGS {
    __extension__ union {
        __extension__ struct {
            UINT NullRendering : 1;
            UINT InitialData : 1;
            UINT DisableGpuTimeout : 1;
            UINT SynchronizationOnly : 1;
            UINT HwQueueSupported : 1;
            UINT NoKmdAccess : 1;
            UINT Reserved : 26;
        };
        UINT Value;
    };
} D3DDDI_CREATECONTEXTFLAGS;

/* What KMTQAITYPE_QUERYREGISTRY reads. For the two paths ValueName is ignored, ValueType and
 * QueryFlags must be 0, and the path comes as the guest sees it. */
typedef enum _D3DDDI_QUERYREGISTRY_TYPE {
    D3DDDI_QUERYREGISTRY_SERVICEKEY = 0,
    D3DDDI_QUERYREGISTRY_ADAPTERKEY = 1,
    D3DDDI_QUERYREGISTRY_DRIVERSTOREPATH = 2,
    D3DDDI_QUERYREGISTRY_DRIVERIMAGEPATH = 3,
    D3DDDI_QUERYREGISTRY_MAX,
} D3DDDI_QUERYREGISTRY_TYPE;

/* TranslatePath: a string that is a full path in the host's driver store comes as the guest's path.
 * MutableValue and Reserved must be 0. */
typedef struct _D3DDDI_QUERYREGISTRY_FLAGS {
    __extension__ union {
        __extension__ struct {
            UINT TranslatePath : 1;
            UINT MutableValue : 1;
            UINT Reserved : 30;
        };
        UINT Value;
    };
} D3DDDI_QUERYREGISTRY_FLAGS;

typedef enum _D3DDDI_QUERYREGISTRY_STATUS {
    D3DDDI_QUERYREGISTRY_STATUS_SUCCESS = 0,
    D3DDDI_QUERYREGISTRY_STATUS_BUFFER_OVERFLOW = 1,
    D3DDDI_QUERYREGISTRY_STATUS_FAIL = 2,
    D3DDDI_QUERYREGISTRY_STATUS_MAX,
} D3DDDI_QUERYREGISTRY_STATUS;

/* Private data of KMTQAITYPE_QUERYREGISTRY. The caller's buffer starts with this structure and may
 * be longer; the value gets all bytes from OutputString to the buffer's end. Source: "Registry
 * access from UMD" in WDDM's GPU paravirtualization. */
typedef struct _D3DDDI_QUERYREGISTRY_INFO {
    D3DDDI_QUERYREGISTRY_TYPE QueryType;   /* in */
    D3DDDI_QUERYREGISTRY_FLAGS QueryFlags; /* in */
    WCHAR ValueName[MAX_PATH];             /* in, with its terminator */
    ULONG ValueType;                       /* in: REG_SZ …; another type in the key is an error */
    ULONG PhysicalAdapterIndex;            /* in: which linked adapter's key */
    /* out: bytes of the value, terminators included; with BUFFER_OVERFLOW the bytes needed from
     * OutputString on */
    ULONG OutputValueSize;
    D3DDDI_QUERYREGISTRY_STATUS Status; /* out */
    __extension__ union {               /* out */
        DWORD OutputDword;
        D3DKMT_ALIGN64 UINT64 OutputQword;
        WCHAR OutputString[1];
        BYTE OutputBinary[1];
    };
} D3DDDI_QUERYREGISTRY_INFO;

#ifdef __cplusplus
}
#endif

#endif
