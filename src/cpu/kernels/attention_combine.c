// SPDX-License-Identifier: MIT
// Kernel `attention_combine` (formula and buffers in args/attention_combine.h) on the CPU.
//
// groups: (1, rows (strided), kv heads * batch, kv heads innermost): a group takes whole rows.
#include "args/attention_combine.h"

#include "common.h"
#include "convert.h"
#include "layout.h"
#include "visible.h"

enum { BUF_PARTIAL, BUF_OUT, BUF_LSE, BUF_SINKS, BUF_Q_FIRSTS };

// The partial results of one row: those of a split stand n_rows rows behind those of the last.
struct partials {
    const float *acc; // (n_splits, v_dim), acc_stride apart
    const float *ml;  // (n_splits, 2), ml_stride apart
    size_t acc_stride, ml_stride;
};

static struct partials partials_of(const struct gyre_cpu_task *task, u32 head, u32 row)
{
    const struct gyre_attention_combine_args *args = task->args;
    size_t n_rows = (size_t)args->q_len * args->group, n_splits = args->n_splits;
    size_t n_all = args->n_batch * args->n_kv_heads * n_splits * n_rows;
    size_t first = head * n_splits * n_rows + row;
    const float *partial = task->bufs[BUF_PARTIAL];
    return (struct partials){
        .acc = partial + first * args->v_dim,
        .ml = partial + n_all * args->v_dim + first * 2,
        .acc_stride = n_rows * args->v_dim,
        .ml_stride = n_rows * 2,
    };
}

// exp(m - max), and 0 for a split that shows no key.
static float weight_of(float m, float max)
{
    return m == -INFINITY ? 0.0f : expf(m - max);
}

// Sum of the splits' rows by weight, `row` being (v_dim).
static void merge_row(const struct partials *partials, u32 n_splits, u32 v_dim, float max,
                      float inverse, float *row)
{
    memset(row, 0, v_dim * sizeof(float));
    for (u32 split = 0; split < n_splits; split++) {
        float weight = weight_of(partials->ml[split * partials->ml_stride], max) * inverse;
        const float *acc = partials->acc + split * partials->acc_stride;
        for (u32 d = 0; d < v_dim; d++)
            row[d] += weight * acc[d];
    }
}

// The queries of a sequence: tokens [first, first + n).
struct queries {
    u32 first, n;
};

static struct queries queries_of(const struct gyre_cpu_task *task, u32 batch)
{
    const struct gyre_attention_combine_args *args = task->args;
    const void *firsts = task->bufs[BUF_Q_FIRSTS];
    struct queries own = {0, args->q_len};
    if (args->q_firsts == 0)
        return own;
    own.first = gyre_packed_first(list_i32(firsts, args->q_firsts, batch), args->q_total);
    own.n = gyre_packed_len(own.first, list_i32(firsts, args->q_firsts, batch + 1), args->q_total,
                            args->q_len);
    return own;
}

// `token` is the row's.
static void combine_row(const struct gyre_cpu_task *task, u32 kv_head, u32 batch, u32 row,
                        u32 token, float *scratch)
{
    const struct gyre_attention_combine_args *args = task->args;
    struct partials partials = partials_of(task, batch * args->n_kv_heads + kv_head, row);
    u32 head = kv_head * args->group + row % args->group;
    const float *sinks = task->bufs[BUF_SINKS];
    float max = -INFINITY, sum = 0.0f;
    for (u32 split = 0; split < args->n_splits; split++)
        max = fmaxf(max, partials.ml[split * partials.ml_stride]);
    for (u32 split = 0; split < args->n_splits; split++) {
        const float *ml = partials.ml + split * partials.ml_stride;
        sum += ml[1] * weight_of(ml[0], max);
    }
    if (args->has_lse) {
        float *lse = task->bufs[BUF_LSE];
        lse[row_index(args->lse_offset, args->lse_stride, batch, head, token)] = max + logf(sum);
    }
    if (args->has_out) {
        u32 dtype = task->defs[0];
        size_t at = row_index(args->out_offset, args->out_stride, batch, token, head);
        float sink = args->sinks == 0 ? 0.0f : expf(sinks[args->sinks - 1 + head] - max);
        merge_row(&partials, args->n_splits, args->v_dim, max,
                  sum == 0.0f ? 0.0f : 1.0f / (sum + sink), scratch);
        row_store(dtype, scratch, element_mut(dtype, task->bufs[BUF_OUT], at), args->v_dim);
    }
}

static size_t local_size(const struct gyre_cpu_task *task)
{
    const struct gyre_attention_combine_args *args = task->args;
    return args->v_dim * sizeof(float);
}

static void run(const struct gyre_cpu_task *task, const uint32_t group[3], void *local)
{
    const struct gyre_attention_combine_args *args = task->args;
    u32 kv_head = group[2] % args->n_kv_heads, batch = group[2] / args->n_kv_heads;
    const struct queries own = queries_of(task, batch);
    for (u32 row = group[1]; row < own.n * args->group; row += task->groups[1])
        combine_row(task, kv_head, batch, row, own.first + row / args->group, local);
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(attention_combine) = {
    .name = "attention_combine",
    .local_size = local_size,
    .run = run,
};
