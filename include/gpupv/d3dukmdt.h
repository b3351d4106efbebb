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

/* --- Memory --------------------------------------------------------------------------------- */

typedef ULONGLONG D3DGPU_VIRTUAL_ADDRESS;
typedef UINT D3DDDI_VIDEO_PRESENT_SOURCE_ID;
typedef UINT D3DDDI_VIDEO_PRESENT_TARGET_ID;

/* One allocation of D3DKMT_CREATEALLOCATION. */
typedef struct _D3DDDI_ALLOCATIONINFO {
    D3DKMT_HANDLE hAllocation;              /* out */
    D3DKMT_PTR(CONST VOID *, pSystemMem);   /* NULL */
    D3DKMT_PTR(VOID *, pPrivateDriverData); /* in/out */
    UINT PrivateDriverDataSize;             /* bytes */
    D3DDDI_VIDEO_PRESENT_SOURCE_ID VidPnSourceId;
    union {
        __extension__ struct {
            UINT Primary : 1;
            UINT Stereo : 1;
            UINT Reserved : 30;
        };
        UINT Value;
    } Flags;
} D3DDDI_ALLOCATIONINFO;

/* The same for D3DKMTCreateAllocation2. pPrivateDriverData is gpupv's struct
 * gpupv_allocation_private (gpupv/kmt.h). */
typedef struct _D3DDDI_ALLOCATIONINFO2 {
    D3DKMT_HANDLE hAllocation; /* out */
    __extension__ union {      /* NULL: memory of the caller's is not taken */
        D3DKMT_PTR_HELPER(pSystemMem_hSection_Align)
        HANDLE hSection;
        CONST VOID *pSystemMem;
    };
    D3DKMT_PTR(VOID *, pPrivateDriverData);       /* in/out */
    UINT PrivateDriverDataSize;                   /* bytes */
    D3DDDI_VIDEO_PRESENT_SOURCE_ID VidPnSourceId; /* of a primary */
    union {
        __extension__ struct {
            UINT Primary : 1;
            UINT Stereo : 1;
            UINT OverridePriority : 1;
            UINT Reserved : 29;
        };
        UINT Value;
    } Flags;
    D3DKMT_ALIGN64 D3DGPU_VIRTUAL_ADDRESS GpuVirtualAddress; /* out: 0, there is none */
    __extension__ union {
        UINT Priority; /* in */
        D3DKMT_ALIGN64 UINT64 Unused;
    };
    D3DKMT_ALIGN64 UINT64 Reserved[5];
} D3DDDI_ALLOCATIONINFO2;

typedef struct _D3DDDICB_LOCK2FLAGS {
    __extension__ union {
        __extension__ struct {
            UINT Reserved : 32;
        };
        UINT Value;
    };
} D3DDDICB_LOCK2FLAGS;

typedef struct _D3DDDICB_DESTROYALLOCATION2FLAGS {
    __extension__ union {
        __extension__ struct {
            UINT AssumeNotInUse : 1;
            UINT SynchronousDestroy : 1;
            UINT Reserved : 29;
            UINT SystemUseOnly : 1;
        };
        UINT Value;
    };
} D3DDDICB_DESTROYALLOCATION2FLAGS;

typedef struct _D3DDDI_SEGMENTPREFERENCE {
    __extension__ union {
        __extension__ struct {
            UINT SegmentId0 : 5;
            UINT Direction0 : 1;
            UINT SegmentId1 : 5;
            UINT Direction1 : 1;
            UINT SegmentId2 : 5;
            UINT Direction2 : 1;
            UINT SegmentId3 : 5;
            UINT Direction3 : 1;
            UINT SegmentId4 : 5;
            UINT Direction4 : 1;
            UINT Reserved : 2;
        };
        UINT Value;
    };
} D3DDDI_SEGMENTPREFERENCE;

typedef struct D3DDDI_UPDATEALLOCPROPERTY_FLAGS {
    __extension__ union {
        __extension__ struct {
            UINT AccessedPhysically : 1;
            UINT Unmoveable : 1;
            UINT Reserved : 30;
        };
        UINT Value;
    };
} D3DDDI_UPDATEALLOCPROPERTY_FLAGS;

typedef struct D3DDDI_UPDATEALLOCPROPERTY {
    D3DKMT_HANDLE hPagingQueue; /* 0: an update takes effect at once */
    D3DKMT_HANDLE hAllocation;
    UINT SupportedSegmentSet;
    D3DDDI_SEGMENTPREFERENCE PreferredSegment;
    D3DDDI_UPDATEALLOCPROPERTY_FLAGS Flags;
    D3DKMT_ALIGN64 UINT64 PagingFenceValue; /* out: 0 */
    __extension__ union {
        __extension__ struct {
            UINT SetAccessedPhysically : 1;
            UINT SetSupportedSegmentSet : 1;
            UINT SetPreferredSegment : 1;
            UINT SetUnmoveable : 1;
            UINT Reserved : 28;
        };
        UINT PropertyMaskValue;
    };
} D3DDDI_UPDATEALLOCPROPERTY;

