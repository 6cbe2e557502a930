// SPDX-License-Identifier: MIT
// Planning of materialised scores: by the kernel `scores`, or by a library's matrix products.
#include <string.h>

#include "log.h"
#include "ops/arith.h"
#include "ops/attention_plan.h"
#include "ops/attention_trial.h"

// Raw scores go into the result when it is f32, else into scratch.
static struct gyre_scores_place raw_place(const struct gyre_device *device,
                                          const struct gyre_attention_problem *p,
                                          struct gyre_plan *plan)
{
    if (p->scores.dtype == GYRE_F32)
        return gyre_attention_scores_result(device, p);
    uint64_t n = (uint64_t)p->n_batch * p->n_heads * p->q_len * p->kv_len;
    return (struct gyre_scores_place){
        .span = gyre_plan_scratch(plan, n * sizeof(float)),
        .dtype = GYRE_F32,
        .stride = {p->n_heads * p->q_len * p->kv_len, p->q_len * p->kv_len, p->kv_len},
    };
}

// --- a library's matrix products

// Strides and first elements of one operand of a product over all KV heads, for each batch (outer)
// and each head of the group (inner).
static void set_operand(struct gyre_span span, uint32_t first, uint64_t ld, uint64_t batch_stride,
                        uint64_t outer, uint64_t inner, struct gyre_span *out_span,
                        uint64_t *offset, uint64_t *out_ld, uint64_t *stride, uint64_t step[2])
{
    *out_span = span;
    *offset = first;
    *out_ld = ld;
    *stride = batch_stride;
    step[0] = outer;
    step[1] = inner;
}

// A single head has stride 0 in a view; libraries refuse that for results.
static void step_over_one(struct gyre_gemm *gemm)
{
    if (gemm->c_stride == 0)
        gemm->c_stride = gemm->c_ld;
}

// raw = scale * q k^T
static void add_scores_gemm(const struct gyre_device *device,
                            const struct gyre_attention_problem *p,
                            const struct gyre_scores_place *raw, struct gyre_plan *plan)
{
    uint32_t group = p->n_heads / p->n_kv_heads, first;
    struct gyre_step *step = gyre_plan_add(plan, NULL, NULL);
    struct gyre_gemm *gemm = &step->gemm;
    *gemm = (struct gyre_gemm){.m = p->q_len,
                               .n = p->kv_len,
                               .k = p->head_dim,
                               .batch = p->n_kv_heads,
                               .is_b_transposed = true,
                               .alpha = p->scale};
    step->n_outer = p->n_batch;
    step->n_inner = group;
    struct gyre_span q = gyre_view_span(device, &p->q, &first);
    set_operand(q, first, p->q.stride[1], (uint64_t)group * p->q.stride[2], p->q.stride[0],
                p->q.stride[2], &gemm->a, &gemm->a_offset, &gemm->a_ld, &gemm->a_stride,
                step->a_step);
    struct gyre_span k = gyre_view_span(device, &p->k, &first);
    set_operand(k, first, p->k.stride[1], p->k.stride[2], p->k.stride[0], 0, &gemm->b,
                &gemm->b_offset, &gemm->b_ld, &gemm->b_stride, step->b_step);
    set_operand(raw->span, raw->first, raw->stride[2], (uint64_t)group * raw->stride[1],
                raw->stride[0], raw->stride[1], &gemm->c, &gemm->c_offset, &gemm->c_ld,
                &gemm->c_stride, step->c_step);
    step_over_one(gemm);
}

// out = p v
static void add_out_gemm(const struct gyre_device *device, const struct gyre_attention_problem *p,
                         const struct gyre_scores_place *probs, struct gyre_plan *plan)
{
    uint32_t group = p->n_heads / p->n_kv_heads, first;
    struct gyre_step *step = gyre_plan_add(plan, NULL, NULL);
    struct gyre_gemm *gemm = &step->gemm;
    *gemm = (struct gyre_gemm){
        .m = p->q_len, .n = p->v_dim, .k = p->kv_len, .batch = p->n_kv_heads, .alpha = 1};
    step->n_outer = p->n_batch;
    step->n_inner = group;
    set_operand(probs->span, probs->first, probs->stride[2], (uint64_t)group * probs->stride[1],
                probs->stride[0], probs->stride[1], &gemm->a, &gemm->a_offset, &gemm->a_ld,
                &gemm->a_stride, step->a_step);
    struct gyre_span v = gyre_view_span(device, &p->v, &first);
    set_operand(v, first, p->v.stride[1], p->v.stride[2], p->v.stride[0], 0, &gemm->b,
                &gemm->b_offset, &gemm->b_ld, &gemm->b_stride, step->b_step);
    struct gyre_span out = gyre_view_span(device, &p->out, &first);
    set_operand(out, first, p->out.stride[1], (uint64_t)group * p->out.stride[2], p->out.stride[0],
                p->out.stride[2], &gemm->c, &gemm->c_offset, &gemm->c_ld, &gemm->c_stride,
                step->c_step);
    step_over_one(gemm);
}

