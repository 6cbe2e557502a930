// SPDX-License-Identifier: MIT
// Sums over a segment of keys, and the past where it counts (formulas in args/linear_attention.h):
//
//   S = past S + sum_j (R p(k_j)) v_j^T    z = past z + sum_j p(k_j)
//
// groups: (segments * dim tiles * v tiles, v tiles innermost; kv heads; batch). A group owns TILE_D
// slots by TILE_V columns of S; its work-items form a grid of TX columns by TY slots, each owning
// MD slots by NC columns, TX columns apart. Keys pass through local memory, TILE_K at a time.
#include "linear_features.clh"

#define TX     16
#define TY     (WG / TX)
#define MD     (TILE_D / TY)
#define NC     (TILE_V / TX)
#define TILE_K 16

DEFINE_FEATURES(k_features, K_DTYPE)

// What every work-item of a group knows.
struct tile {
    u32 batch, kv_head;
    u32 segment, slot, column; // first slot and column
    u32 tx, ty;
};

static inline void init_tile(struct gyre_linear_attention_args a, struct tile *t)
{
    const u32 n_v_tiles = max((a.v_dim + TILE_V - 1) / TILE_V, 1u);
    const u32 n_d_tiles = (a.head_dim + TILE_D - 1) / TILE_D;
    t->batch = get_group_id(2);
    t->kv_head = get_group_id(1);
    t->segment = get_group_id(0) / n_v_tiles / n_d_tiles;
    t->slot = get_group_id(0) / n_v_tiles % n_d_tiles * TILE_D;
    t->column = get_group_id(0) % n_v_tiles * TILE_V;
    t->tx = get_local_id(0) % TX;
    t->ty = get_local_id(0) / TX;
}

// Keys [key, key + TILE_K), of which those from `end` on count as zeros, and so do their values.
static inline void stage_keys(struct gyre_linear_attention_args a, struct tile t, u32 key, u32 end,
                              __global const TYPE(K_DTYPE) * k, __global const u32 *table,
                              __local float *plain, __local float *turned)
{
    for (u32 e = get_local_id(0); e < TILE_K * TILE_D / 2; e += WG) {
        const u32 row = e / (TILE_D / 2), x = e % (TILE_D / 2) * 2;
        float2 f = (float2)(0.0f), g = f;
        if (key + row < end) {
            f = k_features(a, ROW(a, k, t.batch, key + row, t.kv_head), t.slot + x, k);
            g = rotated(a, a.k_start + key + row, t.slot + x, f, table);
        }
        vstore2(f, 0, plain + row * (TILE_D | 1) + x);
        vstore2(g, 0, turned + row * (TILE_D | 1) + x);
    }
}

static inline void stage_values(struct gyre_linear_attention_args a, struct tile t, u32 key,
                                u32 end, __global const TYPE(V_DTYPE) * v, __local float *values)
{
    for (u32 e = get_local_id(0); e < TILE_K * TILE_V; e += WG) {
        const u32 row = e / TILE_V, column = t.column + e % TILE_V;
        const bool is_there = key + row < end && column < a.v_dim;
        values[e] =
            is_there ? LOAD(V_DTYPE)(v, ROW(a, v, t.batch, key + row, t.kv_head) + column) : 0.0f;
    }
}

static inline void add_products(struct tile t, __local const float *turned,
                                __local const float *values, float s[MD][NC])
{
    for (u32 row = 0; row < TILE_K; row++) {
        float x[NC];
#pragma unroll
        for (i32 c = 0; c < NC; c++)
            x[c] = values[row * TILE_V + t.tx + c * TX];
#pragma unroll
        for (i32 i = 0; i < MD; i++) {
            const float f = turned[row * (TILE_D | 1) + t.ty * MD + i];
#pragma unroll
            for (i32 c = 0; c < NC; c++)
                s[i][c] += f * x[c];
        }
    }
}

static inline void write_state(struct gyre_linear_attention_args a, struct tile t, float s[MD][NC],
                               __global const float *past, __global float *state)
{
#pragma unroll
    for (i32 i = 0; i < MD; i++) {
        const u32 slot = t.slot + t.ty * MD + i;
        if (slot >= a.head_dim)
            continue;
        const u32 d = dim_of(a, slot);
        const u32 from = STATE_ROW(a.past, t.batch, t.kv_head, 0u, d);
        const u32 to = STATE_ROW(a.sums, t.batch, t.kv_head, t.segment, d);
#pragma unroll
        for (i32 c = 0; c < NC; c++) {
            const u32 column = t.column + t.tx + c * TX;
            if (column < a.v_dim)
                state[to + column] = (a.has_past != 0u ? past[from + column] : 0.0f) + s[i][c];
        }
    }
}

// By the groups of the first columns; work-item x has the sum of slot x.
static inline void write_norm(struct gyre_linear_attention_args a, struct tile t, float z,
                              __global const float *past, __global float *norm)
{
    const u32 x = get_local_id(0), slot = t.slot + x;
    if (t.column != 0u || x >= TILE_D || slot >= a.head_dim)
        return;
    const u32 d = dim_of(a, slot);
    const float before = a.has_past != 0u ? past[NORM_AT(a.past, t.batch, t.kv_head, 0u, d)] : 0.0f;
    norm[NORM_AT(a.sums, t.batch, t.kv_head, t.segment, d)] = before + z;
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
linear_state(struct gyre_linear_attention_args a,
             __global const TYPE(K_DTYPE) * k, // (batch, key, kv head, head_dim)
             __global const TYPE(V_DTYPE) * v, // (batch, key, kv head, v_dim)
             __global const u32 *table,        // (n_pairs, 2) turns
             __global const float *past_state, // (batch, kv head, head_dim, v_dim)
             __global const float *past_norm,  // (batch, kv head, head_dim)
             __global float *state,            // (batch, kv head, segment, head_dim, v_dim)
             __global float *norm)             // (batch, kv head, segment, head_dim)
{
    __local float plain[TILE_K * (TILE_D | 1)], turned[TILE_K * (TILE_D | 1)];
    __local float values[TILE_K * TILE_V];
    struct tile t;
    init_tile(a, &t);
    const u32 begin = gyre_segment_begin(a.segment, a.first, t.segment);
    const u32 end = min(gyre_segment_begin(a.segment, a.first, t.segment + 1u), a.kv_len);
    float s[MD][NC] = {{0.0f}}, z = 0.0f;
    for (u32 key = begin; key < end; key += TILE_K) {
        barrier(CLK_LOCAL_MEM_FENCE); // others may still read the tiles
        stage_keys(a, t, key, end, k, table, plain, turned);
        stage_values(a, t, key, end, v, values);
        barrier(CLK_LOCAL_MEM_FENCE);
        add_products(t, turned, values, s);
        for (u32 row = 0; row < TILE_K; row++)
            z += plain[row * (TILE_D | 1) + get_local_id(0) % TILE_D];
    }
    write_state(a, t, s, past_state, state);
    write_norm(a, t, z, past_norm, norm);
}
