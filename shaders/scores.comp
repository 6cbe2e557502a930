// SPDX-License-Identifier: MIT
// Scores of every query and key, as STAGE says:
//
//   0 raw      s = scale * q.k
//   1 capped   s = c tanh(s / c)
//   2 masked   s = s + mask - slope |distance|, -inf where the key is hidden
//   4 sums     of exp(masked - log(exp(lse) + exp(sink))) over queries (key_sums.glsl)
//
// groups: (ceil(kv_len / TILE_K), ceil(q_len / TILE_Q) (strided; 1 for sums), heads * batch, heads
// innermost). The work-items of a group form a grid of TX keys by TY queries, each owning MQ
// queries by MK keys; q and k pass through shared memory, CHUNK elements at a time.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/attention.h"

layout(constant_id = 1) const uint TILE_Q = 8;
layout(constant_id = 2) const uint TILE_K = 32;

ARGS(gyre_attention_args);
BUFFER(0, restrict readonly, Q, TYPE(Q_DTYPE), q);          // (batch, query, head, dim)
BUFFER(1, restrict readonly, K, TYPE(K_DTYPE), k);          // (batch, key, kv head, dim)
BUFFER(2, restrict readonly, Mask, TYPE(MASK_DTYPE), mask); // (batch, head, query, key)
BUFFER(3, restrict, Scores, TYPE(SCORES_DTYPE), result);    // (batch, head, query, key), or sums
BUFFER(16, restrict readonly, Lse, float, lse);             // (batch, head, query)
BUFFER(17, restrict readonly, Sinks, float, sinks);         // (head)
#define FIRST_EXTRA 4
#include "extras.glsl"

#include "sequence.glsl"
#include "block_positions.glsl"
#include "keys.glsl"
#include "score.glsl"
#include "heads.glsl"

const uint TX = 16;
const uint TY = WG / TX;
const uint MQ = TILE_Q / TY;
const uint MK = TILE_K / TX;

const uint CHUNK = 32;
const uint CHUNK_STRIDE = CHUNK / 4 | 1; // in vec4: odd, so that work-items meet different banks
shared vec4 q_stage[TILE_Q * CHUNK_STRIDE];
shared vec4 k_stage[TILE_K * CHUNK_STRIDE];

uint head, first_query, first_key;
uint tx, ty;
float s[MQ][MK];

// Of the tile; queries past the last one repeat it.
head_place place_of_row(uint row)
{
    return q_place(min(first_query + row, n_queries() - 1), head);
}

head_place place_of_key(uint row)
{
    return k_place(first_key + row, head / a.group);
}

// Elements [d, d + CHUNK) of the tile's queries and keys.
#if IS_REORDERED
void stage_qk(uint d)
{
    for (uint e = 2 * gl_LocalInvocationIndex; e < TILE_Q * CHUNK; e += 2 * WG) {
        uint row = e / CHUNK, x = e % CHUNK, at = row * CHUNK_STRIDE + x / 4;
        vec2 pair = q_pair(place_of_row(row), d + x);
        q_stage[at][x % 4] = pair.x;
        q_stage[at][x % 4 + 1] = pair.y;
    }
    for (uint e = 2 * gl_LocalInvocationIndex; e < TILE_K * CHUNK; e += 2 * WG) {
        uint row = e / CHUNK, x = e % CHUNK, at = row * CHUNK_STRIDE + x / 4;
        vec2 pair = k_pair(place_of_key(row), d + x);
        k_stage[at][x % 4] = pair.x;
        k_stage[at][x % 4 + 1] = pair.y;
    }
}
#else
void stage_qk(uint d)
{
    for (uint e = gl_LocalInvocationIndex; e < TILE_Q * CHUNK; e += WG) {
        uint row = e / CHUNK, x = e % CHUNK;
        q_stage[row * CHUNK_STRIDE + x / 4][x % 4] =
            d + x < a.head_dim ? LOAD(Q_DTYPE, q, place_of_row(row) + d + x) : 0.0;
    }
    for (uint e = gl_LocalInvocationIndex; e < TILE_K * CHUNK; e += WG) {
        uint row = e / CHUNK, x = e % CHUNK;
        k_stage[row * CHUNK_STRIDE + x / 4][x % 4] =
            d + x < a.head_dim ? LOAD(K_DTYPE, k, place_of_key(row) + d + x) : 0.0;
    }
}
#endif

void add_products()
{
    for (uint x = 0; x < CHUNK / 4; x++) {
        vec4 kx[MK];
        UNROLL(j, MK)
            kx[j] = k_stage[(tx + j * TX) * CHUNK_STRIDE + x];
        UNROLL(i, MQ) {
            vec4 qx = q_stage[(ty * MQ + i) * CHUNK_STRIDE + x];
            UNROLL(j, MK)
                s[i][j] += qx.x * kx[j].x + qx.y * kx[j].y + qx.z * kx[j].z + qx.w * kx[j].w;
        }
    }
}

float finished(float dot_product, uint query, uint key)
{
    int k_pos = position_of(key);
    float score = related(dot_product * a.scale, head, query, k_pos);
#if STAGE == 0
    return score;
#elif STAGE == 1
    return capped(score);
#else
    return masked(biased(capped(score), head, query, k_pos), keys_of(query), key, k_pos,
                  ROW(mask, batch, head, query));
#endif
}

void find_products()
{
    UNROLL(i, MQ)
        UNROLL(j, MK)
            s[i][j] = 0.0;
    for (uint d = 0; d < a.head_dim; d += CHUNK) {
        stage_qk(d);
        barrier();
        add_products();
        barrier(); // the stages may be written again
    }
}

#if STAGE == STAGE_SUMS
#include "key_sums.glsl"
#else
void write_scores()
{
    UNROLL(i, MQ)
        UNROLL(j, MK) {
            uint query = first_query + ty * MQ + i, key = first_key + tx + j * TX;
            if (query < n_queries() && key < n_keys())
                STORE(SCORES_DTYPE, result, ROW(scores, batch, head, query) + key,
                      finished(s[i][j], query, key));
        }
}

void walk_queries()
{
    for (first_query = gl_WorkGroupID.y * TILE_Q; first_query < n_queries();
         first_query += gl_NumWorkGroups.y * TILE_Q) {
        find_products();
        write_scores();
    }
}
#endif

void main()
{
    uint n_heads = a.n_kv_heads * a.group;
    find_sequence(gl_WorkGroupID.z / n_heads);
    head = gl_WorkGroupID.z % n_heads;
    first_key = gl_WorkGroupID.x * TILE_K;
    tx = gl_LocalInvocationIndex % TX;
    ty = gl_LocalInvocationIndex / TX;
#if EXTRAS & EXTRA_PACKED
    if (first_key >= n_keys())
        return;
#endif
    stage_positions(first_key);
    walk_queries();
}
