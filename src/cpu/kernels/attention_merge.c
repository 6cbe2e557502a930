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

// --- elements of a row

// Something that is added to a row, times its weight.
struct summand {
    const void *values; // (v_dim); NULL: nothing
    float weight;
};

struct sum {
    struct summand before, parts[MERGE_PARTS]; // before: f32
};

// Elements i to i + n - 1, n being VEC or less.
INLINE vec load_some(u32 dtype, const struct summand *summand, size_t i, size_t n)
{
    const void *src = element(dtype, summand->values, i);
    return summand->weight * (n == VEC ? vec_load_as(dtype, src) : vec_load_part(dtype, src, n));
}

INLINE vec sum_some(u32 dtype, const struct sum *sum, size_t i, size_t n)
{
    vec acc = {0};
    if (sum->before.values != NULL)
        acc += load_some(DTYPE_F32, &sum->before, i, n);
    for (int part = 0; part < MERGE_PARTS; part++)
        if (sum->parts[part].values != NULL)
            acc += load_some(dtype, &sum->parts[part], i, n);
    return acc;
}

// dst (v_dim) may be one of the summands.
INLINE void sum_as(u32 part, u32 result, const struct sum *sum, void *dst, size_t v_dim)
{
    size_t i = 0;
    for (; i + VEC <= v_dim; i += VEC)
        vec_store_as(result, element_mut(result, dst, i), sum_some(part, sum, i, VEC));
    if (i < v_dim)
        vec_store_part(result, element_mut(result, dst, i), sum_some(part, sum, i, v_dim - i),
                       v_dim - i);
}

INLINE void sum_to(u32 part, u32 result, const struct sum *sum, void *dst, size_t v_dim)
{
    if (part == DTYPE_F32)
        sum_as(DTYPE_F32, result, sum, dst, v_dim);
    else if (part == DTYPE_F16)
        sum_as(DTYPE_F16, result, sum, dst, v_dim);
    else
        sum_as(DTYPE_BF16, result, sum, dst, v_dim);
}

static void sum_row(u32 part, u32 result, const struct sum *sum, void *dst, size_t v_dim)
{
    if (result == DTYPE_F32)
        sum_to(part, DTYPE_F32, sum, dst, v_dim);
    else if (result == DTYPE_F16)
        sum_to(part, DTYPE_F16, sum, dst, v_dim);
    else
        sum_to(part, DTYPE_BF16, sum, dst, v_dim);
}

// --- where a row is

// Rows are taken as the result lies in memory, heads or queries innermost.
struct place {
    size_t row;
    u32 batch, query, head;
};

static bool has_heads_inside(const struct gyre_attention_merge_args *args)
{
    return args->result.out_stride[2] <= args->result.out_stride[1];
}

static struct place place_of(const struct gyre_attention_merge_args *args, size_t row)
{
    const u32 n_heads = args->n_heads, q_len = args->q_len;
    const u32 in_batch = (u32)(row % ((size_t)n_heads * q_len));
    const bool is_inside = has_heads_inside(args);
    return (struct place){
        .row = row,
        .batch = (u32)(row / ((size_t)n_heads * q_len)),
        .query = is_inside ? in_batch / n_heads : in_batch % q_len,
        .head = is_inside ? in_batch % n_heads : in_batch / q_len,
    };
}

static size_t out_index(const struct gyre_out_and_lse *where, const struct place *at)
{
    return row_index(where->out_offset, where->out_stride, at->batch, at->query, at->head);
}

static size_t lse_index(const struct gyre_out_and_lse *where, const struct place *at)
{
    return row_index(where->lse_offset, where->lse_stride, at->batch, at->head, at->query);
}

// acc (v_dim) of the row.
static float *running_acc(const struct gyre_cpu_task *task, const struct place *at)
{
    const struct gyre_attention_merge_args *args = task->args;
    return (float *)task->bufs[BUF_RUNNING] + at->row * args->v_dim;
}

// M and L of the row.
struct totals {
    float most, sum;
};

static struct totals *running_totals(const struct gyre_cpu_task *task, const struct place *at)
{
    const struct gyre_attention_merge_args *args = task->args;
    float *first = (float *)task->bufs[BUF_RUNNING] + (size_t)args->n_rows * args->v_dim;
    return (struct totals *)first + at->row;
}

