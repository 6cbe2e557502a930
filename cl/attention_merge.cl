// SPDX-License-Identifier: MIT
// Merges one or two more parts of attention into what has been merged before:
//
//   M = max lse_i   L = sum_i exp(lse_i - M)   acc = sum_i exp(lse_i - M) out_i
//   out = acc / (L + exp(sink - M))   lse = M + log L
//
// groups: (rows (strided)): a work-group per row, its work-items WG columns apart.
#include "args/attention_merge.h"
#include "common.clh"
#include "exp.clh"

// A row's M and L, and what each summand of acc counts: the two parts and what came before them.
struct weights {
    float most, sum, first, second, before;
};

static inline struct weights weigh(float first, float second, float2 before)
{
    struct weights w;
    w.most = fmax(before.x, fmax(first, second));
    w.first = exp_fast(first - shift_of(w.most));
    w.second = exp_fast(second - shift_of(w.most));
    w.before = exp_fast(before.x - shift_of(w.most));
    w.sum = before.y * w.before + w.first + w.second;
    return w;
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
attention_merge(struct gyre_attention_merge_args a,
                __global const TYPE(PART_DTYPE) * first,  // (batch, query, head, v_dim)
                __global const float *first_lse,          // (batch, head, query)
                __global const TYPE(PART_DTYPE) * second, // (batch, query, head, v_dim)
                __global const float *second_lse,         // (batch, head, query)
                __global float *running,                  // acc (R, v_dim), then M and L (R, 2)
                __global TYPE(OUT_DTYPE) * out,           // (batch, query, head, v_dim)
                __global float *lse,                      // (batch, head, query)
                __global const float *sinks)              // (head)
{
    const bool has_before = a.has_before != 0u, is_last = a.n_left <= MERGE_PARTS;
    __global float *ml = running + a.n_rows * a.v_dim; // at any float
    for (u32 row = get_group_id(0); row < a.n_rows; row += get_num_groups(0)) {
        const u32 head = row % a.n_heads, query = row / a.n_heads % a.q_len;
        const u32 batch = row / a.n_heads / a.q_len;
        const float x = first_lse[ROW(a, parts[0].lse, batch, head, query)];
        const float y =
            a.n_left > 1u ? second_lse[ROW(a, parts[1].lse, batch, head, query)] : -INFINITY;
        const struct weights w =
            weigh(x, y, has_before ? vload2(row, ml) : (float2)(-INFINITY, 0.0f));
        barrier(CLK_GLOBAL_MEM_FENCE); // one may overwrite now what all have read
        if (get_local_id(0) == 0 && !is_last)
            vstore2((float2)(w.most, w.sum), row, ml);
        else if (get_local_id(0) == 0 && a.has_lse != 0u)
            lse[ROW(a, result.lse, batch, head, query)] = w.most + log(w.sum);
        const float scale = inverse_sum(w.most, w.sum, a.sinks, head, sinks);
        const u32 first_at = ROW(a, parts[0].out, batch, query, head);
        const u32 second_at = ROW(a, parts[1].out, batch, query, head);
        const u32 out_at = ROW(a, result.out, batch, query, head);
        for (u32 column = get_local_id(0); column < a.v_dim; column += WG) {
            const u32 at = row * a.v_dim + column;
            float acc = has_before ? w.before * running[at] : 0.0f;
            if (x != -INFINITY) // what a part holds that saw no key does not matter
                acc += w.first * LOAD(PART_DTYPE)(first, first_at + column);
            if (y != -INFINITY)
                acc += w.second * LOAD(PART_DTYPE)(second, second_at + column);
            if (is_last)
                STORE(OUT_DTYPE)(out, out_at + column, acc * scale);
            else
                running[at] = acc;
        }
    }
}
