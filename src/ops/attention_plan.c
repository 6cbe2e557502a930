// SPDX-License-Identifier: MIT
// Which kernels an attention takes, and why.
#include "ops/attention_plan.h"

#include <string.h>

#include "args/attention_combine.h"
#include "kernels.h"
#include "log.h"
#include "ops/arith.h"
#include "ops/attention_trial.h"

static void bind_qkv_mask(const struct gyre_device *device, const struct gyre_attention_problem *p,
                          struct gyre_step *step, struct gyre_attention_args *args)
{
    gyre_attention_bind(device, step, 0, &p->q, &args->q_offset, args->q_stride);
    gyre_attention_bind(device, step, 1, &p->k, &args->k_offset, args->k_stride);
    gyre_attention_bind(device, step, 2, &p->v, &args->v_offset, args->v_stride);
    gyre_attention_bind(device, step, 3, &p->mask, &args->mask_offset, args->mask_stride);
}

// --- the shapes of kernels

// A way to run the fused attention.
struct route {
    const char *name;
    // NULL, or why this problem on this device does not take it.
    const char *(*refuse)(const struct gyre_device_info *info,
                          const struct gyre_attention_problem *p);
    gyre_attention_add_fn *add;
};

struct tile {
    uint32_t wg, q, k, v; // work-items, rows, keys, columns of v
};

// Registers bound the columns of v that one work-group of a GPU accumulates.
enum { GPU_MAX_V_TILE = 128 };

static bool is_cpu(const struct gyre_device_info *info)
{
    return info->type == GYRE_DEVICE_CPU;
}

static uint32_t v_dim_written(const struct gyre_attention_problem *p)
{
    return p->has_out ? p->v_dim : 0;
}

static uint32_t n_rows(const struct gyre_attention_problem *p)
{
    return p->q_len * (p->n_heads / p->n_kv_heads);
}

static void set_tile(struct gyre_dispatch *dispatch, const struct tile *tile, uint32_t head_dim)
{
    const uint32_t consts[] = {tile->wg, tile->q, tile->k, head_dim, tile->v};
    memcpy(dispatch->variant.consts, consts, sizeof(consts));
}

static uint32_t n_v_tiles(const struct gyre_attention_problem *p, const struct tile *tile)
{
    return max_u32(1, div_up(v_dim_written(p), tile->v));
}

// --- many rows: one dispatch

static void add_attention(const struct gyre_device *device, const struct gyre_attention_problem *p,
                          const struct tile *tile, bool is_staged, struct gyre_plan *plan)
{
    struct gyre_attention_args args;
    gyre_attention_fill_args(p, &args);
    struct gyre_step *step = gyre_plan_add(plan, &gyre_kernel_attention, &args);
    struct gyre_dispatch *dispatch = &step->dispatch;
    bind_qkv_mask(device, p, step, &args);
    gyre_attention_bind(device, step, 4, &p->out, &args.out_offset, args.out_stride);
    gyre_attention_bind(device, step, 5, &p->lse, &args.lse_offset, args.lse_stride);
    gyre_attention_bind_extras(device, p, step, 6, true, &args.extras);
    memcpy(step->args, &args, sizeof(args));
    const uint32_t defs[] = {
        p->q.dtype, p->k.dtype,          p->v.dtype, p->out.dtype, gyre_mask_define(&p->mask),
        is_staged,  p->slopes.is_present};
    memcpy(dispatch->variant.defs, defs, sizeof(defs));
    set_tile(dispatch, tile, p->head_dim);
    dispatch->groups[0] = div_up(n_rows(p), tile->q) * n_v_tiles(p, tile);
    dispatch->groups[1] = p->n_kv_heads;
    dispatch->groups[2] = p->n_batch;
}

static const char *refuse_cpu(const struct gyre_device_info *info,
                              const struct gyre_attention_problem *p)
{
    (void)p;
    return is_cpu(info) ? NULL : "for CPUs";
}

