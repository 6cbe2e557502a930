// SPDX-License-Identifier: MIT
#include <string.h>

#include "kernels.h"
#include "ops/arith.h"
#include "ops/attention_merge.h"
#include "ops/attention_plan.h"

static void bind(const struct gyre_device *device, struct gyre_step *step, uint32_t slot,
                 const struct gyre_merge_part *part, struct gyre_out_and_lse *where)
{
    gyre_attention_bind(device, step, slot, &part->out, &where->out_offset, where->out_stride);
    gyre_attention_bind(device, step, slot + 1, &part->lse, &where->lse_offset, where->lse_stride);
}

// What dispatches leave for the next one; nothing where one does it all.
static struct gyre_span bind_running(const struct gyre_device *device,
                                     const struct gyre_attention_merge_problem *p, uint64_t n_rows,
                                     struct gyre_plan *plan)
{
    if (p->n_parts > MERGE_PARTS)
        plan->scratch_size = n_rows * ((uint64_t)p->v_dim + 2) * sizeof(float);
    return p->n_parts > MERGE_PARTS ? (struct gyre_span){NULL, 0, plan->scratch_size}
                                    : (struct gyre_span){device->dummy, 0, device->dummy->size};
}

// Work-groups on the CPU: each large enough to be worth waking a thread for, and several per thread
// for balance. A row costs something beside its columns.
static uint32_t n_cpu_groups(const struct gyre_device_info *info,
                             const struct gyre_attention_merge_args *args)
{
    const uint64_t min_columns = 32768, row = (uint64_t)args->v_dim + 64;
    const uint64_t useful = args->n_rows * row / min_columns;
    const uint32_t most = min_u32(args->n_rows, 4 * info->n_units);
    return useful < 1 ? 1 : useful < most ? (uint32_t)useful : most;
}

static void set_shape(const struct gyre_device_info *info,
                      const struct gyre_attention_merge_args *args, struct gyre_dispatch *dispatch)
{
    enum { GPU_WG = 64 };
    bool is_cpu = info->type == GYRE_DEVICE_CPU;
    dispatch->variant.consts[0] = is_cpu ? 1 : GPU_WG;
    dispatch->groups[0] =
        is_cpu ? n_cpu_groups(info, args) : min_u32(args->n_rows, info->max_group_count[0]);
    dispatch->groups[1] = dispatch->groups[2] = 1;
}

void gyre_attention_merge_plan(const struct gyre_check *check,
                               const struct gyre_attention_merge_problem *p, uint32_t first,
                               struct gyre_plan *plan)
{
    const struct gyre_device *device = check->device;
    const uint64_t n_rows = (uint64_t)p->n_batch * p->n_heads * p->q_len;
    plan->n_steps = 0;
    plan->scratch_size = 0;
    if (n_rows == 0 || (p->v_dim == 0 && !p->lse.is_present))
        return;
    struct gyre_attention_merge_args args = {
        .n_rows = (uint32_t)n_rows,
        .n_heads = p->n_heads,
        .q_len = p->q_len,
        .v_dim = p->v_dim,
        .has_lse = p->lse.is_present,
        .has_before = first != 0,
        .n_left = p->n_parts - first,
    };
    struct gyre_step *step = gyre_plan_add(plan, &gyre_kernel_attention_merge, &args);
    struct gyre_dispatch *dispatch = &step->dispatch;
    for (uint32_t i = 0; i < MERGE_PARTS; i++) {
        struct gyre_merge_part part = {0};
        if (i < args.n_left)
            part = gyre_attention_merge_part(check, p, first + i);
        bind(device, step, 2 * i, &part, &args.parts[i]);
    }
    dispatch->bufs[4] = bind_running(device, p, n_rows, plan);
    bind(device, step, 5, &(struct gyre_merge_part){p->out, p->lse}, &args.result);
    args.sinks = gyre_attention_bind_list(device, &p->sinks, &dispatch->bufs[7]);
    memcpy(step->args, &args, sizeof(args));
    dispatch->variant.defs[0] = p->part_dtype;
    dispatch->variant.defs[1] = p->out.dtype;
    set_shape(&device->info, &args, dispatch);
}
