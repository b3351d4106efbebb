/* SPDX-License-Identifier: MIT */
/*
 * The Windows base types, under their Windows names, that the D3DKMT structures are made of. All
 * widths are those of Windows, except WCHAR, which is the platform's wchar_t (4 bytes on Linux).
 *
 * Where DirectX-Headers are on the include path (pkg-config DirectX-Headers), their
 * <wsl/winadapter.h> declares the types, so that a program may include it before or after this
 * header. Else they are declared here.
 */
#ifndef GPUPV_WINTYPES_H
#define GPUPV_WINTYPES_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

/* winadapter.h needs its stub folder too (basetsd.h); a bare /usr/include/wsl is not enough. */
#if defined(__has_include)
#if __has_include(<wsl/winadapter.h>) && __has_include(<unknwn.h>) && __has_include(<basetsd.h>)
#define GPUPV_HAVE_WINADAPTER 1
#endif
#endif

#ifdef GPUPV_HAVE_WINADAPTER
#include <wsl/winadapter.h>
#else

typedef void VOID;
typedef char CHAR;
typedef unsigned char BYTE;
typedef char BOOLEAN;
typedef uint8_t UINT8, UCHAR;
typedef int8_t INT8;
typedef uint16_t UINT16, WORD, USHORT;
typedef int16_t INT16;
typedef uint32_t UINT32, UINT, ULONG, DWORD, BOOL;
typedef int32_t INT32, INT, LONG;
typedef uint64_t UINT64, ULONG64, ULONGLONG;
typedef int64_t INT64, LONG64, LONGLONG;
typedef uintptr_t UINT_PTR, ULONG_PTR;
typedef intptr_t INT_PTR, LONG_PTR;
typedef size_t SIZE_T;
typedef wchar_t WCHAR;
typedef void *HANDLE, *PVOID, *LPVOID;
typedef const void *LPCVOID;

typedef struct _LUID {
    ULONG LowPart;
    LONG HighPart;
} LUID;

typedef struct _GUID {
    uint32_t Data1;
    uint16_t Data2;
    uint16_t Data3;
    uint8_t Data4[8];
} GUID;

typedef union _LARGE_INTEGER {
    struct {
        uint32_t LowPart;
        uint32_t HighPart;
    } u;
    int64_t QuadPart;
} LARGE_INTEGER;

#endif

#ifndef TRUE
#define TRUE 1u
#endif
#ifndef FALSE
#define FALSE 0u
#endif
#ifndef CONST
#define CONST const
#endif
#ifndef APIENTRY
#define APIENTRY
#endif
#ifndef MAX_PATH
#define MAX_PATH 260
#endif
#ifndef EXTERN_C
#ifdef __cplusplus
#define EXTERN_C extern "C"
#else
#define EXTERN_C extern
#endif
#endif

/* Types of registry values (winnt.h). */
#ifndef REG_NONE
#define REG_NONE 0u
#endif
#ifndef REG_SZ
#define REG_SZ 1u
#endif
#ifndef REG_EXPAND_SZ
#define REG_EXPAND_SZ 2u
#endif
#ifndef REG_BINARY
#define REG_BINARY 3u
#endif
#ifndef REG_DWORD
#define REG_DWORD 4u
#endif
#ifndef REG_MULTI_SZ
#define REG_MULTI_SZ 7u
#endif
#ifndef REG_QWORD
#define REG_QWORD 11u
#endif

#endif
