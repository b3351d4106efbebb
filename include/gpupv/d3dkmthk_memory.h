/* SPDX-License-Identifier: MIT */
/*
 * The D3DKMT functions for memory: allocations, locking them, and what the adapter has of it. A
 * part of gpupv/d3dkmthk.h, whose general rules hold here.
 */
#ifndef GPUPV_D3DKMTHK_MEMORY_H
#define GPUPV_D3DKMTHK_MEMORY_H

#include "d3dkmdt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Standard allocations are not supported; the structure is here for D3DKMT_CREATEALLOCATION. */
typedef enum _D3DKMT_STANDARDALLOCATIONTYPE {
    D3DKMT_STANDARDALLOCATIONTYPE_EXISTINGHEAP = 1,
    D3DKMT_STANDARDALLOCATIONTYPE_INTERNALBACKINGSTORE = 2,
    D3DKMT_STANDARDALLOCATIONTYPE_MAX,
} D3DKMT_STANDARDALLOCATIONTYPE;

typedef struct _D3DKMT_STANDARDALLOCATION_EXISTINGHEAP {
    D3DKMT_ALIGN64 UINT64 Size;
} D3DKMT_STANDARDALLOCATION_EXISTINGHEAP;

typedef struct _D3DKMT_CREATESTANDARDALLOCATIONFLAGS {
    __extension__ union {
        __extension__ struct {
            UINT Reserved : 32;
        };
        UINT Value;
    };
} D3DKMT_CREATESTANDARDALLOCATIONFLAGS;

typedef struct _D3DKMT_CREATESTANDARDALLOCATION {
    D3DKMT_STANDARDALLOCATIONTYPE Type;
    __extension__ union {
        D3DKMT_STANDARDALLOCATION_EXISTINGHEAP ExistingHeapData;
    };
    D3DKMT_CREATESTANDARDALLOCATIONFLAGS Flags;
} D3DKMT_CREATESTANDARDALLOCATION;

typedef struct _D3DKMT_CREATEALLOCATIONFLAGS {
    UINT CreateResource : 1; /* the allocations make up a resource, which gets a handle */
    UINT CreateShared : 1;
    UINT NonSecure : 1;
    UINT CreateProtected : 1;
    UINT RestrictSharedAccess : 1;
    UINT ExistingSysMem : 1;
    UINT NtSecuritySharing : 1;
    UINT ReadOnly : 1;
    UINT CreateWriteCombined : 1;
    UINT CreateCached : 1;
    UINT SwapChainBackBuffer : 1;
    UINT CrossAdapter : 1;
    UINT OpenCrossAdapter : 1;
    UINT PartialSharedCreation : 1;
    UINT Zeroed : 1; /* out: set, allocations are zeroed */
    UINT WriteWatch : 1;
    UINT StandardAllocation : 1;
    UINT ExistingSection : 1;
    UINT AllowNotZeroed : 1;
    UINT PhysicallyContiguous : 1;
    UINT NoKmdAccess : 1;
    UINT SharedDisplayable : 1;
    UINT Reserved : 10;
} D3DKMT_CREATEALLOCATIONFLAGS;

typedef struct _D3DKMT_CREATEALLOCATION {
    D3DKMT_HANDLE hDevice;
    D3DKMT_HANDLE hResource;    /* in: to add to, or 0; out with Flags.CreateResource */
    D3DKMT_HANDLE hGlobalShare; /* out: 0 */
    D3DKMT_PTR(CONST VOID *, pPrivateRuntimeData);
    UINT PrivateRuntimeDataSize;
    __extension__ union {
        D3DKMT_CREATESTANDARDALLOCATION *pStandardAllocation;
        CONST VOID *pPrivateDriverData; /* of the resource: gpupv's driver has none */
        D3DKMT_PTR_HELPER(AlignUnionTo64_1)
    };
    UINT PrivateDriverDataSize;
    UINT NumAllocations; /* 1 to GPUPV_KMT_MAX_ALLOCATIONS (gpupv/kmt.h) */
    __extension__ union {
        D3DDDI_ALLOCATIONINFO *pAllocationInfo;
        D3DDDI_ALLOCATIONINFO2 *pAllocationInfo2;
        D3DKMT_PTR_HELPER(AlignUnionTo64_2)
    };
    D3DKMT_CREATEALLOCATIONFLAGS Flags;
    D3DKMT_PTR(HANDLE, hPrivateRuntimeResourceHandle);
} D3DKMT_CREATEALLOCATION;

/* Creates allocations on a device, all or none. The private data of each is a struct
 * gpupv_allocation_private (gpupv/kmt.h), which says its size and whether the CPU sees it. New
 * allocations are zeroed.
 * STATUS_GRAPHICS_NO_VIDEO_MEMORY: the VM's share of video memory, or the adapter's, is used up;
 * STATUS_NO_MEMORY: also when the aperture has no room for what the CPU is to see;
 * STATUS_NOT_SUPPORTED: the host gives no CPU-visible memory on this connection, speaks an older
 * version of the protocol, or Flags ask for sharing or for memory of the caller's;
 * STATUS_INSUFFICIENT_RESOURCES: the process has too many objects; the status of the failed work
 * when the device is in error. Source: D3DKMTCreateAllocation2. */
