// SPDX-License-Identifier: MIT
#include <gyre/rope.h>

#include <string.h>

#include "args/rope.h"
#include "kernels.h"
#include "log.h"
#include "ops/arith.h"
#include "ops/plan.h"
#include "ops/rope_table.h"
#include "ops/tensor.h"
#include "ops/trial.h"

// A checked call.
struct problem {
    const struct gyre_rope_table *table;
    struct gyre_view q, k, q_out, k_out, positions;
    int32_t start;
    enum gyre_rope_direction direction;
};

// --- checking

static enum gyre_status check_heads(const struct gyre_check *check, const char *name,
                                    const struct problem *problem, const struct gyre_view *view)
{
    enum gyre_status status = gyre_view_check_axis(check, name, view, 3, problem->table->head_dim,
                                                   "the table's head_dim");
    if (status == GYRE_OK)
        status = gyre_view_check_axis(check, name, view, 0, problem->q.shape[0], "q's batch");
    if (status == GYRE_OK)
        status = gyre_view_check_axis(check, name, view, 1, problem->q.shape[1], "q's tokens");
    if (status == GYRE_OK && view->dtype != problem->q.dtype)
        status = gyre_fail(&check->device->log, GYRE_INVALID, "rope: %s is %s, q is %s", name,
                           gyre_dtype_name(view->dtype), gyre_dtype_name(problem->q.dtype));
    return status;
}

// Checks an input and its result; absent result: in place.
static enum gyre_status check_pair(const struct gyre_check *check, struct problem *problem,
                                   const char *const names[2], const struct gyre_tensor *in,
                                   const struct gyre_tensor *out, struct gyre_view *in_view,
                                   struct gyre_view *out_view)
{
    enum gyre_status status =
        gyre_view_check(check, names[0], in, GYRE_DTYPES_FLOAT, GYRE_INPUT, in_view);
    if (status == GYRE_OK)
        status = gyre_view_check(check, names[1], out, GYRE_DTYPES_FLOAT, GYRE_OUTPUT, out_view);
    if (status == GYRE_OK && in_view->is_present && !out_view->is_present)
        status = gyre_view_check(check, names[0], in, GYRE_DTYPES_FLOAT, GYRE_OUTPUT, out_view);
    if (status != GYRE_OK || !in_view->is_present)
        return status;
    status = check_heads(check, names[0], problem, in_view);
    if (status == GYRE_OK)
        status = check_heads(check, names[1], problem, out_view);
    if (status == GYRE_OK)
        status = gyre_view_check_axis(check, names[1], out_view, 2, in_view->shape[2], "heads");
    if (status == GYRE_OK && !gyre_view_is_same(out_view, in_view))
        status = gyre_view_check_disjoint(check, names[1], out_view, names[0], in_view);
    return status;
}

static enum gyre_status check_positions(const struct gyre_check *check,
                                        const struct gyre_tensor *tensor, struct problem *problem)
{
    struct gyre_view *positions = &problem->positions;
    enum gyre_status status =
        gyre_view_check(check, "positions", tensor, GYRE_DTYPES_I32, GYRE_INPUT, positions);
    if (status != GYRE_OK || !positions->is_present)
        return status;
    if (problem->direction == GYRE_ROPE_SHIFT)
        return gyre_fail(&check->device->log, GYRE_INVALID, "rope: a shift takes no positions");
    status = gyre_view_check_axis(check, "positions", positions, 0, 1, "its length");
    if (status == GYRE_OK)
        status = gyre_view_check_axis(check, "positions", positions, 1, 1, "the number of axes");
    if (status == GYRE_OK && positions->shape[2] != 1)
        status = gyre_view_check_axis(check, "positions", positions, 2, problem->q.shape[0],
                                      "q's batch");
    if (status == GYRE_OK)
        status = gyre_view_check_axis(check, "positions", positions, 3, problem->q.shape[1],
                                      "q's tokens");
    return status;
}

// The results must not touch the other tensors.
static enum gyre_status check_overlap(const struct gyre_check *check, const struct problem *p)
{
    const struct {
        const char *name, *other_name;
        const struct gyre_view *output, *other;
    } pairs[] = {
        {"q_out", "k", &p->q_out, &p->k},
        {"k_out", "q", &p->k_out, &p->q},
        {"q_out", "k_out", &p->q_out, &p->k_out},
        {"q_out", "positions", &p->q_out, &p->positions},
        {"k_out", "positions", &p->k_out, &p->positions},
    };
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs) && status == GYRE_OK; i++)
        status = gyre_view_check_disjoint(check, pairs[i].name, pairs[i].output,
                                          pairs[i].other_name, pairs[i].other);
    return status;
}

