// SPDX-License-Identifier: MIT
// A kernel that computes wrong results on its first use is struck off: the call is refused, or
// another kernel takes over, but nothing wrong comes out. And every kernel is tried.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases/attention.h"
#include "cases/attention_merge.h"
#include "on_devices.h"

// A copy of the kernels' sources, to be spoiled by `edit`, which has to change `file`.
static void make_wrong_kernels(char dir[32], const char *edit, const char *file)
{
    char command[1024];
    strcpy(dir, "/tmp/gyre-trial-XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
    snprintf(command, sizeof(command),
             "cd %s && mkdir src && cp -r %s/cl %s/shaders . && cp -r %s/src/args src/ && "
             "%s %s && ! cmp -s %s %s/%s",
             dir, SOURCE_DIR, SOURCE_DIR, SOURCE_DIR, edit, file, file, SOURCE_DIR, file);
    cr_assert(system(command) == 0, "%s", command);
}

static void remove_kernels(const char *dir)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", dir);
    cr_assert(system(command) == 0);
}

static const struct attention_case row = {
    .q_len = 33, .kv_len = 65, .n_heads = 2, .head_dim = 64, .is_causal = true};

static void run_causal_case(struct session *session, struct result *result)
{
    struct attention_run *run =
        attention_prepare(session, &row, case_dtypes_of(CASE_F32), 1, result);
    if (run != NULL)
        case_complete(session, &attention_operator, run, result);
}

// Two parts would do without what a dispatch leaves for the next.
static void run_two_parts(struct session *session, struct result *result)
{
    static const struct attention_merge_case parts = {.q_len = 3, .n_heads = 2, .v_dim = 64};
    struct attention_merge_run *run =
        attention_merge_prepare(session, &parts, case_dtypes_of(CASE_F32), 1, result);
    if (run != NULL)
        case_complete(session, &attention_merge_operator, run, result);
}

// Explains why it has no sums over queries, of which LSE is not asked for.
static void explain_sums(struct session *session, struct result *result)
{
    static const char says[] = "sums over queries: computes wrong results on this device";
    const struct gyre_attention_params params = {.q = {.shape = {1, 33, 2, 64}},
                                                 .k = {.shape = {1, 65, 2, 64}},
                                                 .key_sums = {.shape = {1, 2, 1, 65}}};
    char text[4096] = "";
    enum gyre_status status = gyre_attention_explain(session->device, &params, text, sizeof(text));
    if (strstr(text, says) == NULL)
        result_fail(result, "not \"%s\" but\n%s", says, text);
    if (status != GYRE_OK)
        result_fail_status(result, "gyre_attention_explain", status, session->log.text);
}

// What is wrong, and a call that must not be served.
struct wrong {
    const char *edit, *file;
    void (*run)(struct session *session, struct result *result);
};

static void expect_struck_off(struct session *session, const void *context, struct tally *tally)
{
    struct result result = {.outcome = OUTCOME_PASS};
    const struct wrong *wrong = context;
    setenv("GYRE_SELFTEST", "1", 1);
    wrong->run(session, &result);
    bool is_struck = strstr(session->log.text, "struck off") != NULL;
    bool is_refused = strstr(result.text, "unsupported") != NULL;
    if (is_struck && is_refused)
        result = (struct result){.outcome = OUTCOME_PASS};
    if (!is_struck)
        result_fail(&result, "the wrong kernel went unnoticed");
    report(session, "a wrong kernel", &result, tally);
}

static void run_wrong(enum gyre_backend_kind backend, const struct wrong *wrong)
{
    char dir[32];
    make_wrong_kernels(dir, wrong->edit, wrong->file);
    setenv("GYRE_KERNEL_DIR", dir, 1);
    setenv("GYRE_CACHE_DIR", "", 1);
    run_on_devices(backend, expect_struck_off, wrong, 1);
    remove_kernels(dir);
}

static const struct wrong wrong_attention = {"sed -i 's/TO_U32(q_pos) + 1u/TO_U32(q_pos) + 2u/'",
                                             "src/args/attention.h", run_causal_case};

// --- one of several kernels for the same work is wrong

struct takeover {
    char cache[32], wrong[32];
};

static const char staged_is_wrong[] =
    "staged through local memory: computes wrong results on this device";
static const char staged_is_taken[] = "staged through local memory: taken";
static const char direct_is_taken[] = "direct from global memory: taken";

// Opens the device anew, runs the case, which must be right, and explains what it takes.
static void run_and_explain(const char *device, char *text, size_t size, struct result *result)
{
    struct session session;
    cr_assert(session_open(&session, device) == GYRE_OK, "%s", session.log.text);
    run_causal_case(&session, result);
    struct attention_run *run =
        attention_prepare(&session, &row, case_dtypes_of(CASE_F32), 1, result);
    if (run != NULL)
        gyre_attention_explain(session.device, attention_run_params(run), text, size);
    attention_run_destroy(run);
    session_close(&session);
}

static void expect_text(const char *text, const char *words, struct result *result)
{
    if (strstr(text, words) == NULL)
        result_fail(result, "explain does not say \"%s\":\n%s", words, text);
}

// Wrong sources twice, the second time by what the cache remembers, then right ones.
static void take_over(struct session *session, const void *context, struct tally *tally)
{
    const struct takeover *takeover = context;
    struct result result = {.outcome = OUTCOME_PASS};
    char text[4096] = "";
    setenv("GYRE_SELFTEST", "1", 1);
    setenv("GYRE_CACHE_DIR", takeover->cache, 1);
    setenv("GYRE_KERNEL_DIR", takeover->wrong, 1);
    for (int i = 0; i < 2 && !session->info->is_local_mem_global; i++) {
        run_and_explain(session->info->id, text, sizeof(text), &result);
        expect_text(text, staged_is_wrong, &result);
        expect_text(text, direct_is_taken, &result);
    }
    setenv("GYRE_KERNEL_DIR", SOURCE_DIR, 1);
    run_and_explain(session->info->id, text, sizeof(text), &result);
    expect_text(text, session->info->is_local_mem_global ? direct_is_taken : staged_is_taken,
                &result);
    report(session, "one wrong kernel of several", &result, tally);
}

