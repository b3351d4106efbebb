/* SPDX-License-Identifier: MIT */
/*
 * The D3DKMT functions: how a program in a guest reaches the host's GPUs. Source-compatible with
 * programs written for Microsoft's libdxg, as far as the functions are declared here; names,
 * structures and results are those of WDDM (d3dkmthk.h).
 *
 * All functions
 *   - are thread-safe; calls of several threads take turns;
 *   - block until the host has answered, at most GPUPV_KMT_TIMEOUT_MS (gpupv/kmt.h) from the moment
 *     that it is their turn, and as long again for connecting and for greeting a new host;
 *   - keep no pointer of the caller after they return, and own nothing of the caller's;
 *   - return an NTSTATUS. Beside what each one says: STATUS_INVALID_PARAMETER for a NULL pointer or
 *     a handle that is not this process' own; STATUS_DEVICE_REMOVED when the host cannot be
 *     reached, stopped answering or broke the protocol, and for handles from the connection that
 *     was lost that way; STATUS_NO_MEMORY. On failure no output is written unless said.
 *
 * After a connection was lost, the enumerating and opening functions connect anew.
 * After fork(2) the child has a connection of its own on first use, and none of its parent's
 * handles (STATUS_INVALID_PARAMETER).
 *
 * libdxg declares some arguments const that hold outputs, and so does this header. The object
 * itself must not be const.
 */
#ifndef GPUPV_D3DKMTHK_H
#define GPUPV_D3DKMTHK_H

#include "d3dkmdt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Adapters ------------------------------------------------------------------------------- */

typedef struct _D3DKMT_ADAPTERINFO {
    D3DKMT_HANDLE hAdapter; /* open; the caller closes it */
    LUID AdapterLuid;       /* constant while the host's service runs */
    ULONG NumOfSources;     /* video present sources; 0 for a render-only adapter */
    BOOL bPrecisePresentRegionsPreferred;
} D3DKMT_ADAPTERINFO;

typedef struct _D3DKMT_ENUMADAPTERS2 {
    ULONG NumAdapters; /* in: elements of pAdapters; out: adapters */
    /* out; NULL to learn the number only */
    D3DKMT_PTR(D3DKMT_ADAPTERINFO *, pAdapters);
} D3DKMT_ENUMADAPTERS2;

/* Opens every adapter, those for computing or display only included. With pAdapters NULL nothing is
 * opened and NumAdapters is set. STATUS_BUFFER_TOO_SMALL: pAdapters is too short, NumAdapters says
 * the number and nothing is opened. Source: D3DKMTEnumAdapters2. */
NTSTATUS APIENTRY D3DKMTEnumAdapters2(CONST D3DKMT_ENUMADAPTERS2 *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_ENUMADAPTERS2)(CONST D3DKMT_ENUMADAPTERS2 *);

/* Which adapters D3DKMTEnumAdapters3 adds to those that both render and may display. */
typedef union _D3DKMT_ENUMADAPTERS_FILTER {
    __extension__ struct {
        ULONGLONG IncludeComputeOnly : 1;
        ULONGLONG IncludeDisplayOnly : 1;
        ULONGLONG Reserved : 62; /* 0 */
    };
    D3DKMT_ALIGN64 ULONGLONG Value;
} D3DKMT_ENUMADAPTERS_FILTER;

typedef struct _D3DKMT_ENUMADAPTERS3 {
    D3DKMT_ENUMADAPTERS_FILTER Filter; /* in */
    ULONG NumAdapters;                 /* as in D3DKMT_ENUMADAPTERS2 */
    D3DKMT_PTR(D3DKMT_ADAPTERINFO *, pAdapters);
} D3DKMT_ENUMADAPTERS3;

/* As D3DKMTEnumAdapters2, with a filter. Source: D3DKMTEnumAdapters3. */
NTSTATUS APIENTRY D3DKMTEnumAdapters3(D3DKMT_ENUMADAPTERS3 *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_ENUMADAPTERS3)(D3DKMT_ENUMADAPTERS3 *);

typedef struct _D3DKMT_OPENADAPTERFROMLUID {
    LUID AdapterLuid;       /* in */
    D3DKMT_HANDLE hAdapter; /* out; the caller closes it */
} D3DKMT_OPENADAPTERFROMLUID;

/* Opens one adapter. Each opening gives another handle. STATUS_INVALID_PARAMETER also when no
 * adapter has that LUID. Source: D3DKMTOpenAdapterFromLuid. */
