/* SPDX-License-Identifier: MIT */
/*
 * Descriptor pools and sets. The guest accounts its pools and has already told its program that
 * there is room. Where the driver's pool finds none all the same (it is fragmented, or counts
 * otherwise) another pool of the same kind is made behind it; the guest knows nothing of that.
 */
#include <stdlib.h>

#include "host/worker/exec.h"
#include "host/worker/exec_descriptor_layout.h"
#include "vkwire.h"
#include "vkwire_exec.h"

#define HANDLE(type, handle) ((type)(uintptr_t)(handle))

/* A pool behind a pool. */
struct overflow {
    struct overflow *next;
    VkDescriptorPool pool;
};

struct pool_aux {
    struct exec_aux aux;
    struct overflow *overflows;
    /* A copy of what the pool was created with. */
    VkDescriptorPoolCreateInfo info;
    VkDescriptorPoolInlineUniformBlockCreateInfo inlines;
    VkMutableDescriptorTypeCreateInfoVALVE mutables;
    VkDescriptorPoolSize *sizes;
    VkMutableDescriptorTypeListVALVE *lists;
    VkDescriptorType *types; /* of all lists */
};

struct set_aux {
    struct exec_aux aux;
    struct exec_set_layout *layout;
    uint32_t variable;
    const struct overflow *where; /* that it was taken from; NULL: the pool itself */
};

static void forget_set(struct exec *x, struct exec_object *object)
{
    (void)x;
    struct set_aux *set = object->aux;
    exec_set_layout_unref(set->layout);
    free(set);
}

static void free_pool_aux(struct pool_aux *aux)
{
    free(aux->sizes);
    free(aux->lists);
    free(aux->types);
    free(aux);
}

static void forget_pool(struct exec *x, struct exec_object *object)
{
    struct pool_aux *aux = object->aux;
    while (aux->overflows) {
        struct overflow *overflow = aux->overflows;
        aux->overflows = overflow->next;
        x->vk->DestroyDescriptorPool(x->device, overflow->pool, NULL);
        free(overflow);
    }
    free_pool_aux(aux);
}

/* --- The copy of the create info --- */

static bool copy_mutables(struct pool_aux *aux,
                          const VkMutableDescriptorTypeCreateInfoVALVE *source)
{
    uint32_t count = source->mutableDescriptorTypeListCount;
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += source->pMutableDescriptorTypeLists[i].descriptorTypeCount;
    aux->lists = calloc(count ? count : 1, sizeof(*aux->lists));
    aux->types = calloc(total ? total : 1, sizeof(*aux->types));
    if (!aux->lists || !aux->types)
        return false;
    VkDescriptorType *at = aux->types;
    for (uint32_t i = 0; i < count; i++) {
        const VkMutableDescriptorTypeListVALVE *list = &source->pMutableDescriptorTypeLists[i];
        aux->lists[i] = (VkMutableDescriptorTypeListVALVE){list->descriptorTypeCount, at};
        for (uint32_t j = 0; j < list->descriptorTypeCount; j++)
            *at++ = list->pDescriptorTypes[j];
    }
    aux->mutables = (VkMutableDescriptorTypeCreateInfoVALVE){
        .sType = VK_STRUCTURE_TYPE_MUTABLE_DESCRIPTOR_TYPE_CREATE_INFO_VALVE,
        .pNext = aux->info.pNext,
        .mutableDescriptorTypeListCount = count,
        .pMutableDescriptorTypeLists = aux->lists,
    };
    aux->info.pNext = &aux->mutables;
    return true;
}

static bool copy_chain(struct pool_aux *aux, const void *next)
{
    for (const VkBaseInStructure *in = next; in; in = in->pNext) {
        switch ((uint32_t)in->sType) {
        case VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO:
            aux->inlines = *(const VkDescriptorPoolInlineUniformBlockCreateInfo *)(const void *)in;
            aux->inlines.pNext = aux->info.pNext;
            aux->info.pNext = &aux->inlines;
            break;
        case VK_STRUCTURE_TYPE_MUTABLE_DESCRIPTOR_TYPE_CREATE_INFO_VALVE:
            if (!aux->lists && !copy_mutables(aux, (const void *)in))
                return false;
            break;
        default:
            break;
        }
    }
    return true;
}

