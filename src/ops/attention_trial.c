// SPDX-License-Identifier: MIT
#include "ops/attention_trial.h"

#include <string.h>

#include "ops/trial.h"

// Slots of the trial's tensors.
enum { Q, K, V, MASK, OUT, LSE, SCORES, SLOPES, SINKS };

struct user {
    const struct gyre_attention_problem *p;
    gyre_attention_add_fn *add;
};

static enum gyre_status run(void *user_data, struct gyre_stream *stream,
                            const struct gyre_tensor *tensors, bool is_reference)
{
    const struct user *user = user_data;
    const struct gyre_attention_params params = {
        .q = tensors[Q],
        .k = tensors[K],
        .v = tensors[V],
        .mask = tensors[MASK],
        .out = tensors[OUT],
        .lse = tensors[LSE],
        .scores = tensors[SCORES],
        .alibi_slopes = tensors[SLOPES],
        .sinks = tensors[SINKS],
        .scores_stage = user->p->stage,
        .is_causal = true,
        .align = GYRE_ALIGN_END,
    };
    if (is_reference)
        return gyre_attention(stream, &params);
    struct gyre_check check = {"attention's trial", stream->device, true};
    struct gyre_attention_problem problem;
    struct gyre_plan plan = {0};
    enum gyre_status status = gyre_attention_check(&check, &params, &problem);
    if (status != GYRE_OK)
        return status;
    user->add(stream->device, &problem, &plan);
    return gyre_plan_run(stream, &plan);
}

static void set_shape(struct gyre_trial_tensor *tensor, const struct gyre_view *like, uint64_t b,
                      uint64_t x, uint64_t y, uint64_t z)
{
    if (!like->is_present)
        return;
    const uint64_t shape[4] = {b, x, y, z};
    memcpy(tensor->shape, shape, sizeof(shape));
    tensor->dtype = like->dtype;
}

// A little more than a tile either way, or as few rows as the problem has.
static void make_trial(const struct gyre_attention_problem *p, enum gyre_attention_part part,
                       struct gyre_trial *trial)
{
    const uint64_t group = p->n_heads / p->n_kv_heads, max_rows = 40, kv_len = 77;
    const uint64_t fitting = max_rows / group > 2 ? max_rows / group : 2;
    const uint64_t q_len = p->q_len < fitting ? p->q_len : fitting;
    set_shape(&trial->tensors[Q], &p->q, 1, q_len, group, p->head_dim);
    set_shape(&trial->tensors[K], &p->k, 1, kv_len, 1, p->head_dim);
    set_shape(&trial->tensors[V], &p->v, 1, kv_len, 1, p->v_dim);
    set_shape(&trial->tensors[MASK], &p->mask, 1, 1, q_len, kv_len);
    set_shape(&trial->tensors[SLOPES], &p->slopes, 1, 1, 1, group);
    set_shape(&trial->tensors[SINKS], &p->sinks, 1, 1, 1, group);
    if (part == GYRE_PART_SCORES) {
        set_shape(&trial->tensors[SCORES], &p->scores, 1, group, q_len, kv_len);
    } else {
        set_shape(&trial->tensors[OUT], &p->out, 1, q_len, group, p->v_dim);
        set_shape(&trial->tensors[LSE], &p->lse, 1, group, q_len, 1);
    }
    trial->tensors[MASK].hides_some = true;
    trial->tensors[OUT].is_output = true;
    trial->tensors[LSE].is_output = true;
    trial->tensors[SCORES].is_output = true;
}

enum gyre_verdict gyre_attention_try(struct gyre_device *device,
                                     const struct gyre_attention_problem *p,
                                     const struct gyre_plan *plan, gyre_attention_add_fn *add,
                                     enum gyre_attention_part part)
{
    enum gyre_verdict verdict = gyre_plan_verdict(device, plan);
    if (verdict != GYRE_UNTESTED)
        return verdict;
    struct user user = {p, add};
    struct gyre_trial trial = {.run = run, .user = &user};
    make_trial(p, part, &trial);
    verdict = gyre_trial_hold(device, &trial);
    gyre_plan_set_verdict(device, plan, verdict);
    return verdict;
}
