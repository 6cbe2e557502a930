// SPDX-License-Identifier: MIT
// Scores and outputs by a library's matrix products, which OpenCL takes where the work is large.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cases/attention.h"
#include "on_devices.h"

// Just enough work per head; heads in groups, and batches, have strides of their own.
#define LARGE .q_len = 256, .kv_len = 260, .head_dim = 64, .check_step = 17, .has_scores = true
#define GROUPS                                                                                     \
    .n_batch = 2, .n_heads = 4, .n_kv_heads = 2, .q_len = 256, .kv_len = 260, .head_dim = 64,      \
    .check_step = 37, .has_scores = true

// What is said of the scores, and of the output.
static const struct clblast_case {
    struct attention_case row;
    bool takes_out;
} clblast_cases[] = {
    {{"raw", LARGE, .stage = GYRE_SCORES_RAW, .has_no_out = true}, false},
    {{"masked", LARGE, .stage = GYRE_SCORES_MASKED, .is_causal = true}, false},
    {{"probs", LARGE, .stage = GYRE_SCORES_PROBS, .has_lse = true}, true},
    {{"probs_only", LARGE, .stage = GYRE_SCORES_PROBS, .has_no_out = true}, false},
    {{"raw_groups", GROUPS, .stage = GYRE_SCORES_RAW, .has_lse = true}, false},
    {{"masked_groups", GROUPS, .stage = GYRE_SCORES_MASKED, .mask = ATTENTION_MASK_U8,
      .mask_axes = MASK_QUERY},
     false},
    {{"probs_groups", GROUPS, .stage = GYRE_SCORES_PROBS, .has_lse = true}, true},
    {{"probs_groups_v_33", GROUPS, .stage = GYRE_SCORES_PROBS, .v_dim = 33}, true},
    {{"probs_head_major", GROUPS, .stage = GYRE_SCORES_PROBS, .is_head_major = true, .row_gap = 3},
     true},
    {{"masked_own", GROUPS, .stage = GYRE_SCORES_MASKED, .kv_lens = (const int32_t[]){100, 260},
      .q_starts = (const int32_t[]){-9, 3}, .is_causal = true, .has_alibi = true,
      .has_nan_beyond = true},
     false},
    {{"probs_own", GROUPS, .stage = GYRE_SCORES_PROBS, .kv_lens = (const int32_t[]){0, 131},
      .align = GYRE_ALIGN_END, .is_causal = true, .has_sinks = true, .has_nan_beyond = true,
      .has_lse = true},
     false},
    {{"probs_sinks", GROUPS, .stage = GYRE_SCORES_PROBS, .has_alibi = true, .has_sinks = true,
      .sink = 2, .has_lse = true},
     true},
};

// Whether it was built in and is there.
static bool has_clblast(const struct session *session)
{
    const struct gyre_attention_params params = {.q = {.shape = {1, 256, 1, 64}},
                                                 .k = {.shape = {1, 260, 1, 64}},
                                                 .scores = {.shape = {1, 1, 256, 260}}};
    char text[4096] = "";
    gyre_attention_explain(session->device, &params, text, sizeof(text));
    return strstr(text, "scores by CLBlast: ") != NULL &&
           strstr(text, "scores by CLBlast: no library") == NULL;
}

static void check_explanation(struct session *session, const struct clblast_case *c,
                              const struct attention_run *run, struct result *result)
{
    char text[4096];
    if (gyre_attention_explain(session->device, attention_run_params(run), text, sizeof(text)) !=
        GYRE_OK)
        result_fail(result, "no explanation");
    else if (strstr(text, "scores by CLBlast: taken") == NULL ||
             (strstr(text, "output by CLBlast: taken") != NULL) != c->takes_out)
        result_fail(result, "output %sexpected of CLBlast, not as in:\n%s",
                    c->takes_out ? "" : "not ", text);
}

static void run_case(struct session *session, const struct clblast_case *c, struct result *result)
{
    struct attention_run *run =
        attention_prepare(session, &c->row, case_dtypes_of(CASE_F32), 1, result);
    if (run == NULL)
        return;
    check_explanation(session, c, run, result);
    case_complete(session, &attention_operator, run, result);
}

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    for (size_t i = 0; i < sizeof(clblast_cases) / sizeof(clblast_cases[0]); i++) {
        struct result result = {.outcome = OUTCOME_PASS};
        run_case(session, &clblast_cases[i], &result);
        report(session, clblast_cases[i].row.name, &result, tally);
    }
}

Test(clblast, opencl)
{
    static const struct device_need need = {"CLBlast", has_clblast};
    run_on_devices_with(&need, GYRE_BACKEND_OPENCL, run_all, NULL,
                        sizeof(clblast_cases) / sizeof(clblast_cases[0]));
}
