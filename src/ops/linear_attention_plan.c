// SPDX-License-Identifier: MIT
// Which kernels a linear attention takes, and how it is cut into segments.
#include <string.h>

#include "args/linear_attention.h"
#include "kernels.h"
#include "log.h"
#include "ops/arith.h"
#include "ops/linear_attention.h"
#include "ops/rope_table.h"

static bool is_cpu(const struct gyre_device_info *info)
{
    return info->type == GYRE_DEVICE_CPU;
}

// --- segments

// As args/linear_attention.h has them.
struct segments {
    uint32_t length, first, n;
};

static uint32_t n_units(const struct gyre_device_info *info)
{
    const uint32_t unknown = 16;
    return info->n_units != 0 ? info->n_units : unknown;
}

// Within a segment a GPU's work grows with the square of its length, and every segment costs sums:
// twice their number of columns balances the two, and keeps scratch to half of what keys and values
// take in f32.
uint32_t gyre_linear_least_segment(const struct gyre_linear_problem *p)
{
    return max_u32(64, div_up(p->head_dim, 32) * 32);
}

// Bytes of the sums over so many segments' keys, for all heads.
static uint64_t sums_size(const struct gyre_linear_problem *p, uint64_t n_entries)
{
    return (uint64_t)p->n_batch * p->n_kv_heads * p->head_dim * ((uint64_t)p->v_dim + 1) *
           n_entries * sizeof(float);
}

static struct segments cut(const struct gyre_linear_problem *p, uint32_t length)
{
    int64_t rest = ((int64_t)p->shift - 1) % length;
    struct segments s = {length, length, 1};
    if (p->is_causal)
        s.first = (uint32_t)(rest < 0 ? rest + length : rest) + 1;
    if (p->kv_len > s.first)
        s.n += div_up(p->kv_len - s.first, length);
    return s;
}

// A thread walks over its segment, so segments are as few as give every thread work.
static struct segments cut_for_cpu(const struct gyre_device_info *info,
                                   const struct gyre_linear_problem *p)
{
    const uint32_t least = 256, heads = p->n_batch * p->n_kv_heads;
    uint32_t n_tokens = p->is_causal ? max_u32(p->q_len, p->kv_len) : p->kv_len;
    uint32_t n = heads < 2 * n_units(info) ? div_up(2 * n_units(info), heads) : 1;
    return cut(p, max_u32(least, div_up(n_tokens, n)));
}

// Segments are as long as queries allow, of which a causal one holds few, and as gives the device
// enough groups; or longer, where fewer of them would save scratch and their sums take too much.
static struct segments cut_for_gpu(const struct gyre_device_info *info,
                                   const struct gyre_linear_problem *p)
{
    const uint64_t max_scratch = 256u << 20;
    const uint32_t least = gyre_linear_least_segment(p);
    const uint64_t tiles = (uint64_t)p->n_batch * p->n_kv_heads * div_up(p->head_dim, 32);
    uint32_t length = least;
    if (!p->is_causal || p->q_len <= least)
        length = max_u32(least, (uint32_t)(p->kv_len * tiles / (8 * n_units(info))));
    // The keys that every query sees end a segment, however long.
    const uint32_t fewest = p->is_causal && p->shift > 0 ? 2 : 1;
    struct segments s = cut(p, length);
    while (s.n > fewest && length < p->kv_len && sums_size(p, s.n + 1) > max_scratch) {
        length += min_u32(length, p->kv_len - length);
        s = cut(p, length);
    }
    return s;
}

static struct segments cut_for(const struct gyre_device_info *info,
                               const struct gyre_linear_problem *p)
{
    return is_cpu(info) ? cut_for_cpu(info, p) : cut_for_gpu(info, p);
}

// --- where sums lie

struct sums {
    struct gyre_span state, norm;
    struct gyre_linear_sums at;
};

static struct sums sums_of(const struct gyre_device *device, const struct gyre_view *state,
                           const struct gyre_view *norm)
{
    struct sums sums = {
        .at = {
            .state_stride = {state->stride[0], state->stride[1], 0, state->stride[2]},
            .norm_stride = {norm->stride[0], norm->stride[1], 0, norm->stride[2]},
        }};
    sums.state = gyre_view_span(device, state, &sums.at.state_offset);
    sums.norm = gyre_view_span(device, norm, &sums.at.norm_offset);
    return sums;
}

// All states, then all norms.
static struct sums sums_in_scratch(const struct gyre_linear_problem *p, uint32_t n_entries,
                                   struct gyre_plan *plan)
{
    const uint32_t dim = p->head_dim, state = dim * p->v_dim, heads = p->n_kv_heads;
    plan->scratch_size = sums_size(p, n_entries);
    const struct gyre_span span = {NULL, 0, plan->scratch_size};
    return (struct sums){
        .state = span,
        .norm = span,
        .at = {
            .state_stride = {heads * n_entries * state, n_entries * state, state, p->v_dim},
            .norm_offset = p->n_batch * heads * n_entries * state,
            .norm_stride = {heads * n_entries * dim, n_entries * dim, dim, 1},
        }};
}

