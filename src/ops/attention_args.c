// SPDX-License-Identifier: MIT
// What the kernels of attention are told: numbers, and where tensors lie.
#include <string.h>

#include "kernels.h"
#include "ops/arith.h"
#include "ops/attention_plan.h"
#include "ops/attention_routes.h"
#include "ops/rope_table.h"

// --- sizes

uint32_t gyre_attention_v_dim(const struct gyre_attention_problem *p)
{
    return p->has_out ? p->v_dim : 0;
}

uint32_t gyre_attention_n_rows(const struct gyre_attention_problem *p)
{
    return p->q_len * (p->n_heads / p->n_kv_heads);
}

uint32_t gyre_attention_n_v_tiles(const struct gyre_attention_problem *p,
                                  const struct gyre_attention_tile *tile)
{
    return max_u32(1, div_up(gyre_attention_v_dim(p), tile->v));
}

// Registers bound the columns of v that one work-group accumulates. A multiple of 4 only where
// v_dim is one, so that kernels know whether columns come in fours.
uint32_t gyre_attention_gpu_v_tile(const struct gyre_attention_problem *p)
{
    enum { MAX_V_TILE = 128 };
    uint32_t v_dim = gyre_attention_v_dim(p), most = v_dim % 4 == 0 ? MAX_V_TILE : MAX_V_TILE - 1;
    return max_u32(1, min_u32(v_dim, most));
}

void gyre_attention_set_tile(struct gyre_dispatch *dispatch, const struct gyre_attention_tile *tile,
                             uint32_t head_dim)
{
    const uint32_t consts[] = {tile->wg, tile->q, tile->k, head_dim, tile->v};
    memcpy(dispatch->variant.consts, consts, sizeof(consts));
}

// --- numbers

static void fill_heads(const struct gyre_attention_problem *p, struct gyre_attention_heads *heads)
{
    const uint32_t n_heads2 = p->k2.is_present ? p->k2.shape[2] : p->n_kv_heads;
    *heads = (struct gyre_attention_heads){
        .group2 = n_heads2 != 0 ? p->n_kv_heads / n_heads2 : 1,
        .dim = p->dim2 != 0 ? p->dim2 : p->head_dim,
    };
    if (p->rope == NULL)
        return;
    heads->n_pairs = p->rope->facts.n_pairs;
    heads->rotary_offset = p->rope->rotary_offset;
    heads->pairing = p->rope->pairing;
    heads->amplitude = (float)p->rope->facts.attention_factor;
}

void gyre_attention_fill_args(const struct gyre_attention_problem *p,
                              struct gyre_attention_args *args)
{
    *args = (struct gyre_attention_args){
        .n_batch = p->n_batch,
        .n_kv_heads = p->n_kv_heads,
        .group = p->n_heads / p->n_kv_heads,
        .q_len = p->q_len,
        .kv_len = p->kv_len,
        .head_dim = p->head_dim,
        .dim2 = p->dim2,
        .v_dim = gyre_attention_v_dim(p),
        .scale = p->scale,
        .softcap = p->softcap,
        KEY_RULE_OF(p),
        .has_out = p->has_out,
        .has_lse = gyre_attention_needs_lse(p),
        .n_splits = 1,
        .keys_per_split = p->kv_len,
        .extras = {.is_end = p->is_end, .q_total = p->q.shape[1], .k_total = p->k.shape[1]},
        .n_sum_queries = p->n_sum_queries,
        .adds_sums = p->adds_key_sums,
    };
    fill_heads(p, &args->heads);
}

// --- tensors

void gyre_attention_bind(const struct gyre_device *device, struct gyre_step *step, uint32_t slot,
                         const struct gyre_view *view, uint32_t *offset, uint32_t stride[3])
{
    step->dispatch.bufs[slot] = gyre_view_span(device, view, offset);
    memcpy(stride, view->stride, 3 * sizeof(*stride));
}

void gyre_attention_bind_inputs(const struct gyre_device *device,
                                const struct gyre_attention_problem *p, struct gyre_step *step,
                                struct gyre_attention_args *args)
{
    gyre_attention_bind(device, step, 0, &p->q, &args->q_offset, args->q_stride);
    gyre_attention_bind(device, step, 1, &p->k, &args->k_offset, args->k_stride);
    gyre_attention_bind(device, step, 2, &p->v, &args->v_offset, args->v_stride);
    gyre_attention_bind(device, step, 3, &p->mask, &args->mask_offset, args->mask_stride);
}

uint32_t gyre_attention_bind_list(const struct gyre_device *device, const struct gyre_view *view,
                                  struct gyre_span *span)
{
    uint32_t offset;
    *span = gyre_view_span(device, view, &offset);
    return view->is_present ? 1 + offset : 0;
}

// Coordinates are read as words: the low ones of 64-bit integers.
static struct gyre_span bind_coords(const struct gyre_device *device, const struct gyre_view *view,
                                    uint32_t *has, uint32_t *offset, uint32_t stride[3])
{
    const uint32_t n_words = view->dtype == GYRE_I64 ? 2 : 1;
    struct gyre_span span = gyre_view_span(device, view, offset);
    *has = view->is_present;
    *offset *= n_words;
    for (int i = 0; i < 3; i++)
        stride[i] = view->stride[i + 1] * n_words;
    return span;
}