NTSTATUS APIENTRY D3DKMTOpenAdapterFromLuid(CONST D3DKMT_OPENADAPTERFROMLUID *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_OPENADAPTERFROMLUID)(D3DKMT_OPENADAPTERFROMLUID *);

typedef struct _D3DKMT_CLOSEADAPTER {
    D3DKMT_HANDLE hAdapter; /* in */
} D3DKMT_CLOSEADAPTER;

/* Closes a handle. Does not wait for the host; a handle from a lost connection is closed
 * successfully too. Source: D3DKMTCloseAdapter. */
NTSTATUS APIENTRY D3DKMTCloseAdapter(CONST D3DKMT_CLOSEADAPTER *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CLOSEADAPTER)(CONST D3DKMT_CLOSEADAPTER *);

/* --- Queries -------------------------------------------------------------------------------- */

/* What D3DKMTQueryAdapterInfo tells. gpupv answers those that a structure below names; the _RENDER
 * twins give the same as their plain forms. */
typedef enum _KMTQUERYADAPTERINFOTYPE {
    KMTQAITYPE_UMDRIVERPRIVATE = 0,
    KMTQAITYPE_UMDRIVERNAME = 1,
    KMTQAITYPE_UMOPENGLINFO = 2,
    KMTQAITYPE_GETSEGMENTSIZE = 3,
    KMTQAITYPE_ADAPTERGUID = 4,
    KMTQAITYPE_FLIPQUEUEINFO = 5,
    KMTQAITYPE_ADAPTERADDRESS = 6,
    KMTQAITYPE_SETWORKINGSETINFO = 7,
    KMTQAITYPE_ADAPTERREGISTRYINFO = 8,
    KMTQAITYPE_CURRENTDISPLAYMODE = 9,
    KMTQAITYPE_MODELIST = 10,
    KMTQAITYPE_CHECKDRIVERUPDATESTATUS = 11,
    KMTQAITYPE_VIRTUALADDRESSINFO = 12,
    KMTQAITYPE_DRIVERVERSION = 13,
    KMTQAITYPE_ADAPTERTYPE = 15,
    KMTQAITYPE_OUTPUTDUPLCONTEXTSCOUNT = 16,
    KMTQAITYPE_WDDM_1_2_CAPS = 17,
    KMTQAITYPE_UMD_DRIVER_VERSION = 18,
    KMTQAITYPE_DIRECTFLIP_SUPPORT = 19,
    KMTQAITYPE_MULTIPLANEOVERLAY_SUPPORT = 20,
    KMTQAITYPE_DLIST_DRIVER_NAME = 21,
    KMTQAITYPE_WDDM_1_3_CAPS = 22,
    KMTQAITYPE_MULTIPLANEOVERLAY_HUD_SUPPORT = 23,
    KMTQAITYPE_WDDM_2_0_CAPS = 24,
    KMTQAITYPE_NODEMETADATA = 25,
    KMTQAITYPE_CPDRIVERNAME = 26,
    KMTQAITYPE_XBOX = 27,
    KMTQAITYPE_INDEPENDENTFLIP_SUPPORT = 28,
    KMTQAITYPE_MIRACASTCOMPANIONDRIVERNAME = 29,
    KMTQAITYPE_PHYSICALADAPTERCOUNT = 30,
    KMTQAITYPE_PHYSICALADAPTERDEVICEIDS = 31,
    KMTQAITYPE_DRIVERCAPS_EXT = 32,
    KMTQAITYPE_QUERY_MIRACAST_DRIVER_TYPE = 33,
    KMTQAITYPE_QUERY_GPUMMU_CAPS = 34,
    KMTQAITYPE_QUERY_MULTIPLANEOVERLAY_DECODE_SUPPORT = 35,
    KMTQAITYPE_QUERY_HW_PROTECTION_TEARDOWN_COUNT = 36,
    KMTQAITYPE_QUERY_ISBADDRIVERFORHWPROTECTIONDISABLED = 37,
    KMTQAITYPE_MULTIPLANEOVERLAY_SECONDARY_SUPPORT = 38,
    KMTQAITYPE_INDEPENDENTFLIP_SECONDARY_SUPPORT = 39,
    KMTQAITYPE_PANELFITTER_SUPPORT = 40,
    KMTQAITYPE_PHYSICALADAPTERPNPKEY = 41,
    KMTQAITYPE_GETSEGMENTGROUPSIZE = 42,
    KMTQAITYPE_MPO3DDI_SUPPORT = 43,
    KMTQAITYPE_HWDRM_SUPPORT = 44,
    KMTQAITYPE_MPOKERNELCAPS_SUPPORT = 45,
    KMTQAITYPE_MULTIPLANEOVERLAY_STRETCH_SUPPORT = 46,
    KMTQAITYPE_GET_DEVICE_VIDPN_OWNERSHIP_INFO = 47,
    KMTQAITYPE_QUERYREGISTRY = 48,
    KMTQAITYPE_KMD_DRIVER_VERSION = 49,
    KMTQAITYPE_BLOCKLIST_KERNEL = 50,
    KMTQAITYPE_BLOCKLIST_RUNTIME = 51,
    KMTQAITYPE_ADAPTERGUID_RENDER = 52,
    KMTQAITYPE_ADAPTERADDRESS_RENDER = 53,
    KMTQAITYPE_ADAPTERREGISTRYINFO_RENDER = 54,
    KMTQAITYPE_CHECKDRIVERUPDATESTATUS_RENDER = 55,
    KMTQAITYPE_DRIVERVERSION_RENDER = 56,
    KMTQAITYPE_ADAPTERTYPE_RENDER = 57,
    KMTQAITYPE_WDDM_1_2_CAPS_RENDER = 58,
    KMTQAITYPE_WDDM_1_3_CAPS_RENDER = 59,
    KMTQAITYPE_QUERY_ADAPTER_UNIQUE_GUID = 60,
    KMTQAITYPE_NODEPERFDATA = 61,
    KMTQAITYPE_ADAPTERPERFDATA = 62,
    KMTQAITYPE_ADAPTERPERFDATA_CAPS = 63,
    KMTQUITYPE_GPUVERSION = 64,
    KMTQAITYPE_DRIVER_DESCRIPTION = 65,
    KMTQAITYPE_DRIVER_DESCRIPTION_RENDER = 66,
    KMTQAITYPE_SCANOUT_CAPS = 67,
    KMTQAITYPE_PARAVIRTUALIZATION_RENDER = 68,
    KMTQAITYPE_SERVICENAME = 69,
    KMTQAITYPE_WDDM_2_7_CAPS = 70,
    KMTQAITYPE_DISPLAY_UMDRIVERNAME = 71,
    KMTQAITYPE_TRACKEDWORKLOAD_SUPPORT = 72,
    KMTQAITYPE_HYBRID_DLIST_DLL_SUPPORT = 73,
    KMTQAITYPE_DISPLAY_CAPS = 74,
    KMTQAITYPE_WDDM_2_9_CAPS = 75,
    KMTQAITYPE_CROSSADAPTERRESOURCE_SUPPORT = 76,
    KMTQAITYPE_WDDM_3_0_CAPS = 77,
} KMTQUERYADAPTERINFOTYPE;

