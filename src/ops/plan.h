// SPDX-License-Identifier: MIT
// A plan: what an operator decided to run, before anything runs.
#ifndef GYRE_OPS_PLAN_H
#define GYRE_OPS_PLAN_H

#include "verdict.h"

enum { GYRE_MAX_STEPS = GYRE_MAX_TOGETHER };

// A dispatch and its arguments, or a number of library matrix products.
struct gyre_step {
    struct gyre_dispatch dispatch; // args is set when it runs; kernel NULL: a gemm
    uint32_t args[GYRE_MAX_ARGS / 4];
    // One product per (batch, head of the group), over all KV heads at once.
    struct gyre_gemm gemm;
    uint32_t n_outer, n_inner;                // how many products: batches, heads of a group
    uint64_t a_step[2], b_step[2], c_step[2]; // elements from one to the next, outer and inner
};

struct gyre_plan {
    uint32_t n_steps;
    uint64_t scratch_size; // bytes of stream scratch; spans without a buffer lie in it
    struct gyre_step steps[GYRE_MAX_STEPS];
};

// Text that grows in a caller's array; NULL text: nothing is written.
struct gyre_text {
    char *text;
    size_t size;
};
__attribute__((format(printf, 2, 3))) void gyre_text_add(struct gyre_text *text, const char *format,
                                                         ...);

// Appends a dispatch of `kernel` with everything else 0; never fails within GYRE_MAX_STEPS.
struct gyre_step *gyre_plan_add(struct gyre_plan *plan, const struct gyre_kernel *kernel,
                                const void *args);

// Empties a plan.
void gyre_plan_clear(struct gyre_plan *plan);

// The next `size` bytes of scratch, at an offset that any device can bind; and how such sizes are
// rounded.
struct gyre_span gyre_plan_scratch(struct gyre_plan *plan, uint64_t size);
uint64_t gyre_plan_round(uint64_t size);

// Appends all of another plan; both use the scratch, one after the other.
void gyre_plan_append(struct gyre_plan *plan, const struct gyre_plan *other);

// NULL, or which limit of the device the plan breaks.
const char *gyre_plan_check_limits(const struct gyre_device_info *info,
                                   const struct gyre_plan *plan);

// Compiles what the plan needs. UNSUPPORTED: another plan may do.
enum gyre_status gyre_plan_prepare(struct gyre_device *device, struct gyre_plan *plan);

// Enqueues the plan.
enum gyre_status gyre_plan_run(struct gyre_stream *stream, const struct gyre_plan *plan);

// Writes a line per step.
void gyre_plan_explain(const struct gyre_plan *plan, struct gyre_text *text);

#endif