static void bind_heads(const struct gyre_device *device, const struct gyre_attention_problem *p,
                       struct gyre_step *step, uint32_t slot, struct gyre_attention_heads *heads)
{
    struct gyre_span *bufs = &step->dispatch.bufs[slot];
    gyre_attention_bind(device, step, slot, &p->q2, &heads->q2_offset, heads->q2_stride);
    gyre_attention_bind(device, step, slot + 1, &p->k2, &heads->k2_offset, heads->k2_stride);
    bufs[2] = p->rope != NULL
                  ? (struct gyre_span){p->rope->rows, 0, gyre_rope_table_size(heads->n_pairs)}
                  : (struct gyre_span){device->dummy, 0, device->dummy->size};
    bufs[3] = bind_coords(device, &p->q_coords, &heads->has_q_coords, &heads->q_coords_offset,
                          heads->q_coords_stride);
    bufs[4] = bind_coords(device, &p->k_coords, &heads->has_k_coords, &heads->k_coords_offset,
                          heads->k_coords_stride);
}

static struct gyre_span bind_relative(const struct gyre_device *device,
                                      const struct gyre_attention_problem *p,
                                      struct gyre_attention_extras *extras)
{
    if (!p->relative.is_present || p->q_len == 0)
        return (struct gyre_span){device->dummy, 0, device->dummy->size};
    extras->n_relative = p->relative.shape[1];
    extras->relative_stride[2] = extras->n_relative;
    extras->relative_stride[1] = p->q.shape[1] * extras->relative_stride[2];
    extras->relative_stride[0] = p->q.shape[0] == 1 ? 0 : p->n_heads * extras->relative_stride[1];
    return gyre_attention_relative(p);
}

void gyre_attention_bind_extras(const struct gyre_device *device,
                                const struct gyre_attention_problem *p, struct gyre_step *step,
                                uint32_t slot, struct gyre_attention_args *args)
{
    struct gyre_span *bufs = &step->dispatch.bufs[slot];
    struct gyre_attention_extras *extras = &args->extras;
    extras->starts = gyre_attention_bind_list(device, &p->starts, &bufs[0]);
    extras->lens = gyre_attention_bind_list(device, &p->lens, &bufs[1]);
    extras->q_firsts = gyre_attention_bind_list(device, &p->q_firsts, &bufs[2]);
    extras->k_firsts = gyre_attention_bind_list(device, &p->k_firsts, &bufs[3]);
    extras->slopes = gyre_attention_bind_list(device, &p->slopes, &bufs[4]);
    bufs[5] = gyre_view_span(device, &p->k_positions, &extras->k_positions_offset);
    extras->k_positions_stride = p->k_positions.stride[2];
    bufs[6] = bind_relative(device, p, extras);
    bind_heads(device, p, step, slot + 7, &args->heads);
}

uint32_t gyre_attention_extras(const struct gyre_attention_problem *p)
{
    return (p->slopes.is_present ? EXTRA_ALIBI : 0) |
           (p->k_positions.is_present ? EXTRA_POSITIONS : 0) |
           (p->relative.is_present ? EXTRA_RELATIVE : 0) |
           (p->q_firsts.is_present || p->k_firsts.is_present ? EXTRA_PACKED : 0) |
           (p->rotates_q ? EXTRA_ROTATED_Q : 0) | (p->rotates_k ? EXTRA_ROTATED_K : 0) |
           (p->dim2 != 0 ? EXTRA_SECOND : 0);
}

uint32_t gyre_attention_variant_extras(const struct gyre_variant *variant)
{
    const bool is_split = variant->kernel == &gyre_kernel_attention_split;
    return variant->defs[is_split ? 4 : 6]; // as src/kernels.c lists the defines
}

uint32_t gyre_mask_define(const struct gyre_attention_problem *p)
{
    if (!p->mask.is_present)
        return DTYPE_NONE;
    return p->is_mask_bits ? DTYPE_BITS : (uint32_t)p->mask.dtype;
}

// --- what lies in scratch for all steps of a plan: relative products, then LSE

static uint64_t relative_size(const struct gyre_attention_problem *p)
{
    if (!p->relative.is_present)
        return 0;
    uint64_t n = (uint64_t)p->q.shape[0] * p->n_heads * p->q.shape[1] * p->relative.shape[1];
    return gyre_plan_round(n * sizeof(float));
}

static bool has_scratch_lse(const struct gyre_attention_problem *p)
{
    return p->has_key_sums && !p->has_lse && p->q_len != 0;
}

static uint64_t lse_size(const struct gyre_attention_problem *p)
{
    uint64_t n = (uint64_t)p->q.shape[0] * p->n_heads * p->q.shape[1];
    return has_scratch_lse(p) ? gyre_plan_round(n * sizeof(float)) : 0;
}

uint64_t gyre_attention_fixed_scratch(const struct gyre_attention_problem *p)
{
    return relative_size(p) + lse_size(p);
}

struct gyre_span gyre_attention_relative(const struct gyre_attention_problem *p)
{
    return (struct gyre_span){NULL, 0, relative_size(p)};
}

bool gyre_attention_needs_lse(const struct gyre_attention_problem *p)
{
    return p->has_lse || p->has_key_sums;
}

struct gyre_span gyre_attention_lse(const struct gyre_device *device,
                                    const struct gyre_attention_problem *p, uint32_t *offset,
                                    uint32_t stride[3])
{
    if (has_scratch_lse(p)) {
        *offset = 0;
        stride[2] = 1;
        stride[1] = p->q.shape[1];
        stride[0] = p->q.shape[0] == 1 ? 0 : p->n_heads * stride[1]; // packed sequences share it
        return (struct gyre_span){NULL, relative_size(p), lse_size(p)};
    }
    memcpy(stride, p->lse.stride, 3 * sizeof(*stride));
    return gyre_view_span(device, &p->lse, offset);
}