// NULL, or why the scores do not come from a library. Below this many multiplications a launch
// costs more than the kernel.
static const char *refuse_gemm(const struct gyre_device *device,
                               const struct gyre_attention_problem *p)
{
    const uint64_t min_work = 1u << 22;
    if (device->backend->gemm_library == NULL)
        return "none for this device";
    if (!device->backend->has_gemm(device))
        return "no library for it on this device";
    if (p->relative.is_present || p->rope != NULL || p->dim2 != 0)
        return "rotations, second parts and relative keys";
    if (p->q.dtype != GYRE_F32 || p->k.dtype != GYRE_F32)
        return "q or k is not f32";
    if (p->stage == GYRE_SCORES_RAW && p->scores.dtype != GYRE_F32)
        return "raw scores are not stored in f32";
    uint64_t work = (uint64_t)p->q_len * p->kv_len * p->head_dim;
    if (work < min_work)
        return "too little work per head";
    // Rows that repeat or overlap, and single rows, whose stride is 0 in a view.
    bool is_dense = p->q.stride[1] >= p->head_dim && p->k.stride[1] >= p->head_dim &&
                    p->scores.stride[2] >= p->kv_len;
    return is_dense ? NULL : "rows do not follow each other";
}

// Hidden values may be NaN or infinite, and a matrix product would multiply them by 0.
static const char *refuse_out_gemm(const struct gyre_attention_problem *p)
{
    if (!p->has_out)
        return "no output asked for";
    if (p->has_key_sums)
        return "sums over queries are asked for";
    if (p->stage != GYRE_SCORES_PROBS || p->scores.dtype != GYRE_F32)
        return "the probabilities are not stored in f32";
    if (p->v.dtype != GYRE_F32 || p->out.dtype != GYRE_F32)
        return "v or out is not f32";
    if (p->v.stride[1] < p->v_dim || p->out.stride[1] < p->v_dim)
        return "rows do not follow each other";
    bool hides = p->is_causal || p->mask.is_present || p->window_left || p->window_right ||
                 p->lens.is_present || p->k_positions.is_present;
    return hides ? "hidden values must not leak" : NULL;
}

// --- choosing

static void add_kernels(const struct gyre_device *device, const struct gyre_attention_problem *p,
                        struct gyre_plan *plan)
{
    if (p->stage != GYRE_SCORES_PROBS) {
        struct gyre_scores_place result = gyre_attention_scores_result(device, p);
        gyre_attention_add_scores(device, p, p->stage, &result, plan);
        return;
    }
    struct gyre_scores_place raw = raw_place(device, p, plan);
    gyre_attention_add_scores(device, p, GYRE_SCORES_RAW, &raw, plan);
    gyre_attention_add_softmax(device, p, &raw, false, plan);
}

static void add_library(const struct gyre_device *device, const struct gyre_attention_problem *p,
                        struct gyre_plan *plan)
{
    bool has_out = refuse_out_gemm(p) == NULL;
    struct gyre_scores_place raw = raw_place(device, p, plan);
    add_scores_gemm(device, p, &raw, plan);
    if (p->stage != GYRE_SCORES_RAW)
        gyre_attention_add_softmax(device, p, &raw, has_out && p->has_lse, plan);
    if (has_out)
        add_out_gemm(device, p, &raw, plan);
}

// The plan as `add` makes it, compiled and tried; otherwise empty, and *why says why not.
static enum gyre_status try_plan(struct gyre_device *device, const struct gyre_attention_problem *p,
                                 gyre_attention_add_fn *add, struct gyre_plan *plan,
                                 const char **why)
{
    gyre_attention_add_first(device, p, plan);
    add(device, p, plan);
    enum gyre_status status = gyre_attention_prepare(device, p, plan, add, GYRE_PART_SCORES, why);
    if (status != GYRE_OK)
        gyre_plan_clear(plan);
    return status;
}

enum gyre_status gyre_attention_plan_scores(struct gyre_device *device,
                                            const struct gyre_attention_problem *p,
                                            struct gyre_plan *plan, bool *needs_fused,
                                            struct gyre_text *text)
{
    enum gyre_status status = GYRE_UNSUPPORTED;
    const char *why = refuse_gemm(device, p), *out_why = refuse_out_gemm(p);
    const char *library = device->backend->gemm_library;
    if (why == NULL)
        status = try_plan(device, p, add_library, plan, &why);
    gyre_text_add(text, "  scores by %s: %s\n", library ? library : "a library",
                  status == GYRE_OK ? "taken" : why);
    if (status == GYRE_OK) {
        gyre_text_add(text, "  output by %s: %s\n", library, out_why ? out_why : "taken");
        *needs_fused = *needs_fused && out_why != NULL;
        return GYRE_OK;
    }
    status = try_plan(device, p, add_kernels, plan, &why);
    gyre_text_add(text, "  scores by a kernel: %s\n", status == GYRE_OK ? "taken" : why);
    return status == GYRE_OK
               ? GYRE_OK
               : gyre_fail(&device->log, status, "scores on %s: %s", device->info.id, why);
}
