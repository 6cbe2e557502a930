// SPDX-License-Identifier: MIT
// Plans for few rows of queries: split over keys, then combined.
#include <string.h>

#include "args/attention_combine.h"
#include "kernels.h"
#include "ops/arith.h"
#include "ops/attention_routes.h"

static bool is_cpu(const struct gyre_device_info *info)
{
    return info->type == GYRE_DEVICE_CPU;
}

// Above this many rows per KV head there is enough arithmetic to fill tiles of queries.
enum { SPLIT_MAX_ROWS = 16 };

const char *gyre_attention_refuse_split(const struct gyre_device_info *info,
                                        const struct gyre_attention_problem *p)
{
    (void)info;
    if (p->is_deterministic && p->q_firsts.is_present)
        return "how many rows a packed sequence has must not matter";
    return gyre_attention_n_rows(p) > SPLIT_MAX_ROWS ? "more than 16 rows per KV head" : NULL;
}

// The GPU kernels want TILE_Q * TILE_K = 4 WG. 128 work-items leave room for 10 waves on RDNA,
// 64 for 8.
static struct gyre_attention_tile split_tile(const struct gyre_device_info *info,
                                             const struct gyre_attention_problem *p)
{
    if (is_cpu(info))
        return (struct gyre_attention_tile){1, SPLIT_MAX_ROWS, 16,
                                            max_u32(1, gyre_attention_v_dim(p))};
    uint32_t wg = info->max_group_size < 128 ? 64 : 128;
    return (struct gyre_attention_tile){wg, 8, wg / 2, gyre_attention_gpu_v_tile(p)};
}

// What the groups of attention_split divide among themselves.
struct split_shape {
    uint32_t n_splits, keys_per_split; // of whole tiles of keys
    uint32_t n_head_groups;            // groups along kv heads and row tiles
};

// A CPU's group walks over all heads of a token, so that it reads memory in order; heads are
// divided only where that would leave threads without work.
static uint32_t cpu_head_groups(const struct gyre_device_info *info, uint32_t n_heads,
                                uint32_t n_other_groups)
{
    return n_other_groups >= info->n_units
               ? 1
               : min_u32(n_heads, div_up(info->n_units, n_other_groups));
}

// Enough keys to be worth a group; with `deterministic` neither more nor fewer.
static uint32_t min_keys_of(const struct gyre_device_info *info)
{
    return is_cpu(info) ? 512 : 128;
}

// Enough groups to fill the device a few times over.
static struct split_shape choose_splits(const struct gyre_device_info *info,
                                        const struct gyre_attention_problem *p,
                                        const struct gyre_attention_tile *tile)
{
    const uint32_t min_keys = min_keys_of(info), unknown_units = 16;
    uint32_t units = info->n_units != 0 ? info->n_units : unknown_units;
    uint32_t n_heads = p->n_kv_heads * div_up(gyre_attention_n_rows(p), tile->q);
    uint32_t n_base = p->n_batch * (is_cpu(info) ? 1 : n_heads * gyre_attention_n_v_tiles(p, tile));
    uint32_t n_splits = min_u32(div_up(4 * units, n_base), max_u32(1, p->kv_len / min_keys));
    struct split_shape shape;
    shape.keys_per_split = max_u32(1, div_up(div_up(p->kv_len, n_splits), tile->k)) * tile->k;
    if (p->is_deterministic)
        shape.keys_per_split = min_keys;
    shape.n_splits = max_u32(1, div_up(p->kv_len, shape.keys_per_split));
    shape.n_head_groups =
        is_cpu(info) ? cpu_head_groups(info, n_heads, shape.n_splits * p->n_batch) : n_heads;
    return shape;
}

void gyre_attention_add_split(const struct gyre_device *device,
                              const struct gyre_attention_problem *p, struct gyre_plan *plan)
{
    const struct gyre_device_info *info = &device->info;
    const struct gyre_attention_tile tile = split_tile(info, p);
    const struct split_shape shape = choose_splits(info, p, &tile);
    struct gyre_attention_args args;
    gyre_attention_fill_args(p, &args);
    args.n_splits = shape.n_splits;
    args.keys_per_split = shape.keys_per_split;
    struct gyre_span partial =
        gyre_plan_scratch(plan, gyre_attention_partial_size(p, args.n_splits));
    struct gyre_step *step = gyre_plan_add(plan, &gyre_kernel_attention_split, &args);
    struct gyre_dispatch *dispatch = &step->dispatch;
    gyre_attention_bind_inputs(device, p, step, &args);
    dispatch->bufs[4] = partial;
    gyre_attention_bind_extras(device, p, step, 5, &args);
    memcpy(step->args, &args, sizeof(args));
    const uint32_t defs[] = {p->q.dtype, p->k.dtype, p->v.dtype, gyre_mask_define(p),
                             gyre_attention_extras(p)};
    memcpy(dispatch->variant.defs, defs, sizeof(defs));
    gyre_attention_set_tile(dispatch, &tile, p->head_dim);
    dispatch->groups[0] = args.n_splits * gyre_attention_n_v_tiles(p, &tile);
    dispatch->groups[1] = shape.n_head_groups;
    dispatch->groups[2] = p->n_batch;
    gyre_attention_add_combine(device, p, args.n_splits, partial, plan);
}

// --- partial results

uint64_t gyre_attention_partial_size(const struct gyre_attention_problem *p, uint32_t n_splits)
{
    uint64_t rows = (uint64_t)p->n_batch * p->n_kv_heads * n_splits * gyre_attention_n_rows(p);
    return rows * (gyre_attention_v_dim(p) + 2) * sizeof(float);
}

void gyre_attention_add_combine(const struct gyre_device *device,
                                const struct gyre_attention_problem *p, uint32_t n_splits,
                                struct gyre_span partial, struct gyre_plan *plan)
{
    enum { WG = 64 };
    struct gyre_attention_combine_args args = {
        .n_batch = p->n_batch,
        .n_kv_heads = p->n_kv_heads,
        .group = p->n_heads / p->n_kv_heads,
        .q_len = p->q_len,
        .v_dim = gyre_attention_v_dim(p),
        .n_splits = n_splits,
        .has_out = p->has_out,
        .has_lse = gyre_attention_needs_lse(p),
        .q_total = p->q.shape[1],
    };
    struct gyre_step *step = gyre_plan_add(plan, &gyre_kernel_attention_combine, &args);
    struct gyre_dispatch *dispatch = &step->dispatch;
    dispatch->bufs[0] = partial;
    gyre_attention_bind(device, step, 1, &p->out, &args.out_offset, args.out_stride);
    dispatch->bufs[2] = gyre_attention_lse(device, p, &args.lse_offset, args.lse_stride);
    args.sinks = gyre_attention_bind_list(device, &p->sinks, &dispatch->bufs[3]);
    args.q_firsts = gyre_attention_bind_list(device, &p->q_firsts, &dispatch->bufs[4]);
    memcpy(step->args, &args, sizeof(args));
    dispatch->variant.defs[0] = p->out.dtype;
    dispatch->variant.consts[0] = is_cpu(&device->info) ? 1 : WG;
    dispatch->groups[0] = is_cpu(&device->info) ? 1 : max_u32(1, div_up(args.v_dim, WG));
    dispatch->groups[1] = min_u32(gyre_attention_n_rows(p), device->info.max_group_count[1]);
    dispatch->groups[2] = p->n_kv_heads * p->n_batch;
}
