/* SPDX-License-Identifier: MIT */
#include "host/worker/exec_descriptor_layout.h"

#include <stdlib.h>

#include "vkwire.h"
#include "vkwire_exec.h"

struct set_binding {
    uint32_t number, count;
    VkDescriptorType type;
};

struct exec_set_layout {
    struct exec_aux aux;
    struct exec_set_layout *next, **link; /* of those that live */
    VkDescriptorSetLayout handle;
    uint32_t references;
    bool variable; /* the last binding's number is the set's */
    uint32_t count;
    struct set_binding bindings[]; /* by number */
};

/* --- Set layouts --- */

static struct exec_set_layout **bucket_of(struct exec *x, VkDescriptorSetLayout handle)
{
    uint64_t value = (uint64_t)(uintptr_t)handle * UINT64_C(0x9e3779b97f4a7c15);
    return &x->set_layouts[value >> 32 & (EXEC_SET_LAYOUT_BUCKETS - 1)];
}

struct exec_set_layout *exec_set_layout_find(const struct exec *x, VkDescriptorSetLayout handle)
{
    struct exec_set_layout *layout = *bucket_of((struct exec *)(uintptr_t)x, handle);
    while (layout && layout->handle != handle)
        layout = layout->next;
    return layout;
}

struct exec_set_layout *exec_set_layout_ref(struct exec_set_layout *layout)
{
    layout->references++;
    return layout;
}

void exec_set_layout_unref(struct exec_set_layout *layout)
{
    if (layout && --layout->references == 0)
        free(layout);
}

static void forget_layout(struct exec *x, struct exec_object *object)
{
    (void)x;
    struct exec_set_layout *layout = object->aux;
    *layout->link = layout->next;
    if (layout->next)
        layout->next->link = layout->link;
    exec_set_layout_unref(layout);
}