static void bind_sums(struct gyre_step *step, uint32_t slot, const struct sums *sums,
                      struct gyre_linear_sums *at)
{
    step->dispatch.bufs[slot] = sums->state;
    step->dispatch.bufs[slot + 1] = sums->norm;
    *at = sums->at;
}

static struct sums past_of(const struct gyre_device *device, const struct gyre_linear_problem *p)
{
    return sums_of(device, &p->past_state, &p->past_norm);
}

// --- dispatches

static void bind(const struct gyre_device *device, struct gyre_step *step, uint32_t slot,
                 const struct gyre_view *view, uint32_t *offset, uint32_t stride[3])
{
    step->dispatch.bufs[slot] = gyre_view_span(device, view, offset);
    memcpy(stride, view->stride, 3 * sizeof(*stride));
}

static void bind_keys(const struct gyre_device *device, const struct gyre_linear_problem *p,
                      struct gyre_step *step, uint32_t slot,
                      struct gyre_linear_attention_args *args)
{
    const struct gyre_rope_table *rope = p->rope;
    bind(device, step, slot, &p->k, &args->k_offset, args->k_stride);
    bind(device, step, slot + 1, &p->v, &args->v_offset, args->v_stride);
    step->dispatch.bufs[slot + 2] =
        rope == NULL ? (struct gyre_span){device->dummy, 0, device->dummy->size}
                     : (struct gyre_span){rope->rows, 0, gyre_rope_table_size(rope->facts.n_pairs)};
}

// Value of the define ROPE.
static uint32_t rope_define(const struct gyre_linear_problem *p)
{
    return p->rope == NULL ? 0 : p->rope->pairing == GYRE_ROPE_HALF ? 1 : 2;
}

static struct gyre_linear_attention_args args_of(const struct gyre_linear_problem *p,
                                                 const struct segments *segments)
{
    return (struct gyre_linear_attention_args){
        .n_batch = p->n_batch,
        .n_kv_heads = p->n_kv_heads,
        .group = p->n_heads / p->n_kv_heads,
        .q_len = p->q_len,
        .kv_len = p->kv_len,
        .head_dim = p->head_dim,
        .v_dim = p->v_dim,
        .n_pairs = p->rope != NULL ? p->rope->facts.n_pairs : 0,
        .rotary_offset = p->rope != NULL ? p->rope->rotary_offset : 0,
        .amplitude = p->rope != NULL ? (float)p->rope->facts.attention_factor : 1,
        .q_start = (uint32_t)p->q_start,
        .k_start = (uint32_t)p->k_start,
        .is_causal = p->is_causal,
        .shift = p->shift,
        .segment = segments->length,
        .first = segments->first,
        .n_segments = segments->n,
        .has_past = p->has_past,
        .has_total = p->has_state,
    };
}

static struct gyre_step *add_step(struct gyre_plan *plan, const struct gyre_kernel *kernel,
                                  const struct gyre_linear_problem *p, uint32_t wg,
                                  uint32_t n_groups)
{
    const struct gyre_linear_attention_args none = {0};
    struct gyre_step *step = gyre_plan_add(plan, kernel, &none);
    step->dispatch.variant.consts[0] = wg;
    step->dispatch.groups[0] = n_groups;
    step->dispatch.groups[1] = p->n_kv_heads;
    step->dispatch.groups[2] = p->n_batch;
    return step;
}

enum { GPU_TILE_V = 64 };

static uint32_t gpu_wg(const struct gyre_device_info *info)
{
    return info->max_group_size < 128 ? 64 : 128;
}

static uint32_t n_v_tiles(const struct gyre_linear_problem *p)
{
    return max_u32(1, div_up(p->v_dim, GPU_TILE_V));
}

// Sums of the segments into `sums`; the past, when given, is added to each.
static void add_state(const struct gyre_device *device, const struct gyre_linear_problem *p,
                      const struct segments *segments, const struct sums *past,
                      const struct sums *sums, struct gyre_plan *plan)
{
    const bool on_cpu = is_cpu(&device->info);
    const uint32_t wg = on_cpu ? 1 : gpu_wg(&device->info), tile_d = wg / 4;
    const uint32_t tiles = on_cpu ? 1 : div_up(p->head_dim, tile_d) * n_v_tiles(p);
    struct gyre_linear_attention_args args = args_of(p, segments);
    struct gyre_step *step = add_step(plan, &gyre_kernel_linear_state, p, wg, segments->n * tiles);
    const struct sums none = past_of(device, p);
    bind_keys(device, p, step, 0, &args);
    bind_sums(step, 3, past != NULL ? past : &none, &args.past);
    bind_sums(step, 5, sums, &args.sums);
    args.has_past = past != NULL;
    memcpy(step->args, &args, sizeof(args));
    const uint32_t defs[] = {p->k.dtype, p->v.dtype, rope_define(p)};
    memcpy(step->dispatch.variant.defs, defs, sizeof(defs));
    if (!on_cpu) {
        step->dispatch.variant.consts[1] = tile_d;
        step->dispatch.variant.consts[2] = GPU_TILE_V;
    }
}