// Spoils only what is compiled with STAGED: its values come from one key too late.
static void run_takeover(enum gyre_backend_kind backend, const char *file)
{
    struct takeover takeover = {.cache = "/tmp/gyre-trial-XXXXXX"};
    cr_assert(mkdtemp(takeover.cache) != NULL);
    make_wrong_kernels(
        takeover.wrong,
        "sed -i '/void stage_v(/,/^}/{s/= key + /= key + 1u + /;s/(key + /(key + 1u + /}'", file);
    run_on_devices(backend, take_over, &takeover, 1);
    remove_kernels(takeover.wrong);
    remove_kernels(takeover.cache);
}

Test(trial, opencl)
{
    run_wrong(GYRE_BACKEND_OPENCL, &wrong_attention);
}

Test(trial, vulkan)
{
    run_wrong(GYRE_BACKEND_VULKAN, &wrong_attention);
}

// The call itself has neither soft-cap nor window nor prefix, but the next one may.
static const struct wrong wrong_window = {"sed -i 's/q_pos - TO_I32(window_left) + 1/& + 1/'",
                                          "src/args/attention.h", run_causal_case};
static const struct wrong wrong_prefix = {
    "sed -i 's/causal > n_prefix ? causal : n_prefix/causal/'", "src/args/attention.h",
    run_causal_case};

Test(trial, opencl_softcap)
{
    run_wrong(GYRE_BACKEND_OPENCL,
              &(struct wrong){"sed -i 's/tanh(score/(score/'", "cl/keys.clh", run_causal_case});
}

Test(trial, vulkan_softcap)
{
    run_wrong(GYRE_BACKEND_VULKAN, &(struct wrong){"sed -i 's/tanh_exact(score/(score/'",
                                                   "shaders/score.glsl", run_causal_case});
}

Test(trial, opencl_window)
{
    run_wrong(GYRE_BACKEND_OPENCL, &wrong_window);
}

Test(trial, vulkan_window)
{
    run_wrong(GYRE_BACKEND_VULKAN, &wrong_window);
}

Test(trial, opencl_prefix)
{
    run_wrong(GYRE_BACKEND_OPENCL, &wrong_prefix);
}

Test(trial, vulkan_prefix)
{
    run_wrong(GYRE_BACKEND_VULKAN, &wrong_prefix);
}

Test(trial, opencl_takeover)
{
    run_takeover(GYRE_BACKEND_OPENCL, "cl/attention_staged.clh");
}

Test(trial, vulkan_takeover)
{
    run_takeover(GYRE_BACKEND_VULKAN, "shaders/attention_staged.glsl");
}

// What was merged before is not rescaled.
Test(trial, opencl_merge)
{
    run_wrong(GYRE_BACKEND_OPENCL, &(struct wrong){"sed -i 's/w.before \\* running/running/'",
                                                   "cl/attention_merge.cl", run_two_parts});
}

Test(trial, vulkan_merge)
{
    run_wrong(GYRE_BACKEND_VULKAN, &(struct wrong){"sed -i 's/weight_before \\* running/running/'",
                                                   "shaders/attention_merge.comp", run_two_parts});
}

// Work-items' shares are subtracted.
Test(trial, opencl_sums)
{
    run_wrong(GYRE_BACKEND_OPENCL, &(struct wrong){"sed -i 's/total += sums/total -= sums/'",
                                                   "cl/key_sums.clh", explain_sums});
}

Test(trial, vulkan_sums)
{
    run_wrong(GYRE_BACKEND_VULKAN, &(struct wrong){"sed -i 's/sum += part/sum -= part/'",
                                                   "shaders/key_sums.glsl", explain_sums});
}

// --- right kernels

#define SUMS_ALONE                                                                                 \
    .kv_len = 65, .n_heads = 2, .head_dim = 64, .has_no_out = true, .has_key_sums = true

// The LSE that the sums are made of is then no result of the call.
static const struct attention_case sums_alone[] = {
    {"sums alone", .q_len = 33, SUMS_ALONE},
    {"sums over no queries", .q_len = 0, SUMS_ALONE},
};
enum { N_SUMS = sizeof(sums_alone) / sizeof(sums_alone[0]) };

static void expect_tried(struct session *session, const struct attention_case *sums,
                         struct tally *tally)
{
    struct result result = {.outcome = OUTCOME_PASS};
    struct attention_run *run =
        attention_prepare(session, sums, case_dtypes_of(CASE_F32), 1, &result);
    if (run != NULL)
        case_complete(session, &attention_operator, run, &result);
    if (strstr(session->log.text, "untested") != NULL)
        result_fail(&result, "%s", session->log.text);
    report(session, sums->name, &result, tally);
}

static void expect_all_tried(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    setenv("GYRE_SELFTEST", "1", 1);
    for (int i = 0; i < N_SUMS; i++)
        expect_tried(session, &sums_alone[i], tally);
}

static void run_right(enum gyre_backend_kind backend)
{
    setenv("GYRE_CACHE_DIR", "", 1);
    run_on_devices(backend, expect_all_tried, NULL, N_SUMS);
}

TEST_EACH_BACKEND(trial_of_sums, run_right)
