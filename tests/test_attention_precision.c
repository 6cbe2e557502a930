// SPDX-License-Identifier: MIT
// A precision that is asked for is obeyed, or refused by name.
#include <math.h>
#include <string.h>

#include "backend.h"
#include "cases/attention_run.h"
#include "harness/compare.h"
#include "on_devices.h"

// Tensors of 4 heads on 2 of keys, as calls describe them before there is memory.
static struct gyre_tensor tensor(enum gyre_dtype dtype, uint64_t n_tokens, uint64_t n_heads)
{
    return (struct gyre_tensor){.dtype = dtype, .shape = {1, n_tokens, n_heads, 64}};
}

static struct gyre_attention_params problem(enum gyre_attention_precision precision,
                                            enum gyre_dtype dtype, uint64_t q_len)
{
    return (struct gyre_attention_params){
        .q = tensor(dtype, q_len, 4),
        .k = tensor(dtype, 65, 2),
        .v = tensor(dtype, 65, 2),
        .out = tensor(dtype, q_len, 4),
        .precision = precision,
    };
}

// Holds a call to what it should be told: `says` is in the explanation, or, where it begins with
// "!", in the log of a refusal.
static void expect(struct session *session, const char *name,
                   const struct gyre_attention_params *params, const char *says,
                   struct tally *tally)
{
    struct result result = {.outcome = OUTCOME_PASS};
    char text[4096];
    bool is_refused = says[0] == '!';
    session->log.text[0] = '\0';
    enum gyre_status status = gyre_attention_explain(session->device, params, text, sizeof(text));
    if (status != (is_refused ? GYRE_UNSUPPORTED : GYRE_OK))
        result_fail_status(&result, "explaining", status, session->log.text);
    else if (strstr(is_refused ? session->log.text : text, says + is_refused) == NULL)
        result_fail(&result, "no \"%s\" in\n%s%s", says, text, session->log.text);
    report(session, name, &result, tally);
}

static void ask_dots(struct session *session, const void *context, struct tally *tally)
{
    const enum gyre_attention_precision dots = GYRE_ATTENTION_BF16_DOTS;
    const bool has_dots = session->info->has_bf16_dot;
    struct gyre_attention_params params = problem(dots, GYRE_BF16, 33);
    (void)context;
    expect(session, "many rows", &params, has_dots ? "bf16 dot products" : "!no bf16 dot products",
           tally);
    params = problem(dots, GYRE_BF16, 1);
    expect(session, "one row", &params, has_dots ? "f32 arithmetic" : "!no bf16 dot products",
           tally);
    params = problem(dots, GYRE_BF16, 33);
    params.v.dtype = GYRE_F32;
    expect(session, "f32 values", &params, has_dots ? "!not stored in bf16" : "!no bf16", tally);
    params = problem(dots, GYRE_BF16, 33);
    params.q2 = params.q;
    params.k2 = params.k;
    expect(session, "two parts", &params, has_dots ? "!in two parts" : "!no bf16", tally);
    params = problem(GYRE_ATTENTION_F32, GYRE_F32, 33);
    expect(session, "nothing", &params, "f32 arithmetic", tally);
}

// Why a device has no sums in f16, as a refusal is logged; NULL: it has them.
static const char *refusal_of_sums(const struct gyre_device_info *info)
{
    if (info->backend == GYRE_BACKEND_CPU)
        return "!f16 sums are for GPUs";
    return info->has_f16_math ? NULL : "!no f16 arithmetic";
}

static void ask_sums(struct session *session, const void *context, struct tally *tally)
{
    const enum gyre_attention_precision sums = GYRE_ATTENTION_F16_SUMS;
    const char *refusal = refusal_of_sums(session->info);
    struct gyre_attention_params params = problem(sums, GYRE_F16, 33);
    (void)context;
    expect(session, "many rows", &params, refusal != NULL ? refusal : "f16 sums", tally);
    params = problem(sums, GYRE_F16, 1);
    expect(session, "one row", &params, refusal != NULL ? refusal : "f32 arithmetic", tally);
    params = problem(sums, GYRE_F32, 33);
    expect(session, "f32", &params, refusal != NULL ? refusal : "!not stored in f16", tally);
    params = problem(sums, GYRE_F16, 33);
    params.v.dtype = GYRE_F32;
    expect(session, "f32 values", &params, refusal != NULL ? refusal : "!not stored in f16", tally);
    params = problem(sums, GYRE_F16, 33);
    params.q2 = params.q;
    params.k2 = params.k;
    expect(session, "two parts", &params, refusal != NULL ? refusal : "!in two parts", tally);
}

static void ask(struct session *session, const void *context, struct tally *tally)
{
    ask_dots(session, context, tally);
    ask_sums(session, context, tally);
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, ask, NULL, 10);
}

TEST_EACH_BACKEND(attention_precision, run)

// A device that has the feature is told that it has not.
static void ask_without_math(struct session *session, const void *context, struct tally *tally)
{
    struct gyre_attention_params params = problem(GYRE_ATTENTION_F16_SUMS, GYRE_F16, 33);
    (void)context;
    session->device->info.has_f16_math = false;
    expect(session, "f16 sums", &params, "!no f16 arithmetic", tally);
}

Test(attention_precision, no_f16_math)
{
    run_on_devices(GYRE_BACKEND_VULKAN, ask_without_math, NULL, 1);
}

// --- what they compute

static void compare(const char *name, const struct guarded *got, const struct guarded *want,
                    struct bounds bounds, double scale, struct result *result)
{
    struct comparison comparison = {.name = name, .got = got->values, .want = want->values};
    memcpy(comparison.shape, want->layout.shape, sizeof(comparison.shape));
    compare_whole(&comparison, bounds, scale, result);
}