static enum gyre_status check_params(const struct gyre_check *check,
                                     const struct gyre_rope_params *params, struct problem *problem)
{
    const struct gyre_log *log = &check->device->log;
    if (params == NULL || params->table == NULL)
        return gyre_fail(log, GYRE_INVALID, "rope: params or table is NULL");
    if (params->table->device != check->device)
        return gyre_fail(log, GYRE_INVALID, "rope: table of another device");
    if ((unsigned)params->direction > GYRE_ROPE_SHIFT)
        return gyre_fail(log, GYRE_INVALID, "rope: direction %d", (int)params->direction);
    *problem = (struct problem){
        .table = params->table, .start = params->start, .direction = params->direction};
    static const char *const q_names[] = {"q", "q_out"}, *const k_names[] = {"k", "k_out"};
    // q's own shape is what the others are compared with.
    enum gyre_status status =
        gyre_view_check(check, "q", &params->q, GYRE_DTYPES_FLOAT, GYRE_INPUT, &problem->q);
    if (status == GYRE_OK && !problem->q.is_present)
        status = gyre_fail(log, GYRE_INVALID, "rope: q is absent");
    if (status == GYRE_OK)
        status = check_pair(check, problem, q_names, &params->q, &params->q_out, &problem->q,
                            &problem->q_out);
    if (status == GYRE_OK)
        status = check_pair(check, problem, k_names, &params->k, &params->k_out, &problem->k,
                            &problem->k_out);
    if (status == GYRE_OK && !problem->k.is_present && problem->k_out.is_present)
        status = gyre_fail(log, GYRE_INVALID, "rope: k_out without k");
    if (status == GYRE_OK)
        status = check_positions(check, &params->positions, problem);
    if (status == GYRE_OK)
        status = check_overlap(check, problem);
    return status;
}

// --- planning

static uint32_t n_k_heads(const struct problem *problem)
{
    return problem->k.is_present ? problem->k.shape[2] : 0;
}

static bool is_in_place(const struct problem *problem)
{
    bool q = gyre_view_is_same(&problem->q, &problem->q_out);
    return q && (!problem->k.is_present || gyre_view_is_same(&problem->k, &problem->k_out));
}

static void set_direction(const struct problem *problem, struct gyre_rope_args *args)
{
    float amplitude = problem->table->amplitude;
    switch (problem->direction) {
    case GYRE_ROPE_FORWARD:
        args->amp_cos = args->amp_sin = amplitude;
        break;
    case GYRE_ROPE_TRANSPOSE:
        args->amp_cos = amplitude;
        args->amp_sin = -amplitude;
        break;
    case GYRE_ROPE_INVERSE:
        args->amp_cos = 1 / amplitude;
        args->amp_sin = -1 / amplitude;
        break;
    case GYRE_ROPE_SHIFT:
        args->amp_cos = args->amp_sin = 1;
        break;
    }
    args->start = problem->start;
    args->step = problem->direction == GYRE_ROPE_SHIFT ? 0 : 1;
}

// Binds a (batch, token, head, dim) tensor.
static void bind(const struct problem *problem, struct gyre_step *step, int slot,
                 const struct gyre_view *view, uint32_t *offset, uint32_t stride[3])
{
    step->dispatch.bufs[slot] = gyre_view_span(problem->table->device, view, offset);
    memcpy(stride, view->stride, 3 * sizeof(*stride));
}

