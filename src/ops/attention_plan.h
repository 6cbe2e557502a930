// SPDX-License-Identifier: MIT
// What all parts of planning attention share.
#ifndef GYRE_OPS_ATTENTION_PLAN_H
#define GYRE_OPS_ATTENTION_PLAN_H

#include "ops/attention.h"

// Initialises the fields by which any kernel's arguments say which keys a query sees.
#define KEY_RULE_OF(p)                                                                             \
    .q_start = (p)->q_start, .is_causal = (p)->is_causal, .n_prefix = (p)->n_prefix,               \
    .window_left = (p)->window_left, .window_right = (p)->window_right,                            \
    .window_keep = (p)->window_keep

// --- in words (attention_explain.c)

// What is asked for, a line each.
void gyre_attention_explain_problem(const struct gyre_device_info *info,
                                    const struct gyre_attention_problem *p, struct gyre_text *text);
// How a fused plan does it, to end a line with.
void gyre_attention_explain_route(const struct gyre_plan *plan, struct gyre_text *text);

// --- what kernels are told (attention_args.c)

// Everything but the tensors.
void gyre_attention_fill_args(const struct gyre_attention_problem *p,
                              struct gyre_attention_args *args);

// Binds a tensor to a slot and fills its offset and its first three strides.
void gyre_attention_bind(const struct gyre_device *device, struct gyre_step *step, uint32_t slot,
                         const struct gyre_view *view, uint32_t *offset, uint32_t stride[3]);

// Binds q, k, v and mask to slots 0 to 3.
void gyre_attention_bind_inputs(const struct gyre_device *device,
                                const struct gyre_attention_problem *p, struct gyre_step *step,
                                struct gyre_attention_args *args);

// Binds a list and returns what struct gyre_attention_extras says of it.
uint32_t gyre_attention_bind_list(const struct gyre_device *device, const struct gyre_view *view,
                                  struct gyre_span *span);

// Binds the ATTENTION_N_EXTRAS buffers of args/attention.h from this slot on, and fills what
// belongs to them.
void gyre_attention_bind_extras(const struct gyre_device *device,
                                const struct gyre_attention_problem *p, struct gyre_step *step,
                                uint32_t slot, struct gyre_attention_args *args);

// Values of EXTRAS and of MASK_DTYPE.
uint32_t gyre_attention_extras(const struct gyre_attention_problem *p);
uint32_t gyre_mask_define(const struct gyre_attention_problem *p);

// --- precision (attention_precision.c)

// Why a device does not have the precision that is asked for; NULL: it has.
const char *gyre_attention_refuse_precision(const struct gyre_device_info *info,
                                            const struct gyre_attention_problem *p);
// Its bit of EXTRAS.
uint32_t gyre_attention_precision_extra(const struct gyre_attention_problem *p);

// Where LSE is written: to the caller's tensor, or for key sums alone to scratch. needs_lse: to
// either.
bool gyre_attention_needs_lse(const struct gyre_attention_problem *p);
struct gyre_span gyre_attention_lse(const struct gyre_device *device,
                                    const struct gyre_attention_problem *p, uint32_t *offset,
                                    uint32_t stride[3]);

// Bytes at the start of scratch that all steps share: products with relative key embeddings, and
// LSE. The span of the former.
uint64_t gyre_attention_fixed_scratch(const struct gyre_attention_problem *p);
struct gyre_span gyre_attention_relative(const struct gyre_attention_problem *p);

// --- scores (attention_scores_plan.c, attention_scores_steps.c)

// Where scores go: elements from the start of a span, strides (batch, head, query).
struct gyre_scores_place {
    struct gyre_span span;
    enum gyre_dtype dtype;
    uint32_t first, stride[3];
};

// The caller's tensor.
struct gyre_scores_place gyre_attention_scores_result(const struct gyre_device *device,
                                                      const struct gyre_attention_problem *p);

// Adds the kernel `softmax`, from raw scores to the caller's tensor.
void gyre_attention_add_softmax(const struct gyre_device *device,
                                const struct gyre_attention_problem *p,
                                const struct gyre_scores_place *raw, bool writes_lse,
                                struct gyre_plan *plan);

// Adds the kernel `scores` with this STAGE.
void gyre_attention_add_scores(const struct gyre_device *device,
                               const struct gyre_attention_problem *p, uint32_t stage,
                               const struct gyre_scores_place *place, struct gyre_plan *plan);

// Adds what all plans begin with: room in scratch that every step may rely on, and products of
// queries with relative key embeddings.
void gyre_attention_add_first(const struct gyre_device *device,
                              const struct gyre_attention_problem *p, struct gyre_plan *plan);

// Adds the sums over queries, of which LSE is known.
void gyre_attention_add_key_sums(const struct gyre_device *device,
                                 const struct gyre_attention_problem *p, struct gyre_plan *plan);

// Fills an empty plan with what writes `scores`, compiled. Clears *needs_fused when out and lse
// come out of it as well.
enum gyre_status gyre_attention_plan_scores(struct gyre_device *device,
                                            const struct gyre_attention_problem *p,
                                            struct gyre_plan *plan, bool *needs_fused,
                                            struct gyre_text *text);

// Fills an empty plan with what writes out and lse, compiled.
enum gyre_status gyre_attention_plan_fused(struct gyre_device *device,
                                           const struct gyre_attention_problem *p,
                                           struct gyre_plan *plan, struct gyre_text *text);

#endif