// A precision beside f32 of the same storage, out being f32 in both: out errs within its bounds,
// but by more than f32 does.
struct comparisons {
    const struct attention_case *rows;
    int n_rows;
    struct case_dtypes dtypes;
    struct bounds out, lse;
};

static void hold(const struct comparisons *c, const struct attention_run *run,
                 const struct attention_run *reference, struct result *result)
{
    struct result close = {.outcome = OUTCOME_PASS};
    double scale = compare_scale(reference->v.values, guarded_count(&reference->v));
    double lse_scale = compare_scale(reference->lse.values, guarded_count(&reference->lse));
    compare("out", &run->out, &reference->out, c->out, scale, result);
    compare("lse", &run->lse, &reference->lse, c->lse, fmax(1, lse_scale), result);
    compare("out", &run->out, &reference->out, bounds_of_sums(GYRE_F32), scale, &close);
    if (close.outcome == OUTCOME_PASS)
        result_fail(result, "out is as close as f32 arithmetic makes it");
}

static struct attention_run *attend(struct session *session, const struct attention_case *row,
                                    const struct case_dtypes *dtypes, struct result *result)
{
    struct attention_run *run = attention_prepare(session, row, dtypes, 1, result);
    enum gyre_status status = run != NULL ? attention_run_enqueue(run) : GYRE_OK;
    if (status == GYRE_OK)
        status = gyre_stream_finish(session->stream);
    if (status != GYRE_OK)
        result_fail_status(result, "gyre_attention", status, session->log.text);
    if (run != NULL) {
        guarded_read(session, &run->out, result);
        guarded_read(session, &run->lse, result);
    }
    return run;
}

static void compare_precisions(struct session *session, const void *context, struct tally *tally)
{
    const struct comparisons *c = context;
    struct case_dtypes plain = c->dtypes;
    plain.precision = GYRE_ATTENTION_F32;
    for (int i = 0; i < c->n_rows; i++) {
        struct result result = {.outcome = OUTCOME_PASS};
        struct attention_run *run = attend(session, &c->rows[i], &c->dtypes, &result);
        struct attention_run *reference =
            run != NULL ? attend(session, &c->rows[i], &plain, &result) : NULL;
        if (run != NULL && reference != NULL)
            hold(c, run, reference, &result);
        attention_run_destroy(run);
        attention_run_destroy(reference);
        report(session, c->rows[i].name, &result, tally);
    }
}

static bool has_dots(const struct session *session)
{
    return session->info->has_bf16_dot;
}

static bool has_f16(const struct session *session)
{
    return session->info->has_f16_math && session->info->has_f16_storage;
}

#define GROUPS(dim) .n_heads = 4, .n_kv_heads = 2, .head_dim = dim

Test(attention_precision, bf16_dots)
{
    static const struct attention_case rows[] = {
        {"out_f32", .q_len = 70, .kv_len = 300, GROUPS(64), .has_lse = true},
        {"out_f32_large_scores", .q_len = 70, .kv_len = 300, GROUPS(128), .is_causal = true,
         .align = GYRE_ALIGN_END, .scale = 1, .has_lse = true},
        {"out_f32_splits", .q_len = 17, .kv_len = 2100, .n_heads = 1, .head_dim = 64,
         .has_lse = true},
        {"out_f32_sinks", .q_len = 33, .kv_len = 97, .n_heads = 2, .head_dim = 33,
         .has_sinks = true, .sink = 3, .has_lse = true},
    };
    const struct comparisons dots = {
        rows,
        4,
        {"bf16, f32 out", GYRE_BF16, GYRE_BF16, GYRE_BF16, GYRE_F32, GYRE_ATTENTION_BF16_DOTS},
        bounds_of_sums(GYRE_BF16),
        bounds_of_sums(GYRE_F32),
    };
    static const struct device_need need = {"bf16 dot products", has_dots};
    run_on_devices_with(&need, GYRE_BACKEND_CPU, compare_precisions, &dots, 4);
}

// Elements of normal deviates and the usual scale: what the header gives for these.
static void compare_sums(enum gyre_backend_kind backend)
{
    static const struct attention_case rows[] = {
        {"out_f32", .q_len = 70, .kv_len = 300, GROUPS(64), .has_lse = true},
        {"out_f32_causal", .q_len = 70, .kv_len = 300, GROUPS(128), .is_causal = true,
         .align = GYRE_ALIGN_END, .has_lse = true},
        {"out_f32_splits", .q_len = 17, .kv_len = 2100, .n_heads = 1, .head_dim = 64,
         .has_lse = true},
        {"out_f32_wide", .q_len = 33, .kv_len = 97, GROUPS(256), .has_lse = true},
    };
    static const struct device_need need = {"f16 arithmetic and storage", has_f16};
    const struct comparisons sums = {
        rows,
        4,
        {"f16, f32 out", GYRE_F16, GYRE_F16, GYRE_F16, GYRE_F32, GYRE_ATTENTION_F16_SUMS},
        {1e-3, 2e-3},
        {1e-4, 1e-3},
    };
    // Of the rows, only the split one has embedded shaders: f16 in, f32 out.
    run_on_devices_with(&need, backend, compare_precisions, &sums, 1);
}

Test(attention_precision, f16_sums_opencl)
{
    compare_sums(GYRE_BACKEND_OPENCL);
}

Test(attention_precision, f16_sums_vulkan)
{
    compare_sums(GYRE_BACKEND_VULKAN);
}
