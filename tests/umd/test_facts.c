/* SPDX-License-Identifier: MIT */
/* Facts of a physical device: what is taken, what is refused, what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "facts_message.h"
#include "umd/umd_facts.h"
#include "vkwire_extensions.h"

static struct facts_message message;

static int set_up(void **state)
{
    (void)state;
    facts_message_begin(&message);
    facts_message_device(&message);
    return 0;
}

static struct umd_facts *parsed(void)
{
    struct umd_facts *facts = NULL;

    facts_message_end(&message);
    assert_int_equal(umd_facts_create(message.data, message.size, &facts), VK_SUCCESS);
    return facts;
}

static void assert_refused(void)
{
    struct umd_facts *facts = NULL;

    facts_message_end(&message);
    assert_int_equal(umd_facts_create(message.data, message.size, &facts),
                     VK_ERROR_INITIALIZATION_FAILED);
}

/* --- What is taken --- */

static void test_roots(void **state)
{
    struct umd_facts *facts = parsed();

    (void)state;
    assert_string_equal(facts->properties.deviceName, "Made up");
    assert_int_equal(facts->properties.limits.minMemoryMapAlignment, 64);
    assert_int_equal(facts->properties.limits.maxImageDimension2D, 16384);
    assert_true(facts->features.geometryShader);
    assert_false(facts->features.tessellationShader);
    assert_int_equal(facts->memory.memoryTypeCount, 2);
    assert_true(facts->memory.memoryHeaps[0].size == 1ull << 33);
    assert_int_equal(facts->queue_family_count, 1);
    assert_int_equal(facts->cpu_memory, FACTS_MEMORY_APERTURE);
    umd_facts_destroy(facts);
}

static void test_chain(void **state)
{
    VkPhysicalDeviceVulkan12Properties core = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES,
        .driverName = "lavapipe",
        .conformanceVersion = {1, 3, 1, 1},
        .maxTimelineSemaphoreValueDifference = UINT64_MAX};
    VkPhysicalDeviceVulkan12Properties answer = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
    VkPhysicalDeviceSubgroupProperties unknown = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
        .pNext = &answer,
        .subgroupSize = 77};
    VkPhysicalDeviceProperties2 root = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                        .pNext = &unknown};
    struct umd_facts *facts;

    (void)state;
    facts_message_structure(&message, &core);
    facts = parsed();
    umd_facts_fill_chain(facts, FACTS_PROPERTIES, 0, &root);
    assert_string_equal(root.properties.deviceName, "Made up");
    assert_int_equal(unknown.subgroupSize, 77); /* the host does not tell: left alone */
    assert_string_equal(answer.driverName, "lavapipe");
    assert_int_equal(answer.conformanceVersion.subminor, 1);
    assert_true(answer.maxTimelineSemaphoreValueDifference == UINT64_MAX);
    assert_null(answer.pNext);
    umd_facts_destroy(facts);
}

static uint32_t index_of(const char *name)
{
    int index = vkwire_extension_find(name);

    assert_true(index >= 0);
    return (uint32_t)index;
}

static void test_lists(void **state)
{
    const struct facts_extension extension = {index_of("VK_KHR_maintenance1"), 2};
    const struct facts_format formats[] = {
        {.format = VK_FORMAT_R8_UNORM, .linear = 1, .linear3 = 1ull << 32 | 1},
        {.format = VK_FORMAT_R8G8B8A8_UNORM, .optimal = 7}};
    struct umd_facts *facts;

    (void)state;
    facts_message_record(&message, FACTS_RECORD_EXTENSIONS, 0, 1, &extension, sizeof(extension));
    facts_message_record(&message, FACTS_RECORD_FORMATS, 0, 2, formats, sizeof(formats));
    facts = parsed();
    assert_true(umd_facts_has_extension(facts, extension.index));
    assert_false(umd_facts_has_extension(facts, index_of("VK_KHR_maintenance2")));
    assert_int_equal(umd_facts_format(facts, VK_FORMAT_R8G8B8A8_UNORM)->optimal, 7);
    assert_true(umd_facts_format(facts, VK_FORMAT_R8_UNORM)->linear3 == (1ull << 32 | 1));
    assert_null(umd_facts_format(facts, VK_FORMAT_R8_SNORM));
    assert_null(umd_facts_format(facts, VK_FORMAT_UNDEFINED));
    umd_facts_destroy(facts);
}

