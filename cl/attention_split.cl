// SPDX-License-Identifier: MIT
// Attention of few query rows over one range of keys: for every row, over blocks of TILE_K keys,
//
//   s = masked(capped(scale q.k))   m' = max(m, max s)   p = exp(s - m')
//   l = l exp(m - m') + sum p       acc = acc exp(m - m') + p v
//
// and acc, m and l are left for attention_combine. Every key and value is read once, for all rows.
//
// groups: (splits * v tiles, kv heads * row tiles, batch), v tiles and row tiles innermost. A group
// owns TILE_Q packed rows and V_TILE columns of v. Its work-items are arranged anew for each step:
//
//   products  LX of them share a key, each taking every LX-th float4 of it; LY keys side by side
//   weights   ROW_LANES of them share a row, each with every ROW_LANES-th key
//   values    each has NC columns of v, WG apart, of every row
#include "args/attention.h"
#include "block_positions.clh"
#include "exp.clh"
#include "extras.clh"
#include "heads.clh"
#include "keys.clh"
#include "packed_rows.clh"

#define LX        4
#define LY        (WG / LX)
#define MK        (TILE_K / LY)
#define ROW_LANES (WG / TILE_Q)
#define ROW_KEYS  (TILE_K / ROW_LANES)
#define NC        ((V_TILE + WG - 1) / WG)
#define NQ        ((HEAD_DIM + 3) / 4) // float4 of a row of q

// What every work-item of a group knows.
struct tile {
    struct sequence own;
    u32 kv_head, split;
    u32 row;    // first row
    u32 column; // first column of v
};

// What a work-item keeps from block to block.
struct state {
    float m, l; // of its row; l: over its own keys only
    float slope;
    float acc[TILE_Q][NC];
};

static inline void init_tile(struct gyre_attention_args a, struct extras x, struct tile *t)
{
    const u32 n_v_tiles = max((a.v_dim + V_TILE - 1) / V_TILE, 1u);
    const u32 n_row_tiles = (a.q_len * a.group + TILE_Q - 1) / TILE_Q;
    t->kv_head = get_group_id(1) / n_row_tiles;
    t->split = get_group_id(0) / n_v_tiles;
    t->row = get_group_id(1) % n_row_tiles * TILE_Q;
    t->column = get_group_id(0) % n_v_tiles * V_TILE;
    FIND_SEQUENCE(a, get_group_id(2), x, &t->own);
}

static inline void init_state(struct gyre_attention_args a, struct extras x, struct tile t,
                              struct state *my)
{
    const u32 row = t.row + get_local_id(0) / ROW_LANES;
    my->slope = slope_of(a.extras, x, head_of(a, t.own, t.kv_head, row));
    my->m = -INFINITY;
    my->l = 0.0f;
#pragma unroll
    for (i32 i = 0; i < TILE_Q; i++)
#pragma unroll
        for (i32 c = 0; c < NC; c++)
            my->acc[i][c] = 0.0f;
}

static inline void stage_q(struct gyre_attention_args a, struct heads h, struct tile t,
                           __local float *stage)
{
    for (u32 e = 2 * get_local_id(0); e < TILE_Q * NQ * 4; e += 2 * WG) {
        const u32 row = t.row + e / (NQ * 4);
        const struct head_place at =
            q_place(a, t.own, query_of(a, t.own, row), head_of(a, t.own, t.kv_head, row));
        vstore2(q_pair(a, h, at, e % (NQ * 4)), 0, stage + e);
    }
}

// Elements 4 d to 4 d + 3 of a key, zeros past the last.
static inline float4 load_key(struct gyre_attention_args a, struct heads h, struct head_place at,
                              u32 d)
{
#if IS_REORDERED
    return (float4)(k_pair(a, h, at, 4 * d), k_pair(a, h, at, 4 * d + 2));
#else
    return LOAD4(K_DTYPE)(h.k, at.begin + 4 * d, HEAD_DIM % 4 == 0 ? 4 : HEAD_DIM - 4 * (i32)d);
#endif
}

