// SPDX-License-Identifier: MIT
// Sums over a segment of keys, and the past where it counts (formulas in args/linear_attention.h):
//
//   S = past S + sum_j (R p(k_j)) v_j^T    z = past z + sum_j p(k_j)
//
// groups: (segments * dim tiles * v tiles, v tiles innermost; kv heads; batch). A group owns TILE_D
// slots by TILE_V columns of S; its work-items form a grid of TX columns by TY slots, each owning
// MD slots by NC columns, TX columns apart. Keys pass through shared memory, TILE_K at a time.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "args/linear_attention.h"

layout(constant_id = 1) const uint TILE_D = 32;
layout(constant_id = 2) const uint TILE_V = 64;

ARGS(gyre_linear_attention_args);
BUFFER(0, restrict readonly, K, TYPE(K_DTYPE), k); // (batch, key, kv head, head_dim)
BUFFER(1, restrict readonly, V, TYPE(V_DTYPE), v); // (batch, key, kv head, v_dim)
BUFFER(2, restrict readonly, Table, uint, table);  // (n_pairs, 2) turns
BUFFER(3, readonly, PastState, float, past_state); // (batch, kv head, head_dim, v_dim)
BUFFER(4, readonly, PastNorm, float, past_norm);   // (batch, kv head, head_dim)
BUFFER(5, writeonly, State, float, state);         // (batch, kv head, segment, head_dim, v_dim)
BUFFER(6, writeonly, Norm, float, norm);           // (batch, kv head, segment, head_dim)

#include "linear_features.glsl"

DEFINE_FEATURES(k_features, K_DTYPE, k)

const uint TX = 16;
const uint TY = WG / TX;
const uint MD = TILE_D / TY;
const uint NC = TILE_V / TX;
const uint TILE_K = 16;

const uint D_STRIDE = TILE_D | 1; // odd, so that rows begin in different banks
shared float plain[TILE_K * D_STRIDE];
shared float turned[TILE_K * D_STRIDE];
shared float values[TILE_K * TILE_V];

// The tile of this group, its first slot and column, and the place of this work-item in it.
uint batch, kv_head, segment, first_slot, first_column;
uint tx, ty;

// Of this work-item.
float s[MD][NC];
float z; // of slot number gl_LocalInvocationIndex

void find_tile()
{
    uint n_v_tiles = max((a.v_dim + TILE_V - 1) / TILE_V, 1u);
    uint n_d_tiles = (a.head_dim + TILE_D - 1) / TILE_D;
    batch = gl_WorkGroupID.z;
    kv_head = gl_WorkGroupID.y;
    segment = gl_WorkGroupID.x / n_v_tiles / n_d_tiles;
    first_slot = gl_WorkGroupID.x / n_v_tiles % n_d_tiles * TILE_D;
    first_column = gl_WorkGroupID.x % n_v_tiles * TILE_V;
    tx = gl_LocalInvocationIndex % TX;
    ty = gl_LocalInvocationIndex / TX;
}

// Keys [key, key + TILE_K), of which those from `end` on count as zeros, and so do their values.
void stage_keys(uint key, uint end)
{
    for (uint e = gl_LocalInvocationIndex; e < TILE_K * TILE_D / 2; e += WG) {
        uint row = e / (TILE_D / 2), x = e % (TILE_D / 2) * 2;
        vec2 f = vec2(0.0), g = vec2(0.0);
        if (key + row < end) {
            f = k_features(ROW(k, batch, key + row, kv_head), first_slot + x);
            g = rotated(a.k_start + key + row, first_slot + x, f);
        }
        plain[row * D_STRIDE + x] = f.x;
        plain[row * D_STRIDE + x + 1] = f.y;
        turned[row * D_STRIDE + x] = g.x;
        turned[row * D_STRIDE + x + 1] = g.y;
    }
}

void stage_values(uint key, uint end)
{
    for (uint e = gl_LocalInvocationIndex; e < TILE_K * TILE_V; e += WG) {
        uint row = e / TILE_V, column = first_column + e % TILE_V;
        float value = 0.0;
        if (key + row < end && column < a.v_dim)
            value = LOAD(V_DTYPE, v, ROW(v, batch, key + row, kv_head) + column);
        values[e] = value;
    }
}

void add_products()
{
    for (uint row = 0; row < TILE_K; row++) {
        float x[NC];
        UNROLL(c, NC)
            x[c] = values[row * TILE_V + tx + c * TX];
        UNROLL(i, MD) {
            float f = turned[row * D_STRIDE + ty * MD + i];
            UNROLL(c, NC)
                s[i][c] += f * x[c];
        }
        z += plain[row * D_STRIDE + gl_LocalInvocationIndex % TILE_D];
    }
}

void sum_keys()
{
    uint end = min(gyre_segment_begin(a.segment, a.first, segment + 1), a.kv_len);
    UNROLL(i, MD)
        UNROLL(c, NC)
            s[i][c] = 0.0;
    z = 0.0;
    for (uint key = gyre_segment_begin(a.segment, a.first, segment); key < end; key += TILE_K) {
        stage_keys(key, end);
        stage_values(key, end);
        barrier();
        add_products();
        barrier(); // the tiles may be written again
    }
}

void write_state()
{
    UNROLL(i, MD) {
        uint slot = first_slot + ty * MD + i, d = dim_of(slot);
        uint from = STATE_ROW(a.past, batch, kv_head, 0, d);
        uint to = STATE_ROW(a.sums, batch, kv_head, segment, d);
        UNROLL(c, NC) {
            uint column = first_column + tx + c * TX;
            if (slot < a.head_dim && column < a.v_dim)
                state[to + column] = (a.has_past != 0u ? past_state[from + column] : 0.0) + s[i][c];
        }
    }
}

// By the groups of the first columns; work-item x has the sum of slot x.
void write_norm()
{
    uint x = gl_LocalInvocationIndex, slot = first_slot + x, d = dim_of(slot);
    if (first_column != 0u || x >= TILE_D || slot >= a.head_dim)
        return;
    float before = a.has_past != 0u ? past_norm[NORM_AT(a.past, batch, kv_head, 0, d)] : 0.0;
    norm[NORM_AT(a.sums, batch, kv_head, segment, d)] = before + z;
}

void main()
{
    find_tile();
    sum_keys();
    write_state();
    write_norm();
}