/* UMDRIVERNAME: the user-mode driver for a D3D version, as a path of the guest. */
typedef enum _KMTUMDVERSION {
    KMTUMDVERSION_DX9 = 0,
    KMTUMDVERSION_DX10,
    KMTUMDVERSION_DX11,
    KMTUMDVERSION_DX12,
    NUM_KMTUMDVERSIONS
} KMTUMDVERSION;

typedef struct _D3DKMT_UMDFILENAMEINFO {
    KMTUMDVERSION Version;       /* in */
    WCHAR UmdFileName[MAX_PATH]; /* out */
} D3DKMT_UMDFILENAMEINFO;

/* ADAPTERGUID fills a GUID. */

/* ADAPTERADDRESS: the physical device's place on its bus. */
typedef struct _D3DKMT_ADAPTERADDRESS {
    UINT BusNumber;
    UINT DeviceNumber;
    UINT FunctionNumber;
} D3DKMT_ADAPTERADDRESS;

/* ADAPTERREGISTRYINFO: descriptive texts. */
typedef struct _D3DKMT_ADAPTERREGISTRYINFO {
    WCHAR AdapterString[MAX_PATH];
    WCHAR BiosString[MAX_PATH];
    WCHAR DacType[MAX_PATH];
    WCHAR ChipType[MAX_PATH];
} D3DKMT_ADAPTERREGISTRYINFO;

