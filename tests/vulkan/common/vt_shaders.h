/* SPDX-License-Identifier: MIT */
/* The compiled shaders, by the names of their sources. */
#ifndef GPUPV_TESTS_VULKAN_VT_SHADERS_H
#define GPUPV_TESTS_VULKAN_VT_SHADERS_H

#include <stddef.h>
#include <stdint.h>

struct vt_shader_code {
    const char *name;
    const uint32_t *code;
    size_t size;
};

extern const struct vt_shader_code vt_shaders[];
extern const size_t vt_shader_count;

#endif
