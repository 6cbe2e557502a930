// SPDX-License-Identifier: MIT
// Fused attention of many query rows (arXiv 2205.14135): for every row, over blocks of TILE_K keys,
//
//   s = masked(capped(scale q.k))   m' = max(m, max s)   p = exp(s - m')
//   l = l exp(m - m') + sum p       o = o exp(m - m') + p v
//   out = o / (l + exp(sink - m))   lse = m + log l
//
// With EXTRA_PARTIAL over the keys of one split, and o, m and l are left for attention_combine.
//
// groups: (row tiles * splits * v tiles, kv heads, batch), v tiles innermost. A group owns TILE_Q
// packed rows and V_TILE columns of v; its work-items form a grid of TX keys or columns by TY rows,
// each owning MQ rows by MK keys of s and MQ rows by NV vec4 of o.
//
// STAGED 1: q, k and v pass through shared memory. 0: only p does, for devices where shared memory
// is no faster than global memory.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/attention.h"
#if EXTRAS & EXTRA_F16_SUMS
#include "f16.glsl"
#endif

layout(constant_id = 1) const uint TILE_Q = 32;
layout(constant_id = 2) const uint TILE_K = 32;
layout(constant_id = 3) const uint HEAD_DIM = 64;
layout(constant_id = 4) const uint V_TILE = 64;

ARGS(gyre_attention_args);
BUFFER(0, restrict readonly, Q, TYPE(Q_DTYPE), q);          // (batch, query, head, head_dim)
BUFFER(1, restrict readonly, K, TYPE(K_DTYPE), k);          // (batch, key, kv head, head_dim)
BUFFER(2, restrict readonly, V, TYPE(V_DTYPE), v);          // (batch, key, kv head, v_dim)
BUFFER(3, restrict readonly, Mask, TYPE(MASK_DTYPE), mask); // (batch, head, query, key)
BUFFER(4, restrict writeonly, Out, TYPE(OUT_DTYPE), result); // (batch, query, head, v_dim)
BUFFER(5, restrict writeonly, Lse, float, lse);             // (batch, head, query)
BUFFER(18, restrict readonly, Sinks, float, sinks);         // (head)
#define FIRST_EXTRA 6
#include "extras.glsl"

#include "sequence.glsl"
#include "staged_positions.glsl"
#include "keys.glsl"
#include "score.glsl"
#include "walk.glsl"
#include "packed_rows.glsl"
#include "partial.glsl"

const uint TX = 16;
const uint TY = WG / TX;
const uint MQ = TILE_Q / TY;
const uint MK = TILE_K / TX;
const uint NV = (V_TILE + 4 * TX - 1) / (4 * TX);

shared vec4 part[TILE_Q * TX / 4]; // (TILE_Q, TX) what each work-item brings to a reduction

// The tile of this group and the place of this work-item in it.
uint kv_head, first_row, first_column, n_columns;
#if EXTRAS & EXTRA_PARTIAL
uint split;
#else
const uint split = 0;
#endif
uint tx, ty;

// The MQ rows of this work-item.
float m[MQ], l[MQ]; // l: over this work-item's keys only
vec4 o[MQ][NV];
float s[MQ][MK];

void find_tile()
{
    uint n_v_tiles = max((a.v_dim + V_TILE - 1) / V_TILE, 1u);
    uint n_row_tiles = gl_NumWorkGroups.x / n_v_tiles, row_tile = gl_WorkGroupID.x / n_v_tiles;
#if EXTRAS & EXTRA_PARTIAL
    n_row_tiles /= a.n_splits;
    split = row_tile % a.n_splits;
    row_tile /= a.n_splits;
#endif
    kv_head = gl_WorkGroupID.y;
    // Last rows first: under causality they see the most keys.
    first_row = (n_row_tiles - 1 - row_tile) * TILE_Q;
    first_column = gl_WorkGroupID.x % n_v_tiles * V_TILE;
    n_columns = min(a.v_dim - first_column, V_TILE);
    tx = gl_LocalInvocationIndex % TX;
    ty = gl_LocalInvocationIndex / TX;
}

uint row_of(uint i)
{
    return first_row + ty * MQ + i;
}

void init_rows()
{
    [[unroll]] for (uint i = 0; i < MQ; i++) {
        m[i] = NEG_INF;
        l[i] = 0.0;
        [[unroll]] for (uint c = 0; c < NV; c++)
            o[i][c] = vec4(0.0);
    }
}

// Maximum and sum over the work-items of a row, each of which has left its own in part.
float row_max(uint row)
{
    vec4 x = max(max(part[row * 4], part[row * 4 + 1]), max(part[row * 4 + 2], part[row * 4 + 3]));
    return max(max(x.x, x.y), max(x.z, x.w));
}

float row_sum(uint row)
{
    vec4 x = (part[row * 4] + part[row * 4 + 1]) + (part[row * 4 + 2] + part[row * 4 + 3]);
    return (x.x + x.y) + (x.z + x.w);
}

void leave_part(uint i, float x)
{
    part[(ty * MQ + i) * (TX / 4) + tx / 4][tx % 4] = x;
}

// A row of the tile of p, in vec4: odd, so that work-items of a column meet different banks.
const uint P_STRIDE = TILE_K / 4 | 1;
shared vec4 p_tile[TILE_Q * P_STRIDE];