/* DRIVERVERSION: the WDDM version that the driver implements. */
typedef enum _QAI_DRIVERVERSION {
    KMT_DRIVERVERSION_WDDM_1_0 = 1000,
    KMT_DRIVERVERSION_WDDM_1_1_PRERELEASE = 1102,
    KMT_DRIVERVERSION_WDDM_1_1 = 1105,
    KMT_DRIVERVERSION_WDDM_1_2 = 1200,
    KMT_DRIVERVERSION_WDDM_1_3 = 1300,
    KMT_DRIVERVERSION_WDDM_2_0 = 2000,
    KMT_DRIVERVERSION_WDDM_2_1 = 2100,
    KMT_DRIVERVERSION_WDDM_2_2 = 2200,
    KMT_DRIVERVERSION_WDDM_2_3 = 2300,
    KMT_DRIVERVERSION_WDDM_2_4 = 2400,
    KMT_DRIVERVERSION_WDDM_2_5 = 2500,
    KMT_DRIVERVERSION_WDDM_2_6 = 2600,
    KMT_DRIVERVERSION_WDDM_2_7 = 2700,
    KMT_DRIVERVERSION_WDDM_2_8 = 2800,
    KMT_DRIVERVERSION_WDDM_2_9 = 2900,
    KMT_DRIVERVERSION_WDDM_3_0 = 3000
} D3DKMT_DRIVERVERSION;

/* ADAPTERTYPE */
typedef struct _D3DKMT_ADAPTERTYPE {
    __extension__ union {
        __extension__ struct {
            UINT RenderSupported : 1;
            UINT DisplaySupported : 1;
            UINT SoftwareDevice : 1;
            UINT PostDevice : 1;
            UINT HybridDiscrete : 1;
            UINT HybridIntegrated : 1;
            UINT IndirectDisplayDevice : 1;
            UINT Paravirtualized : 1;
            UINT ACGSupported : 1;
            UINT SupportSetTimingsFromVidPn : 1;
            UINT Detachable : 1;
            UINT ComputeOnly : 1;
            UINT Prototype : 1;
            UINT RuntimePowerManagement : 1;
            UINT Reserved : 18;
        };
        UINT Value;
    };
} D3DKMT_ADAPTERTYPE;

/* UMD_DRIVER_VERSION and KMD_DRIVER_VERSION: a.b.c.d, 16 bits each, a the highest. */
typedef struct _D3DKMT_UMD_DRIVER_VERSION {
    LARGE_INTEGER DriverVersion;
} D3DKMT_UMD_DRIVER_VERSION;

typedef struct _D3DKMT_KMD_DRIVER_VERSION {
    LARGE_INTEGER DriverVersion;
} D3DKMT_KMD_DRIVER_VERSION;

/* PHYSICALADAPTERCOUNT: how many physical adapters are linked in this one. */
typedef struct _D3DKMT_PHYSICAL_ADAPTER_COUNT {
    UINT Count;
} D3DKMT_PHYSICAL_ADAPTER_COUNT;

/* PHYSICALADAPTERDEVICEIDS */
typedef struct _D3DKMT_DEVICE_IDS {
    UINT VendorID;
    UINT DeviceID;
    UINT SubVendorID;
    UINT SubSystemID;
    UINT RevisionID;
    UINT BusType;
} D3DKMT_DEVICE_IDS;

typedef struct _D3DKMT_QUERY_DEVICE_IDS {
    UINT PhysicalAdapterIndex;   /* in */
    D3DKMT_DEVICE_IDS DeviceIds; /* out */
} D3DKMT_QUERY_DEVICE_IDS;

/* QUERYREGISTRY: D3DDDI_QUERYREGISTRY_INFO, gpupv/d3dukmdt.h */

/* QUERY_ADAPTER_UNIQUE_GUID: "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}" */
typedef struct _D3DKMT_QUERY_ADAPTER_UNIQUE_GUID {
    WCHAR AdapterUniqueGUID[40];
} D3DKMT_QUERY_ADAPTER_UNIQUE_GUID;

/* DRIVER_DESCRIPTION */
typedef struct _D3DKMT_DRIVER_DESCRIPTION {
    WCHAR DriverDescription[4096];
} D3DKMT_DRIVER_DESCRIPTION;

/* WDDM_2_7_CAPS: D3DKMT_WDDM_2_7_CAPS, gpupv/d3dkmdt.h */

