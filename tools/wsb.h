/* SPDX-License-Identifier: MIT */
/*
 * Windows Sandbox configurations (.wsb): a small XML document. Of it is taken what a guest on Linux
 * can have: VGpu, Networking, MappedFolders and LogonCommand. Elements of Windows Sandbox that have
 * no counterpart here are told in `ignored`; anything else is an error.
 *
 * As such files are written by hand and in several spellings, names of elements and words are
 * compared without case.
 */
#ifndef GPUPV_TOOLS_WSB_H
#define GPUPV_TOOLS_WSB_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/words.h"
#include "util/error.h"

#define WSB_MAX_SIZE (256 * 1024)
#define WSB_MAX_FOLDERS 64

/* What a guest gets of the GPU. */
enum vgpu_mode {
    VGPU_DISABLE,                  /* nothing: no socket, no driver */
    VGPU_ENABLE,                   /* the GPU; driver escapes are denied */
    VGPU_ENABLE_VENDOR_EXTENSIONS, /* the GPU, with driver escapes */
};

struct wsb_folder {
    char *host;  /* absolute */
    char *guest; /* absolute; NULL: on the guest's desktop, under the host folder's name */
    bool read_only;
    unsigned long line;
};

struct wsb {
    enum vgpu_mode vgpu; /* VGPU_DISABLE when the file does not say, as in Windows Sandbox */
    bool network;
    struct wsb_folder *folders;
    size_t folder_count;
    char *command;        /* a command line, or NULL */
    struct words ignored; /* names of elements that have no effect */
};

/* Errors name the line; document types and entities are refused. -EINVAL, -EFBIG, -ENOMEM; nothing
 * is left in *wsb then. */
int wsb_parse(const char *text, size_t size, struct wsb *wsb, struct error *err);
/* Reads a file; its name stands before each message. */
int wsb_read(const char *path, struct wsb *wsb, struct error *err);
void wsb_finish(struct wsb *wsb);

#endif
