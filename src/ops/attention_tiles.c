// SPDX-License-Identifier: MIT
// Plans by the kernel `attention`: many rows of queries, in tiles.
#include <string.h>

#include "kernels.h"
#include "ops/arith.h"
#include "ops/attention_routes.h"

static bool is_cpu(const struct gyre_device_info *info)
{
    return info->type == GYRE_DEVICE_CPU;
}

// Groups of one split: tiles of rows and of columns of v, heads and sequences.
static uint64_t count_groups(const struct gyre_attention_problem *p,
                             const struct gyre_attention_tile *tile)
{
    return (uint64_t)div_up(gyre_attention_n_rows(p), tile->q) * gyre_attention_n_v_tiles(p, tile) *
           p->n_kv_heads * p->n_batch;
}

// Splits over keys, where tiles alone would leave units of the device without work.
static uint32_t choose_splits(const struct gyre_device_info *info,
                              const struct gyre_attention_problem *p,
                              const struct gyre_attention_tile *tile)
{
    const uint32_t min_keys = 256, unknown_units = 16;
    const uint32_t n_units = info->n_units != 0 ? info->n_units : unknown_units;
    const uint64_t n_groups = count_groups(p, tile);
    if (p->is_deterministic || n_groups == 0 || n_groups >= n_units)
        return 1;
    uint32_t wanted = div_up(2 * n_units, (uint32_t)n_groups);
    return max_u32(1, min_u32(wanted, p->kv_len / min_keys));
}

static void set_splits(struct gyre_attention_args *args, uint32_t n_splits, uint32_t tile_k)
{
    args->keys_per_split = max_u32(1, div_up(div_up(args->kv_len, n_splits), tile_k)) * tile_k;
    args->n_splits = max_u32(1, div_up(args->kv_len, args->keys_per_split));
}

// Binds where results go: to the caller's tensors, or to scratch when keys are split.
static void bind_results(const struct gyre_device *device, const struct gyre_attention_problem *p,
                         struct gyre_attention_args *args, struct gyre_span partial,
                         struct gyre_step *step)
{
    gyre_attention_bind(device, step, 4, &p->out, &args->out_offset, args->out_stride);
    step->dispatch.bufs[5] = gyre_attention_lse(device, p, &args->lse_offset, args->lse_stride);
    if (args->n_splits > 1)
        step->dispatch.bufs[4] = partial;
}

static void add_attention(const struct gyre_device *device, const struct gyre_attention_problem *p,
                          const struct gyre_attention_tile *tile, bool is_staged, uint32_t n_splits,
                          struct gyre_plan *plan)
{
    struct gyre_attention_args args;
    struct gyre_span partial = {0};
    gyre_attention_fill_args(p, &args);
    set_splits(&args, n_splits, tile->k);
    const bool is_split = args.n_splits > 1;
    if (is_split)
        partial = gyre_plan_scratch(plan, gyre_attention_partial_size(p, args.n_splits));
    struct gyre_step *step = gyre_plan_add(plan, &gyre_kernel_attention, &args);
    struct gyre_dispatch *dispatch = &step->dispatch;
    gyre_attention_bind_inputs(device, p, step, &args);
    bind_results(device, p, &args, partial, step);
    gyre_attention_bind_extras(device, p, step, 6, &args);
    args.extras.sinks =
        gyre_attention_bind_list(device, &p->sinks, &dispatch->bufs[6 + ATTENTION_N_EXTRAS]);
    memcpy(step->args, &args, sizeof(args));
    const uint32_t defs[] = {p->q.dtype,
                             p->k.dtype,
                             p->v.dtype,
                             is_split ? (uint32_t)GYRE_F32 : p->out.dtype,
                             gyre_mask_define(p),
                             is_staged,
                             gyre_attention_extras(p) | gyre_attention_precision_extra(p) |
                                 (is_split ? EXTRA_PARTIAL : 0)};
    memcpy(dispatch->variant.defs, defs, sizeof(defs));
    gyre_attention_set_tile(dispatch, tile, p->head_dim);
    dispatch->groups[0] = div_up(gyre_attention_n_rows(p), tile->q) * args.n_splits *
                          gyre_attention_n_v_tiles(p, tile);
    dispatch->groups[1] = p->n_kv_heads;
    dispatch->groups[2] = p->n_batch;
    if (is_split)
        gyre_attention_add_combine(device, p, args.n_splits, partial, plan);
}

// --- on the CPU

const char *gyre_attention_refuse_cpu(const struct gyre_device_info *info,
                                      const struct gyre_attention_problem *p)
{
    (void)p;
    return is_cpu(info) ? NULL : "for CPUs";
}

// A tile's keys and values are converted once for all its rows, so tall tiles are cheap; but every
// thread wants several groups. Rows come in multiples of what every instruction set's vectors hold.
// Bits depend on the height, which `deterministic` therefore fixes.
enum { CPU_LANES = 48, CPU_MAX_ROWS = 1152, CPU_FIXED_ROWS = 192 };