/* PARAVIRTUALIZATION_RENDER: true where the host allows known escapes only. */
typedef struct _D3DKMT_PARAVIRTUALIZATION {
    BOOLEAN SecureContainer;
} D3DKMT_PARAVIRTUALIZATION;

/* SERVICENAME fills a WCHAR[MAX_PATH]. */

typedef struct _D3DKMT_QUERYADAPTERINFO {
    D3DKMT_HANDLE hAdapter;
    KMTQUERYADAPTERINFOTYPE Type;
    D3DKMT_PTR(VOID *, pPrivateDriverData); /* in/out: the type's structure */
    UINT PrivateDriverDataSize;             /* bytes; its size, or more for QUERYREGISTRY */
} D3DKMT_QUERYADAPTERINFO;

/* Asks the host about an adapter. Checked in this order: STATUS_NOT_SUPPORTED for a type that gpupv
 * does not answer; STATUS_INVALID_PARAMETER for another size than the structure's (QUERYREGISTRY:
 * for a smaller one), and for a handle that is no adapter.
 *
 * KMTQAITYPE_QUERYREGISTRY tells its outcome in Status too:
 *   found, and fits       STATUS_SUCCESS, _SUCCESS, the value and OutputValueSize
 *   found, too large      STATUS_SUCCESS, _BUFFER_OVERFLOW, only OutputValueSize
 *   anything else         a failure, _FAIL, nothing else is written:
 *     STATUS_OBJECT_NAME_NOT_FOUND no such value, key or path; STATUS_OBJECT_TYPE_MISMATCH the
 *     value has another type; STATUS_INVALID_PARAMETER bad flags, index, query or name
 * Source: D3DKMTQueryAdapterInfo, D3DDDI_QUERYREGISTRY_INFO. */
NTSTATUS APIENTRY D3DKMTQueryAdapterInfo(CONST D3DKMT_QUERYADAPTERINFO *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_QUERYADAPTERINFO)(CONST D3DKMT_QUERYADAPTERINFO *);

/* --- Escapes -------------------------------------------------------------------------------- */

typedef enum _D3DKMT_ESCAPETYPE {
    D3DKMT_ESCAPE_DRIVERPRIVATE = 0,
    D3DKMT_ESCAPE_VIDMM = 1,
    D3DKMT_ESCAPE_TDRDBGCTRL = 2,
    D3DKMT_ESCAPE_VIDSCH = 3,
    D3DKMT_ESCAPE_DEVICE = 4,
    D3DKMT_ESCAPE_DMM = 5,
    D3DKMT_ESCAPE_DEBUG_SNAPSHOT = 6,
    D3DKMT_ESCAPE_DRT_TEST = 8,
    D3DKMT_ESCAPE_DIAGNOSTICS = 9,
    D3DKMT_ESCAPE_OUTPUTDUPL_SNAPSHOT = 10,
    D3DKMT_ESCAPE_OUTPUTDUPL_DIAGNOSTICS = 11,
    D3DKMT_ESCAPE_BDD_PNP = 12,
    D3DKMT_ESCAPE_BDD_FALLBACK = 13,
    D3DKMT_ESCAPE_ACTIVATE_SPECIFIC_DIAG = 14,
    D3DKMT_ESCAPE_MODES_PRUNED_OUT = 15,
    D3DKMT_ESCAPE_WHQL_INFO = 16,
    D3DKMT_ESCAPE_BRIGHTNESS = 17,
    D3DKMT_ESCAPE_EDID_CACHE = 18,
    D3DKMT_ESCAPE_MIRACAST_DISPLAY_REQUEST = 20,
    D3DKMT_ESCAPE_HISTORY_BUFFER_STATUS = 21,
    D3DKMT_ESCAPE_MIRACAST_ADAPTER_DIAG_INFO = 23,
    D3DKMT_ESCAPE_FORCE_BDDFALLBACK_HEADLESS = 24,
    D3DKMT_ESCAPE_REQUEST_MACHINE_CRASH = 25,
    D3DKMT_ESCAPE_SOFTGPU_ENABLE_DISABLE_HMD = 27,
    D3DKMT_ESCAPE_PROCESS_VERIFIER_OPTION = 28,
    D3DKMT_ESCAPE_ADAPTER_VERIFIER_OPTION = 29,
    D3DKMT_ESCAPE_IDD_REQUEST = 30,
    D3DKMT_ESCAPE_DOD_SET_DIRTYRECT_MODE = 31,
    D3DKMT_ESCAPE_LOG_CODEPOINT_PACKET = 32,
    D3DKMT_ESCAPE_LOG_USERMODE_DAIG_PACKET = 33,
    D3DKMT_ESCAPE_GET_EXTERNAL_DIAGNOSTICS = 34,
    D3DKMT_ESCAPE_GET_DISPLAY_CONFIGURATIONS = 36,
    D3DKMT_ESCAPE_QUERY_IOMMU_STATUS = 37,
    D3DKMT_ESCAPE_CCD_DATABASE = 38,
    D3DKMT_ESCAPE_QUERY_DMA_REMAPPING_STATUS = 39,
    D3DKMT_ESCAPE_WIN32K_START = 1024,
    D3DKMT_ESCAPE_WIN32K_HIP_DEVICE_INFO = 1024,
    D3DKMT_ESCAPE_WIN32K_QUERY_CD_ROTATION_BLOCK = 1025,
    D3DKMT_ESCAPE_WIN32K_DPI_INFO = 1026,
    D3DKMT_ESCAPE_WIN32K_PRESENTER_VIEW_INFO = 1027,
    D3DKMT_ESCAPE_WIN32K_SYSTEM_DPI = 1028,
    D3DKMT_ESCAPE_WIN32K_BDD_FALLBACK = 1029,
    D3DKMT_ESCAPE_WIN32K_DDA_TEST_CTL = 1030,
    D3DKMT_ESCAPE_WIN32K_USER_DETECTED_BLACK_SCREEN = 1031,
    D3DKMT_ESCAPE_WIN32K_DISPBROKER_TEST = 1035,
    D3DKMT_ESCAPE_WIN32K_COLOR_PROFILE_INFO = 1036,
    D3DKMT_ESCAPE_WIN32K_SET_DIMMED_STATE = 1037,
    D3DKMT_ESCAPE_WIN32K_SPECIALIZED_DISPLAY_TEST = 1038,
} D3DKMT_ESCAPETYPE;

