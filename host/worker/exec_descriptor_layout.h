/* SPDX-License-Identifier: MIT */
/*
 * What a descriptor set layout says, so that a write outside of a set is seen: drivers do not look,
 * and would write elsewhere in the worker. On the stream's thread.
 */
#ifndef GPUPV_HOST_WORKER_EXEC_DESCRIPTOR_LAYOUT_H
#define GPUPV_HOST_WORKER_EXEC_DESCRIPTOR_LAYOUT_H

#include "host/worker/exec.h"

/* Counted; the layout itself may be gone. */
struct exec_set_layout;

/* The layout of a driver's handle that lives, or NULL. Borrowed. */
struct exec_set_layout *exec_set_layout_find(const struct exec *x, VkDescriptorSetLayout handle);
struct exec_set_layout *exec_set_layout_ref(struct exec_set_layout *layout);
/* NULL is accepted. */
void exec_set_layout_unref(struct exec_set_layout *layout);

/* A set, or what is pushed: its layout, and how many descriptors the binding of a variable number
 * has. */
struct exec_set_form {
    const struct exec_set_layout *layout;
    uint32_t variable;
};

/* Whether `count` descriptors of a type fit there from an element of a binding on, and on into the
 * bindings behind it, as Vulkan has it. */
bool exec_set_takes(const struct exec_set_form *form, uint32_t binding, uint32_t element,
                    uint32_t count, VkDescriptorType type);
/* The type of a binding; VK_DESCRIPTOR_TYPE_MAX_ENUM: there is none. */
VkDescriptorType exec_set_type(const struct exec_set_form *form, uint32_t binding);

/* The form of a set, by its object (exec_descriptor.c). False: it has none. */
bool exec_set_form_of(const struct exec_object *set, struct exec_set_form *form);
/* The form of set `number` of a pipeline layout, by its object. False: it has none. */
bool exec_pipeline_layout_form(const struct exec_object *layout, uint32_t number,
                               struct exec_set_form *form);

#endif
