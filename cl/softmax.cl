// SPDX-License-Identifier: MIT
// Finishes raw scores row by row, in place or not:
//
//   STAGE 1  capped    STAGE 2  masked(capped)
//   STAGE 3  exp(masked - max) / (sum + exp(sink - max))
//
// and writes lse = max + log(sum) when asked for.
//
// groups: (1, queries (strided), heads * batch, heads innermost). A work-group is a row; a
// work-item has every WG-th key of it.
#include "args/softmax.h"
#include "exp.clh"
#include "keys.clh"

// A row: its sequence, what its query sees, its head's slope, and where its elements begin.
struct row {
    struct sequence own;
    struct keys seen;
    float slope;
    u32 raw, mask, result;
};

static inline float score_at(struct gyre_softmax_args a, struct extras x, struct row row, u32 key,
                             __global const float *raw, __global const TYPE(MASK_DTYPE) * mask)
{
    float score = raw[row.raw + key];
    if (a.softcap > 0.0f)
        score = capped(score, a.softcap);
#if STAGE == 1
    return score;
#else
    return masked(score, row.seen, row.slope, key, K_POSITION(a, x, row.own, key), mask, row.mask);
#endif
}

// Maximum and sum of two parts of a row, each (m, sum of exp(s - m)).
static inline float2 join(float2 x, float2 y)
{
    const float m = fmax(x.x, y.x), shift = shift_of(m);
    return (float2)(m, x.y * exp_fast(x.x - shift) + y.y * exp_fast(y.x - shift));
}

// (max, sum) of the row, over all work-items.
static inline float2 reduce_row(struct gyre_softmax_args a, struct extras x, struct row row,
                                __global const float *raw, __global const TYPE(MASK_DTYPE) * mask,
                                __local float2 *part)
{
    const u32 lane = get_local_id(0);
    float2 mine = (float2)(-INFINITY, 0.0f);
    for (u32 key = lane; key < a.kv_len; key += WG)
        mine = join(mine, (float2)(score_at(a, x, row, key, raw, mask), 1.0f));
    barrier(CLK_LOCAL_MEM_FENCE); // others may still read the row before
    part[lane] = mine;
    barrier(CLK_LOCAL_MEM_FENCE);
    float2 total = part[0];
    for (u32 i = 1; i < WG; i++)
        total = join(total, part[i]);
    return total;
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
softmax(struct gyre_softmax_args a,
        __global const float *raw,              // (batch, head, query, key)
        __global const TYPE(MASK_DTYPE) * mask, // (batch, head, query, key)
        __global TYPE(SCORES_DTYPE) * result,   // (batch, head, query, key); may be raw
        __global float *lse,                    // (batch, head, query)
        __global const i32 *starts,             // (batch)
        __global const i32 *lens,               // (batch)
        __global const float *slopes,           // (head)
        __global const float *sinks,            // (head)
        __global const i32 *k_positions)        // (batch, key)
{
    __local float2 part[WG];
    const u32 batch = get_group_id(2) / a.n_heads, head = get_group_id(2) % a.n_heads;
    const struct extras x = {
        .starts = starts, .lens = lens, .slopes = slopes, .k_positions = k_positions};
    struct sequence own;
    FIND_SEQUENCE(a, batch, x, &own);
    const float slope = slope_of(a.extras, x, head);
    for (u32 query = get_group_id(1); query < a.q_len; query += get_num_groups(1)) {
        const struct row row = {
            .own = own,
            .seen = KEYS_SEEN(a, own, query),
            .slope = slope,
            .raw = ROW(a, raw, batch, head, query),
            .mask = ROW(a, mask, batch, head, query),
            .result = ROW(a, scores, batch, head, query),
        };
        float2 total = (float2)(0.0f, 1.0f);
        if (STAGE == 3 || a.has_lse != 0u)
            total = reduce_row(a, x, row, raw, mask, part);
        if (a.has_lse != 0u && get_local_id(0) == 0)
            lse[ROW(a, lse, batch, head, query)] = total.x + log(total.y);
        const float inverse = inverse_sum(total.x, total.y, a.extras.sinks, head, sinks);
        for (u32 key = get_local_id(0); key < a.kv_len; key += WG) {
            float score = score_at(a, x, row, key, raw, mask);
            if (STAGE == 3) // a hidden key gets 0 even where another key makes the row NaN
                score = score == -INFINITY ? 0.0f : exp_fast(score - shift_of(total.x)) * inverse;
            STORE(SCORES_DTYPE)(result, row.result + key, score);
        }
    }
}