static void add_prefix(const struct gyre_device *device, const struct gyre_linear_problem *p,
                       const struct segments *segments, const struct sums *sums,
                       struct gyre_plan *plan)
{
    enum { GPU_WG = 64 };
    const bool on_cpu = is_cpu(&device->info);
    const uint32_t n_shares = min_u32(p->head_dim, n_units(&device->info));
    const uint32_t n_items = (p->v_dim + 1) * p->head_dim;
    struct gyre_linear_attention_args args = args_of(p, segments);
    struct gyre_step *step = add_step(plan, &gyre_kernel_linear_prefix, p, on_cpu ? 1 : GPU_WG,
                                      on_cpu ? n_shares : div_up(n_items, GPU_WG));
    const struct sums past = past_of(device, p), total = sums_of(device, &p->state, &p->norm);
    bind_sums(step, 0, sums, &args.sums);
    bind_sums(step, 2, &past, &args.past);
    bind_sums(step, 4, &total, &args.total);
    memcpy(step->args, &args, sizeof(args));
}

// Tokens of a segment of queries that need no keys: enough segments for all threads.
static uint32_t cpu_query_segment(const struct gyre_device_info *info,
                                  const struct gyre_linear_problem *p)
{
    const uint32_t least = 64, n = div_up(4 * n_units(info), p->n_batch * p->n_kv_heads);
    return max_u32(least, div_up(p->q_len, n));
}

// Packed rows of a GPU's work-group; a quarter as many work-items stand below each other.
static uint32_t gpu_tile_q(const struct gyre_device_info *info, const struct gyre_linear_problem *p)
{
    const uint32_t n_rows = p->q_len * (p->n_heads / p->n_kv_heads);
    return n_rows <= 16 || gpu_wg(info) == 64 ? 16 : 32;
}

// From the sums before each segment, or zeros.
static void add_attention(const struct gyre_device *device, const struct gyre_linear_problem *p,
                          const struct segments *segments, const struct sums *sums,
                          struct gyre_plan *plan)
{
    const struct gyre_device_info *info = &device->info;
    const bool on_cpu = is_cpu(info);
    const uint32_t tile_q = gpu_tile_q(info, p), n_rows = p->q_len * (p->n_heads / p->n_kv_heads);
    const uint32_t length = !on_cpu || p->is_causal ? segments->length : cpu_query_segment(info, p);
    struct gyre_linear_attention_args args = args_of(p, segments);
    struct gyre_step *step =
        add_step(plan, &gyre_kernel_linear_attention, p, on_cpu ? 1 : 4 * tile_q,
                 on_cpu ? div_up(p->q_len, length) : div_up(n_rows, tile_q) * n_v_tiles(p));
    const struct sums none = past_of(device, p);
    bind(device, step, 0, &p->q, &args.q_offset, args.q_stride);
    bind_keys(device, p, step, 1, &args);
    bind_sums(step, 4, sums != NULL ? sums : &none, &args.sums);
    bind(device, step, 6, &p->out, &args.out_offset, args.out_stride);
    args.has_sums = sums != NULL;
    args.segment = length;
    memcpy(step->args, &args, sizeof(args));
    const uint32_t defs[] = {p->q.dtype, p->k.dtype, p->v.dtype, p->out.dtype, rope_define(p)};
    memcpy(step->dispatch.variant.defs, defs, sizeof(defs));
    if (!on_cpu) {
        const uint32_t consts[] = {4 * tile_q, tile_q, 32, GPU_TILE_V, p->is_causal};
        memcpy(step->dispatch.variant.consts, consts, sizeof(consts));
    }
}

// --- routes

struct route {
    const char *name;
    bool is_cut;
    // NULL, or why this problem on this device does not take it.
    const char *(*refuse)(const struct gyre_device_info *info, const struct gyre_linear_problem *p);
    gyre_linear_add_fn *add;
};

static const char *refuse_sums(const struct gyre_linear_problem *p, uint64_t n_entries)
{
    return sums_size(p, n_entries) / sizeof(float) > UINT32_MAX
               ? "its sums have more than 2^32 elements"
               : NULL;
}

// Whether the sums over one segment are for its own queries alone.
static bool needs_own_sums(const struct gyre_linear_problem *p)
{
    return !p->is_causal && !p->has_state;
}

