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
#include "block_positions.glsl"
#include "keys.glsl"
#include "score.glsl"
#include "walk.glsl"
#include "packed_rows.glsl"
#include "partial.glsl"
#include "tile_rows.glsl"

// Where columns come in registers alone, a work-item has four of each row.
const uint TX = STAGED == 0 && V_TILE > 64 ? 32 : 16;
const uint TY = WG / TX;
const uint MQ = TILE_Q / TY;
const uint MK = TILE_K / TX;
const uint NV = (V_TILE + 4 * TX - 1) / (4 * TX);

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

// Number within the tile.
uint row_of(uint i)
{
    return ty * MQ + i;
}

void init_rows()
{
    UNROLL(i, MQ) {
        m[i] = NEG_INF;
        l[i] = 0.0;
        UNROLL(c, NV)
            o[i][c] = vec4(0.0);
    }
}

// Maximum over the work-items of a row, each of which has left its own in part (TILE_Q, TX).
void leave_part(uint i, float x);
float row_max(uint row);

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

// Adds the rows' weights of a key times four of this work-item's columns of v. A hidden key's value
// must not even meet a zero.
void add_values(uint c, float px[MQ], vec4 vx, bool is_whole)
{
    UNROLL(i, MQ)
        o[i][c] += px[i] * (is_whole || px[i] != 0.0 ? vx : vec4(0.0));
}

#if STAGED
#include "attention_staged.glsl"
#else
#include "attention_direct.glsl"
#endif

// Maximum and sum over the work-items of a row, each of which has left its own in part.
float row_max(uint row)
{
    vec4 x = part[row * (TX / 4)];
    [[unroll]] for (uint i = 0; ++i < TX / 4;)
        x = max(x, part[row * (TX / 4) + i]);
    return max(max(x.x, x.y), max(x.z, x.w));
}

float row_sum(uint row)
{
    vec4 x = part[row * (TX / 4)];
    [[unroll]] for (uint i = 0; ++i < TX / 4;)
        x += part[row * (TX / 4) + i];
    return (x.x + x.y) + (x.z + x.w);
}

void leave_part(uint i, float x)
{
    part[row_of(i) * (TX / 4) + tx / 4][tx % 4] = x;
}

// Dot products become what softmax sees.
void finish_scores(uint key, bool is_whole)
{
    UNROLL(i, MQ)
        UNROLL(j, MK) {
            uint head = row_head[row_of(i)], query = row_query[row_of(i)];
            int k_pos = position_of(key + tx + j * TX);
            float raw = related(scaled(i, s[i][j]), head, query, k_pos);
            s[i][j] = biased(capped(raw), head, query, k_pos);
        }
    if (is_whole)
        return;
    UNROLL(i, MQ) {
        uint mask_begin = ROW(mask, batch, row_head[row_of(i)], row_query[row_of(i)]);
        keys seen = row_keys[row_of(i)];
        UNROLL(j, MK) {
            uint at = key + tx + j * TX;
            s[i][j] = masked(s[i][j], seen, at, position_of(at), mask_begin);
        }
    }
}

// Moves the rows to their new maxima and writes the weights of this block.
void update_rows()
{
    UNROLL(i, MQ) {
        float most = s[i][0];
        for (uint j = 0; ++j < MK;)
            most = max(most, s[i][j]);
        leave_part(i, most);
    }
    barrier();
    UNROLL(i, MQ) {
        uint row = row_of(i);
        float most = max(m[i], row_max(row)), shift = shift_of(most);
        float factor = exp_neg(m[i] - shift);
        m[i] = most;
        l[i] *= factor;
        UNROLL(c, NV)
            o[i][c] *= factor;
        UNROLL(j, MK) {
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
    UNROLL(c, NV)
        UNROLL(u, 4) {
            uint column = 4 * (tx + c * TX) + u;
            if (column < n_columns)
                STORE(OUT_DTYPE, result, begin + column, o[i][c][u] * factor);
        }
}

#if EXTRAS & EXTRA_PARTIAL
void write_row(uint i, float sum)
{
    uint number = row_number[row_of(i)];
    if (first_column == 0u && tx == 0u) {
        result[sums_of(number)] = m[i];
        result[sums_of(number) + 1] = sum;
    }
    write_columns(i, acc_of(number) + first_column, 1.0);
}
#else
void write_row(uint i, float sum)
{
    uint head = row_head[row_of(i)], token = q_token(row_query[row_of(i)]);
    if (a.has_lse != 0u && first_column == 0u && tx == 0u)
        lse[ROW(lse, batch, head, token)] =
            sum == 0.0 ? NEG_INF : m[i] + log(sum); // m does not tell: it may pass over NaN
    if (a.has_out != 0u)
        write_columns(i, ROW(out, batch, token, head) + first_column,
                      inverse_sum(sum, m[i], LISTED(a.extras.sinks, sinks, head, NEG_INF)));
}
#endif

void write_rows()
{
    UNROLL(i, MQ)
        leave_part(i, l[i]);
    barrier();
    UNROLL(i, MQ) {
        float sum = row_sum(row_of(i));
        if (row_number[row_of(i)] != NO_ROW)
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
    find_rows(kv_head, split, first_row);
    prepare_q();
    init_rows();
    uint begin = split * a.keys_per_split;
    start(begin + a.keys_per_split);
    for (uint key = next_block(all, begin); key < all.end; key = next_block(all, key + TILE_K)) {
        raw_scores(key);
        bool all_seen = is_whole(key);
        finish_scores(key, all_seen);
        update_rows();
        if (a.has_out == 0u)
            continue;
        if (all_seen)
            weighted_values(key, true);
        else
            weighted_values(key, false);
    }
    write_rows();
}
