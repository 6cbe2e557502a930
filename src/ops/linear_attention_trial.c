// SPDX-License-Identifier: MIT
// First use of linear attention's kernels on a device.
#include <string.h>

#include "ops/arith.h"
#include "ops/linear_attention.h"
#include "ops/rope_table.h"
#include "ops/trial.h"

// Slots of the trial's tensors.
enum { Q, K, V, OUT, PAST_STATE, PAST_NORM, STATE, NORM };

struct user {
    const struct gyre_linear_problem *p;
    gyre_linear_add_fn *add;
};

static enum gyre_status run_with(const struct user *user, struct gyre_stream *stream,
                                 const struct gyre_linear_attention_params *params,
                                 bool is_reference)
{
    if (is_reference)
        return gyre_linear_attention(stream, params);
    const struct gyre_check check = {"linear attention's trial", stream->device, true};
    struct gyre_linear_problem problem;
    struct gyre_plan plan = {0};
    enum gyre_status status = gyre_linear_check(&check, params, &problem);
    if (status != GYRE_OK)
        return status;
    user->add(stream->device, &problem, &plan);
    return gyre_plan_run(stream, &plan);
}

static enum gyre_status run(void *user_data, struct gyre_stream *stream,
                            const struct gyre_tensor *tensors, bool is_reference)
{
    const struct user *user = user_data;
    struct gyre_rope_table *table = NULL;
    enum gyre_status status = GYRE_OK;
    if (user->p->rope != NULL)
        status = gyre_rope_table_like(stream->device, user->p->rope, &table);
    const struct gyre_linear_attention_params params = {
        .q = tensors[Q],
        .k = tensors[K],
        .v = tensors[V],
        .out = tensors[OUT],
        .past_state = tensors[PAST_STATE],
        .past_norm = tensors[PAST_NORM],
        .state = tensors[STATE],
        .norm = tensors[NORM],
        .rope = table,
        .is_causal = user->p->is_causal,
        .q_start = 1000003,
        .k_start = 1000003,
    };
    if (status == GYRE_OK)
        status = run_with(user, stream, &params, is_reference);
    gyre_stream_finish(stream);
    gyre_rope_table_destroy(&table);
    return status;
}

static void set_tensor(struct gyre_trial_tensor *tensor, enum gyre_dtype dtype, uint64_t n_tokens,
                       uint64_t n_heads, uint64_t dim)
{
    *tensor = (struct gyre_trial_tensor){.dtype = dtype, .shape = {1, n_tokens, n_heads, dim}};
}

// One KV head, and a little more than a segment where the plan has several, or as few queries as
// the problem has.
static void make_trial(const struct gyre_linear_problem *p, bool is_cut, struct gyre_trial *trial)
{
    const uint32_t kv_len = is_cut ? gyre_linear_least_segment(p) + 13 : 40;
    const uint32_t q_len = min_u32(p->q_len, kv_len), group = p->n_heads / p->n_kv_heads;
    struct gyre_trial_tensor *tensors = trial->tensors;
    set_tensor(&tensors[K], p->k.dtype, kv_len, 1, p->head_dim);
    set_tensor(&tensors[V], p->v.dtype, kv_len, 1, p->v_dim);
    set_tensor(&tensors[PAST_STATE], GYRE_F32, 1, p->head_dim, p->v_dim);
    set_tensor(&tensors[PAST_NORM], GYRE_F32, 1, p->head_dim, 1);
    if (p->has_out) {
        set_tensor(&tensors[Q], p->q.dtype, q_len, group, p->head_dim);
        set_tensor(&tensors[OUT], p->out.dtype, q_len, group, p->v_dim);
    }
    if (p->has_state) {
        set_tensor(&tensors[STATE], GYRE_F32, 1, p->head_dim, p->v_dim);
        set_tensor(&tensors[NORM], GYRE_F32, 1, p->head_dim, 1);
    }
    tensors[OUT].is_output = tensors[STATE].is_output = tensors[NORM].is_output = true;
}

enum gyre_verdict gyre_linear_try(struct gyre_device *device, const struct gyre_linear_problem *p,
                                  const struct gyre_plan *plan, gyre_linear_add_fn *add,
                                  bool is_cut)
{
    enum gyre_verdict verdict = gyre_plan_verdict(device, plan);
    if (verdict != GYRE_UNTESTED)
        return verdict;
    struct user user = {p, add};
    struct gyre_trial trial = {.run = run, .user = &user};
    make_trial(p, is_cut, &trial);
    verdict = gyre_trial_hold(device, &trial);
    gyre_plan_set_verdict(device, plan, verdict);
    return verdict;
}