// --- a row

// exp(lse - most), and 0 where no key was seen.
static float weight_of(float lse, float most)
{
    return lse == -INFINITY ? 0.0f : expf(lse - most);
}

// What part i adds: nothing where it saw no key, whatever its values are.
static struct summand part_at(const struct gyre_cpu_task *task, u32 i, const struct place *at,
                              float lse, float most)
{
    const struct gyre_attention_merge_args *args = task->args;
    const u32 dtype = task->defs[DEF_PART];
    const void *out = task->bufs[BUF_PARTS + 2 * i];
    return (struct summand){
        .values = lse == -INFINITY ? NULL : element(dtype, out, out_index(&args->parts[i], at)),
        .weight = weight_of(lse, most),
    };
}

// Fills the sum with what was merged before and the parts of this dispatch.
static struct totals add_up(const struct gyre_cpu_task *task, const struct place *at,
                            struct sum *sum)
{
    const struct gyre_attention_merge_args *args = task->args;
    const u32 n = args->n_left < MERGE_PARTS ? args->n_left : MERGE_PARTS;
    const struct totals nothing = {-INFINITY, 0.0f};
    const struct totals before = args->has_before ? *running_totals(task, at) : nothing;
    struct totals all = {.most = before.most};
    float lse[MERGE_PARTS];
    for (u32 i = 0; i < n; i++) {
        lse[i] = ((const float *)task->bufs[BUF_PARTS + 2 * i + 1])[lse_index(&args->parts[i], at)];
        all.most = fmaxf(all.most, lse[i]);
    }
    *sum = (struct sum){.before = {.weight = weight_of(before.most, all.most)}};
    if (args->has_before)
        sum->before.values = running_acc(task, at);
    all.sum = before.sum * sum->before.weight;
    for (u32 i = 0; i < n; i++) {
        sum->parts[i] = part_at(task, i, at, lse[i], all.most);
        all.sum += sum->parts[i].weight;
    }
    return all;
}

static void normalise(const struct gyre_cpu_task *task, u32 head, struct totals all,
                      struct sum *sum)
{
    const struct gyre_attention_merge_args *args = task->args;
    const float *sinks = task->bufs[BUF_SINKS];
    const float sink = args->sinks != 0 ? expf(sinks[args->sinks - 1 + head] - all.most) : 0.0f;
    const float inverse = all.sum == 0.0f ? 0.0f : 1.0f / (all.sum + sink);
    sum->before.weight *= inverse;
    for (u32 i = 0; i < MERGE_PARTS; i++)
        sum->parts[i].weight *= inverse;
}

static void merge_row(const struct gyre_cpu_task *task, const struct place *at)
{
    const struct gyre_attention_merge_args *args = task->args;
    const u32 part = task->defs[DEF_PART], result = task->defs[DEF_OUT];
    struct sum sum;
    const struct totals all = add_up(task, at, &sum);
    if (args->n_left > MERGE_PARTS) {
        sum_row(part, DTYPE_F32, &sum, running_acc(task, at), args->v_dim);
        *running_totals(task, at) = all;
        return;
    }
    normalise(task, at->head, all, &sum);
    sum_row(part, result, &sum,
            element_mut(result, task->bufs[BUF_OUT], out_index(&args->result, at)), args->v_dim);
    if (args->has_lse)
        ((float *)task->bufs[BUF_LSE])[lse_index(&args->result, at)] = all.most + logf(all.sum);
}

static void run(const struct gyre_cpu_task *task, const uint32_t group[3], void *local)
{
    const struct gyre_attention_merge_args *args = task->args;
    const uint64_t n_rows = args->n_rows;
    const size_t first = (size_t)(n_rows * group[0] / task->groups[0]);
    const size_t end = (size_t)(n_rows * (group[0] + 1) / task->groups[0]);
    (void)local;
    for (size_t row = first; row < end; row++) {
        const struct place at = place_of(args, row);
        merge_row(task, &at);
    }
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(attention_merge) = {
    .name = "attention_merge",
    .run = run,
};
