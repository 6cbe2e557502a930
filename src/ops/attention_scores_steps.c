// SPDX-License-Identifier: MIT
// Steps by the kernels `scores` and `softmax`.
#include <string.h>

#include "args/softmax.h"
#include "kernels.h"
#include "ops/arith.h"
#include "ops/attention_plan.h"

static bool is_cpu(const struct gyre_device *device)
{
    return device->info.type == GYRE_DEVICE_CPU;
}

struct gyre_scores_place gyre_attention_scores_result(const struct gyre_device *device,
                                                      const struct gyre_attention_problem *p)
{
    struct gyre_scores_place place = {.dtype = p->scores.dtype};
    place.span = gyre_view_span(device, &p->scores, &place.first);
    memcpy(place.stride, p->scores.stride, sizeof(place.stride));
    return place;
}

// MASK_DTYPE and EXTRAS without what a stage does not look at: fewer variants.
static uint32_t mask_at(const struct gyre_attention_problem *p, uint32_t stage)
{
    return stage < GYRE_SCORES_MASKED ? DTYPE_NONE : gyre_mask_define(p);
}

static uint32_t extras_at(const struct gyre_attention_problem *p, uint32_t stage)
{
    const uint32_t extras = gyre_attention_extras(p);
    if (stage >= GYRE_SCORES_MASKED)
        return extras;
    bool needs_positions = (extras & (EXTRA_RELATIVE | EXTRA_ROTATED_K)) != 0;
    return extras & ~(EXTRA_ALIBI | (needs_positions ? 0u : EXTRA_POSITIONS));
}

// Binds what the sums over queries need besides.
static void bind_sums(const struct gyre_device *device, const struct gyre_attention_problem *p,
                      struct gyre_step *step, struct gyre_attention_args *args)
{
    struct gyre_span *bufs = &step->dispatch.bufs[4 + ATTENTION_N_EXTRAS];
    bufs[0] = gyre_attention_lse(device, p, &args->lse_offset, args->lse_stride);
    args->extras.sinks = gyre_attention_bind_list(device, &p->sinks, &bufs[1]);
}

void gyre_attention_add_scores(const struct gyre_device *device,
                               const struct gyre_attention_problem *p, uint32_t stage,
                               const struct gyre_scores_place *place, struct gyre_plan *plan)
{
    const uint32_t wg = is_cpu(device) ? 1 : 64, tile_q = is_cpu(device) ? 16 : 8,
                   tile_k = is_cpu(device) ? 128 : 32;
    struct gyre_attention_args args;
    gyre_attention_fill_args(p, &args);
    struct gyre_step *step = gyre_plan_add(plan, &gyre_kernel_scores, &args);
    struct gyre_dispatch *dispatch = &step->dispatch;
    gyre_attention_bind(device, step, 0, &p->q, &args.q_offset, args.q_stride);
    gyre_attention_bind(device, step, 1, &p->k, &args.k_offset, args.k_stride);
    gyre_attention_bind(device, step, 2, &p->mask, &args.mask_offset, args.mask_stride);
    dispatch->bufs[3] = place->span;
    args.scores_offset = place->first;
    memcpy(args.scores_stride, place->stride, sizeof(args.scores_stride));
    gyre_attention_bind_extras(device, p, step, 4, &args);
    bind_sums(device, p, step, &args);
    memcpy(step->args, &args, sizeof(args));
    const uint32_t defs[] = {p->q.dtype,   p->k.dtype, mask_at(p, stage),
                             place->dtype, stage,      extras_at(p, stage)};
    memcpy(dispatch->variant.defs, defs, sizeof(defs));
    const uint32_t consts[] = {wg, tile_q, tile_k};
    memcpy(dispatch->variant.consts, consts, sizeof(consts));
    dispatch->groups[0] = div_up(p->kv_len, tile_k);
    dispatch->groups[1] = min_u32(div_up(p->q_len, tile_q), device->info.max_group_count[1]);
    dispatch->groups[2] = p->n_heads * p->n_batch;
    if (stage == STAGE_SUMS)
        dispatch->groups[1] = 1;
}

