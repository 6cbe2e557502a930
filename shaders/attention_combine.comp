// SPDX-License-Identifier: MIT
// Merges the partial results of attention_split, i over splits:
//
//   M = max m_i   L = sum_i l_i exp(m_i - M)   lse = M + log L
//   o = sum_i acc_i exp(m_i - M) / (L + exp(sink - M))
//
// groups: (ceil(v_dim / WG), rows (strided), kv heads * batch, kv heads innermost): a work-item per
// column of a row.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/attention_combine.h"

ARGS(gyre_attention_combine_args);
BUFFER(0, restrict readonly, Partial, float, partial);       // acc (R, v_dim), then m and l (R, 2)
BUFFER(1, restrict writeonly, Out, TYPE(OUT_DTYPE), result); // (batch, query, head, v_dim)
BUFFER(2, restrict writeonly, Lse, float, lse);              // (batch, head, query)
BUFFER(3, restrict readonly, Sinks, float, sinks);           // (head)
BUFFER(4, restrict readonly, QFirsts, int, q_firsts);        // (batch + 1)

#include "exp.glsl"

// Split i of a row is result number first + i * n_rows.
uint first, n_rows, sums; // sums: where m and l begin

// The sequence's queries begin at this token, and how many there are.
uint first_token, n_queries;

void find_queries(uint batch)
{
    first_token = 0u;
    n_queries = a.q_len;
    if (a.q_firsts == 0u)
        return;
    uint at = a.q_firsts - 1u + batch;
    first_token = gyre_packed_first(q_firsts[at], a.q_total);
    n_queries = gyre_packed_len(first_token, q_firsts[at + 1u], a.q_total, a.q_len);
}

vec2 max_and_sum(uint i)
{
    uint at = sums + 2 * (first + i * n_rows);
    return vec2(partial[at], partial[at + 1]);
}

// M and L; L is 0 where no key was seen. M does not tell: a maximum may pass over NaN.
vec2 merge()
{
    float most = NEG_INF, sum = 0.0;
    for (uint i = 0; i < a.n_splits; i++)
        most = max(most, max_and_sum(i).x);
    for (uint i = 0; i < a.n_splits; i++)
        sum += max_and_sum(i).y * exp_neg(max_and_sum(i).x - shift_of(most));
    return vec2(most, sum);
}

float merged_value(uint column, vec2 total, uint head)
{
    float o = 0.0;
    for (uint i = 0; i < a.n_splits; i++)
        o += partial[(first + i * n_rows) * a.v_dim + column] *
             exp_neg(max_and_sum(i).x - shift_of(total.x));
    return o * inverse_sum(total.y, total.x, LISTED(a.sinks, sinks, head, NEG_INF));
}

void main()
{
    uint batch = gl_WorkGroupID.z / a.n_kv_heads, kv_head = gl_WorkGroupID.z % a.n_kv_heads;
    uint column = gl_GlobalInvocationID.x;
    find_queries(batch);
    n_rows = a.q_len * a.group;
    sums = a.n_batch * a.n_kv_heads * a.n_splits * n_rows * a.v_dim;
    for (uint row = gl_WorkGroupID.y; row < n_queries * a.group; row += gl_NumWorkGroups.y) {
        uint token = first_token + row / a.group, head = kv_head * a.group + row % a.group;
        first = gl_WorkGroupID.z * a.n_splits * n_rows + row;
        vec2 total = merge();
        if (a.has_lse != 0u && column == 0u)
            lse[ROW(lse, batch, head, token)] =
                total.y == 0.0 ? NEG_INF : total.x + log(total.y);
        if (a.has_out != 0u && column < a.v_dim)
            STORE(OUT_DTYPE, result, ROW(out, batch, token, head) + column,
                  merged_value(column, total, head));
    }
}
