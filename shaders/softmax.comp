// SPDX-License-Identifier: MIT
// Finishes raw scores, row by row, as STAGE says; scale has been applied:
//
//   1 capped   s = c tanh(s / c)
//   2 masked   s = s + mask - slope |distance|, -inf where the key is hidden
//   3 probs    p = exp(s - m) / (exp(sink - m) + sum exp(s - m)), m = max s; zeros in a row with
//              nothing allowed
//
// and lse = m + log sum exp(s - m). groups: (1, queries (strided), heads * batch, heads innermost):
// a group per row, its work-items WG keys apart.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/softmax.h"

ARGS(gyre_softmax_args);
BUFFER(0, readonly, Raw, float, raw);                       // (batch, head, query, key)
BUFFER(1, restrict readonly, Mask, TYPE(MASK_DTYPE), mask); // (batch, head, query, key)
BUFFER(2, writeonly, Scores, TYPE(SCORES_DTYPE), result);   // (batch, head, query, key); may be raw
BUFFER(3, restrict writeonly, Lse, float, lse);             // (batch, head, query)
BUFFER(4, restrict readonly, Starts, int, starts);          // (batch)
BUFFER(5, restrict readonly, Lens, int, lens);              // (batch)
BUFFER(6, restrict readonly, Slopes, float, slopes);        // (head)
BUFFER(7, restrict readonly, Sinks, float, sinks);          // (head)
BUFFER(8, restrict readonly, KPositions, int, k_positions); // (batch, key)

#include "sequence.glsl"
#include "positions.glsl"
#include "keys.glsl"
#include "score.glsl"

shared vec2 part[WG];

// The row of this group.
uint head, query;
keys seen;
uint raw_begin, mask_begin;

float score_at(uint key)
{
    float score = capped(raw[raw_begin + key]);
#if STAGE == 1
    return score;
#else
    int k_pos = stored_position(key);
    return masked(biased(score, head, query, k_pos), seen, key, k_pos, mask_begin);
#endif
}

// Maximum and sum of exponentials of two parts of a row, each given as its own.
vec2 join(vec2 x, vec2 y)
{
    float most = max(x.x, y.x), shift = shift_of(most);
    return vec2(most, x.y * exp_neg(x.x - shift) + y.y * exp_neg(y.x - shift));
}

// The sum is 0 where no key was seen. The maximum does not tell: it may pass over NaN.
vec2 reduce_row()
{
    vec2 mine = vec2(NEG_INF, 0.0);
    for (uint key = gl_LocalInvocationIndex; key < a.kv_len; key += WG)
        mine = join(mine, vec2(score_at(key), 1.0));
    part[gl_LocalInvocationIndex] = mine;
    barrier();
    vec2 total = part[0];
    for (uint i = 1; i < WG; i++)
        total = join(total, part[i]);
    barrier(); // part may be written again
    return total;
}

void write_row(uint begin, vec2 total)
{
    float inverse = inverse_sum(total.y, total.x, LISTED(a.extras.sinks, sinks, head, NEG_INF));
    for (uint key = gl_LocalInvocationIndex; key < a.kv_len; key += WG) {
        float score = score_at(key);
#if STAGE == 3
        score = is_neg_inf(score) ? 0.0 : exp_neg(score - total.x) * inverse;
#endif
        STORE(SCORES_DTYPE, result, begin + key, score);
    }
}

void main()
{
    find_sequence(gl_WorkGroupID.z / a.n_heads);
    head = gl_WorkGroupID.z % a.n_heads;
    for (query = gl_WorkGroupID.y; query < a.q_len; query += gl_NumWorkGroups.y) {
        vec2 total = vec2(NEG_INF, 0.0);
        seen = keys_of(query);
        raw_begin = ROW(raw, batch, head, query);
        mask_begin = ROW(mask, batch, head, query);
        if (STAGE == 3 || a.has_lse != 0u)
            total = reduce_row();
        if (a.has_lse != 0u && gl_LocalInvocationIndex == 0u)
            lse[ROW(lse, batch, head, query)] =
                total.y == 0.0 ? NEG_INF : total.x + log(total.y);
        write_row(ROW(scores, batch, head, query), total);
    }
}