// Where nothing comes before the one segment of queries but the past, no sums are needed first.
static const char *refuse_one(const struct gyre_device_info *info,
                              const struct gyre_linear_problem *p)
{
    const struct segments s = cut_for(info, p);
    if (s.n > 1)
        return "more than one segment of keys";
    if (p->is_causal && (p->q_len > s.length || p->shift > 0))
        return "queries begin behind keys";
    return needs_own_sums(p) ? refuse_sums(p, 1) : NULL;
}

static void add_one(const struct gyre_device *device, const struct gyre_linear_problem *p,
                    struct gyre_plan *plan)
{
    const struct segments segments = cut_for(&device->info, p);
    const struct sums past = past_of(device, p), *has_past = p->has_past ? &past : NULL;
    const struct sums sums = p->has_state        ? sums_of(device, &p->state, &p->norm)
                             : needs_own_sums(p) ? sums_in_scratch(p, 1, plan)
                                                 : (struct sums){0};
    // The sums may take the place of the past.
    if (p->has_out && p->is_causal)
        add_attention(device, p, &segments, has_past, plan);
    if (p->has_state || !p->is_causal)
        add_state(device, p, &segments, has_past, &sums, plan);
    if (p->has_out && !p->is_causal)
        add_attention(device, p, &segments, &sums, plan);
}

static const char *refuse_segments(const struct gyre_device_info *info,
                                   const struct gyre_linear_problem *p)
{
    return refuse_sums(p, (uint64_t)cut_for(info, p).n + 1);
}

static void add_segments(const struct gyre_device *device, const struct gyre_linear_problem *p,
                         struct gyre_plan *plan)
{
    const struct segments segments = cut_for(&device->info, p);
    const struct sums sums = sums_in_scratch(p, segments.n + p->is_causal, plan);
    add_state(device, p, &segments, NULL, &sums, plan);
    add_prefix(device, p, &segments, &sums, plan);
    if (p->has_out)
        add_attention(device, p, &segments, &sums, plan);
}

// In the order in which they are tried.
static const struct route routes[] = {
    {"one segment", false, refuse_one, add_one},
    {"segments, summed up", true, refuse_segments, add_segments},
};

// GYRE_OK: the route is in the plan and compiled. Otherwise the plan is empty.
static enum gyre_status try_route(struct gyre_device *device, const struct gyre_linear_problem *p,
                                  const struct route *route, struct gyre_plan *plan,
                                  const char **why)
{
    enum gyre_status status = GYRE_UNSUPPORTED;
    plan->n_steps = 0;
    plan->scratch_size = 0;
    *why = route->refuse(&device->info, p);
    if (*why == NULL) {
        route->add(device, p, plan);
        *why = gyre_plan_check_limits(&device->info, plan);
    }
    if (*why == NULL) {
        status = gyre_plan_prepare(device, plan);
        *why = gyre_status_name(status);
    }
    if (status == GYRE_OK &&
        gyre_linear_try(device, p, plan, route->add, route->is_cut) == GYRE_WRONG) {
        status = GYRE_UNSUPPORTED;
        *why = "computes wrong results on this device";
    }
    return status;
}

static void explain(const struct gyre_device *device, const struct gyre_linear_problem *p,
                    struct gyre_text *text)
{
    const struct segments segments = cut_for(&device->info, p);
    gyre_text_add(text, "linear attention on %s (%s)\n", device->info.id, device->info.name);
    gyre_text_add(text, "  storage: q %s, k %s, v %s; features, sums and arithmetic: f32\n",
                  gyre_dtype_name(p->q.dtype), gyre_dtype_name(p->k.dtype),
                  gyre_dtype_name(p->v.dtype));
    gyre_text_add(text, "  %s; segments of keys: %u, of up to %u\n",
                  p->is_causal ? "causal" : "every query sees every key", segments.n,
                  segments.length);
}

enum gyre_status gyre_linear_plan(struct gyre_device *device, const struct gyre_linear_problem *p,
                                  struct gyre_plan *plan, struct gyre_text *text)
{
    enum gyre_status status = GYRE_UNSUPPORTED;
    const char *why = NULL;
    plan->n_steps = 0;
    plan->scratch_size = 0;
    if (!p->has_out && !p->has_state)
        return GYRE_OK;
    explain(device, p, text);
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
        status = try_route(device, p, &routes[i], plan, &why);
        gyre_text_add(text, "  %s: %s\n", routes[i].name, status == GYRE_OK ? "taken" : why);
        // A kernel that this device cannot run or build gives way to the next.
        if (status != GYRE_UNSUPPORTED && status != GYRE_COMPILE)
            return status;
    }
    return gyre_fail(&device->log, status, "linear attention on %s: %s", device->info.id, why);
}
