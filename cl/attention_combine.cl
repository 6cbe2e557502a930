// SPDX-License-Identifier: MIT
// Merges the partial results of attention_split over the splits i of a row:
//
//   M = max m_i   L = sum_i l_i exp(m_i - M)   lse = M + log L
//   o = sum_i acc_i exp(m_i - M) / (L + exp(sink - M))
//
// groups: (ceil(v_dim / WG), rows (strided), kv heads * batch, kv heads innermost). A work-item is
// a column of v.
#include "args/attention_combine.h"
#include "common.clh"
#include "exp.clh"

// A row's splits: where the first one lies, and how far the next.
struct splits {
    u32 first, step, n;
};

// (M, L) of a row; ml (R, 2), which may lie at any float.
static inline float2 merge(struct splits s, __global const float *ml)
{
    float most = -INFINITY, sum = 0.0f;
    for (u32 i = 0; i < s.n; i++)
        most = fmax(most, ml[2 * (s.first + i * s.step)]);
    for (u32 i = 0; i < s.n; i++) {
        const float2 part = vload2(s.first + i * s.step, ml);
        sum += part.y * exp_fast(part.x - shift_of(most));
    }
    return (float2)(most, sum);
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
attention_combine(struct gyre_attention_combine_args a,
                  __global const float *partial,  // acc (R, v_dim), then m and l (R, 2)
                  __global TYPE(OUT_DTYPE) * out, // (batch, query, head, v_dim)
                  __global float *lse,            // (batch, head, query)
                  __global const float *sinks,    // (head)
                  __global const i32 *q_firsts)   // (batch + 1)
{
    const u32 n_rows = a.q_len * a.group; // of every sequence; one of its own may have fewer
    const u32 n_results = a.n_batch * a.n_kv_heads * a.n_splits * n_rows;
    const u32 batch = get_group_id(2) / a.n_kv_heads, kv_head = get_group_id(2) % a.n_kv_heads;
    const u32 column = get_global_id(0);
    __global const float *ml = partial + n_results * a.v_dim;
    u32 q_first = 0, q_len = a.q_len;
    if (a.q_firsts != 0u) {
        q_first = gyre_packed_first(q_firsts[a.q_firsts - 1 + batch], a.q_total);
        q_len = gyre_packed_len(q_first, q_firsts[a.q_firsts + batch], a.q_total, a.q_len);
    }
    for (u32 row = get_group_id(1); row < q_len * a.group; row += get_num_groups(1)) {
        const u32 head = kv_head * a.group + row % a.group, token = q_first + row / a.group;
        const struct splits s = {get_group_id(2) * a.n_splits * n_rows + row, n_rows, a.n_splits};
        const float2 total = merge(s, ml);
        if (a.has_lse != 0u && column == 0)
            lse[ROW(a, lse, batch, head, token)] = total.x + log(total.y);
        if (a.has_out == 0u || column >= a.v_dim)
            continue;
        const float inverse = inverse_sum(total.x, total.y, a.sinks, head, sinks);
        float o = 0.0f;
        for (u32 i = 0; i < s.n; i++) {
            const u32 at = s.first + i * s.step;
            o += partial[at * a.v_dim + column] * exp_fast(ml[2 * at] - shift_of(total.x));
        }
        STORE(OUT_DTYPE)(out, ROW(a, out, batch, token, head) + column, o * inverse);
    }
}