typedef struct _D3DKMT_ESCAPE {
    D3DKMT_HANDLE hAdapter;
    D3DKMT_HANDLE hDevice; /* or 0 */
    D3DKMT_ESCAPETYPE Type;
    D3DDDI_ESCAPEFLAGS Flags;
    D3DKMT_PTR(VOID *, pPrivateDriverData); /* in/out */
    UINT PrivateDriverDataSize;             /* bytes */
    D3DKMT_HANDLE hContext;                 /* or 0 */
} D3DKMT_ESCAPE;

/* Passes private data to the host's driver, which may change it in place. The data must hold no
 * pointer and no handle of this process: it is searched before it leaves (GPUPV_GUARD=off|warn|
 * enforce, default enforce), and a finding gives STATUS_INVALID_PARAMETER and a log line with the
 * offset. Well-formed known escapes (Flags.DriverKnownEscape) are exempt.
 * STATUS_INVALID_BUFFER_SIZE: more data than one message carries (a little under 128 KiB).
 * STATUS_NOT_SUPPORTED: the host's driver does not know the escape. Source: D3DKMTEscape. */
NTSTATUS APIENTRY D3DKMTEscape(CONST D3DKMT_ESCAPE *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_ESCAPE)(CONST D3DKMT_ESCAPE *);

/* --- Devices and contexts ------------------------------------------------------------------- */

typedef struct _D3DKMT_CREATEDEVICEFLAGS {
    UINT LegacyMode : 1;
    UINT RequestVSync : 1;
    UINT DisableGpuTimeout : 1;
    UINT Reserved : 29;
} D3DKMT_CREATEDEVICEFLAGS;

typedef struct _D3DKMT_CREATEDEVICE {
    __extension__ union {
        D3DKMT_HANDLE hAdapter; /* in */
        VOID *pAdapter;         /* kernel mode only */
        D3DKMT_PTR_HELPER(pAdapter_Align)
    };
    D3DKMT_CREATEDEVICEFLAGS Flags; /* in */
    D3DKMT_HANDLE hDevice;          /* out; the caller destroys it */
    /* Of D3D10's time; set to NULL and 0. */
    D3DKMT_PTR(VOID *, pCommandBuffer);
    UINT CommandBufferSize;
    D3DKMT_PTR(D3DDDI_ALLOCATIONLIST *, pAllocationList);
    UINT AllocationListSize;
    D3DKMT_PTR(D3DDDI_PATCHLOCATIONLIST *, pPatchLocationList);
    UINT PatchLocationListSize;
} D3DKMT_CREATEDEVICE;