void gyre_attention_add_cpu(const struct gyre_device *device,
                            const struct gyre_attention_problem *p, struct gyre_plan *plan)
{
    const uint32_t n_groups_wanted = 4 * device->info.n_units;
    struct gyre_attention_tile tile = {1, p->is_deterministic ? CPU_FIXED_ROWS : CPU_MAX_ROWS, 128,
                                       max_u32(1, gyre_attention_v_dim(p))};
    while (!p->is_deterministic && tile.q > CPU_LANES && count_groups(p, &tile) < n_groups_wanted)
        tile.q = tile.q / 2 / CPU_LANES * CPU_LANES;
    add_attention(device, p, &tile, false, choose_splits(&device->info, p, &tile), plan);
}

// --- on GPUs

enum { STAGED_WG = 256 };

// Local memory of the staged tile at most; in OpenCL what is known of its rows lies there, too.
static uint32_t staged_local(const struct gyre_device_info *info)
{
    return (info->backend == GYRE_BACKEND_OPENCL ? 18 : 16) << 10;
}

// Tiles alone come next, so that a split that cannot be built or is wrong costs speed only.
static const char *refuse_splits(const struct gyre_device_info *info,
                                 const struct gyre_attention_problem *p,
                                 const struct gyre_attention_tile *tile)
{
    return choose_splits(info, p, tile) == 1 ? "tiles are work enough, or keys too few" : NULL;
}

// Elements that are taken in an order of their own are brought into it on their way to local
// memory.
static bool needs_staging(const struct gyre_attention_problem *p)
{
    return p->rope != NULL || p->dim2 != 0;
}

const char *gyre_attention_refuse_staged(const struct gyre_device_info *info,
                                         const struct gyre_attention_problem *p)
{
    if (is_cpu(info))
        return "for GPUs";
    if (info->is_local_mem_global && !needs_staging(p))
        return "local memory is ordinary memory here";
    if (info->max_group_size < STAGED_WG)
        return "work-groups of 256 do not fit";
    if (info->local_size < staged_local(info))
        return "its tiles do not fit into local memory";
    return NULL;
}

static struct gyre_attention_tile staged_tile(const struct gyre_attention_problem *p)
{
    return (struct gyre_attention_tile){STAGED_WG, 32, 32, gyre_attention_gpu_v_tile(p)};
}

void gyre_attention_add_staged(const struct gyre_device *device,
                               const struct gyre_attention_problem *p, struct gyre_plan *plan)
{
    const struct gyre_attention_tile tile = staged_tile(p);
    add_attention(device, p, &tile, true, 1, plan);
}

const char *gyre_attention_refuse_staged_splits(const struct gyre_device_info *info,
                                                const struct gyre_attention_problem *p)
{
    const struct gyre_attention_tile tile = staged_tile(p);
    const char *why = gyre_attention_refuse_staged(info, p);
    return why != NULL ? why : refuse_splits(info, p, &tile);
}

void gyre_attention_add_staged_splits(const struct gyre_device *device,
                                      const struct gyre_attention_problem *p,
                                      struct gyre_plan *plan)
{
    const struct gyre_attention_tile tile = staged_tile(p);
    add_attention(device, p, &tile, true, choose_splits(&device->info, p, &tile), plan);
}

const char *gyre_attention_refuse_direct(const struct gyre_device_info *info,
                                         const struct gyre_attention_problem *p)
{
    if (is_cpu(info))
        return "for GPUs";
    return needs_staging(p) ? "rotations and second parts go through local memory" : NULL;
}

// A work-item holds four columns of two rows: more do not fit into Mali's 64 registers.
static struct gyre_attention_tile direct_tile(const struct gyre_device_info *info,
                                              const struct gyre_attention_problem *p)
{
    const uint32_t v_tile = gyre_attention_gpu_v_tile(p);
    const uint32_t wg = v_tile > 64 && info->max_group_size >= 128 ? 128 : 64;
    return (struct gyre_attention_tile){wg, 8, wg / 2, v_tile};
}

void gyre_attention_add_direct(const struct gyre_device *device,
                               const struct gyre_attention_problem *p, struct gyre_plan *plan)
{
    const struct gyre_attention_tile tile = direct_tile(&device->info, p);
    add_attention(device, p, &tile, false, 1, plan);
}

const char *gyre_attention_refuse_direct_splits(const struct gyre_device_info *info,
                                                const struct gyre_attention_problem *p)
{
    const struct gyre_attention_tile tile = direct_tile(info, p);
    const char *why = gyre_attention_refuse_direct(info, p);
    return why != NULL ? why : refuse_splits(info, p, &tile);
}

void gyre_attention_add_direct_splits(const struct gyre_device *device,
                                      const struct gyre_attention_problem *p,
                                      struct gyre_plan *plan)
{
    const struct gyre_attention_tile tile = direct_tile(&device->info, p);
    add_attention(device, p, &tile, false, choose_splits(&device->info, p, &tile), plan);
}