static void set_args(const struct problem *problem, struct gyre_rope_args *args,
                     struct gyre_step *step)
{
    const struct gyre_rope_table *table = problem->table;
    *args = (struct gyre_rope_args){
        .n_batch = problem->q.shape[0],
        .n_tokens = problem->q.shape[1],
        .n_q_heads = problem->q.shape[2],
        .n_k_heads = n_k_heads(problem),
        .head_dim = table->head_dim,
        .n_pairs = table->n_pairs,
        .rotary_offset = table->rotary_offset,
        .n_pass = is_in_place(problem) ? 0 : table->head_dim - 2 * table->n_pairs,
        .use_positions = problem->positions.is_present,
    };
    bind(problem, step, 0, &problem->q, &args->q_offset, args->q_stride);
    bind(problem, step, 1, &problem->q_out, &args->q_out_offset, args->q_out_stride);
    bind(problem, step, 2, &problem->k, &args->k_offset, args->k_stride);
    bind(problem, step, 3, &problem->k_out, &args->k_out_offset, args->k_out_stride);
    step->dispatch.bufs[4] = (struct gyre_span){table->turns, 0, 8ull * table->n_pairs};
    step->dispatch.bufs[5] = gyre_view_span(table->device, &problem->positions, &args->pos_offset);
    args->pos_stride[0] = problem->positions.stride[2];
    args->pos_stride[1] = problem->positions.stride[3];
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

static void make_plan(const struct gyre_device *device, const struct problem *problem,
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
    step->dispatch.variant.defs[0] = problem->q.dtype;
    step->dispatch.variant.defs[1] = problem->table->pairing;
    set_shape(&device->info, &args, &step->dispatch);
}

// --- first use

// Slots of the trial's tensors.
enum { TRIAL_Q, TRIAL_K, TRIAL_Q_OUT, TRIAL_K_OUT };

static enum gyre_status run_trial(void *user, struct gyre_stream *stream,
                                  const struct gyre_tensor *tensors, bool is_reference)
{
    (void)is_reference; // the CPU device plans for itself
    const struct gyre_rope_table *like = ((const struct problem *)user)->table;
    const struct gyre_rope_config config = {
        .head_dim = like->head_dim,
        .rotary_dim = 2 * like->n_pairs,
        .rotary_offset = like->rotary_offset,
        .pairing = like->pairing,
    };
    struct gyre_rope_table *table = NULL;
    struct problem problem;
    struct gyre_plan plan;
    enum gyre_status status = gyre_rope_table_create(stream->device, &config, &table);
    const struct gyre_rope_params params = {
        .table = table,
        .q = tensors[TRIAL_Q],
        .k = tensors[TRIAL_K],
        .q_out = tensors[TRIAL_Q_OUT],
        .k_out = tensors[TRIAL_K_OUT],
        .start = 1000003,
    };
    const struct gyre_check check = {"rope's trial", stream->device, true};
    if (status == GYRE_OK)
        status = check_params(&check, &params, &problem);
    if (status == GYRE_OK) {
        make_plan(stream->device, &problem, &plan);
        status = gyre_plan_run(stream, &plan);
    }
    gyre_stream_finish(stream);
    gyre_rope_table_destroy(&table);
    return status;
}

// UNSUPPORTED when the prepared plan's kernel is known to compute wrong results here.
static enum gyre_status try_plan(struct gyre_device *device, struct problem *problem,
                                 const struct gyre_plan *plan)
{
    enum gyre_verdict verdict = gyre_plan_verdict(device, plan);
    if (verdict == GYRE_UNTESTED) {
        const uint32_t dim = problem->table->head_dim;
        const enum gyre_dtype dtype = problem->q.dtype;
        const struct gyre_trial trial = {
            .tensors =
                {[TRIAL_Q] = {.dtype = dtype, .shape = {1, 5, 5, dim}},
                 [TRIAL_K] = {.dtype = dtype, .shape = {1, 5, 2, dim}},
                 [TRIAL_Q_OUT] = {.dtype = dtype, .shape = {1, 5, 5, dim}, .is_output = true},
                 [TRIAL_K_OUT] = {.dtype = dtype, .shape = {1, 5, 2, dim}, .is_output = true}},
            .run = run_trial,
            .user = problem,
        };
        verdict = gyre_trial_hold(device, &trial);
        gyre_plan_set_verdict(device, plan, verdict);
    }
    return verdict == GYRE_WRONG ? GYRE_UNSUPPORTED : GYRE_OK;
}

// Checks, plans, compiles and, the first time, tries.
static enum gyre_status plan_call(const struct gyre_check *check, struct gyre_device *device,
                                  const struct gyre_rope_params *params, struct problem *problem,
                                  struct gyre_plan *plan)
{
    enum gyre_status status = check_params(check, params, problem);
    if (status != GYRE_OK)
        return status;
    make_plan(device, problem, plan);
    status = gyre_plan_prepare(device, plan);
    return status == GYRE_OK ? try_plan(device, problem, plan) : status;
}

// --- entry points

enum gyre_status gyre_rope(struct gyre_stream *stream, const struct gyre_rope_params *params)
{
    if (stream == NULL)
        return GYRE_INVALID;
    const struct gyre_check check = {"rope", stream->device, true};
    struct problem problem;
    struct gyre_plan plan;
    enum gyre_status status = plan_call(&check, stream->device, params, &problem, &plan);
    return status == GYRE_OK ? gyre_plan_run(stream, &plan) : status;
}

enum gyre_status gyre_rope_supported(struct gyre_device *device,
                                     const struct gyre_rope_params *params)
{
    return gyre_rope_explain(device, params, NULL, 0);
}

enum gyre_status gyre_rope_explain(struct gyre_device *device,
                                   const struct gyre_rope_params *params, char *text, size_t size)
{
    if (device == NULL)
        return GYRE_INVALID;
    if (text == NULL && size != 0)
        return gyre_fail(&device->log, GYRE_INVALID, "rope explain: text is NULL");
    if (size != 0)
        text[0] = '\0';
    const struct gyre_check check = {"rope", device, false};
    struct gyre_text out = {text, size};
    struct problem problem;
    struct gyre_plan plan = {0};
    enum gyre_status status = plan_call(&check, device, params, &problem, &plan);
    gyre_text_add(&out, "rope on %s (%s): %s\n", device->info.id, device->info.name,
                  gyre_status_name(status));
    if (status != GYRE_OK)
        return status;
    gyre_text_add(&out, "  angles: 64-bit fraction of a turn, exact at any 32-bit position\n");
    gyre_text_add(&out, "  storage: %s; arithmetic: f32\n", gyre_dtype_name(problem.q.dtype));
    gyre_plan_explain(&plan, &out);
    return GYRE_OK;
}