/* Creates a device on an adapter. It outlives the adapter's handle. Source: D3DKMTCreateDevice. */
NTSTATUS APIENTRY D3DKMTCreateDevice(D3DKMT_CREATEDEVICE *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CREATEDEVICE)(D3DKMT_CREATEDEVICE *);

typedef struct _D3DKMT_DESTROYDEVICE {
    D3DKMT_HANDLE hDevice; /* in */
} D3DKMT_DESTROYDEVICE;

/* Destroys a device and its contexts. Does not wait for the host; a device of a lost connection is
 * destroyed successfully too. Source: D3DKMTDestroyDevice. */
NTSTATUS APIENTRY D3DKMTDestroyDevice(CONST D3DKMT_DESTROYDEVICE *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_DESTROYDEVICE)(CONST D3DKMT_DESTROYDEVICE *);

/* Who creates a context; for the host's statistics and its driver. */
typedef enum _D3DKMT_CLIENTHINT {
    D3DKMT_CLIENTHINT_UNKNOWN = 0,
    D3DKMT_CLIENTHINT_OPENGL = 1,
    D3DKMT_CLIENTHINT_CDD = 2,
    D3DKMT_CLIENTHINT_OPENCL = 3,
    D3DKMT_CLIENTHINT_VULKAN = 4,
    D3DKMT_CLIENTHINT_CUDA = 5,
    D3DKMT_CLIENTHINT_RESERVED = 6,
    D3DKMT_CLIENTHINT_DX7 = 7,
    D3DKMT_CLIENTHINT_DX8 = 8,
    D3DKMT_CLIENTHINT_DX9 = 9,
    D3DKMT_CLIENTHINT_DX10 = 10,
    D3DKMT_CLIENTHINT_DX11 = 11,
    D3DKMT_CLIENTHINT_DX12 = 12,
    D3DKMT_CLIENTHINT_9ON12 = 13,
    D3DKMT_CLIENTHINT_11ON12 = 14,
    D3DKMT_CLIENTHINT_MFT_ENCODE = 15,
    D3DKMT_CLIENTHINT_GLON12 = 16,
    D3DKMT_CLIENTHINT_CLON12 = 17,
    D3DKMT_CLIENTHINT_DML_TENSORFLOW = 18,
    D3DKMT_CLIENTHINT_ONEAPI_LEVEL0 = 19,
    D3DKMT_CLIENTHINT_MAX
} D3DKMT_CLIENTHINT;

typedef struct _D3DKMT_CREATECONTEXTVIRTUAL {
    D3DKMT_HANDLE hDevice;                  /* in */
    UINT NodeOrdinal;                       /* in */
    UINT EngineAffinity;                    /* in: bit mask of physical adapters */
    D3DDDI_CREATECONTEXTFLAGS Flags;        /* in */
    D3DKMT_PTR(VOID *, pPrivateDriverData); /* in */
    UINT PrivateDriverDataSize;             /* in: bytes */
    D3DKMT_CLIENTHINT ClientHint;           /* in */
    D3DKMT_HANDLE hContext;                 /* out; the caller destroys it, or its device */
} D3DKMT_CREATECONTEXTVIRTUAL;

/* Creates a context on a device. Private data is guarded and limited as in D3DKMTEscape.
 * Source: D3DKMTCreateContextVirtual. */
NTSTATUS APIENTRY D3DKMTCreateContextVirtual(D3DKMT_CREATECONTEXTVIRTUAL *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_CREATECONTEXTVIRTUAL)(D3DKMT_CREATECONTEXTVIRTUAL *);

typedef struct _D3DKMT_DESTROYCONTEXT {
    D3DKMT_HANDLE hContext; /* in */
} D3DKMT_DESTROYCONTEXT;

/* Destroys a context. Does not wait for the host; one of a lost connection is destroyed
 * successfully too. Source: D3DKMTDestroyContext. */
NTSTATUS APIENTRY D3DKMTDestroyContext(CONST D3DKMT_DESTROYCONTEXT *pArgs);
typedef NTSTATUS(APIENTRY *PFND3DKMT_DESTROYCONTEXT)(CONST D3DKMT_DESTROYCONTEXT *);

#ifdef __cplusplus
}
#endif

#include "d3dkmthk_memory.h"
#include "d3dkmthk_sync.h"

#endif
