// SPDX-License-Identifier: MIT
// Kernel `softmax` (arguments, buffers and stages in args/softmax.h) on the CPU.
//
// groups: (1, queries (strided), heads * batch, heads innermost): a group takes whole rows.
#include "args/softmax.h"

#include "common.h"
#include "layout.h"
#include "score_row.h"

enum {
    BUF_RAW,
    BUF_MASK,
    BUF_SCORES,
    BUF_LSE,
    BUF_STARTS,
    BUF_LENS,
    BUF_SLOPES,
    BUF_SINKS,
    BUF_K_POSITIONS
};
enum { DEF_MASK, DEF_SCORES, DEF_STAGE, DEF_EXTRAS };

static size_t local_size(const struct gyre_cpu_task *task)
{
    const struct gyre_softmax_args *args = task->args;
    return round_up(args->kv_len, VEC) * sizeof(float);
}

static void apply_masks(const struct gyre_cpu_task *task, u32 batch, u32 head, u32 query,
                        const struct score_row *row)
{
    const struct gyre_softmax_args *args = task->args;
    const u32 extras = task->defs[DEF_EXTRAS];
    struct key_rules rules = KEY_RULES(args);
    rules_of_batch(&rules, &args->extras, task->bufs[BUF_STARTS], task->bufs[BUF_LENS], args->q_len,
                   batch);
    if (extras & EXTRA_POSITIONS)
        rules.positions = (const i32 *)task->bufs[BUF_K_POSITIONS] +
                          args->extras.k_positions_offset +
                          (size_t)batch * args->extras.k_positions_stride;
    const i32 q_pos = rules.q_start + (i32)query;
    const struct key_set keys = keys_of(&rules, q_pos);
    u32 dtype = task->defs[DEF_MASK];
    if (dtype != DTYPE_NONE) {
        size_t at = row_index(args->mask_offset, args->mask_stride, batch, head, query);
        score_row_mask(row, dtype, element(dtype, task->bufs[BUF_MASK], at));
    }
    if (extras & EXTRA_ALIBI)
        score_row_slope(row, list_f32(task->bufs[BUF_SLOPES], args->extras.slopes, head), &rules,
                        q_pos);
    score_row_hide(row, &rules, &keys, q_pos);
}

// exp(score - max) / (sum + exp(sink - max)) in place; returns the log of the sum of exp(score).
static float normalise(const struct score_row *row, float sink)
{
    float max = score_row_max(row);
    float sum = score_row_exp(row, max == -INFINITY ? 0.0f : max);
    float inverse = sum == 0.0f ? 0.0f : 1.0f / (sum + expf(sink - max));
    for (u32 i = 0; i < row->end; i++) // hidden keys stay 0 in a row with a NaN
        row->scores[i] = row->scores[i] == 0.0f ? 0.0f : row->scores[i] * inverse;
    return max + logf(sum);
}

// -inf, which adds nothing, where there are none.
static float sink_of(const struct gyre_cpu_task *task, u32 head)
{
    const u32 at = ((const struct gyre_softmax_args *)task->args)->extras.sinks;
    return at != 0 ? list_f32(task->bufs[BUF_SINKS], at, head) : -INFINITY;
}

static void finish_row(const struct gyre_cpu_task *task, u32 batch, u32 head, u32 query,
                       float *scores)
{
    const struct gyre_softmax_args *args = task->args;
    const struct score_row row = {scores, 0, args->kv_len};
    u32 dtype = task->defs[DEF_SCORES], stage = task->defs[DEF_STAGE];
    const float *raw = task->bufs[BUF_RAW];
    void *result = task->bufs[BUF_SCORES];
    size_t to = row_index(args->scores_offset, args->scores_stride, batch, head, query);
    memcpy(scores, raw + row_index(args->raw_offset, args->raw_stride, batch, head, query),
           args->kv_len * sizeof(float));
    if (args->softcap != 0.0f)
        score_row_cap(&row, args->softcap);
    if (stage >= 2)
        apply_masks(task, batch, head, query, &row);
    if (stage < 3)
        row_store(dtype, scores, element_mut(dtype, result, to), args->kv_len);
    if (stage < 3 && args->has_lse == 0)
        return;
    float lse = normalise(&row, sink_of(task, head));
    if (args->has_lse != 0) {
        float *all = task->bufs[BUF_LSE];
        all[row_index(args->lse_offset, args->lse_stride, batch, head, query)] = lse;
    }
    if (stage == 3)
        row_store(dtype, scores, element_mut(dtype, result, to), args->kv_len);
}

static void run(const struct gyre_cpu_task *task, const uint32_t group[3], void *local)
{
    const struct gyre_softmax_args *args = task->args;
    u32 batch = group[2] / args->n_heads, head = group[2] % args->n_heads;
    for (u32 query = group[1]; query < args->q_len; query += task->groups[1])
        finish_row(task, batch, head, query, local);
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(softmax) = {
    .name = "softmax",
    .local_size = local_size,
    .run = run,
};