static struct pool_aux *copy_info(const VkDescriptorPoolCreateInfo *source)
{
    struct pool_aux *aux = calloc(1, sizeof(*aux));
    if (!aux)
        return NULL;
    aux->aux.forget = forget_pool;
    aux->info = *source;
    aux->info.pNext = NULL;
    aux->sizes = calloc(source->poolSizeCount ? source->poolSizeCount : 1, sizeof(*aux->sizes));
    if (!aux->sizes || !copy_chain(aux, source->pNext)) {
        free_pool_aux(aux);
        return NULL;
    }
    for (uint32_t i = 0; i < source->poolSizeCount; i++)
        aux->sizes[i] = source->pPoolSizes[i];
    aux->info.pPoolSizes = aux->sizes;
    return aux;
}

/* --- Pools --- */

VkResult exec_CreateDescriptorPool(struct exec *x, const struct args_CreateDescriptorPool *a)
{
    struct pool_aux *aux = copy_info(a->pCreateInfo);
    if (!aux)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkDescriptorPool pool;
    VkResult result = x->vk->CreateDescriptorPool(x->device, a->pCreateInfo, NULL, &pool);
    if (result)
        goto free_aux;
    uint64_t id = a->pDescriptorPool_ids[0], value = (uint64_t)(uintptr_t)pool;
    if (!exec_object_add(x, id, VKWIRE_OBJECT_DESCRIPTOR_POOL, value)) {
        x->vk->DestroyDescriptorPool(x->device, pool, NULL);
        goto free_aux; /* the stream has failed */
    }
    exec_object_find(x, id, VKWIRE_OBJECT_DESCRIPTOR_POOL)->aux = aux;
    return VK_SUCCESS;
free_aux:
    free_pool_aux(aux);
    return result;
}

void exec_DestroyDescriptorPool(struct exec *x, const struct args_DestroyDescriptorPool *a)
{
    struct exec_object *object =
        exec_object_find(x, a->descriptorPool_id, VKWIRE_OBJECT_DESCRIPTOR_POOL);
    if (!object)
        return;
    x->vk->DestroyDescriptorPool(x->device, a->descriptorPool, NULL);
    exec_object_remove(x, object);
}

VkResult exec_ResetDescriptorPool(struct exec *x, const struct args_ResetDescriptorPool *a)
{
    struct exec_object *object =
        exec_object_find(x, a->descriptorPool_id, VKWIRE_OBJECT_DESCRIPTOR_POOL);
    if (!object)
        return VK_SUCCESS;
    exec_object_remove_children(x, object);
    VkResult result = x->vk->ResetDescriptorPool(x->device, a->descriptorPool, a->flags);
    const struct pool_aux *aux = object->aux;
    for (struct overflow *overflow = aux->overflows; overflow && !result; overflow = overflow->next)
        result = x->vk->ResetDescriptorPool(x->device, overflow->pool, a->flags);
    return result;
}

/* --- Sets --- */

static bool has_no_room(VkResult result)
{
    return result == VK_ERROR_OUT_OF_POOL_MEMORY || result == VK_ERROR_FRAGMENTED_POOL;
}

static VkResult allocate_in(struct exec *x, const VkDescriptorSetAllocateInfo *info,
                            VkDescriptorPool pool, VkDescriptorSet *sets)
{
    VkDescriptorSetAllocateInfo copy = *info;
    copy.descriptorPool = pool;
    return x->vk->AllocateDescriptorSets(x->device, &copy, sets);
}

static VkResult add_overflow(struct exec *x, struct pool_aux *aux)
{
    struct overflow *overflow = calloc(1, sizeof(*overflow));
    if (!overflow)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = x->vk->CreateDescriptorPool(x->device, &aux->info, NULL, &overflow->pool);
    if (result) {
        free(overflow);
        return result;
    }
    overflow->next = aux->overflows;
    aux->overflows = overflow;
    return VK_SUCCESS;
}

/* Behind a pool without room; *where is the pool that they come from. */
static VkResult allocate_behind(struct exec *x, const VkDescriptorSetAllocateInfo *info,
                                struct pool_aux *aux, VkDescriptorSet *sets,
                                struct overflow **where)
{
    VkResult result = VK_ERROR_OUT_OF_POOL_MEMORY;
    for (struct overflow *overflow = aux->overflows; overflow; overflow = overflow->next) {
        *where = overflow;
        result = allocate_in(x, info, overflow->pool, sets);
        if (!has_no_room(result))
            return result;
    }
    result = add_overflow(x, aux);
    if (result)
        return result;
    *where = aux->overflows;
    return allocate_in(x, info, aux->overflows->pool, sets);
}