// A tile's keys and values are converted once for all its rows, so tall tiles are cheap; but every
// thread wants several groups. Rows come in multiples of what every instruction set's vectors hold.
enum { CPU_LANES = 48, CPU_MAX_ROWS = 1152 };

static uint64_t cpu_groups(const struct gyre_attention_problem *p, const struct tile *tile)
{
    return (uint64_t)div_up(n_rows(p), tile->q) * p->n_kv_heads * p->n_batch;
}

static void add_cpu(const struct gyre_device *device, const struct gyre_attention_problem *p,
                    struct gyre_plan *plan)
{
    const uint32_t n_groups_wanted = 4 * device->info.n_units;
    struct tile tile = {1, CPU_MAX_ROWS, 128, max_u32(1, v_dim_written(p))};
    while (tile.q > CPU_LANES && cpu_groups(p, &tile) < n_groups_wanted)
        tile.q = tile.q / 2 / CPU_LANES * CPU_LANES;
    add_attention(device, p, &tile, false, plan);
}

enum { STAGED_WG = 256, STAGED_LOCAL = 16 << 10 };

static const char *refuse_staged(const struct gyre_device_info *info,
                                 const struct gyre_attention_problem *p)
{
    (void)p;
    if (is_cpu(info))
        return "for GPUs";
    if (info->is_local_mem_global)
        return "local memory is ordinary memory here";
    if (info->max_group_size < STAGED_WG)
        return "work-groups of 256 do not fit";
    return info->local_size < STAGED_LOCAL ? "16 KiB of local memory do not fit" : NULL;
}

// A multiple of 4 only where v_dim is one, so that kernels know whether columns come in fours.
static uint32_t gpu_v_tile(const struct gyre_attention_problem *p)
{
    uint32_t most = v_dim_written(p) % 4 == 0 ? GPU_MAX_V_TILE : GPU_MAX_V_TILE - 1;
    return max_u32(1, min_u32(v_dim_written(p), most));
}

static void add_staged(const struct gyre_device *device, const struct gyre_attention_problem *p,
                       struct gyre_plan *plan)
{
    const struct tile tile = {STAGED_WG, 32, 32, gpu_v_tile(p)};
    add_attention(device, p, &tile, true, plan);
}

static const char *refuse_direct(const struct gyre_device_info *info,
                                 const struct gyre_attention_problem *p)
{
    (void)p;
    return is_cpu(info) ? "for GPUs" : NULL;
}

static void add_direct(const struct gyre_device *device, const struct gyre_attention_problem *p,
                       struct gyre_plan *plan)
{
    const struct tile tile = {64, 8, 32, gpu_v_tile(p)};
    add_attention(device, p, &tile, false, plan);
}

// --- few rows: split over keys, then combined

// Above this many rows per KV head there is enough arithmetic to fill tiles of queries.
enum { SPLIT_MAX_ROWS = 16 };

static const char *refuse_split(const struct gyre_device_info *info,
                                const struct gyre_attention_problem *p)
{
    (void)info;
    return n_rows(p) > SPLIT_MAX_ROWS ? "more than 16 rows per KV head" : NULL;
}

