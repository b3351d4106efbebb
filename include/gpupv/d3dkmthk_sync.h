/* SPDX-License-Identifier: MIT */
/*
 * The D3DKMT functions for hardware queues, submitting and monitored fences. A part of
 * gpupv/d3dkmthk.h, whose general rules hold here.
 *
 * SubmitCommand, SubmitCommandToHwQueue, WaitForSynchronizationObjectFromGpu and
 * SignalSynchronizationObjectFromGpu do not wait for the host. What fails there puts the device
 * into an error state: from then on, calls that create something on it return that failure's
 * status.
 */
#ifndef GPUPV_D3DKMTHK_SYNC_H
#define GPUPV_D3DKMTHK_SYNC_H

#include "d3dkmdt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Hardware queues ------------------------------------------------------------------------ */

typedef struct _D3DKMT_CREATEHWQUEUE {
    D3DKMT_HANDLE hHwContext; /* in: a context */
    D3DDDI_CREATEHWQUEUEFLAGS Flags;
    UINT PrivateDriverDataSize;             /* bytes */
    D3DKMT_PTR(VOID *, pPrivateDriverData); /* in/out */
    D3DKMT_HANDLE hHwQueue;                 /* out; the caller destroys it, or its context */
    D3DKMT_HANDLE hHwQueueProgressFence;    /* out: a monitored fence; goes with the queue */
    /* out: the fence's value, read-only; NULL when the host gives no aperture on this connection.
     * It lies in a struct wire_fence_cell (gpupv's wire/protocol.h). */
    D3DKMT_PTR(VOID *, HwQueueProgressFenceCPUVirtualAddress);
    D3DKMT_ALIGN64 D3DGPU_VIRTUAL_ADDRESS HwQueueProgressFenceGPUVirtualAddress; /* out: 0 */
} D3DKMT_CREATEHWQUEUE;

/* Creates a queue that the host's driver takes work from. Private data is guarded and limited as in
 * D3DKMTEscape, but that a handle of the process may stand where the driver's format has one
 * (struct stream_open of gpupv's own driver).
 * STATUS_NOT_SUPPORTED: the host's driver has no such queues, or the host speaks an older version
 * of the protocol; other failures are the driver's. Source: D3DKMTCreateHwQueue. */
NTSTATUS APIENTRY D3DKMTCreateHwQueue(D3DKMT_CREATEHWQUEUE *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CREATEHWQUEUE)(D3DKMT_CREATEHWQUEUE *);

typedef struct _D3DKMT_DESTROYHWQUEUE {
    D3DKMT_HANDLE hHwQueue;
} D3DKMT_DESTROYHWQUEUE;

/* Destroys a queue and its progress fence. Does not wait for the host.
 * Source: D3DKMTDestroyHwQueue. */
NTSTATUS APIENTRY D3DKMTDestroyHwQueue(CONST D3DKMT_DESTROYHWQUEUE *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_DESTROYHWQUEUE)(CONST D3DKMT_DESTROYHWQUEUE *);

typedef struct _D3DKMT_SUBMITCOMMANDTOHWQUEUE {
    D3DKMT_HANDLE hHwQueue;
    /* The value that the progress fence reaches when the command is done; what follows in the
     * context waits for it before it signals. 0: nothing waits. */
    D3DKMT_ALIGN64 UINT64 HwQueueProgressFenceId;
    D3DKMT_ALIGN64 D3DGPU_VIRTUAL_ADDRESS CommandBuffer; /* 0 */
    UINT CommandLength;                                  /* 0 */
    UINT PrivateDriverDataSize;                          /* bytes */
    D3DKMT_PTR(VOID *, pPrivateDriverData);              /* in */
    UINT NumPrimaries;                                   /* 0 */
    D3DKMT_PTR(D3DKMT_HANDLE CONST *, WrittenPrimaries);
} D3DKMT_SUBMITCOMMANDTOHWQUEUE;

