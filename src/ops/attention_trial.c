// SPDX-License-Identifier: MIT
#include "ops/attention_trial.h"

#include <math.h>
#include <string.h>

#include "kernels.h"
#include "ops/attention_plan.h"
#include "ops/attention_routes.h"
#include "ops/rope_table.h"
#include "ops/trial.h"

// Slots of the trial's tensors.
enum {
    Q,
    K,
    V,
    MASK,
    OUT,
    LSE,
    SCORES,
    KEY_SUMS,
    SLOPES,
    SINKS,
    CU_Q,
    CU_KV,
    K_POSITIONS,
    RELATIVE,
    Q2,
    K2
};

struct user {
    const struct gyre_attention_problem *p;
    gyre_attention_add_fn *add;
};

// The checked trial as `add` plans it, and run.
static enum gyre_status run_tried(const struct user *user, struct gyre_stream *stream,
                                  const struct gyre_attention_params *params)
{
    struct gyre_check check = {"attention's trial", stream->device, true};
    struct gyre_attention_problem problem;
    struct gyre_plan plan;
    gyre_plan_clear(&plan);
    enum gyre_status status = gyre_attention_check(&check, params, &problem);
    if (status != GYRE_OK)
        return status;
    if (user->add != NULL) {
        gyre_attention_add_first(stream->device, &problem, &plan);
        user->add(stream->device, &problem, &plan);
    } else {
        status = gyre_attention_plan_fused(stream->device, &problem, &plan, NULL);
        gyre_attention_add_key_sums(stream->device, &problem, &plan);
    }
    return status == GYRE_OK ? gyre_plan_run(stream, &plan) : status;
}

static enum gyre_status run(void *user_data, struct gyre_stream *stream,
                            const struct gyre_tensor *tensors, bool is_reference)
{
    const struct user *user = user_data;
    const struct gyre_attention_problem *p = user->p;
    const uint32_t q_len = (uint32_t)tensors[Q].shape[1], kv_len = (uint32_t)tensors[K].shape[1];
    struct gyre_rope_table *table = NULL;
    enum gyre_status status = GYRE_OK;
    if (p->rope != NULL)
        status = gyre_rope_table_like(stream->device, p->rope, &table);
    const struct gyre_attention_params params = {
        .q = tensors[Q],
        .k = tensors[K],
        .v = tensors[V],
        .mask = tensors[MASK],
        .is_mask_bits = p->is_mask_bits,
        .out = tensors[OUT],
        .lse = tensors[LSE],
        .scores = tensors[SCORES],
        .key_sums = tensors[KEY_SUMS],
        .alibi_slopes = tensors[SLOPES],
        .sinks = tensors[SINKS],
        .cu_q_lens = tensors[CU_Q],
        .cu_kv_lens = tensors[CU_KV],
        .k_positions = tensors[K_POSITIONS],
        .relative_keys = tensors[RELATIVE],
        .q2 = tensors[Q2],
        .k2 = tensors[K2],
        .rope = table,
        .rotates_q = p->rotates_q,
        .rotates_k = p->rotates_k,
        .scores_stage = p->stage,
        // All that needs no other variant: scores so large that the soft-cap tells, both edges of a
        // window and keys kept before it, and where there are several queries keys ahead of some.
        .scale = 8 / sqrtf((float)p->head_dim),
        .softcap = 2,
        .window_left = kv_len * 2 / 3,
        .window_right = 8,
        .window_keep = 3,
        .n_prefix = kv_len - q_len / 2,
        .is_causal = true,
        .align = GYRE_ALIGN_END,
        .precision = is_reference ? GYRE_ATTENTION_F32 : p->precision,
        .is_deterministic = p->is_deterministic,
    };
    if (status == GYRE_OK)
        status = is_reference ? gyre_attention(stream, &params) : run_tried(user, stream, &params);
    gyre_stream_finish(stream);
    gyre_rope_table_destroy(&table);
    return status;
}

static void set_shape(struct gyre_trial_tensor *tensor, const struct gyre_view *like, uint64_t b,
                      uint64_t x, uint64_t y, uint64_t z)
{
    if (!like->is_present)
        return;
    const uint64_t shape[4] = {b, x, y, z};
    memcpy(tensor->shape, shape, sizeof(shape));
    tensor->dtype = like->dtype;
    tensor->step = 1;
}

