// SPDX-License-Identifier: MIT
// What the kernels of attention are told: numbers, and where tensors lie.
#include <string.h>

#include "ops/attention_plan.h"

void gyre_attention_fill_args(const struct gyre_attention_problem *p,
                              struct gyre_attention_args *args)
{
    *args = (struct gyre_attention_args){
        .n_batch = p->n_batch,
        .n_kv_heads = p->n_kv_heads,
        .group = p->n_heads / p->n_kv_heads,
        .q_len = p->q_len,
        .kv_len = p->kv_len,
        .head_dim = p->head_dim,
        .v_dim = p->has_out ? p->v_dim : 0,
        .scale = p->scale,
        .softcap = p->softcap,
        KEY_RULE_OF(p),
        .has_out = p->has_out,
        .has_lse = p->has_lse,
        .n_splits = 1,
        .keys_per_split = p->kv_len,
    };
}

void gyre_attention_bind(const struct gyre_device *device, struct gyre_step *step, uint32_t slot,
                         const struct gyre_view *view, uint32_t *offset, uint32_t stride[3])
{
    step->dispatch.bufs[slot] = gyre_view_span(device, view, offset);
    memcpy(stride, view->stride, 3 * sizeof(*stride));
}

uint32_t gyre_attention_bind_list(const struct gyre_device *device, const struct gyre_view *view,
                                  struct gyre_span *span)
{
    uint32_t offset;
    *span = gyre_view_span(device, view, &offset);
    return view->is_present ? 1 + offset : 0;
}

void gyre_attention_bind_extras(const struct gyre_device *device,
                                const struct gyre_attention_problem *p, struct gyre_step *step,
                                uint32_t slot, bool has_sinks, struct gyre_attention_extras *extras)
{
    struct gyre_span *bufs = &step->dispatch.bufs[slot];
    extras->starts = gyre_attention_bind_list(device, &p->starts, &bufs[0]);
    extras->lens = gyre_attention_bind_list(device, &p->lens, &bufs[1]);
    extras->slopes = gyre_attention_bind_list(device, &p->slopes, &bufs[2]);
    extras->sinks = has_sinks ? gyre_attention_bind_list(device, &p->sinks, &bufs[3]) : 0;
    extras->is_end = p->is_end;
}

uint32_t gyre_mask_define(const struct gyre_view *mask)
{
    return mask->is_present ? (uint32_t)mask->dtype : DTYPE_NONE;
}