/* Hands a command, its private data, to the host's driver, in the order of the queue's context.
 * Private data is guarded and limited as in D3DKMTEscape.
 * Source: D3DKMTSubmitCommandToHwQueue. */
NTSTATUS APIENTRY D3DKMTSubmitCommandToHwQueue(CONST D3DKMT_SUBMITCOMMANDTOHWQUEUE *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_SUBMITCOMMANDTOHWQUEUE)(CONST D3DKMT_SUBMITCOMMANDTOHWQUEUE *);

typedef struct _D3DKMT_SUBMITCOMMANDFLAGS {
    UINT NullRendering : 1;
    UINT PresentRedirected : 1;
    UINT NoKmdAccess : 1;
    UINT Reserved : 29;
} D3DKMT_SUBMITCOMMANDFLAGS;

typedef struct _D3DKMT_SUBMITCOMMAND {
    D3DKMT_ALIGN64 D3DGPU_VIRTUAL_ADDRESS Commands; /* 0 */
    UINT CommandLength;                             /* 0 */
    D3DKMT_SUBMITCOMMANDFLAGS Flags;
    D3DKMT_ALIGN64 ULONGLONG PresentHistoryToken;
    UINT BroadcastContextCount; /* 1 */
    D3DKMT_HANDLE BroadcastContext[D3DDDI_MAX_BROADCAST_CONTEXT];
    D3DKMT_PTR(VOID *, pPrivateDriverData);
    UINT PrivateDriverDataSize;
    UINT NumPrimaries; /* 0 */
    D3DKMT_HANDLE WrittenPrimaries[D3DDDI_MAX_WRITTEN_PRIMARIES];
    UINT NumHistoryBuffers; /* 0 */
    D3DKMT_PTR(D3DKMT_HANDLE *, HistoryBufferArray);
} D3DKMT_SUBMITCOMMAND;

/* The same on a context: the command goes to its oldest hardware queue; a context without one gets
 * into error with STATUS_NOT_SUPPORTED. Source: D3DKMTSubmitCommand. */
NTSTATUS APIENTRY D3DKMTSubmitCommand(CONST D3DKMT_SUBMITCOMMAND *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_SUBMITCOMMAND)(CONST D3DKMT_SUBMITCOMMAND *);

/* --- Monitored fences and CPU notifications ------------------------------------------------- */

typedef struct _D3DKMT_CREATESYNCHRONIZATIONOBJECT2 {
    D3DKMT_HANDLE hDevice;
    D3DDDI_SYNCHRONIZATIONOBJECTINFO2 Info;
    D3DKMT_HANDLE hSyncObject; /* out; the caller destroys it, or its device */
} D3DKMT_CREATESYNCHRONIZATIONOBJECT2;

/* Creates a monitored fence, or a CPU notification: an event of this process, an eventfd, that the
 * host's driver signals once it knows it by the known escape D3DDDI_DRIVERESCAPETYPE_CPUEVENTUSAGE.
 * The event is duplicated.
 * A fence's value is UINT64_MAX once the host's worker, or the host, is gone.
 * STATUS_NOT_SUPPORTED: another type, a flag that asks for sharing, or a connection without shared
 * memory (of a fence) or descriptors (of a notification). Source:
 * D3DKMTCreateSynchronizationObject2.
 */
NTSTATUS APIENTRY D3DKMTCreateSynchronizationObject2(D3DKMT_CREATESYNCHRONIZATIONOBJECT2 *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CREATESYNCHRONIZATIONOBJECT2)(
    D3DKMT_CREATESYNCHRONIZATIONOBJECT2 *);

typedef struct _D3DKMT_DESTROYSYNCHRONIZATIONOBJECT {
    D3DKMT_HANDLE hSyncObject;
} D3DKMT_DESTROYSYNCHRONIZATIONOBJECT;

/* Destroys it. Events that wait for it are signalled; work that waits for it goes on. A queue's
 * progress fence is not to be destroyed. Does not wait for the host.
 * Source: D3DKMTDestroySynchronizationObject. */
