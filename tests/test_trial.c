// SPDX-License-Identifier: MIT
// A kernel that computes wrong results on its first use is struck off: the call is refused, or
// another kernel takes over, but nothing wrong comes out.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases/attention.h"
#include "on_devices.h"

// Kernels in which causality is off by one key.
static void make_wrong_kernels(char dir[32])
{
    char command[1024];
    strcpy(dir, "/tmp/gyre-trial-XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
    snprintf(command, sizeof(command),
             "cd %s && mkdir src && cp -r %s/cl %s/shaders . && cp -r %s/src/args src/ && "
             "sed -i 's/TO_U32(q_pos) + 1u/TO_U32(q_pos) + 2u/' src/args/attention.h && "
             "! cmp -s src/args/attention.h %s/src/args/attention.h",
             dir, SOURCE_DIR, SOURCE_DIR, SOURCE_DIR, SOURCE_DIR);
    cr_assert(system(command) == 0, "%s", command);
}

static void remove_kernels(const char *dir)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", dir);
    cr_assert(system(command) == 0);
}

static void run_causal_case(struct session *session, struct result *result)
{
    static const struct attention_case row = {
        .q_len = 33, .kv_len = 65, .n_heads = 2, .head_dim = 64, .is_causal = true};
    struct attention_run *run =
        attention_prepare(session, &row, case_dtypes_of(CASE_F32), 1, result);
    if (run == NULL)
        return;
    enum gyre_status status = attention_run_enqueue(run);
    if (status == GYRE_OK)
        status = gyre_stream_finish(session->stream);
    if (status == GYRE_OK)
        attention_run_check(run, result);
    else
        result_fail_status(result, "gyre_attention", status, session->log.text);
    attention_run_destroy(run);
}

static void expect_struck_off(struct session *session, const void *context, struct tally *tally)
{
    struct result result = {.outcome = OUTCOME_PASS};
    (void)context;
    setenv("GYRE_SELFTEST", "1", 1);
    run_causal_case(session, &result);
    bool is_struck = strstr(session->log.text, "struck off") != NULL;
    bool is_refused = strstr(result.text, "unsupported") != NULL;
    if (is_struck && is_refused)
        result = (struct result){.outcome = OUTCOME_PASS};
    if (!is_struck)
        result_fail(&result, "the wrong kernel went unnoticed");
    if (result.outcome == OUTCOME_FAIL)
        printf("FAIL on %s: %s\n", session->info->id, result.text);
    tally_add(tally, &result);
}

static void run_backend(enum gyre_backend_kind backend)
{
    char dir[32];
    make_wrong_kernels(dir);
    setenv("GYRE_KERNEL_DIR", dir, 1);
    setenv("GYRE_CACHE_DIR", "", 1);
    run_on_devices(backend, expect_struck_off, NULL, 1);
    remove_kernels(dir);
}

Test(trial, opencl)
{
    run_backend(GYRE_BACKEND_OPENCL);
}

Test(trial, vulkan)
{
    run_backend(GYRE_BACKEND_VULKAN);
}
