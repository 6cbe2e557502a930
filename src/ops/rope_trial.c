// SPDX-License-Identifier: MIT
// First use of RoPE's kernel on a device.
#include "ops/rope.h"
#include "ops/trial.h"

// Slots of the trial's tensors, and its sizes.
enum { TRIAL_Q, TRIAL_K, TRIAL_Q_OUT, TRIAL_K_OUT, TRIAL_COS, TRIAL_SIN };
enum { N_TOKENS = 5, N_Q_HEADS = 5, N_K_HEADS = 2 };

static enum gyre_status run_trial(void *user, struct gyre_stream *stream,
                                  const struct gyre_tensor *tensors, bool is_reference)
{
    (void)is_reference; // the CPU device plans for itself
    const struct gyre_rope_problem *like = user;
    struct gyre_rope_table *table = NULL;
    struct gyre_rope_problem problem;
    struct gyre_plan plan;
    enum gyre_status status = gyre_rope_table_create_like(stream->device, like->table, &table);
    const struct gyre_rope_params params = {
        .table = table,
        .q = tensors[TRIAL_Q],
        .k = tensors[TRIAL_K],
        .q_out = tensors[TRIAL_Q_OUT],
        .k_out = tensors[TRIAL_K_OUT],
        .cos = tensors[TRIAL_COS],
        .sin = tensors[TRIAL_SIN],
        .start = like->cos.is_present ? 0 : 1000003,
        .direction = like->direction,
    };
    const struct gyre_check check = {"rope's trial", stream->device, true};
    if (status == GYRE_OK)
        status = gyre_rope_check(&check, &params, &problem);
    if (status == GYRE_OK) {
        gyre_rope_make_plan(stream->device, &problem, &plan);
        status = gyre_plan_run(stream, &plan);
    }
    gyre_stream_finish(stream);
    gyre_rope_table_destroy(&table);
    return status;
}

static struct gyre_trial trial_like(struct gyre_rope_problem *problem)
{
    const uint32_t dim = problem->table->head_dim, n_pairs = problem->table->facts.n_pairs;
    const enum gyre_dtype dtype = problem->q.dtype;
    const struct gyre_trial_tensor q = {.dtype = dtype, .shape = {1, N_TOKENS, N_Q_HEADS, dim}},
                                   k = {.dtype = dtype, .shape = {1, N_TOKENS, N_K_HEADS, dim}},
                                   cache = {
                                       .dtype = problem->cos.dtype,
                                       .shape = {problem->cos.is_present, 1, N_TOKENS, n_pairs}};
    struct gyre_trial trial = {
        .tensors = {[TRIAL_Q] = q,
                    [TRIAL_K] = k,
                    [TRIAL_Q_OUT] = q,
                    [TRIAL_K_OUT] = k,
                    [TRIAL_COS] = cache,
                    [TRIAL_SIN] = cache},
        .run = run_trial,
        .user = problem,
    };
    trial.tensors[TRIAL_Q_OUT].is_output = trial.tensors[TRIAL_K_OUT].is_output = true;
    return trial;
}

enum gyre_status gyre_rope_try(struct gyre_device *device, const struct gyre_rope_problem *problem,
                               const struct gyre_plan *plan)
{
    enum gyre_verdict verdict = gyre_plan_verdict(device, plan);
    if (verdict == GYRE_UNTESTED) {
        struct gyre_rope_problem like = *problem;
        const struct gyre_trial trial = trial_like(&like);
        verdict = gyre_trial_hold(device, &trial);
        gyre_plan_set_verdict(device, plan, verdict);
    }
    return verdict == GYRE_WRONG ? GYRE_UNSUPPORTED : GYRE_OK;
}