/* The extensions and features of the guest's window system come with a swapchain of the host's. */
static void test_windows(void **state)
{
    const struct facts_extension with[] = {{index_of("VK_KHR_swapchain"), 70},
                                           {index_of("VK_KHR_maintenance1"), 2}};
    bool in_order = with[0].index < with[1].index;
    const struct facts_extension ordered[] = {with[!in_order], with[in_order]};
    static const char *const own[] = {"VK_KHR_incremental_present", "VK_KHR_present_id",
                                      "VK_KHR_present_wait", "VK_KHR_swapchain_mutable_format"};
    struct umd_facts *facts;

    (void)state;
    facts_message_record(&message, FACTS_RECORD_EXTENSIONS, 0, 2, ordered, sizeof(ordered));
    facts = parsed();
    VkPhysicalDevicePresentWaitFeaturesKHR wait = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR};
    VkPhysicalDevicePresentIdFeaturesKHR id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR, .pNext = &wait};
    VkPhysicalDeviceFeatures2 root = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                      .pNext = &id};
    umd_facts_fill_chain(facts, FACTS_FEATURES, 0, &root);
    assert_true(id.presentId && wait.presentWait);
    assert_int_equal(facts->extension_count, 2 + sizeof(own) / sizeof(own[0]));
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        assert_true(umd_facts_has_extension(facts, index_of(own[i])));
    assert_true(umd_facts_has_extension(facts, with[0].index));
    assert_true(umd_facts_has_extension(facts, with[1].index));
    for (uint32_t i = 1; i < facts->extension_count; i++)
        assert_true(facts->extensions[i].index > facts->extensions[i - 1].index);
    umd_facts_destroy(facts);
}

static void test_no_windows(void **state)
{
    const struct facts_extension extension = {index_of("VK_KHR_maintenance1"), 2};
    VkPhysicalDevicePresentIdFeaturesKHR id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR};
    VkPhysicalDeviceFeatures2 root = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                      .pNext = &id};
    struct umd_facts *facts;

    (void)state;
    facts_message_record(&message, FACTS_RECORD_EXTENSIONS, 0, 1, &extension, sizeof(extension));
    facts = parsed();
    umd_facts_fill_chain(facts, FACTS_FEATURES, 0, &root);
    assert_false(id.presentId);
    assert_int_equal(facts->extension_count, 1);
    umd_facts_destroy(facts);
}

/* The host has no window: it must not speak of one. */
static void test_a_window_of_the_hosts(void **state)
{
    const struct facts_extension extension = {index_of("VK_KHR_present_wait"), 1};

    (void)state;
    facts_message_record(&message, FACTS_RECORD_EXTENSIONS, 0, 1, &extension, sizeof(extension));
    assert_refused();
}

static void test_packing(void **state)
{
    (void)state;
    /* Every structure comes back as it was, whatever is in it. */
    for (uint32_t i = 0; i < facts_structure_count; i++) {
        const struct facts_structure *kind = &facts_structures[i];
        uint8_t *packed = malloc(kind->packed_size), *again = malloc(kind->packed_size);
        void *structure = calloc(1, kind->size);

        assert_true(packed && again && structure);
        for (size_t j = 0; j < kind->packed_size; j++)
            packed[j] = (uint8_t)(j % 251);
        /* A size that the guest can hold. */
        for (size_t j = 0, at = 0; j < kind->field_count; j++) {
            if (kind->fields[j].is_size)
                memset(packed + at + 4, 0, 4);
            at += kind->fields[j].is_size ? 8 : kind->fields[j].size;
        }
        facts_unpack(kind, packed, structure);
        facts_pack(kind, structure, again);
        assert_memory_equal(packed, again, kind->packed_size);
        free(structure);
        free(again);
        free(packed);
    }
}

/* --- What is refused --- */

static void test_no_message(void **state)
{
    struct umd_facts *facts = NULL;

    (void)state;
    assert_int_equal(umd_facts_create(NULL, 0, &facts), VK_ERROR_INITIALIZATION_FAILED);
    facts_message_begin(&message);
    assert_refused(); /* well-formed and empty */
}

static void test_cut_off(void **state)
{
    struct umd_facts *facts = NULL;

    (void)state;
    facts_message_end(&message);
    for (size_t size = 0; size < message.size; size++) {
        uint8_t *copy = malloc(size ? size : 1); /* so that a read behind it is seen */

        assert_non_null(copy);
        memcpy(copy, message.data, size);
        if (size >= sizeof(struct facts_header))
            ((struct facts_header *)(void *)copy)->size = (uint32_t)size;
        assert_int_equal(umd_facts_create(copy, size, &facts), VK_ERROR_INITIALIZATION_FAILED);
        free(copy);
    }
}

/* Whatever word of it is wrong: it is refused, or what is taken is within its bounds. */
static void test_wrong_words(void **state)
{
    static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffff8, UINT32_MAX};
    struct umd_facts *facts;

    (void)state;
    facts_message_end(&message);
    for (size_t at = 0; at + 4 <= message.size; at += 4) {
        uint32_t kept;

        memcpy(&kept, message.data + at, sizeof(kept));
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            memcpy(message.data + at, &values[i], sizeof(kept));
            if (umd_facts_create(message.data, message.size, &facts) != VK_SUCCESS)
                continue;
            assert_in_range(facts->queue_family_count, 1, FACTS_MAX_QUEUE_FAMILIES);
            assert_in_range(facts->memory.memoryTypeCount, 0, VK_MAX_MEMORY_TYPES);
            assert_in_range(facts->memory.memoryHeapCount, 0, VK_MAX_MEMORY_HEAPS);
            assert_non_null(
                memchr(facts->properties.deviceName, 0, VK_MAX_PHYSICAL_DEVICE_NAME_SIZE));
            umd_facts_destroy(facts);
        }
        memcpy(message.data + at, &kept, sizeof(kept));
    }
}