void gyre_attention_add_softmax(const struct gyre_device *device,
                                const struct gyre_attention_problem *p,
                                const struct gyre_scores_place *raw, bool writes_lse,
                                struct gyre_plan *plan)
{
    struct gyre_softmax_args args = {
        .n_batch = p->n_batch,
        .n_heads = p->n_heads,
        .q_len = p->q_len,
        .kv_len = p->kv_len,
        .softcap = p->softcap,
        KEY_RULE_OF(p),
        .has_lse = writes_lse,
        .raw_offset = raw->first,
        .extras = {.is_end = p->is_end, .k_positions_stride = p->k_positions.stride[2]},
    };
    memcpy(args.raw_stride, raw->stride, sizeof(raw->stride));
    struct gyre_step *step = gyre_plan_add(plan, &gyre_kernel_softmax, &args);
    struct gyre_dispatch *dispatch = &step->dispatch;
    struct gyre_span *bufs = dispatch->bufs;
    bufs[0] = raw->span;
    gyre_attention_bind(device, step, 1, &p->mask, &args.mask_offset, args.mask_stride);
    gyre_attention_bind(device, step, 2, &p->scores, &args.scores_offset, args.scores_stride);
    gyre_attention_bind(device, step, 3, &p->lse, &args.lse_offset, args.lse_stride);
    args.extras.starts = gyre_attention_bind_list(device, &p->starts, &bufs[4]);
    args.extras.lens = gyre_attention_bind_list(device, &p->lens, &bufs[5]);
    args.extras.slopes = gyre_attention_bind_list(device, &p->slopes, &bufs[6]);
    args.extras.sinks = gyre_attention_bind_list(device, &p->sinks, &bufs[7]);
    bufs[8] = gyre_view_span(device, &p->k_positions, &args.extras.k_positions_offset);
    memcpy(step->args, &args, sizeof(args));
    const uint32_t extras = extras_at(p, p->stage) & (EXTRA_ALIBI | EXTRA_POSITIONS);
    const uint32_t defs[] = {mask_at(p, p->stage), p->scores.dtype, p->stage, extras};
    memcpy(dispatch->variant.defs, defs, sizeof(defs));
    dispatch->variant.consts[0] = is_cpu(device) ? 1 : 128;
    dispatch->groups[0] = 1;
    dispatch->groups[1] = min_u32(p->q_len, device->info.max_group_count[1]);
    dispatch->groups[2] = p->n_heads * p->n_batch;
}

// The problem whose keys are the relative embeddings, all of which every query sees. Packed queries
// are one sequence to it.
static struct gyre_attention_problem relative_problem(const struct gyre_attention_problem *p)
{
    struct gyre_attention_problem r = *p;
    const struct gyre_view none = {0};
    r.k = p->relative;
    r.kv_len = p->relative.shape[1];
    r.n_batch = p->q.shape[0];
    r.q_len = p->q.shape[1];
    r.mask = r.lens = r.starts = r.q_firsts = r.k_firsts = none;
    r.k_positions = r.slopes = r.relative = none;
    r.is_end = false;
    return r;
}

void gyre_attention_add_first(const struct gyre_device *device,
                              const struct gyre_attention_problem *p, struct gyre_plan *plan)
{
    gyre_plan_scratch(plan, gyre_attention_fixed_scratch(p));
    if (!p->relative.is_present)
        return;
    const struct gyre_attention_problem r = relative_problem(p);
    const struct gyre_scores_place place = {
        .span = gyre_attention_relative(p),
        .dtype = GYRE_F32,
        .stride = {p->n_heads * r.q_len * r.kv_len, r.q_len * r.kv_len, r.kv_len},
    };
    gyre_attention_add_scores(device, &r, GYRE_SCORES_RAW, &place, plan);
}

void gyre_attention_add_key_sums(const struct gyre_device *device,
                                 const struct gyre_attention_problem *p, struct gyre_plan *plan)
{
    struct gyre_scores_place place = {.dtype = GYRE_F32};
    place.span = gyre_view_span(device, &p->key_sums, &place.first);
    memcpy(place.stride, p->key_sums.stride, sizeof(place.stride));
    gyre_attention_add_scores(device, p, STAGE_SUMS, &place, plan);
}
