// SPDX-License-Identifier: MIT
#include <string.h>

#include "args/rope.h"
#include "kernels.h"
#include "ops/arith.h"
#include "ops/rope.h"

static uint32_t n_k_heads(const struct gyre_rope_problem *problem)
{
    return problem->k.is_present ? problem->k.shape[2] : 0;
}

static bool is_in_place(const struct gyre_rope_problem *problem)
{
    bool q = gyre_view_is_same(&problem->q, &problem->q_out);
    return q && (!problem->k.is_present || gyre_view_is_same(&problem->k, &problem->k_out));
}

// The kernel multiplies what it finds, the table's cosines or a cache that holds them times the
// attention factor, so that the whole is what the direction asks for.
static void set_direction(const struct gyre_rope_problem *problem, struct gyre_rope_args *args)
{
    float factor = (float)problem->table->facts.attention_factor;
    float found = problem->cos.is_present ? factor : 1, wanted = factor;
    bool is_back = false;
    switch (problem->direction) {
    case GYRE_ROPE_FORWARD:
    case GYRE_ROPE_ADD_SINUSOIDS:
        break;
    case GYRE_ROPE_TRANSPOSE:
        is_back = true;
        break;
    case GYRE_ROPE_INVERSE:
        is_back = true;
        wanted = 1 / factor;
        break;
    case GYRE_ROPE_SHIFT:
        wanted = 1;
        break;
    }
    args->amp_cos = wanted / found;
    args->amp_sin = is_back ? -args->amp_cos : args->amp_cos;
}

// Positions are read as words: the low ones of 64-bit integers.
static void set_positions(const struct gyre_rope_problem *problem, struct gyre_rope_args *args,
                          struct gyre_step *step)
{
    const struct gyre_view *view = &problem->positions;
    uint32_t words = view->dtype == GYRE_I64 ? 2 : 1;
    step->dispatch.bufs[5] = gyre_view_span(problem->table->device, view, &args->pos_offset);
    args->pos_offset *= words;
    for (int i = 0; i < 3; i++)
        args->pos_stride[i] = view->stride[i + 1] * words;
    bool has_own = view->is_present && view->shape[3] == problem->q.shape[1]; // one a token
    args->use_positions = view->is_present && view->extent != 0;
    args->start = problem->start;
    args->step = problem->direction != GYRE_ROPE_SHIFT && !has_own;
}

// Binds where cosines and sines come from.
static void set_angles(const struct gyre_rope_problem *problem, struct gyre_rope_args *args,
                       struct gyre_step *step)
{
    const struct gyre_rope_table *table = problem->table;
    struct gyre_span *bufs = step->dispatch.bufs;
    bufs[4] = gyre_view_span(table->device, &problem->cos, &args->cos_offset);
    bufs[6] = gyre_view_span(table->device, &problem->sin, &args->sin_offset);
    args->cache_stride[0] = problem->cos.stride[1];
    args->cache_stride[1] = problem->cos.stride[2];
    args->n_cached = problem->cos.shape[2];
    if (!problem->cos.is_present)
        bufs[4] = (struct gyre_span){table->rows, 0, gyre_rope_table_size(args->n_pairs)};
}

// Binds a (batch, token, head, dim) tensor.
static void bind(const struct gyre_rope_problem *problem, struct gyre_step *step, int slot,
                 const struct gyre_view *view, uint32_t *offset, uint32_t stride[3])
{
    step->dispatch.bufs[slot] = gyre_view_span(problem->table->device, view, offset);
    memcpy(stride, view->stride, 3 * sizeof(*stride));
}

static void set_args(const struct gyre_rope_problem *problem, struct gyre_rope_args *args,
                     struct gyre_step *step)
{
    const struct gyre_rope_table *table = problem->table;
    *args = (struct gyre_rope_args){
        .n_batch = problem->q.shape[0],
        .n_tokens = problem->q.shape[1],
        .n_q_heads = problem->q.shape[2],
        .n_k_heads = n_k_heads(problem),
        .head_dim = table->head_dim,
        .n_pairs = table->facts.n_pairs,
        .rotary_offset = table->rotary_offset,
        .n_pass = is_in_place(problem) ? 0 : table->head_dim - 2 * table->facts.n_pairs,
    };
    bind(problem, step, 0, &problem->q, &args->q_offset, args->q_stride);
    bind(problem, step, 1, &problem->q_out, &args->q_out_offset, args->q_out_stride);
    bind(problem, step, 2, &problem->k, &args->k_offset, args->k_stride);
    bind(problem, step, 3, &problem->k_out, &args->k_out_offset, args->k_out_stride);
    set_positions(problem, args, step);
    set_angles(problem, args, step);
    set_direction(problem, args);
}

// Work-groups along the tokens on the CPU: blocks large enough to be worth waking a thread for, and
// several per thread for balance.
static uint32_t cpu_token_groups(const struct gyre_device_info *info,
                                 const struct gyre_rope_args *args)
{
    const uint64_t min_elements = 32768;
    uint64_t row = (uint64_t)(args->n_q_heads + args->n_k_heads) * args->head_dim;
    uint64_t useful = row * args->n_tokens / min_elements;
    uint32_t most = min_u32(args->n_tokens, 4 * info->n_units);
    return useful < 1 ? 1 : useful < most ? (uint32_t)useful : most;
}

static void set_shape(const struct gyre_device_info *info, const struct gyre_rope_args *args,
                      struct gyre_dispatch *dispatch)
{
    enum { GPU_WG = 64, GPU_HEADS = 4 };
    uint32_t n_heads = args->n_q_heads + args->n_k_heads;
    bool is_cpu = info->type == GYRE_DEVICE_CPU;
    uint32_t wg = is_cpu ? 1 : GPU_WG, heads = is_cpu ? n_heads : GPU_HEADS;
    uint32_t n_items = (args->n_pairs + args->n_pass) * div_up(n_heads, heads);
    dispatch->variant.consts[0] = wg;
    dispatch->variant.consts[1] = is_cpu ? 0 : heads; // 0: all, so that the CPU has one variant
    dispatch->groups[0] = is_cpu ? 1 : div_up(n_items, wg);
    dispatch->groups[1] =
        is_cpu ? cpu_token_groups(info, args) : min_u32(args->n_tokens, info->max_group_count[1]);
    dispatch->groups[2] = min_u32(args->n_batch, info->max_group_count[2]);
}

void gyre_rope_make_plan(const struct gyre_device *device, const struct gyre_rope_problem *problem,
                         struct gyre_plan *plan)
{
    plan->n_steps = 0;
    plan->scratch_size = 0;
    uint32_t n_heads = problem->q.shape[2] + n_k_heads(problem);
    if (problem->q.shape[0] == 0 || problem->q.shape[1] == 0 || n_heads == 0)
        return;
    struct gyre_rope_args args = {0};
    struct gyre_step *step = gyre_plan_add(plan, &gyre_kernel_rope, &args);
    set_args(problem, &args, step);
    memcpy(step->args, &args, sizeof(args));
    uint32_t *defs = step->dispatch.variant.defs;
    defs[0] = problem->q.dtype;
    defs[1] = problem->table->pairing;
    defs[2] = problem->cos.is_present ? (uint32_t)problem->cos.dtype : DTYPE_NONE;
    defs[3] = problem->direction == GYRE_ROPE_ADD_SINUSOIDS;
    set_shape(&device->info, &args, &step->dispatch);
}
