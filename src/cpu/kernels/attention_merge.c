// SPDX-License-Identifier: MIT
// Kernel `attention_merge` (formula and buffers in args/attention_merge.h) on the CPU.
//
// groups: (any number, 1, 1): group x takes rows [x, x + 1) * n_rows / groups[0].
#include "args/attention_merge.h"

#include "common.h"
#include "convert.h"
#include "layout.h"

enum { BUF_PARTS, BUF_RUNNING = 4, BUF_OUT, BUF_LSE, BUF_SINKS }; // out and lse of each part
enum { DEF_PART, DEF_OUT };

struct place {
    u32 batch, query, head;
};

// A part in one row.
struct part {
    const void *out; // (v_dim)
    float lse, weight;
};

// M and L.
struct sums {
    float most, sum;
};

static struct place place_of(const struct gyre_attention_merge_args *args, u32 row)
{
    return (struct place){
        .batch = row / args->n_heads / args->q_len,
        .query = row / args->n_heads % args->q_len,
        .head = row % args->n_heads,
    };
}

static size_t out_index(const struct gyre_out_and_lse *where, struct place at)
{
    return row_index(where->out_offset, where->out_stride, at.batch, at.query, at.head);
}

static size_t lse_index(const struct gyre_out_and_lse *where, struct place at)
{
    return row_index(where->lse_offset, where->lse_stride, at.batch, at.head, at.query);
}

static struct part part_at(const struct gyre_cpu_task *task, u32 i, struct place at)
{
    const struct gyre_attention_merge_args *args = task->args;
    const float *lse = task->bufs[BUF_PARTS + 2 * i + 1];
    return (struct part){
        .out = element(task->defs[DEF_PART], task->bufs[BUF_PARTS + 2 * i],
                       out_index(&args->parts[i], at)),
        .lse = lse[lse_index(&args->parts[i], at)],
    };
}

// exp(lse - most), and 0 where no key was seen.
static float weight_of(float lse, float most)
{
    return lse == -INFINITY ? 0.0f : expf(lse - most);
}

// Weighs the parts, and adds them to what was merged before.
static struct sums add_parts(struct sums before, struct part *parts, u32 n_parts)
{
    struct sums all = {.most = before.most};
    for (u32 i = 0; i < n_parts; i++)
        all.most = fmaxf(all.most, parts[i].lse);
    all.sum = before.sum * weight_of(before.most, all.most);
    for (u32 i = 0; i < n_parts; i++) {
        parts[i].weight = weight_of(parts[i].lse, all.most);
        all.sum += parts[i].weight;
    }
    return all;
}

INLINE void row_add_as(u32 dtype, const void *src, float weight, float *row, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= n; i += VEC)
        vec_store(row + i, vec_load(row + i) + weight * vec_load_as(dtype, element(dtype, src, i)));
    for (; i < n; i++)
        row[i] += weight * scalar_load(dtype, element(dtype, src, i));
}

static void row_add(u32 dtype, const void *src, float weight, float *row, size_t n)
{
    if (dtype == DTYPE_F32)
        row_add_as(DTYPE_F32, src, weight, row, n);
    else if (dtype == DTYPE_F16)
        row_add_as(DTYPE_F16, src, weight, row, n);
    else
        row_add_as(DTYPE_BF16, src, weight, row, n);
}

// acc is (v_dim).
static void write_results(const struct gyre_cpu_task *task, struct place at, struct sums all,
                          float *acc)
{
    const struct gyre_attention_merge_args *args = task->args;
    const u32 dtype = task->defs[DEF_OUT];
    const float *sinks = task->bufs[BUF_SINKS];
    const float sink = args->sinks != 0 ? expf(sinks[args->sinks - 1 + at.head] - all.most) : 0.0f;
    const float inverse = all.sum == 0.0f ? 0.0f : 1.0f / (all.sum + sink);
    for (u32 d = 0; d < args->v_dim; d++)
        acc[d] *= inverse;
    if (args->v_dim != 0)
        row_store(dtype, acc, element_mut(dtype, task->bufs[BUF_OUT], out_index(&args->result, at)),
                  args->v_dim);
    if (args->has_lse != 0)
        ((float *)task->bufs[BUF_LSE])[lse_index(&args->result, at)] = all.most + logf(all.sum);
}

static void merge_row(const struct gyre_cpu_task *task, u32 row, float *local)
{
    const struct gyre_attention_merge_args *args = task->args;
    const struct place at = place_of(args, row);
    const u32 n_parts = args->n_left < 2 ? args->n_left : 2;
    struct part parts[2];
    for (u32 i = 0; i < n_parts; i++)
        parts[i] = part_at(task, i, at);
    float *running = (float *)task->bufs[BUF_RUNNING] + (size_t)row * args->v_dim;
    float *ml = (float *)task->bufs[BUF_RUNNING] + (size_t)args->n_rows * args->v_dim + 2 * row;
    struct sums before = {-INFINITY, 0.0f};
    if (args->has_before != 0)
        before = (struct sums){ml[0], ml[1]};
    const struct sums all = add_parts(before, parts, n_parts);
    const float keep = weight_of(before.most, all.most);
    float *acc = args->n_left <= 2 ? local : running;
    for (u32 d = 0; d < args->v_dim; d++)
        acc[d] = args->has_before != 0 ? running[d] * keep : 0.0f;
    for (u32 i = 0; i < n_parts; i++)
        if (parts[i].lse != -INFINITY) // else its values do not matter
            row_add(task->defs[DEF_PART], parts[i].out, parts[i].weight, acc, args->v_dim);
    if (args->n_left <= 2) {
        write_results(task, at, all, acc);
    } else {
        ml[0] = all.most;
        ml[1] = all.sum;
    }
}

static size_t local_size(const struct gyre_cpu_task *task)
{
    const struct gyre_attention_merge_args *args = task->args;
    return args->v_dim * sizeof(float);
}

static void run(const struct gyre_cpu_task *task, const uint32_t group[3], void *local)
{
    const struct gyre_attention_merge_args *args = task->args;
    u32 first = (u32)((uint64_t)args->n_rows * group[0] / task->groups[0]);
    u32 end = (u32)((uint64_t)args->n_rows * (group[0] + 1) / task->groups[0]);
    for (u32 row = first; row < end; row++)
        merge_row(task, row, local);
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(attention_merge) = {
    .name = "attention_merge",
    .local_size = local_size,
    .run = run,
};
