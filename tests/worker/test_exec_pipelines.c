/* SPDX-License-Identifier: MIT */
/* Pipelines in the worker, on a driver of the test's own that compiles when it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "host/worker/exec_compile.h"
#include "tests/worker/exec_fixture.h"

#define MODULE STREAM_ID(10, 1, VKWIRE_OBJECT_SHADER_MODULE)
#define LAYOUT STREAM_ID(11, 1, VKWIRE_OBJECT_PIPELINE_LAYOUT)
#define PIPELINE(n) STREAM_ID(20 + (n), 1, VKWIRE_OBJECT_PIPELINE)

static struct {
    sem_t compile; /* posted for each creation that may go on */
    VkResult compiled;
    _Atomic int compiles, modules_destroyed, pipelines_destroyed;
} driver;

static VKAPI_ATTR VkResult VKAPI_CALL create_compute(VkDevice device, VkPipelineCache cache,
                                                     uint32_t count,
                                                     const VkComputePipelineCreateInfo *infos,
                                                     const VkAllocationCallbacks *allocator,
                                                     VkPipeline *pipelines)
{
    (void)device, (void)cache, (void)allocator;
    sem_wait(&driver.compile);
    assert_int_equal(driver.modules_destroyed, 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(infos[i].stage.module == HANDLE(VkShaderModule, 0x1000));
        assert_string_equal(infos[i].stage.pName, "main");
        pipelines[i] = driver.compiled ? VK_NULL_HANDLE : HANDLE(VkPipeline, 0x2000 + i);
    }
    driver.compiles++;
    return driver.compiled;
}

static VKAPI_ATTR void VKAPI_CALL destroy_module(VkDevice device, VkShaderModule module,
                                                 const VkAllocationCallbacks *allocator)
{
    (void)device, (void)allocator;
    assert_true(module == HANDLE(VkShaderModule, 0x1000));
    driver.modules_destroyed++;
}

static VKAPI_ATTR void VKAPI_CALL destroy_pipeline(VkDevice device, VkPipeline pipeline,
                                                   const VkAllocationCallbacks *allocator)
{
    (void)device, (void)pipeline, (void)allocator;
    driver.pipelines_destroyed++;
}

static int setup(void **state)
{
    static const struct vkwire_device_dispatch vk = {
        .CreateComputePipelines = create_compute,
        .DestroyShaderModule = destroy_module,
        .DestroyPipeline = destroy_pipeline,
    };
    memset(&driver, 0, sizeof(driver));
    sem_init(&driver.compile, 0, 0);
    struct fixture *f = fixture_create(&vk);
    exec_object_add(&f->x, MODULE, VKWIRE_OBJECT_SHADER_MODULE, 0x1000);
    exec_object_add(&f->x, LAYOUT, VKWIRE_OBJECT_PIPELINE_LAYOUT, 0x1001);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_destroy(*state);
    sem_destroy(&driver.compile);
    return 0;
}

static void put_pipelines(struct fixture *f, uint32_t count, VkPipelineCreateFlags flags)
{
    VkComputePipelineCreateInfo infos[2];
    VkPipeline pipelines[2];
    for (uint32_t i = 0; i < count; i++) {
        infos[i] = (VkComputePipelineCreateInfo){
            .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
            .flags = flags,
            .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                      .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                      .module = HANDLE(VkShaderModule, MODULE),
                      .pName = "main"},
            .layout = HANDLE(VkPipelineLayout, LAYOUT),
        };
        pipelines[i] = HANDLE(VkPipeline, PIPELINE(i));
    }
    wire_put_CreateComputePipelines(&f->encoder, VK_NULL_HANDLE, count, infos, pipelines);
    run(f);
}