static uint32_t variable_count(const VkDescriptorSetAllocateInfo *info, uint32_t index)
{
    for (const VkBaseInStructure *in = info->pNext; in; in = in->pNext) {
        const VkDescriptorSetVariableDescriptorCountAllocateInfo *counts = (const void *)in;
        if (in->sType == VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO)
            return index < counts->descriptorSetCount ? counts->pDescriptorCounts[index] : 0;
    }
    return 0;
}

/* False: the stream has failed. */
static bool enter_set(struct exec *x, const struct args_AllocateDescriptorSets *a, uint32_t index,
                      struct exec_object *pool, const struct overflow *where)
{
    uint64_t id = a->pDescriptorSets_ids[index];
    uint64_t value = (uint64_t)(uintptr_t)a->pDescriptorSets[index];
    struct exec_set_layout *layout = exec_set_layout_find(x, a->pAllocateInfo->pSetLayouts[index]);
    struct set_aux *set = layout ? malloc(sizeof(*set)) : NULL;
    if (!set) {
        exec_fail(x, STREAM_LOST_MEMORY, "no memory for a descriptor set");
        return false;
    }
    if (!exec_object_add_child(x, id, VKWIRE_OBJECT_DESCRIPTOR_SET, value, pool)) {
        free(set);
        return false;
    }
    *set = (struct set_aux){.aux = {forget_set},
                            .layout = exec_set_layout_ref(layout),
                            .variable = variable_count(a->pAllocateInfo, index),
                            .where = where};
    exec_object_find(x, id, VKWIRE_OBJECT_DESCRIPTOR_SET)->aux = set;
    return true;
}

VkResult exec_AllocateDescriptorSets(struct exec *x, const struct args_AllocateDescriptorSets *a)
{
    struct exec_object *pool =
        exec_object_get(x, a->pAllocateInfo_descriptorPool_id, VKWIRE_OBJECT_DESCRIPTOR_POOL);
    if (!pool)
        return VK_SUCCESS; /* the stream has failed */
    struct overflow *where = NULL;
    VkResult result =
        x->vk->AllocateDescriptorSets(x->device, a->pAllocateInfo, a->pDescriptorSets);
    if (has_no_room(result))
        result = allocate_behind(x, a->pAllocateInfo, pool->aux, a->pDescriptorSets, &where);
    if (result)
        return result;
    for (uint32_t i = 0; i < a->pAllocateInfo->descriptorSetCount; i++) {
        if (!enter_set(x, a, i, pool, where))
            return VK_SUCCESS; /* the stream has failed; the set goes with its pool */
    }
    return VK_SUCCESS;
}

bool exec_set_form_of(const struct exec_object *object, struct exec_set_form *form)
{
    const struct set_aux *set = object->aux;
    if (!set)
        return false;
    *form = (struct exec_set_form){set->layout, set->variable};
    return true;
}

VkResult exec_FreeDescriptorSets(struct exec *x, const struct args_FreeDescriptorSets *a)
{
    struct exec_object *pool =
        exec_object_get(x, a->descriptorPool_id, VKWIRE_OBJECT_DESCRIPTOR_POOL);
    if (!pool)
        return VK_SUCCESS;
    const struct pool_aux *aux = pool->aux;
    for (uint32_t i = 0; i < a->descriptorSetCount; i++) {
        if (!a->pDescriptorSets_ids[i])
            continue;
        struct exec_object *set =
            exec_object_get(x, a->pDescriptorSets_ids[i], VKWIRE_OBJECT_DESCRIPTOR_SET);
        if (!set)
            return VK_SUCCESS;
        if (set->parent != STREAM_ID_SLOT(pool->id) ||
            !(aux->info.flags & VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT)) {
            exec_fail(x, STREAM_LOST_PROTOCOL,
                      "vkFreeDescriptorSets: a set that its pool cannot free");
            return VK_SUCCESS;
        }
        const struct overflow *where = ((const struct set_aux *)set->aux)->where;
        VkDescriptorSet handle = HANDLE(VkDescriptorSet, set->handle[0]);
        VkResult result = x->vk->FreeDescriptorSets(
            x->device, where ? where->pool : a->descriptorPool, 1, &handle);
        exec_object_remove(x, set);
        if (result)
            return result;
    }
    return VK_SUCCESS;
}