// Leaves every work-item's share of the dot products in part (TILE_Q, TILE_K, LX).
static inline void partial_products(struct gyre_attention_args a, struct extras x, struct heads h,
                                    struct tile t, u32 key, __local const float4 *q,
                                    __local float *part)
{
    const u32 lane = get_local_id(0) % LX, y = get_local_id(0) / LX;
    struct head_place at[MK];
    float s[TILE_Q][MK] = {{0.0f}};
#pragma unroll
    for (i32 j = 0; j < MK; j++)
        at[j] = k_place(a, x, t.own, key + y + j * LY, t.kv_head);
#pragma unroll 1
    for (u32 d = lane; d < NQ; d += LX) {
        float4 kd[MK];
#pragma unroll
        for (i32 j = 0; j < MK; j++)
            kd[j] = load_key(a, h, at[j], d);
#pragma unroll
        for (i32 i = 0; i < TILE_Q; i++) {
            const float4 qd = q[i * NQ + d];
#pragma unroll
            for (i32 j = 0; j < MK; j++)
                s[i][j] += qd.x * kd[j].x + qd.y * kd[j].y + qd.z * kd[j].z + qd.w * kd[j].w;
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE); // others may still read the weights of the block before
#pragma unroll
    for (i32 i = 0; i < TILE_Q; i++)
#pragma unroll
        for (i32 j = 0; j < MK; j++)
            part[(i * TILE_K + j * LY) * LX + get_local_id(0)] = s[i][j];
}

// What softmax sees of a work-item's row and keys, from the parts of the products.
static inline void finish_scores(struct gyre_attention_args a, struct extras x, struct tile t,
                                 const struct state *my, u32 key,
                                 __global const TYPE(MASK_DTYPE) * mask,
                                 __local const i32 *positions, __local const float4 *part,
                                 float s[ROW_KEYS])
{
    const u32 lane = get_local_id(0) % ROW_LANES, y = get_local_id(0) / ROW_LANES;
    const u32 query = query_of(a, t.own, t.row + y);
    const u32 head = head_of(a, t.own, t.kv_head, t.row + y);
    const struct keys seen = keys_of_row(a, t.own, t.row + y);
#pragma unroll
    for (i32 j = 0; j < ROW_KEYS; j++) {
        const u32 own = key + lane + j * ROW_LANES;
        const i32 k_pos = staged_position(positions, key, own);
        const float4 sum = part[y * TILE_K + lane + j * ROW_LANES];
        s[j] = ((sum.x + sum.y) + (sum.z + sum.w)) * a.scale;
#if EXTRAS & EXTRA_RELATIVE
        s[j] += relative_of(a.extras, x, relative_row(a.extras, t.own, head, query),
                            k_pos - seen.q_pos);
#endif
        if (a.softcap > 0.0f)
            s[j] = capped(s[j], a.softcap);
        s[j] =
            masked(s[j], seen, my->slope, own, k_pos, mask, ROW(a, mask, t.own.batch, head, query));
    }
}

// Moves a work-item's row to its new maximum, writes the weights of its keys to p (TILE_Q, TILE_K)
// and the row's factor to factors (TILE_Q).
static inline void update_row(struct state *my, const float s[ROW_KEYS], __local float *row_part,
                              __local float *p, __local float *factors)
{
    const u32 x = get_local_id(0) % ROW_LANES, y = get_local_id(0) / ROW_LANES;
    float m = my->m;
#pragma unroll
    for (i32 j = 0; j < ROW_KEYS; j++)
        m = fmax(m, s[j]);
    row_part[get_local_id(0)] = m;
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (i32 i = 0; i < ROW_LANES; i++)
        m = fmax(m, row_part[y * ROW_LANES + i]);
    const float shift = shift_of(m), factor = exp_fast(my->m - shift);
    my->m = m;
    my->l *= factor;
#pragma unroll
    for (i32 j = 0; j < ROW_KEYS; j++) {
        const float weight = exp_fast(s[j] - shift);
        my->l += weight;
        p[y * TILE_K + x + j * ROW_LANES] = weight;
    }
    if (x == 0)
        factors[y] = factor;
}

// Adds infinities and NaNs among four keys' values to the rows that see these keys.
static inline void add_not_finite(struct state *my, i32 c, float4 v, float4 finite, u32 x,
                                  __local const float *p)
{
#pragma unroll
    for (i32 u = 0; u < 4; u++)
        if (element(v, u) != element(finite, u)) {
#pragma unroll
            for (i32 i = 0; i < TILE_Q; i++)
                my->acc[i][c] += p[i * TILE_K + x + u] != 0.0f ? element(v, u) : 0.0f;
        }
}

// One column of a key; keys past the last repeat it.
static inline float load_value(struct gyre_attention_args a, struct tile t, u32 key, u32 column,
                               __global const TYPE(V_DTYPE) * v)
{
    return LOAD(V_DTYPE)(v, K_ROW(a, v, t.own, key, t.kv_head) + column);
}

static inline void add_values(struct gyre_attention_args a, struct tile t, struct state *my,
                              u32 key, __global const TYPE(V_DTYPE) * v, __local const float4 *p,
                              __local const float *factors)
{
#pragma unroll
    for (i32 i = 0; i < TILE_Q; i++)
#pragma unroll
        for (i32 c = 0; c < NC; c++)
            my->acc[i][c] *= factors[i];
#pragma unroll 1
    for (u32 x = 0; x < TILE_K; x += 4) {
        float4 vx[NC];
#pragma unroll
        for (i32 c = 0; c < NC; c++) {
            const u32 wanted = t.column + (u32)get_local_id(0) + c * WG;
            const u32 column = min(wanted, a.v_dim - 1);
            vx[c].x = load_value(a, t, key + x, column, v);
            vx[c].y = load_value(a, t, key + x + 1, column, v);
            vx[c].z = load_value(a, t, key + x + 2, column, v);
            vx[c].w = load_value(a, t, key + x + 3, column, v);
        }
#pragma unroll
        for (i32 c = 0; c < NC; c++) {
            // A hidden key's weight is 0, which must not meet an infinity or a NaN.
            const float4 finite = fmin(fmax(vx[c], (float4)(-FLT_MAX)), (float4)(FLT_MAX));
#pragma unroll
            for (i32 i = 0; i < TILE_Q; i++) {
                const float4 px = p[(i * TILE_K + x) / 4];
                my->acc[i][c] +=
                    px.x * finite.x + px.y * finite.y + px.z * finite.z + px.w * finite.w;
            }
            if (any(vx[c] != finite))
                add_not_finite(my, c, vx[c], finite, x, (__local const float *)p);
        }
    }
}

static inline void write_state(struct gyre_attention_args a, struct tile t, const struct state *my,
                               __local float *row_part, __global float *partial)
{
    const u32 lane = get_local_id(0), x = lane % ROW_LANES, y = lane / ROW_LANES;
    const u32 result = first_result(a, t.own.batch, t.kv_head, t.split) + t.row;
    const u32 n = n_rows(a, t.own);
#pragma unroll
    for (i32 i = 0; i < TILE_Q; i++)
#pragma unroll
        for (i32 c = 0; c < NC; c++) {
            const u32 column = lane + c * WG;
            if (t.row + i < n && column < V_TILE && t.column + column < a.v_dim)
                partial[(result + i) * a.v_dim + t.column + column] = my->acc[i][c];
        }
    row_part[lane] = my->l;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (x != 0 || t.row + y >= n || t.column != 0)
        return;
    float l = 0.0f;
    for (u32 i = 0; i < ROW_LANES; i++)
        l += row_part[lane + i];
    vstore2((float2)(my->m, l), result + y, partial + n_results(a) * a.v_dim);
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) MANY_WAVES void
attention_split(struct gyre_attention_args a,
                __global const TYPE(Q_DTYPE) * q,       // (batch, query, head, head_dim)
                __global const TYPE(K_DTYPE) * k,       // (batch, key, kv head, head_dim)
                __global const TYPE(V_DTYPE) * v,       // (batch, key, kv head, v_dim)
                __global const TYPE(MASK_DTYPE) * mask, // (batch, head, query, key)
                __global float *partial,                // acc (R, v_dim), then m and l (R, 2)
                EXTRA_PARAMETERS)
{
    __local float4 q_stage[TILE_Q * NQ];
    __local float4 part[TILE_Q * TILE_K]; // (row, key, LX), then weights (row, key)
    __local float4 *p = part;
    __local float row_part[WG];
    __local float factors[TILE_Q];
#if EXTRAS & EXTRA_POSITIONS
    __local i32 positions[TILE_K];
#else
    __local i32 *positions = 0;
#endif
    const struct extras x = EXTRAS_OF_PARAMETERS;
    const struct heads h = HEADS_OF_PARAMETERS;
    struct tile t;
    init_tile(a, x, &t);
    const struct keys first = keys_of_row(a, t.own, t.row);
    const struct keys last = keys_of_row(a, t.own, t.row + TILE_Q - 1);
    const u32 begin = t.split * a.keys_per_split;
    const u32 end = min(rows_end(a, t.own, t.row, last), begin + a.keys_per_split);
    struct state my;
    init_state(a, x, t, &my);
    if (!HAS(EXTRA_PACKED) || begin < end) // otherwise there may be no rows
        stage_q(a, h, t, (__local float *)q_stage);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (u32 key = next_block(first, last, begin, TILE_K); key < end;
         key = next_block(first, last, key + TILE_K, TILE_K)) {
#if EXTRAS & EXTRA_POSITIONS
        const int2 range = stage_positions(a, x, t.own, key, positions);
        if (!may_see(first, last, range.x, range.y))
            continue;
#endif
        float s[ROW_KEYS];
        partial_products(a, x, h, t, key, q_stage, (__local float *)part);
        barrier(CLK_LOCAL_MEM_FENCE);
        finish_scores(a, x, t, &my, key, mask, positions, part, s);
        update_row(&my, s, row_part, (__local float *)p, factors);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (a.has_out != 0u) // otherwise v may be absent
            add_values(a, t, &my, key, v, p, factors);
    }
    write_state(a, t, &my, row_part, partial);
}
