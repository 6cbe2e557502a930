// SPDX-License-Identifier: MIT
// A trial: a small problem with made-up inputs, run on a device and on the library's own CPU path,
// whose results must agree.
#ifndef GYRE_OPS_TRIAL_H
#define GYRE_OPS_TRIAL_H

#include "ops/plan.h"
#include "verdict.h"

enum { GYRE_TRIAL_MAX_TENSORS = 16 };

struct gyre_trial_tensor {
    enum gyre_dtype dtype;
    uint64_t shape[4]; // shape[0] 0: absent
    bool is_output;
    bool hides_some; // every fifth element is -inf, or 0 in bytes
    int32_t step;    // of integers, from 0 on
};

struct gyre_trial {
    struct gyre_trial_tensor tensors[GYRE_TRIAL_MAX_TENSORS];
    // Enqueues the problem. `is_reference` asks for the plain entry point, otherwise for what is on
    // trial.
    enum gyre_status (*run)(void *user, struct gyre_stream *stream,
                            const struct gyre_tensor tensors[GYRE_TRIAL_MAX_TENSORS],
                            bool is_reference);
    void *user;
    double f32_tolerance; // errors of f32 results over the largest one; 0: 1e-4
};

// GYRE_UNTESTABLE when the trial could not be held (no memory, say).
enum gyre_verdict gyre_trial_hold(struct gyre_device *device, const struct gyre_trial *trial);

// What is known of the plan's kernels, as they run together. RIGHT on the CPU, which trials compare
// with, and where the environment's GYRE_SELFTEST is 0: for tests, which want to see wrong kernels.
enum gyre_verdict gyre_plan_verdict(struct gyre_device *device, const struct gyre_plan *plan);
// Keeps what a trial has shown; what is not RIGHT is logged.
void gyre_plan_set_verdict(struct gyre_device *device, const struct gyre_plan *plan,
                           enum gyre_verdict verdict);

#endif
