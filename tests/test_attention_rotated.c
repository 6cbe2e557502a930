// SPDX-License-Identifier: MIT
// Attention that rotates q and k while it loads them is gyre_rope first, and then attention.
// Rotated heads are f32 here, whatever the dtype: that is what fused rotation promises.
#include <math.h>
#include <string.h>

#include "cases/attention_rows.h"
#include "cases/attention_run.h"
#include "harness/compare.h"
#include "on_devices.h"

#define BOTH .rotates_q = true, .rotates_k = true

static const struct attention_case rows[] = {
    {"half", .n_batch = 2, .q_len = 40, .kv_len = 90, GROUPS, CAUSAL_AT_END, BOTH, .has_lse = true},
    {"interleaved", .n_batch = 2, .q_len = 40, .kv_len = 90, GROUPS, CAUSAL_AT_END, BOTH,
     .rope = {.pairing = GYRE_ROPE_INTERLEAVED, .theta = 500000}, .has_lse = true},
    {"q", .q_len = 40, .kv_len = 90, GROUPS, CAUSAL_AT_END, .rotates_q = true, .has_lse = true},
    {"k", .q_len = 40, .kv_len = 90, GROUPS, CAUSAL_AT_END, .rotates_k = true, .has_lse = true},
    {"part", .q_len = 40, .kv_len = 90, .n_heads = 2, .head_dim = 80, BOTH,
     .rope = {.rotary_dim = 32, .rotary_offset = 16}, .has_lse = true},
    {"yarn", .q_len = 40, .kv_len = 90, GROUPS, CAUSAL_AT_END, BOTH,
     .rope = {.kind = GYRE_ROPE_YARN, .factor = 16, .original_len = 4096}, .has_lse = true},
    {"start", .q_len = 40, .kv_len = 90, GROUPS, .is_causal = true, .q_start = 50, BOTH,
     .has_lse = true},
    {"far", .q_len = 40, .kv_len = 90, GROUPS, .is_causal = true, .q_start = FARTHEST - 50,
     .k_positions = ATTENTION_AS_SAID, .k_shift = FARTHEST - 100, BOTH, .has_lse = true},
    {"ring", .n_batch = 2, .q_len = 40, .kv_len = 90, GROUPS, CAUSAL_AT_END,
     .k_positions = ATTENTION_RING, BOTH, .has_lse = true},
    {"sections", .n_batch = 2, .q_len = 40, .kv_len = 90, GROUPS, CAUSAL_AT_END, BOTH,
     .rope = {.axes = GYRE_ROPE_SECTIONS, .sections = {8, 12, 12}}, .coords = COORDS_Q | COORDS_K,
     .has_lse = true},
    {"second", .n_batch = 2, .q_len = 40, .kv_len = 90, GROUPS, .dim2 = 32, .n_kv_heads2 = 1,
     CAUSAL_AT_END, BOTH, .rope = {.pairing = GYRE_ROPE_INTERLEAVED}, .has_lse = true},
    {"decode", .n_batch = 2, .q_len = 1, .kv_len = 600, .n_heads = 8, .n_kv_heads = 2,
     .head_dim = 128, CAUSAL_AT_END, BOTH, .has_lse = true},
    {"decode_second", .q_len = 1, .kv_len = 600, .n_heads = 16, .n_kv_heads = 1, .head_dim = 128,
     .dim2 = 64, .is_v_in_k = true, CAUSAL_AT_END, BOTH, .rope = {.pairing = GYRE_ROPE_INTERLEAVED},
     .has_lse = true},
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

// Heads in f32, and results of the two calls.
struct apart {
    struct guarded q, k, q2, k2, out, lse;
};

static enum gyre_status widen(struct session *session, const struct guarded *narrow,
                              enum guarded_use use, struct guarded *wide)
{
    struct guarded_layout layout = {.use = use};
    memcpy(layout.shape, narrow->layout.shape, sizeof(layout.shape));
    if (narrow->image == NULL)
        return GYRE_OK;
    return guarded_create(session, narrow->name, &layout,
                          use == GUARDED_OUTPUT ? NULL : narrow->values, wide);
}

static enum gyre_status make_apart(struct attention_run *run, struct apart *apart)
{
    const struct {
        const struct guarded *narrow;
        enum guarded_use use;
        struct guarded *wide;
    } all[] = {{&run->q, GUARDED_INOUT, &apart->q},      {&run->k, GUARDED_INOUT, &apart->k},
               {&run->q2, GUARDED_INOUT, &apart->q2},    {&run->k2, GUARDED_INOUT, &apart->k2},
               {&run->out, GUARDED_OUTPUT, &apart->out}, {&run->lse, GUARDED_OUTPUT, &apart->lse}};
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && status == GYRE_OK; i++)
        status = widen(run->session, all[i].narrow, all[i].use, all[i].wide);
    return status;
}