static void test_twice(void **state)
{
    (void)state;
    facts_message_device(&message);
    assert_refused();
}

static void test_unknown_records(void **state)
{
    const uint64_t nothing[2] = {0};

    (void)state;
    facts_message_record(&message, 99, 0, 1, nothing, 8);
    assert_refused();
    set_up(NULL);
    facts_message_record(&message, FACTS_RECORD_STRUCTURE, VK_STRUCTURE_TYPE_SUBMIT_INFO, 1,
                         nothing, 8);
    assert_refused();
    set_up(NULL); /* known, but an answer to another question */
    facts_message_record(&message, FACTS_RECORD_STRUCTURE, VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2, 1,
                         nothing, 12);
    assert_refused();
}

static void test_wrong_families(void **state)
{
    const struct facts_structure *kind =
        facts_structure_find(VK_STRUCTURE_TYPE_QUEUE_FAMILY_CHECKPOINT_PROPERTIES_NV);
    const uint8_t packed[64] = {0};

    (void)state;
    assert_non_null(kind);
    /* Of two families, where there is one. */
    facts_message_record(&message, FACTS_RECORD_STRUCTURE, (uint32_t)kind->type, 2, packed,
                         2u * kind->packed_size);
    assert_refused();
}

static void test_wrong_lists(void **state)
{
    uint32_t refused = UINT32_MAX;
    struct facts_extension extension;
    const struct facts_format formats[2] = {{.format = 5}, {.format = 5}};

    (void)state;
    for (uint32_t i = 0; i < vkwire_extension_count && refused == UINT32_MAX; i++)
        if (vkwire_extensions[i].device && vkwire_extensions[i].refused)
            refused = i;
    assert_int_not_equal(refused, UINT32_MAX);
    for (int i = 0; i < 3; i++) {
        const uint32_t indexes[] = {refused, vkwire_extension_count,
                                    index_of("VK_EXT_debug_utils")};

        set_up(NULL);
        extension = (struct facts_extension){indexes[i], 1};
        facts_message_record(&message, FACTS_RECORD_EXTENSIONS, 0, 1, &extension,
                             sizeof(extension));
        assert_refused();
    }
    set_up(NULL);
    facts_message_record(&message, FACTS_RECORD_FORMATS, 0, 2, formats, sizeof(formats));
    assert_refused();
    set_up(NULL);
    facts_message_record(&message, FACTS_RECORD_FORMATS, 0, 0x20000000, formats, sizeof(formats));
    assert_refused();
}

/* --- Features --- */

static bool have(const struct umd_facts *facts, const void *chain,
                 const VkPhysicalDeviceFeatures *enabled)
{
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = chain, .pEnabledFeatures = enabled};

    return umd_facts_have_features(facts, &info);
}

static void test_features(void **state)
{
    VkPhysicalDeviceVulkan12Features told = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .timelineSemaphore = VK_TRUE,
        .subgroupBroadcastDynamicId = VK_TRUE};
    VkPhysicalDeviceVulkan12Features core = told;
    VkPhysicalDeviceVulkan13Features untold = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES};
    VkPhysicalDeviceFeatures2 newer = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                       .pNext = &core};
    VkPhysicalDeviceFeatures features = {.geometryShader = VK_TRUE};
    struct umd_facts *facts;

    (void)state;
    facts_message_structure(&message, &told);
    facts = parsed();
    assert_true(have(facts, NULL, NULL));
    assert_true(have(facts, NULL, &features));
    features.inheritedQueries = VK_TRUE; /* the last one */
    assert_false(have(facts, NULL, &features));
    newer.features.robustBufferAccess = VK_TRUE;
    assert_true(have(facts, &newer, NULL));
    core.subgroupBroadcastDynamicId = VK_FALSE;
    core.bufferDeviceAddress = VK_TRUE;
    assert_false(have(facts, &newer, NULL));
    core.bufferDeviceAddress = VK_FALSE;
    core.pNext = &untold;
    assert_true(have(facts, &newer, NULL));
    untold.maintenance4 = VK_TRUE;
    assert_false(have(facts, &newer, NULL));
    umd_facts_destroy(facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_roots, set_up),
        cmocka_unit_test_setup(test_chain, set_up),
        cmocka_unit_test_setup(test_lists, set_up),
        cmocka_unit_test_setup(test_windows, set_up),
        cmocka_unit_test_setup(test_no_windows, set_up),
        cmocka_unit_test_setup(test_a_window_of_the_hosts, set_up),
        cmocka_unit_test_setup(test_packing, set_up),
        cmocka_unit_test_setup(test_no_message, set_up),
        cmocka_unit_test_setup(test_cut_off, set_up),
        cmocka_unit_test_setup(test_wrong_words, set_up),
        cmocka_unit_test_setup(test_twice, set_up),
        cmocka_unit_test_setup(test_unknown_records, set_up),
        cmocka_unit_test_setup(test_wrong_families, set_up),
        cmocka_unit_test_setup(test_wrong_lists, set_up),
        cmocka_unit_test_setup(test_features, set_up),
    };
    return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