// Elements of q and k after which their products' sums end_run.
const uint RUN = 32;
#if EXTRAS & EXTRA_F16_SUMS
#include "attention_f16_sums.glsl"
#else
#include "attention_sums.glsl"
#endif

// Adds the weights px, each for one key, times this work-item's columns of v. A hidden key's value
// must not even meet a zero.
void add_values(float px[MQ], vec4 vx[NV], bool is_whole)
{
    [[unroll]] for (uint i = 0; i < MQ; i++)
        [[unroll]] for (uint c = 0; c < NV; c++)
            o[i][c] += px[i] * (is_whole || px[i] != 0.0 ? vx[c] : vec4(0.0));
}

#if STAGED
#include "attention_staged.glsl"
#else
#include "attention_direct.glsl"
#endif

// Dot products become what softmax sees.
void finish_scores(uint key, bool is_whole)
{
    [[unroll]] for (uint i = 0; i < MQ; i++)
        [[unroll]] for (uint j = 0; j < MK; j++) {
            uint head = head_of(kv_head, row_of(i)), query = query_of(row_of(i));
            int k_pos = position_of(key + tx + j * TX);
            float raw = related(scaled(i, s[i][j]), head, query, k_pos);
            s[i][j] = biased(capped(raw), head, query, k_pos);
        }
    if (is_whole)
        return;
    [[unroll]] for (uint i = 0; i < MQ; i++) {
        uint query = query_of(row_of(i));
        uint mask_begin = ROW(mask, batch, head_of(kv_head, row_of(i)), query);
        keys seen = keys_of(query);
        [[unroll]] for (uint j = 0; j < MK; j++) {
            uint at = key + tx + j * TX;
            s[i][j] = masked(s[i][j], seen, at, position_of(at), mask_begin);
        }
    }
}

// Moves the rows to their new maxima and writes the weights of this block.
void update_rows()
{
    [[unroll]] for (uint i = 0; i < MQ; i++) {
        float most = s[i][0];
        [[unroll]] for (uint j = 1; j < MK; j++)
            most = max(most, s[i][j]);
        leave_part(i, most);
    }
    barrier();
    [[unroll]] for (uint i = 0; i < MQ; i++) {
        uint row = ty * MQ + i;
        float most = max(m[i], row_max(row)), shift = shift_of(most);
        float factor = exp_neg(m[i] - shift);
        m[i] = most;
        l[i] *= factor;
        [[unroll]] for (uint c = 0; c < NV; c++)
            o[i][c] *= factor;
        [[unroll]] for (uint j = 0; j < MK; j++) {
            uint at = tx + j * TX;
            float weight = exp_neg(s[i][j] - shift);
            l[i] += weight;
            p_tile[row * P_STRIDE + at / 4][at % 4] = weight;
        }
    }
    barrier(); // p is complete, and part may be written again
}

// The row's columns of o, times a factor, from element `begin` on.
void write_columns(uint i, uint begin, float factor)
{
    [[unroll]] for (uint c = 0; c < NV; c++)
        [[unroll]] for (uint u = 0; u < 4; u++) {
            uint column = 4 * (tx + c * TX) + u;
            if (column < n_columns)
                STORE(OUT_DTYPE, result, begin + column, o[i][c][u] * factor);
        }
}

#if EXTRAS & EXTRA_PARTIAL
void write_row(uint i, float sum)
{
    uint number = partial_of(kv_head, split, row_of(i));
    if (first_column == 0u && tx == 0u) {
        result[sums_of(number)] = m[i];
        result[sums_of(number) + 1] = sum;
    }
    write_columns(i, acc_of(number) + first_column, 1.0);
}
#else
void write_row(uint i, float sum)
{
    uint head = head_of(kv_head, row_of(i)), token = q_token(query_of(row_of(i)));
    if (a.has_lse != 0u && first_column == 0u && tx == 0u)
        lse[ROW(lse, batch, head, token)] =
            sum == 0.0 ? NEG_INF : m[i] + log(sum); // m does not tell: it may pass over NaN
    if (a.has_out != 0u)
        write_columns(i, ROW(out, batch, token, head) + first_column,
                      inverse_of(sum, m[i], LISTED(a.extras.sinks, sinks, head, NEG_INF)));
}
#endif

void write_rows()
{
    [[unroll]] for (uint i = 0; i < MQ; i++)
        leave_part(i, l[i]);
    barrier();
    [[unroll]] for (uint i = 0; i < MQ; i++) {
        float sum = row_sum(ty * MQ + i);
        if (row_of(i) < n_rows())
            write_row(i, sum);
    }
}

void main()
{
    find_sequence(gl_WorkGroupID.z);
    find_tile();
#if EXTRAS & EXTRA_PACKED
    if (first_row >= n_rows())
        return;
#endif
    find_q();
    prepare_q();
    init_rows();
    uint begin = split * a.keys_per_split;
    walk all = walk_of(query_of(first_row), query_of(first_row + TILE_Q - 1),
                       begin + a.keys_per_split);
    for (uint key = next_block(all, begin); key < all.end; key = next_block(all, key + TILE_K)) {
        bool is_whole = is_whole_block(all, key);
        raw_scores(key);
        finish_scores(key, is_whole);
        update_rows();
        if (a.has_out == 0u)
            continue;
        if (is_whole)
            weighted_values(key, true);
        else
            weighted_values(key, false);
    }
    write_rows();
}