static void destroy_apart(struct apart *apart)
{
    guarded_destroy(&apart->q);
    guarded_destroy(&apart->k);
    guarded_destroy(&apart->q2);
    guarded_destroy(&apart->k2);
    guarded_destroy(&apart->out);
    guarded_destroy(&apart->lse);
}

// Rotates in place, at `positions` or, where they are absent, from `start` on.
static enum gyre_status rotate(struct attention_run *run, const struct guarded *heads,
                               const struct gyre_tensor *positions, int32_t start)
{
    const struct gyre_rope_params params = {
        .table = run->table,
        .q = heads->tensor,
        .positions = *positions,
        .start = positions->buffer != NULL ? 0 : start,
    };
    return gyre_rope(run->session->stream, &params);
}

static enum gyre_status rotate_both(struct attention_run *run, const struct apart *apart)
{
    const struct attention_case *row = &run->row;
    const int32_t end = row->align == GYRE_ALIGN_END ? (int32_t)(row->kv_len - row->q_len) : 0;
    const struct gyre_tensor *k_at =
        run->k_coords.image != NULL ? &run->k_coords.tensor : &run->k_positions.tensor;
    enum gyre_status status = GYRE_OK;
    if (row->rotates_q)
        status = rotate(run, row->dim2 != 0 ? &apart->q2 : &apart->q, &run->q_coords.tensor,
                        row->q_start + end);
    if (status == GYRE_OK && row->rotates_k)
        status = rotate(run, row->dim2 != 0 ? &apart->k2 : &apart->k, k_at, 0);
    return status;
}

static enum gyre_status attend_apart(struct attention_run *run, struct apart *apart)
{
    struct gyre_attention_params params = run->params;
    enum gyre_status status = make_apart(run, apart);
    params.q = apart->q.tensor;
    params.k = apart->k.tensor;
    params.q2 = apart->q2.tensor;
    params.k2 = apart->k2.tensor;
    params.out = apart->out.tensor;
    params.lse = apart->lse.tensor;
    params.rope = NULL;
    params.rotates_q = params.rotates_k = false;
    params.q_coords = params.k_coords = (struct gyre_tensor){0};
    if (status == GYRE_OK)
        status = rotate_both(run, apart);
    if (status == GYRE_OK)
        status = gyre_attention(run->session->stream, &params);
    return status == GYRE_OK ? gyre_stream_finish(run->session->stream) : status;
}

// Errors are over `least` or the largest value.
static void compare(struct attention_run *run, struct guarded *fused, struct guarded *apart,
                    double least, struct result *result)
{
    guarded_read(run->session, fused, result);
    guarded_read(run->session, apart, result);
    struct comparison comparison = {
        .name = fused->name, .got = fused->values, .want = apart->values};
    memcpy(comparison.shape, fused->layout.shape, sizeof(comparison.shape));
    double scale = fmax(least, compare_scale(apart->values, guarded_count(apart)));
    compare_whole(&comparison, bounds_of_sums(fused->layout.dtype), scale, result);
}

static void compare_with_apart(struct attention_run *run, struct result *result)
{
    struct apart apart = {0};
    const struct guarded *v = run->row.is_v_in_k ? &run->k : &run->v;
    enum gyre_status status = attention_run_enqueue(run);
    if (status == GYRE_OK)
        status = attend_apart(run, &apart);
    if (status == GYRE_OK) {
        compare(run, &run->out, &apart.out, compare_scale(v->values, guarded_count(v)), result);
        compare(run, &run->lse, &apart.lse, 1, result);
    } else {
        result_fail_status(result, "gyre_attention", status, run->session->log.text);
    }
    destroy_apart(&apart);
}

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    static const unsigned dtypes[] = {CASE_F32, CASE_F16, CASE_BF16, CASE_KV_F16};
    (void)context;
    for (size_t i = 0; i < N_ROWS * 4; i++) {
        const struct attention_case *row = &rows[i / 4];
        struct result result = {.outcome = OUTCOME_PASS};
        struct attention_run *run =
            attention_prepare(session, row, case_dtypes_of(dtypes[i % 4]), 1, &result);
        if (run != NULL)
            compare_with_apart(run, &result);
        attention_run_destroy(run);
        report(session, row->name, &result, tally);
    }
}

static void run(enum gyre_backend_kind backend)
{
    static const struct device_need kernels = {"a kernel for every mix", case_has_every_kernel};
    run_on_devices_with(&kernels, backend, run_all, NULL, N_ROWS);
}

TEST_EACH_BACKEND(attention_rotated, run)
