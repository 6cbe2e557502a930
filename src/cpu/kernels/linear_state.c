// SPDX-License-Identifier: MIT
// Kernel `linear_state` (args/linear_attention.h) on the CPU.
//
//   S = past S + sum_j (R p(k_j)) v_j^T    z = past z + sum_j p(k_j)    over a segment of keys
//
// groups: (segments, kv heads, batch).
#include "linear_keys.h"

enum { BUF_K, BUF_V, BUF_TABLE, BUF_PAST_STATE, BUF_PAST_NORM, BUF_STATE, BUF_NORM };
enum { DEF_K, DEF_V, DEF_ROPE };

static size_t local_size(const struct gyre_cpu_task *task)
{
    struct linear_group group = {.args = task->args};
    uintptr_t end = 0;
    linear_take(&group, false, &end);
    return end;
}

static void sum_keys(struct linear_group *group, u32 begin, u32 end)
{
    clear_sums(group);
    for (u32 key = begin; key < end; key += CHUNK) {
        size_t n = end - key < CHUNK ? end - key : CHUNK;
        turn_tokens(group, group->args->k_start + key, n);
        load_keys(group, key, n);
        add_keys(group, n);
    }
}

// One row of S: zeros where no key was summed, and the past, which may be where the row goes.
static void store_row(const struct linear_group *group, size_t d, const float *past, float *dst)
{
    for (size_t b = 0; b < group->n_blocks; b++) {
        const float *src = group->state + (b * group->row + d) * LANES;
        for (size_t i = 0; i < columns_of(group, b); i++) {
            float sum = group->has_sums ? src[i] : 0.0f;
            dst[b * LANES + i] = past != NULL ? past[b * LANES + i] + sum : sum;
        }
    }
}

static void run(const struct gyre_cpu_task *task, const uint32_t index[3], void *local)
{
    const struct gyre_linear_attention_args *args = task->args;
    struct linear_group group = {
        .args = args,
        .in = {task->defs[DEF_K], task->defs[DEF_V], task->defs[DEF_ROPE], task->bufs[BUF_K],
               task->bufs[BUF_V], task->bufs[BUF_TABLE]},
        .kv_head = index[1],
        .batch = index[2],
    };
    const struct linear_sums past = {&args->past, task->bufs[BUF_PAST_STATE],
                                     task->bufs[BUF_PAST_NORM], index[2], index[1]};
    const struct linear_sums sums = {&args->sums, task->bufs[BUF_STATE], task->bufs[BUF_NORM],
                                     index[2], index[1]};
    const u32 segment = index[0], end = gyre_segment_begin(args->segment, args->first, segment + 1);
    uintptr_t next = (uintptr_t)local;
    linear_take(&group, false, &next);
    sum_keys(&group, gyre_segment_begin(args->segment, args->first, segment),
             end < args->kv_len ? end : args->kv_len);
    for (size_t d = 0; d < args->head_dim; d++) {
        const bool has_past = args->has_past != 0;
        store_row(&group, d, has_past ? state_row(&past, 0, d) : NULL,
                  state_row(&sums, segment, d));
        *norm_at(&sums, segment, d) = group.norm[d] + (has_past ? *norm_at(&past, 0, d) : 0.0f);
    }
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(linear_state) = {
    .name = "linear_state",
    .local_size = local_size,
    .run = run,
};
