// SPDX-License-Identifier: MIT
// What the two halves of planning, fused kernels and materialised scores, share (attention_args.c).
#ifndef GYRE_OPS_ATTENTION_PLAN_H
#define GYRE_OPS_ATTENTION_PLAN_H

#include "ops/attention.h"

// Initialises the fields by which any kernel's arguments say which keys a query sees.
#define KEY_RULE_OF(p)                                                                             \
    .q_start = (p)->q_start, .is_causal = (p)->is_causal, .n_prefix = (p)->n_prefix,               \
    .window_left = (p)->window_left, .window_right = (p)->window_right,                            \
    .window_keep = (p)->window_keep

// Everything but the tensors.
void gyre_attention_fill_args(const struct gyre_attention_problem *p,
                              struct gyre_attention_args *args);

// Binds a tensor to a slot and fills its offset and its first three strides.
void gyre_attention_bind(const struct gyre_device *device, struct gyre_step *step, uint32_t slot,
                         const struct gyre_view *view, uint32_t *offset, uint32_t stride[3]);

// Binds a list and returns what struct gyre_attention_extras says of it.
uint32_t gyre_attention_bind_list(const struct gyre_device *device, const struct gyre_view *view,
                                  struct gyre_span *span);

// Binds what is given by sequence and by head from this slot on, in the order of the problem's
// fields: starts, lens, slopes, and sinks where has_sinks.
void gyre_attention_bind_extras(const struct gyre_device *device,
                                const struct gyre_attention_problem *p, struct gyre_step *step,
                                uint32_t slot, bool has_sinks,
                                struct gyre_attention_extras *extras);

// Value of MASK_DTYPE.
uint32_t gyre_mask_define(const struct gyre_view *mask);

// Fills an empty plan with what writes `scores`, compiled. Clears *needs_fused when out and lse
// come out of it as well.
enum gyre_status gyre_attention_plan_scores(struct gyre_device *device,
                                            const struct gyre_attention_problem *p,
                                            struct gyre_plan *plan, bool *needs_fused,
                                            struct gyre_text *text);

#endif