/* --- Hardware queues and synchronisation ---------------------------------------------------- */

#define D3DDDI_MAX_OBJECT_WAITED_ON 32
#define D3DDDI_MAX_OBJECT_SIGNALED 32
#define D3DDDI_MAX_BROADCAST_CONTEXT 64
#define D3DDDI_MAX_WRITTEN_PRIMARIES 16

typedef struct _D3DDDI_CREATEHWQUEUEFLAGS {
    __extension__ union {
        __extension__ struct {
            UINT DisableGpuTimeout : 1;
            UINT NoBroadcastSignal : 1;
            UINT NoBroadcastWait : 1;
            UINT NoKmdAccess : 1;
            UINT Reserved : 28;
        };
        UINT Value;
    };
} D3DDDI_CREATEHWQUEUEFLAGS;

/* Of these gpupv has monitored fences and CPU notifications. */
typedef enum _D3DDDI_SYNCHRONIZATIONOBJECT_TYPE {
    D3DDDI_SYNCHRONIZATION_MUTEX = 1,
    D3DDDI_SEMAPHORE = 2,
    D3DDDI_FENCE = 3,
    D3DDDI_CPU_NOTIFICATION = 4,
    D3DDDI_MONITORED_FENCE = 5,
    D3DDDI_PERIODIC_MONITORED_FENCE = 6,
    D3DDDI_SYNCHRONIZATION_TYPE_LIMIT
} D3DDDI_SYNCHRONIZATIONOBJECT_TYPE;

typedef struct _D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS {
    __extension__ union {
        __extension__ struct {
            UINT Shared : 1;
            UINT NtSecuritySharing : 1;
            UINT CrossAdapter : 1;
            UINT TopOfPipeline : 1;
            UINT NoSignal : 1;
            UINT NoWait : 1;
            UINT NoSignalMaxValueOnTdr : 1;
            UINT NoGPUAccess : 1;
            UINT SignalByKmd : 1; /* of a CPU notification */
            UINT Reserved : 22;
            UINT Reserved0 : 1;
        };
        UINT Value;
    };
} D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS;

typedef struct _D3DDDI_SYNCHRONIZATIONOBJECTINFO2 {
    D3DDDI_SYNCHRONIZATIONOBJECT_TYPE Type;   /* in */
    D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS Flags; /* in */
    __extension__ union {
        struct {
            BOOL InitialState;
        } SynchronizationMutex;
        struct {
            UINT MaxCount;
            UINT InitialCount;
        } Semaphore;
        struct {
            D3DKMT_ALIGN64 UINT64 FenceValue;
        } Fence;
        struct {
            D3DKMT_PTR(HANDLE, Event); /* in: an eventfd, as (HANDLE)(SIZE_T)fd */
        } CPUNotification;
        struct {
            D3DKMT_ALIGN64 UINT64 InitialFenceValue; /* in */
            /* out: read-only; valid until the object is destroyed */
            D3DKMT_PTR(VOID *, FenceValueCPUVirtualAddress);
            D3DKMT_ALIGN64 D3DGPU_VIRTUAL_ADDRESS FenceValueGPUVirtualAddress; /* out: 0 */
            UINT EngineAffinity;                                               /* in */
            UINT Padding;
        } MonitoredFence;
        struct {
            D3DKMT_HANDLE hAdapter;
            D3DDDI_VIDEO_PRESENT_TARGET_ID VidPnTargetId;
            D3DKMT_ALIGN64 UINT64 Time;
            D3DKMT_PTR(VOID *, FenceValueCPUVirtualAddress);
            D3DKMT_ALIGN64 D3DGPU_VIRTUAL_ADDRESS FenceValueGPUVirtualAddress;
            UINT EngineAffinity;
            UINT Padding;
        } PeriodicMonitoredFence;
        struct {
            D3DKMT_ALIGN64 UINT64 Reserved[8];
        } Reserved;
    };
    D3DKMT_HANDLE SharedHandle; /* out: 0 */
} D3DDDI_SYNCHRONIZATIONOBJECTINFO2;

typedef struct _D3DDDI_WAITFORSYNCHRONIZATIONOBJECTFROMCPU_FLAGS {
    __extension__ union {
        __extension__ struct {
            UINT WaitAny : 1; /* for one of the objects, not for all */
            UINT Reserved : 31;
        };
        UINT Value;
    };
} D3DDDI_WAITFORSYNCHRONIZATIONOBJECTFROMCPU_FLAGS;

typedef struct _D3DDDICB_SIGNALFLAGS {
    __extension__ union {
        __extension__ struct {
            UINT SignalAtSubmission : 1;
            UINT EnqueueCpuEvent : 1;
            UINT AllowFenceRewind : 1; /* the value may become smaller */
            UINT Reserved : 28;
            UINT DXGK_SIGNAL_FLAG_INTERNAL0 : 1;
        };
        UINT Value;
    };
} D3DDDICB_SIGNALFLAGS;

#ifdef __cplusplus
}
#endif

#endif
