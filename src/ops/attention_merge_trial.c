// SPDX-License-Identifier: MIT
// First use of attention_merge's kernel on a device.
#include "log.h"
#include "ops/attention_merge.h"
#include "ops/trial.h"

// Three parts, so that one dispatch leaves something for the next. Slots of the trial's tensors,
// out and lse of each part coming first.
enum { N_PARTS = 3, OUT = 2 * N_PARTS, LSE, SINKS };

static enum gyre_status run_trial(void *user, struct gyre_stream *stream,
                                  const struct gyre_tensor *tensors, bool is_reference)
{
    (void)user;
    (void)is_reference; // the CPU device plans for itself
    const struct gyre_attention_part parts[N_PARTS] = {
        {tensors[0], tensors[1]}, {tensors[2], tensors[3]}, {tensors[4], tensors[5]}};
    const struct gyre_attention_merge_params params = {
        .parts = parts,
        .n_parts = N_PARTS,
        .sinks = tensors[SINKS],
        .out = tensors[OUT],
        .lse = tensors[LSE],
    };
    const struct gyre_check check = {"attention merge's trial", stream->device, true};
    struct gyre_attention_merge_problem problem;
    enum gyre_status status = gyre_attention_merge_check(&check, &params, &problem);
    return status == GYRE_OK ? gyre_attention_merge_run(&check, stream, &problem) : status;
}

static struct gyre_trial trial_like(const struct gyre_attention_merge_problem *p)
{
    enum { Q_LEN = 7, N_HEADS = 3 };
    const uint64_t v_dim = p->v_dim != 0 ? p->v_dim : 1;
    const struct gyre_trial_tensor out = {.dtype = p->out.dtype,
                                          .shape = {1, Q_LEN, N_HEADS, v_dim},
                                          .is_output = true},
                                   lse = {.dtype = GYRE_F32,
                                          .shape = {1, N_HEADS, Q_LEN, 1},
                                          .is_output = true},
                                   sinks = {.dtype = GYRE_F32, .shape = {1, 1, 1, N_HEADS}};
    struct gyre_trial trial = {
        .tensors = {[OUT] = out, [LSE] = lse, [SINKS] = sinks},
        .run = run_trial,
    };
    for (int i = 0; i < N_PARTS; i++) {
        trial.tensors[2 * i] =
            (struct gyre_trial_tensor){.dtype = p->part_dtype, .shape = {1, Q_LEN, N_HEADS, v_dim}};
        trial.tensors[2 * i + 1] = (struct gyre_trial_tensor){
            .dtype = GYRE_F32, .shape = {1, N_HEADS, Q_LEN, 1}, .hides_some = true};
    }
    return trial;
}

enum gyre_status gyre_attention_merge_try(struct gyre_device *device,
                                          const struct gyre_attention_merge_problem *problem,
                                          const struct gyre_plan *plan)
{
    enum gyre_verdict verdict = gyre_plan_verdict(device, plan);
    if (verdict == GYRE_UNTESTED) {
        const struct gyre_trial trial = trial_like(problem);
        verdict = gyre_trial_hold(device, &trial);
        gyre_plan_set_verdict(device, plan, verdict);
    }
    return verdict == GYRE_WRONG ? gyre_fail(&device->log, GYRE_UNSUPPORTED,
                                             "attention merge on %s: its kernel computes wrong "
                                             "results on this device",
                                             device->info.id)
                                 : GYRE_OK;
}
