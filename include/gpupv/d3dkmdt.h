/* SPDX-License-Identifier: MIT */
/* Adapter capabilities of the WDDM interface (d3dkmdt.h), of which gpupv's functions use one. */
#ifndef GPUPV_D3DKMDT_H
#define GPUPV_D3DKMDT_H

#include "d3dukmdt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* KMTQAITYPE_WDDM_2_7_CAPS. Packed, as in WDDM: 4 bytes, no alignment. */
typedef struct _D3DKMT_WDDM_2_7_CAPS {
    __extension__ union {
        __extension__ struct {
            UINT HwSchSupported : 1;        /* the GPU can schedule by itself */
            UINT HwSchEnabled : 1;          /* and does */
            UINT HwSchEnabledByDefault : 1; /* and does unless configured otherwise */
            UINT IndependentVidPnVSyncControl : 1;
            UINT Reserved : 28;
        };
        UINT Value;
    };
} __attribute__((packed)) D3DKMT_WDDM_2_7_CAPS;

#ifdef __cplusplus
}
#endif

#endif
