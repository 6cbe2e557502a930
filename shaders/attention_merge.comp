// SPDX-License-Identifier: MIT
// Merges one or two more parts of attention into what has been merged before:
//
//   M = max lse_i   L = sum_i exp(lse_i - M)   acc = sum_i exp(lse_i - M) out_i
//   out = acc / (L + exp(sink - M))   lse = M + log L
//
// groups: (rows (strided)): a work-group per row, its work-items WG columns apart.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/attention_merge.h"

ARGS(gyre_attention_merge_args);
// Results may be the tensors of a part, so nothing of these is restrict.
BUFFER(0, readonly, First, TYPE(PART_DTYPE), first);   // (batch, query, head, v_dim)
BUFFER(1, readonly, FirstLse, float, first_lse);       // (batch, head, query)
BUFFER(2, readonly, Second, TYPE(PART_DTYPE), second); // (batch, query, head, v_dim)
BUFFER(3, readonly, SecondLse, float, second_lse);     // (batch, head, query)
BUFFER(4, restrict, Running, float, running);          // acc (R, v_dim), then M and L (R, 2)
BUFFER(5, writeonly, Out, TYPE(OUT_DTYPE), result);    // (batch, query, head, v_dim)
BUFFER(6, writeonly, Lse, float, lse);                 // (batch, head, query)
BUFFER(7, restrict readonly, Sinks, float, sinks);     // (head)

#include "exp.glsl"

// The row of this group.
uint row, batch, query, head;

// LSE of the parts.
float x, y;

// The row's M and L, and what each summand of acc counts: the parts and what came before them.
float most, sum, first_weight, second_weight, weight_before;

bool has_before()
{
    return a.has_before != 0u;
}

bool is_last()
{
    return a.n_left <= MERGE_PARTS;
}

// Where M of the row is in `running`, L behind it.
uint most_at()
{
    return a.n_rows * a.v_dim + 2 * row;
}

void weigh()
{
    float before = has_before() ? running[most_at()] : NEG_INF;
    x = first_lse[ROW(parts[0].lse, batch, head, query)];
    y = a.n_left > 1u ? second_lse[ROW(parts[1].lse, batch, head, query)] : NEG_INF;
    most = max(before, max(x, y));
    first_weight = exp_neg(x - shift_of(most));
    second_weight = exp_neg(y - shift_of(most));
    weight_before = exp_neg(before - shift_of(most));
    sum = first_weight + second_weight;
    if (has_before())
        sum += weight_before * running[most_at() + 1];
}

void write_sums()
{
    if (!is_last()) {
        running[most_at()] = most;
        running[most_at() + 1] = sum;
    } else if (a.has_lse != 0u) {
        lse[ROW(result.lse, batch, head, query)] = sum == 0.0 ? NEG_INF : most + log(sum);
    }
}

// What a part holds that saw no key does not matter.
float merged(uint column)
{
    float acc = has_before() ? weight_before * running[row * a.v_dim + column] : 0.0;
    if (!is_neg_inf(x))
        acc += first_weight *
               LOAD(PART_DTYPE, first, ROW(parts[0].out, batch, query, head) + column);
    if (!is_neg_inf(y))
        acc += second_weight *
               LOAD(PART_DTYPE, second, ROW(parts[1].out, batch, query, head) + column);
    return acc;
}

void main()
{
    for (row = gl_WorkGroupID.x; row < a.n_rows; row += gl_NumWorkGroups.x) {
        head = row % a.n_heads;
        query = row / a.n_heads % a.q_len;
        batch = row / a.n_heads / a.q_len;
        weigh();
        memoryBarrierBuffer();
        barrier(); // one may overwrite now what all have read
        if (gl_LocalInvocationIndex == 0u)
            write_sums();
        float scale = inverse_sum(sum, most, LISTED(a.sinks, sinks, head, NEG_INF));
        for (uint column = gl_LocalInvocationIndex; column < a.v_dim; column += WG) {
            if (is_last())
                STORE(OUT_DTYPE, result, ROW(result.out, batch, query, head) + column,
                      merged(column) * scale);
            else
                running[row * a.v_dim + column] = merged(column);
        }
    }
}