// The GPU kernels want TILE_Q * TILE_K = 4 WG. 128 work-items leave room for 10 waves on RDNA,
// 64 for 8.
static struct tile split_tile(const struct gyre_device_info *info,
                              const struct gyre_attention_problem *p)
{
    if (is_cpu(info))
        return (struct tile){1, SPLIT_MAX_ROWS, 16, max_u32(1, v_dim_written(p))};
    uint32_t wg = info->max_group_size < 128 ? 64 : 128;
    return (struct tile){wg, 8, wg / 2, gpu_v_tile(p)};
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

// Enough groups to fill the device a few times over, each with enough keys to be worth a group.
static struct split_shape choose_splits(const struct gyre_device_info *info,
                                        const struct gyre_attention_problem *p,
                                        const struct tile *tile)
{
    const uint32_t min_keys = is_cpu(info) ? 512 : 128, unknown_units = 16;
    uint32_t units = info->n_units != 0 ? info->n_units : unknown_units;
    uint32_t n_heads = p->n_kv_heads * div_up(n_rows(p), tile->q);
    uint32_t n_base = p->n_batch * (is_cpu(info) ? 1 : n_heads * n_v_tiles(p, tile));
    uint32_t n_splits = min_u32(div_up(4 * units, n_base), max_u32(1, p->kv_len / min_keys));
    struct split_shape shape;
    shape.keys_per_split = max_u32(1, div_up(div_up(p->kv_len, n_splits), tile->k)) * tile->k;
    shape.n_splits = max_u32(1, div_up(p->kv_len, shape.keys_per_split));
    shape.n_head_groups =
        is_cpu(info) ? cpu_head_groups(info, n_heads, shape.n_splits * p->n_batch) : n_heads;
    return shape;
}

static uint64_t partial_size(const struct gyre_attention_problem *p,
                             const struct gyre_attention_args *args)
{
    uint64_t rows = (uint64_t)p->n_batch * p->n_kv_heads * args->n_splits * n_rows(p);
    return rows * (args->v_dim + 2) * sizeof(float);
}

static void add_combine(const struct gyre_device *device, const struct gyre_attention_problem *p,
                        uint32_t n_splits, struct gyre_span partial, struct gyre_plan *plan)
{
    enum { WG = 64 };
    struct gyre_attention_combine_args args = {
        .n_batch = p->n_batch,
        .n_kv_heads = p->n_kv_heads,
        .group = p->n_heads / p->n_kv_heads,
        .q_len = p->q_len,
        .v_dim = v_dim_written(p),
        .n_splits = n_splits,
        .has_out = p->has_out,
        .has_lse = p->has_lse,
    };
    struct gyre_step *step = gyre_plan_add(plan, &gyre_kernel_attention_combine, &args);
    struct gyre_dispatch *dispatch = &step->dispatch;
    dispatch->bufs[0] = partial;
    gyre_attention_bind(device, step, 1, &p->out, &args.out_offset, args.out_stride);
    gyre_attention_bind(device, step, 2, &p->lse, &args.lse_offset, args.lse_stride);
    args.sinks = gyre_attention_bind_list(device, &p->sinks, &dispatch->bufs[3]);
    memcpy(step->args, &args, sizeof(args));
    dispatch->variant.defs[0] = p->out.dtype;
    dispatch->variant.consts[0] = is_cpu(&device->info) ? 1 : WG;
    dispatch->groups[0] = is_cpu(&device->info) ? 1 : max_u32(1, div_up(args.v_dim, WG));
    dispatch->groups[1] = min_u32(n_rows(p), device->info.max_group_count[1]);
    dispatch->groups[2] = p->n_kv_heads * p->n_batch;
}

static void add_split(const struct gyre_device *device, const struct gyre_attention_problem *p,
                      struct gyre_plan *plan)
{
    const struct gyre_device_info *info = &device->info;
    const struct tile tile = split_tile(info, p);
    const struct split_shape shape = choose_splits(info, p, &tile);
    struct gyre_attention_args args;
    gyre_attention_fill_args(p, &args);
    args.n_splits = shape.n_splits;
    args.keys_per_split = shape.keys_per_split;
    struct gyre_span partial = {NULL, 0, partial_size(p, &args)};
    struct gyre_step *step = gyre_plan_add(plan, &gyre_kernel_attention_split, &args);
    struct gyre_dispatch *dispatch = &step->dispatch;
    bind_qkv_mask(device, p, step, &args);
    dispatch->bufs[4] = partial;
    gyre_attention_bind_extras(device, p, step, 5, false, &args.extras);
    memcpy(step->args, &args, sizeof(args));
    const uint32_t defs[] = {p->q.dtype, p->k.dtype, p->v.dtype, gyre_mask_define(&p->mask),
                             p->slopes.is_present};
    memcpy(dispatch->variant.defs, defs, sizeof(defs));
    set_tile(dispatch, &tile, p->head_dim);
    dispatch->groups[0] = args.n_splits * n_v_tiles(p, &tile);
    dispatch->groups[1] = shape.n_head_groups;
    dispatch->groups[2] = p->n_batch;
    plan->scratch_size = partial.size;
    add_combine(device, p, args.n_splits, partial, plan);
}

// --- choosing

// In the order in which they are tried.
static const struct route routes[] = {
    {"split over keys, combined", refuse_split, add_split},
    {"tiles of packed rows", refuse_cpu, add_cpu},
    {"staged through local memory", refuse_staged, add_staged},
    {"direct from global memory", refuse_direct, add_direct},
};

// GYRE_OK: the route is in the plan and compiled. Otherwise the plan is as before.
static enum gyre_status try_route(struct gyre_device *device,
                                  const struct gyre_attention_problem *p, const struct route *route,
                                  struct gyre_plan *plan, const char **refusal,
                                  struct gyre_text *text)
{
    enum gyre_status status = GYRE_UNSUPPORTED;
    const char *why = route->refuse(&device->info, p);
    if (why == NULL) {
        route->add(device, p, plan);
        why = gyre_plan_check_limits(&device->info, plan);
    }
    if (why == NULL) {
        status = gyre_plan_prepare(device, plan);
        why = gyre_status_name(status);
    }
    if (status == GYRE_OK &&
        gyre_attention_try(device, p, plan, route->add, GYRE_PART_FUSED) == GYRE_WRONG) {
        status = GYRE_UNSUPPORTED;
        why = "computes wrong results on this device";
    }
    gyre_text_add(text, "  %s: %s\n", route->name, status == GYRE_OK ? "taken" : why);
    *refusal = why;
    if (status != GYRE_OK) {
        plan->n_steps = 0;
        plan->scratch_size = 0;
    }
    return status;
}

static enum gyre_status plan_fused(struct gyre_device *device,
                                   const struct gyre_attention_problem *p, struct gyre_plan *plan,
                                   struct gyre_text *text)
{
    enum gyre_status status = GYRE_UNSUPPORTED;
    const char *why = NULL;
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
        status = try_route(device, p, &routes[i], plan, &why, text);
        // A kernel that this device cannot run or build gives way to the next.
        if (status != GYRE_UNSUPPORTED && status != GYRE_COMPILE)
            return status;
    }
    return gyre_fail(&device->log, status, "attention on %s: %s", device->info.id, why);
}

enum gyre_status gyre_attention_plan(struct gyre_device *device,
                                     const struct gyre_attention_problem *problem,
                                     struct gyre_plan *plan, struct gyre_text *text)
{
    plan->n_steps = 0;
    plan->scratch_size = 0;
    gyre_text_add(text, "attention on %s (%s)\n", device->info.id, device->info.name);
    gyre_text_add(text, "  storage: q %s, k %s, v %s; arithmetic and softmax: f32\n",
                  gyre_dtype_name(problem->q.dtype), gyre_dtype_name(problem->k.dtype),
                  gyre_dtype_name(problem->v.dtype));
    bool needs_fused = problem->has_out || problem->has_lse;
    enum gyre_status status = GYRE_OK;
    if (problem->has_scores)
        status = gyre_attention_plan_scores(device, problem, plan, &needs_fused, text);
    if (status != GYRE_OK || !needs_fused)
        return status;
    struct gyre_plan scores = *plan;
    plan->n_steps = 0;
    plan->scratch_size = 0;
    status = plan_fused(device, problem, plan, text);
    if (status == GYRE_OK)
        gyre_plan_append(plan, &scores);
    return status;
}