NTSTATUS APIENTRY D3DKMTCreateAllocation2(D3DKMT_CREATEALLOCATION *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CREATEALLOCATION2)(D3DKMT_CREATEALLOCATION *);

typedef struct _D3DKMT_DESTROYALLOCATION2 {
    D3DKMT_HANDLE hDevice;
    D3DKMT_HANDLE hResource; /* destroys it with its allocations; then AllocationCount is 0 */
    D3DKMT_PTR(CONST D3DKMT_HANDLE *, phAllocationList);
    UINT AllocationCount;
    D3DDDICB_DESTROYALLOCATION2FLAGS Flags;
} D3DKMT_DESTROYALLOCATION2;

/* Destroys a resource, or allocations. Pointers that D3DKMTLock2 gave are no longer valid. Does not
 * wait for the host, which gives the memory back when its driver no longer uses it; what a lost
 * connection had is destroyed successfully too. STATUS_INVALID_PARAMETER: nothing was destroyed.
 * Source: D3DKMTDestroyAllocation2. */
NTSTATUS APIENTRY D3DKMTDestroyAllocation2(CONST D3DKMT_DESTROYALLOCATION2 *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_DESTROYALLOCATION2)(CONST D3DKMT_DESTROYALLOCATION2 *);

typedef struct _D3DKMT_LOCK2 {
    D3DKMT_HANDLE hDevice;
    D3DKMT_HANDLE hAllocation;
    D3DDDICB_LOCK2FLAGS Flags; /* 0 */
    D3DKMT_PTR(PVOID, pData);  /* out */
} D3DKMT_LOCK2;

/* Maps a CPU-visible allocation. Locks are counted, and all give the same pointer, which stays
 * valid until the last of them is undone or the allocation is destroyed. Does not ask the host.
 * After fork(2) the child reads zeros there, of its own. STATUS_NOT_SUPPORTED: the allocation is
 * not CPU-visible; STATUS_NO_MEMORY: there is no room in the address space. Source: D3DKMTLock2. */
NTSTATUS APIENTRY D3DKMTLock2(D3DKMT_LOCK2 *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_LOCK2)(D3DKMT_LOCK2 *);

typedef struct _D3DKMT_UNLOCK2 {
    D3DKMT_HANDLE hDevice;
    D3DKMT_HANDLE hAllocation;
} D3DKMT_UNLOCK2;

/* Undoes one D3DKMTLock2. Source: D3DKMTUnlock2. */
NTSTATUS APIENTRY D3DKMTUnlock2(CONST D3DKMT_UNLOCK2 *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_UNLOCK2)(CONST D3DKMT_UNLOCK2 *);

/* Changes AccessedPhysically, Unmoveable and segments of an allocation. There is one segment,
 * number 1, and nothing is paged: the values are kept, and hPagingQueue is 0.
 * Source: D3DKMTUpdateAllocationProperty. */
NTSTATUS APIENTRY D3DKMTUpdateAllocationProperty(D3DDDI_UPDATEALLOCPROPERTY *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_UPDATEALLOCATIONPROPERTY)(D3DDDI_UPDATEALLOCPROPERTY *);

typedef enum _D3DKMT_MEMORY_SEGMENT_GROUP {
    D3DKMT_MEMORY_SEGMENT_GROUP_LOCAL = 0,
    D3DKMT_MEMORY_SEGMENT_GROUP_NON_LOCAL = 1
} D3DKMT_MEMORY_SEGMENT_GROUP;

typedef struct _D3DKMT_QUERYVIDEOMEMORYINFO {
    D3DKMT_PTR(HANDLE, hProcess); /* NULL: this process */
    D3DKMT_HANDLE hAdapter;
    D3DKMT_MEMORY_SEGMENT_GROUP MemorySegmentGroup;
    D3DKMT_ALIGN64 UINT64 Budget;                  /* out: bytes that the process may use */
    D3DKMT_ALIGN64 UINT64 CurrentUsage;            /* out: bytes that it uses */
    D3DKMT_ALIGN64 UINT64 CurrentReservation;      /* out: 0 */
    D3DKMT_ALIGN64 UINT64 AvailableForReservation; /* out: 0 */
    UINT PhysicalAdapterIndex;
} D3DKMT_QUERYVIDEOMEMORYINFO;

/* LOCAL tells of all allocations of the process on the adapter: the budget is what the VM's share
 * leaves to it. NON_LOCAL tells of those that are CPU-visible: the budget is the aperture.
 * STATUS_NOT_SUPPORTED: another process, or an older protocol. Source: D3DKMTQueryVideoMemoryInfo.
 */
NTSTATUS APIENTRY D3DKMTQueryVideoMemoryInfo(D3DKMT_QUERYVIDEOMEMORYINFO *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_QUERYVIDEOMEMORYINFO)(D3DKMT_QUERYVIDEOMEMORYINFO *);

#ifdef __cplusplus
}
#endif

#endif