NTSTATUS APIENTRY
D3DKMTDestroySynchronizationObject(CONST D3DKMT_DESTROYSYNCHRONIZATIONOBJECT *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_DESTROYSYNCHRONIZATIONOBJECT)(
    CONST D3DKMT_DESTROYSYNCHRONIZATIONOBJECT *);

typedef struct _D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU {
    D3DKMT_HANDLE hDevice;
    UINT ObjectCount; /* 1 to D3DDDI_MAX_OBJECT_WAITED_ON */
    D3DKMT_PTR(const D3DKMT_HANDLE *, ObjectHandleArray);
    D3DKMT_PTR(const UINT64 *, FenceValueArray);
    D3DKMT_PTR(HANDLE, hAsyncEvent); /* NULL: the call waits; else an eventfd, signalled once */
    D3DDDI_WAITFORSYNCHRONIZATIONOBJECTFROMCPU_FLAGS Flags;
} D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU;

/* Waits until all fences, or one with Flags.WaitAny, have reached their values. Without an event it
 * does not ask the host, and waits as long as it takes; STATUS_DEVICE_REMOVED when the host is
 * gone. With one it returns at once, and the host signals the event, which it duplicated. Source:
 * D3DKMTWaitForSynchronizationObjectFromCpu. */
NTSTATUS APIENTRY
D3DKMTWaitForSynchronizationObjectFromCpu(CONST D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU)(
    CONST D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU *);

typedef struct _D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU {
    D3DKMT_HANDLE hDevice;
    UINT ObjectCount; /* 1 to D3DDDI_MAX_OBJECT_SIGNALED */
    D3DKMT_PTR(const D3DKMT_HANDLE *, ObjectHandleArray);
    D3DKMT_PTR(const UINT64 *, FenceValueArray);
    D3DDDICB_SIGNALFLAGS Flags;
} D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU;

/* Sets fences to values. All or none: STATUS_INVALID_PARAMETER when one would become smaller and
 * Flags.AllowFenceRewind is not set, or is a queue's progress fence.
 * Source: D3DKMTSignalSynchronizationObjectFromCpu. */
NTSTATUS APIENTRY
D3DKMTSignalSynchronizationObjectFromCpu(CONST D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU)(
    CONST D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMCPU *);

typedef struct _D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMGPU {
    D3DKMT_HANDLE hContext;
    UINT ObjectCount; /* 1 to D3DDDI_MAX_OBJECT_WAITED_ON */
    D3DKMT_PTR(const D3DKMT_HANDLE *, ObjectHandleArray);
    __extension__ union {
        const UINT64 *MonitoredFenceValueArray;
        D3DKMT_ALIGN64 UINT64 FenceValue;
        D3DKMT_ALIGN64 UINT64 Reserved[8];
    };
} D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMGPU;

/* What is submitted to the context from now on waits until all fences have reached their values.
 * Source: D3DKMTWaitForSynchronizationObjectFromGpu. */
NTSTATUS APIENTRY
D3DKMTWaitForSynchronizationObjectFromGpu(CONST D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMGPU *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMGPU)(
    CONST D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMGPU *);

typedef struct _D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMGPU {
    D3DKMT_HANDLE hContext;
    UINT ObjectCount; /* 1 to D3DDDI_MAX_OBJECT_SIGNALED */
    D3DKMT_PTR(const D3DKMT_HANDLE *, ObjectHandleArray);
    __extension__ union {
        const UINT64 *MonitoredFenceValueArray;
        D3DKMT_ALIGN64 UINT64 Reserved[8];
    };
} D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMGPU;

/* Sets the fences once what was submitted to the context before is done, as far as the commands
 * named a progress fence value. Source: D3DKMTSignalSynchronizationObjectFromGpu. */
NTSTATUS APIENTRY
D3DKMTSignalSynchronizationObjectFromGpu(CONST D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMGPU *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMGPU)(
    CONST D3DKMT_SIGNALSYNCHRONIZATIONOBJECTFROMGPU *);

#ifdef __cplusplus
}
#endif

#endif