// What belongs to sequences, heads and keys.
static void set_extras(const struct gyre_attention_problem *p, uint64_t q_len, uint64_t kv_len,
                       struct gyre_trial_tensor *tensors)
{
    const uint64_t group = p->n_heads / p->n_kv_heads;
    const uint64_t n_mask = p->is_mask_bits ? (kv_len + 7) / 8 : kv_len;
    set_shape(&tensors[MASK], &p->mask, 1, 1, q_len, n_mask);
    set_shape(&tensors[SLOPES], &p->slopes, 1, 1, 1, group);
    set_shape(&tensors[SINKS], &p->sinks, 1, 1, 1, group);
    set_shape(&tensors[CU_Q], &p->q_firsts, 1, 1, 1, 2);
    set_shape(&tensors[CU_KV], &p->k_firsts, 1, 1, 1, 2);
    set_shape(&tensors[K_POSITIONS], &p->k_positions, 1, 1, 1, kv_len);
    set_shape(&tensors[RELATIVE], &p->relative, 1, 9, 1, p->head_dim);
    set_shape(&tensors[Q2], &p->q2, 1, q_len, group, p->dim2);
    set_shape(&tensors[K2], &p->k2, 1, kv_len, 1, p->dim2);
    tensors[MASK].hides_some = true;
    tensors[CU_Q].step = (int32_t)q_len;
    tensors[CU_KV].step = (int32_t)kv_len;
}

static void set_results(const struct gyre_attention_problem *p, enum gyre_attention_part part,
                        uint64_t q_len, uint64_t kv_len, struct gyre_trial_tensor *tensors)
{
    const uint64_t group = p->n_heads / p->n_kv_heads;
    // What key sums are made of, where nothing else is wanted.
    const bool is_for_sums = !p->out.is_present && !p->lse.is_present;
    const struct gyre_view hidden_lse = {.is_present = true, .dtype = GYRE_F32};
    if (part == GYRE_PART_SCORES) {
        set_shape(&tensors[SCORES], &p->scores, 1, group, q_len, kv_len);
    } else if (part == GYRE_PART_SUMS) {
        set_shape(&tensors[KEY_SUMS], &p->key_sums, 1, group, 1, kv_len);
    } else {
        set_shape(&tensors[OUT], &p->out, 1, q_len, group, p->v_dim);
        set_shape(&tensors[LSE], is_for_sums ? &hidden_lse : &p->lse, 1, group, q_len, 1);
    }
    for (int i = OUT; i <= KEY_SUMS; i++)
        tensors[i].is_output = true;
}

// Tiles of rows that split their keys do so from some hundred keys on.
static bool has_split_tiles(const struct gyre_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct gyre_variant *variant = &plan->steps[i].dispatch.variant;
        if (variant->kernel == &gyre_kernel_attention &&
            (gyre_attention_variant_extras(variant) & EXTRA_PARTIAL) != 0)
            return true;
    }
    return false;
}

// A little more than a tile either way, or as few rows as the problem has: sums may be over none,
// which would show nothing.
static void make_trial(const struct gyre_attention_problem *p, const struct gyre_plan *plan,
                       enum gyre_attention_part part, struct gyre_trial *trial)
{
    const uint64_t group = p->n_heads / p->n_kv_heads, max_rows = 40;
    const uint64_t kv_len = has_split_tiles(plan) ? 600 : 77;
    const uint64_t fitting = max_rows / group > 2 ? max_rows / group : 2;
    const uint64_t q_len = p->q_len == 0 ? 1 : p->q_len < fitting ? p->q_len : fitting;
    struct gyre_trial_tensor *tensors = trial->tensors;
    set_shape(&tensors[Q], &p->q, 1, q_len, group, p->head_dim - p->dim2);
    set_shape(&tensors[K], &p->k, 1, kv_len, 1, p->head_dim - p->dim2);
    set_shape(&tensors[V], &p->v, 1, kv_len, 1, p->v_dim);
    set_extras(p, q_len, kv_len, tensors);
    set_results(p, part, q_len, kv_len, tensors);
}

// What is known of the plan's kernels, after a trial of those that were never used.
static enum gyre_verdict try_first(struct gyre_device *device,
                                   const struct gyre_attention_problem *p,
                                   const struct gyre_plan *plan, gyre_attention_add_fn *add,
                                   enum gyre_attention_part part)
{
    enum gyre_verdict verdict = gyre_plan_verdict(device, plan);
    if (verdict != GYRE_UNTESTED)
        return verdict;
    struct user user = {p, add};
    struct gyre_trial trial = {.run = run, .user = &user};
    if (p->precision == GYRE_ATTENTION_F16_SUMS)
        trial.f32_tolerance = 1e-2; // scores err by some 2^-11
    make_trial(p, plan, part, &trial);
    verdict = gyre_trial_hold(device, &trial);
    gyre_plan_set_verdict(device, plan, verdict);
    return verdict;
}

enum gyre_status gyre_attention_prepare(struct gyre_device *device,
                                        const struct gyre_attention_problem *p,
                                        struct gyre_plan *plan, gyre_attention_add_fn *add,
                                        enum gyre_attention_part part, const char **why)
{
    *why = gyre_plan_check_limits(&device->info, plan);
    if (*why != NULL)
        return GYRE_UNSUPPORTED;
    enum gyre_status status = gyre_plan_prepare(device, plan);
    *why = gyre_status_name(status);
    if (status != GYRE_OK || try_first(device, p, plan, add, part) != GYRE_WRONG)
        return status;
    *why = "computes wrong results on this device";
    return GYRE_UNSUPPORTED;
}
