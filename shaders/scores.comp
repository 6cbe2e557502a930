// SPDX-License-Identifier: MIT
// Scores of every query and key, as STAGE says:
//
//   0 raw      s = scale * q.k
//   1 capped   s = c tanh(s / c)
//   2 masked   s = s + mask - slope |distance|, -inf where the key is hidden
//
// groups: (ceil(kv_len / TILE_K), ceil(q_len / TILE_Q) (strided), heads * batch, heads
// innermost). The work-items of a group form a grid of TX keys by TY queries, each owning MQ
// queries by MK keys; q and k pass through shared memory, CHUNK elements at a time.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/attention.h"

layout(constant_id = 1) const uint TILE_Q = 8;
layout(constant_id = 2) const uint TILE_K = 32;

ARGS(gyre_attention_args);
BUFFER(0, restrict readonly, Q, TYPE(Q_DTYPE), q);                 // (batch, query, head, dim)
BUFFER(1, restrict readonly, K, TYPE(K_DTYPE), k);                 // (batch, key, kv head, dim)
BUFFER(2, restrict readonly, Mask, TYPE(MASK_DTYPE), mask);        // (batch, head, query, key)
BUFFER(3, restrict writeonly, Scores, TYPE(SCORES_DTYPE), result); // (batch, head, query, key)
BUFFER(4, restrict readonly, Starts, int, starts);                 // (batch)
BUFFER(5, restrict readonly, Lens, int, lens);                     // (batch)
BUFFER(6, restrict readonly, Slopes, float, slopes);               // (head)

#include "keys.glsl"

const uint TX = 16;
const uint TY = WG / TX;
const uint MQ = TILE_Q / TY;
const uint MK = TILE_K / TX;

const uint CHUNK = 32;
const uint CHUNK_STRIDE = CHUNK / 4 | 1; // in vec4: odd, so that work-items meet different banks
shared vec4 q_stage[TILE_Q * CHUNK_STRIDE];
shared vec4 k_stage[TILE_K * CHUNK_STRIDE];

uint batch, head, first_query, first_key;
uint tx, ty;
float s[MQ][MK];

// Elements [d, d + CHUNK) of the tile's queries and keys.
void stage_qk(uint d)
{
    for (uint e = gl_LocalInvocationIndex; e < TILE_Q * CHUNK; e += WG) {
        uint row = e / CHUNK, x = e % CHUNK;
        uint begin = ROW(q, batch, min(first_query + row, a.q_len - 1), head);
        q_stage[row * CHUNK_STRIDE + x / 4][x % 4] =
            d + x < a.head_dim ? LOAD(Q_DTYPE, q, begin + d + x) : 0.0;
    }
    for (uint e = gl_LocalInvocationIndex; e < TILE_K * CHUNK; e += WG) {
        uint row = e / CHUNK, x = e % CHUNK;
        uint begin = ROW(k, batch, min(first_key + row, a.kv_len - 1), head / a.group);
        k_stage[row * CHUNK_STRIDE + x / 4][x % 4] =
            d + x < a.head_dim ? LOAD(K_DTYPE, k, begin + d + x) : 0.0;
    }
}

void add_products()
{
    for (uint x = 0; x < CHUNK / 4; x++) {
        vec4 kx[MK];
        [[unroll]] for (uint j = 0; j < MK; j++)
            kx[j] = k_stage[(tx + j * TX) * CHUNK_STRIDE + x];
        [[unroll]] for (uint i = 0; i < MQ; i++) {
            vec4 qx = q_stage[(ty * MQ + i) * CHUNK_STRIDE + x];
            [[unroll]] for (uint j = 0; j < MK; j++)
                s[i][j] += qx.x * kx[j].x + qx.y * kx[j].y + qx.z * kx[j].z + qx.w * kx[j].w;
        }
    }
}

float finished(float dot_product, uint query, uint key)
{
    float score = dot_product * a.scale;
#if STAGE == 0
    return score;
#elif STAGE == 1
    return capped(score);
#else
    return masked(biased(capped(score), head, query, key), keys_of(query), key,
                  ROW(mask, batch, head, query) + key);
#endif
}

void write_scores()
{
    [[unroll]] for (uint i = 0; i < MQ; i++)
        [[unroll]] for (uint j = 0; j < MK; j++) {
            uint query = first_query + ty * MQ + i, key = first_key + tx + j * TX;
            if (query < a.q_len && key < a.kv_len)
                STORE(SCORES_DTYPE, result, ROW(scores, batch, head, query) + key,
                      finished(s[i][j], query, key));
        }
}

void raw_scores()
{
    [[unroll]] for (uint i = 0; i < MQ; i++)
        [[unroll]] for (uint j = 0; j < MK; j++)
            s[i][j] = 0.0;
    for (uint d = 0; d < a.head_dim; d += CHUNK) {
        stage_qk(d);
        barrier();
        add_products();
        barrier(); // the stages may be written again
    }
}

void main()
{
    uint n_heads = a.n_kv_heads * a.group;
    batch = gl_WorkGroupID.z / n_heads;
    head = gl_WorkGroupID.z % n_heads;
    find_sequence(batch);
    first_key = gl_WorkGroupID.x * TILE_K;
    tx = gl_LocalInvocationIndex % TX;
    ty = gl_LocalInvocationIndex / TX;
    for (first_query = gl_WorkGroupID.y * TILE_Q; first_query < a.q_len;
         first_query += gl_NumWorkGroups.y * TILE_Q) {
        raw_scores();
        write_scores();
    }
}