static bool has_variable_binding(const VkDescriptorSetLayoutCreateInfo *info)
{
    for (const VkBaseInStructure *in = info->pNext; in; in = in->pNext) {
        if (in->sType != VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO)
            continue;
        const VkDescriptorSetLayoutBindingFlagsCreateInfo *flags = (const void *)in;
        for (uint32_t i = 0; i < flags->bindingCount; i++) {
            if (flags->pBindingFlags[i] & VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT)
                return true;
        }
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    const struct set_binding *first = a, *second = b;
    return first->number < second->number ? -1 : first->number > second->number;
}

static struct exec_set_layout *describe(const VkDescriptorSetLayoutCreateInfo *info)
{
    struct exec_set_layout *layout =
        calloc(1, sizeof(*layout) + (size_t)info->bindingCount * sizeof(layout->bindings[0]));
    if (!layout)
        return NULL;
    layout->aux.forget = forget_layout;
    layout->references = 1;
    layout->count = info->bindingCount;
    layout->variable = info->bindingCount && has_variable_binding(info);
    for (uint32_t i = 0; i < info->bindingCount; i++) {
        const VkDescriptorSetLayoutBinding *binding = &info->pBindings[i];
        layout->bindings[i] = (struct set_binding){binding->binding, binding->descriptorCount,
                                                   binding->descriptorType};
    }
    qsort(layout->bindings, layout->count, sizeof(layout->bindings[0]), compare);
    return layout;
}

static bool is_described_twice(const struct exec_set_layout *layout)
{
    for (uint32_t i = 1; i < layout->count; i++) {
        if (layout->bindings[i].number == layout->bindings[i - 1].number)
            return true;
    }
    return false;
}

VkResult exec_CreateDescriptorSetLayout(struct exec *x,
                                        const struct args_CreateDescriptorSetLayout *a)
{
    struct exec_set_layout *layout = describe(a->pCreateInfo);
    if (!layout)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = VK_SUCCESS;
    if (is_described_twice(layout)) {
        exec_fail(x, STREAM_LOST_PROTOCOL, "vkCreateDescriptorSetLayout: a binding comes twice");
        goto free_layout;
    }
    result = x->vk->CreateDescriptorSetLayout(x->device, a->pCreateInfo, NULL, &layout->handle);
    if (result)
        goto free_layout;
    uint64_t id = a->pSetLayout_ids[0];
    if (!exec_object_add(x, id, VKWIRE_OBJECT_DESCRIPTOR_SET_LAYOUT,
                         (uint64_t)(uintptr_t)layout->handle)) {
        x->vk->DestroyDescriptorSetLayout(x->device, layout->handle, NULL);
        goto free_layout; /* the stream has failed */
    }
    exec_object_find(x, id, VKWIRE_OBJECT_DESCRIPTOR_SET_LAYOUT)->aux = layout;
    layout->link = bucket_of(x, layout->handle);
    layout->next = *layout->link;
    if (layout->next)
        layout->next->link = &layout->next;
    *layout->link = layout;
    return VK_SUCCESS;
free_layout:
    free(layout);
    return result;
}

/* --- What they say --- */

/* The first binding with that number, or NULL. Most layouts count from 0. */
static const struct set_binding *find_binding(const struct exec_set_layout *layout, uint32_t number)
{
    if (number < layout->count && layout->bindings[number].number == number)
        return &layout->bindings[number];
    const struct set_binding key = {.number = number};
    return bsearch(&key, layout->bindings, layout->count, sizeof(key), compare);
}

bool exec_set_takes(const struct exec_set_form *form, uint32_t number, uint32_t element,
                    uint32_t count, VkDescriptorType type)
{
    const struct exec_set_layout *layout = form->layout;
    const struct set_binding *end = layout->bindings + layout->count;
    uint64_t rest = (uint64_t)element + count;
    for (const struct set_binding *at = find_binding(layout, number); at && at < end; at++) {
        uint32_t room = layout->variable && at == end - 1 ? form->variable : at->count;
        if (at->number != number++)
            return false;
        if (room && at->type != type && at->type != VK_DESCRIPTOR_TYPE_MUTABLE_VALVE)
            return false;
        if (rest <= room)
            return true;
        rest -= room;
    }
    return false;
}

VkDescriptorType exec_set_type(const struct exec_set_form *form, uint32_t number)
{
    const struct set_binding *binding = find_binding(form->layout, number);
    return binding ? binding->type : VK_DESCRIPTOR_TYPE_MAX_ENUM;
}

/* --- Pipeline layouts --- */

struct pipeline_layout_aux {
    struct exec_aux aux;
    uint32_t count;
    struct exec_set_layout *sets[]; /* NULL: there is none at this place */
};

static void forget_pipeline_layout(struct exec *x, struct exec_object *object)
{
    (void)x;
    struct pipeline_layout_aux *aux = object->aux;
    for (uint32_t i = 0; i < aux->count; i++)
        exec_set_layout_unref(aux->sets[i]);
    free(aux);
}

VkResult exec_CreatePipelineLayout(struct exec *x, const struct args_CreatePipelineLayout *a)
{
    uint32_t count = a->pCreateInfo->setLayoutCount;
    struct pipeline_layout_aux *aux = calloc(1, sizeof(*aux) + count * sizeof(aux->sets[0]));
    if (!aux)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkPipelineLayout handle;
    VkResult result = x->vk->CreatePipelineLayout(x->device, a->pCreateInfo, NULL, &handle);
    if (result) {
        free(aux);
        return result;
    }
    uint64_t id = a->pPipelineLayout_ids[0];
    if (!exec_object_add(x, id, VKWIRE_OBJECT_PIPELINE_LAYOUT, (uint64_t)(uintptr_t)handle)) {
        x->vk->DestroyPipelineLayout(x->device, handle, NULL);
        free(aux);
        return VK_SUCCESS; /* the stream has failed */
    }
    aux->aux.forget = forget_pipeline_layout;
    aux->count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct exec_set_layout *set = exec_set_layout_find(x, a->pCreateInfo->pSetLayouts[i]);
        aux->sets[i] = set ? exec_set_layout_ref(set) : NULL;
    }
    exec_object_find(x, id, VKWIRE_OBJECT_PIPELINE_LAYOUT)->aux = aux;
    return VK_SUCCESS;
}

bool exec_pipeline_layout_form(const struct exec_object *layout, uint32_t number,
                               struct exec_set_form *form)
{
    const struct pipeline_layout_aux *aux = layout->aux;
    if (!aux || number >= aux->count || !aux->sets[number])
        return false;
    *form = (struct exec_set_form){.layout = aux->sets[number]};
    return true;
}