static void compiling_holds_up_nobody_but_users(void **state)
{
    struct fixture *f = *state;
    put_pipelines(f, 2, 0); /* returns, although nothing is compiled */
    assert_int_equal(driver.compiles, 0);
    wire_put_DestroyShaderModule(&f->encoder, HANDLE(VkShaderModule, MODULE));
    run(f);
    assert_int_equal(driver.modules_destroyed, 0); /* it is in use */
    assert_null(exec_object_find(&f->x, MODULE, VKWIRE_OBJECT_SHADER_MODULE));
    sem_post(&driver.compile);
    struct exec_object *pipeline = exec_object_get(&f->x, PIPELINE(1), VKWIRE_OBJECT_PIPELINE);
    assert_int_equal(pipeline->handle[0], 0x2001);
    wire_put_DestroyPipeline(&f->encoder, HANDLE(VkPipeline, PIPELINE(0)));
    run(f);
    exec_compile_finish(&f->x);
    assert_int_equal(driver.modules_destroyed, 1);
    assert_int_equal(driver.pipelines_destroyed, 1);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
}

static void what_fails_to_compile_ends_the_stream(void **state)
{
    struct fixture *f = *state;
    driver.compiled = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    put_pipelines(f, 1, 0);
    sem_post(&driver.compile);
    exec_object_find(&f->x, PIPELINE(0), VKWIRE_OBJECT_PIPELINE);
    assert_int_equal(f->x.lost, STREAM_LOST_MEMORY);
}

static void ask_results(struct fixture *f, uint32_t count)
{
    struct stream_pipeline_results *command =
        wire_put(&f->encoder, sizeof(*command) + 8 * (size_t)count);
    *command = (struct stream_pipeline_results){
        .head = {STREAM_PIPELINE_RESULTS, (uint16_t)(2 + count)},
        .reply = STREAM_REPLY(0, 7),
        .count = count,
    };
    for (uint32_t i = 0; i < count; i++)
        ((uint64_t *)(void *)(command + 1))[i] = PIPELINE(i);
    run(f);
}

static void compiling_may_be_declined(void **state)
{
    struct fixture *f = *state;
    driver.compiled = VK_PIPELINE_COMPILE_REQUIRED;
    put_pipelines(f, 2, VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT);
    sem_post(&driver.compile);
    ask_results(f, 2);
    const struct stream_reply *reply = (const void *)f->io.slots;
    const struct stream_pipeline_result *result = (const void *)(reply + 1);
    assert_int_equal(f->x.lost, STREAM_ALIVE);
    assert_int_equal(reply->state, STREAM_REPLY(0, 7));
    assert_int_equal(reply->result, VK_PIPELINE_COMPILE_REQUIRED);
    assert_int_equal(result->there, 0);
    assert_int_equal(result->stages, 1);
    assert_int_equal(reply->total, 2 * (8 + 2 * 16));
    assert_null(exec_object_find(&f->x, PIPELINE(0), VKWIRE_OBJECT_PIPELINE));
}

static void pipelines_may_stay_pending_for_ever(void **state)
{
    struct fixture *f = *state;
    put_pipelines(f, 1, 0);
    sem_post(&driver.compile); /* or the thread could not end */
    exec_compile_finish(&f->x);
    exec_objects_destroy(&f->x); /* with the pipeline, if it was made */
    assert_int_equal(driver.pipelines_destroyed, driver.compiles);
}

static void a_pipeline_of_nothing_is_refused(void **state)
{
    struct fixture *f = *state;
    wire_put_DestroyShaderModule(&f->encoder, HANDLE(VkShaderModule, MODULE));
    run(f);
    assert_int_equal(driver.modules_destroyed, 1); /* at once: there was no job */
    put_pipelines(f, 1, 0);
    assert_int_equal(f->x.lost, STREAM_LOST_PROTOCOL);
    assert_null(exec_object_find(&f->x, PIPELINE(0), VKWIRE_OBJECT_PIPELINE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(compiling_holds_up_nobody_but_users), TEST(what_fails_to_compile_ends_the_stream),
        TEST(compiling_may_be_declined),           TEST(pipelines_may_stay_pending_for_ever),
        TEST(a_pipeline_of_nothing_is_refused),
    };
    return cmocka_run_group_tests_name("worker-exec-pipelines", tests, NULL, NULL);
}
