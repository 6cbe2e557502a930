// SPDX-License-Identifier: MIT
// Fused attention of many query rows (arXiv 2205.14135): for every row, over blocks of TILE_K keys,
//
//   s = masked(capped(scale q.k))   m' = max(m, max s)   p = exp(s - m')
//   l = l exp(m - m') + sum p       o = o exp(m - m') + p v
//   out = o / (l + exp(sink - m))   lse = m + log l
//
// groups: (row tiles * v tiles, kv heads, batch). A group owns TILE_Q packed rows and V_TILE
// columns of v; its work-items form a grid of TX keys or columns by TY rows, each owning MQ rows by
// MK keys of s and MQ rows by NV float4 of o.
//
// Without an output v is not read: it may be absent. Barriers stay outside of such branches, where
// PoCL miscompiles them.
//
// STAGED 1: q, k and v pass through local memory. 0: only p does, for devices where local memory is
// no faster than global memory.
#include "args/attention.h"
#include "exp.clh"
#include "keys.clh"
#include "packed_rows.clh"

#define TX 16
#define TY (WG / TX)
#define MQ (TILE_Q / TY)
#define MK (TILE_K / TX)
#define NV ((V_TILE + 4 * TX - 1) / (4 * TX))

// The row of a tile of p, in float4: odd, so that lanes of a column meet different banks.
#define P_STRIDE (TILE_K / 4 | 1)

// What every work-item of a group knows.
struct tile {
    u32 batch, kv_head;
    u32 row;       // first row
    u32 column;    // first column of v
    u32 n_columns; // columns of v from there on, at most V_TILE; 1 where there is no v
    u32 tx, ty;
    struct sequence sequence;
};

// The MQ rows of a work-item.
struct rows {
    float slope[MQ];
    u32 q[MQ], mask[MQ]; // where their elements begin
    float m[MQ], l[MQ];  // l: over this work-item's keys only
    float4 o[MQ][NV];
};

static inline void init_tile(struct gyre_attention_args a, __global const i32 *starts,
                             __global const i32 *lens, struct tile *t)
{
    const u32 n_v_tiles = max((a.v_dim + V_TILE - 1) / V_TILE, 1u);
    const u32 n_row_tiles = get_num_groups(0) / n_v_tiles;
    t->batch = get_group_id(2);
    t->kv_head = get_group_id(1);
    // Last rows first: under causality they see the most keys.
    t->row = (n_row_tiles - 1 - get_group_id(0) / n_v_tiles) * TILE_Q;
    t->column = get_group_id(0) % n_v_tiles * V_TILE;
    t->n_columns = clamp(a.v_dim - t->column, 1u, (u32)V_TILE);
    t->tx = get_local_id(0) % TX;
    t->ty = get_local_id(0) / TX;
    FIND_SEQUENCE(a, t->batch, starts, lens, &t->sequence);
}

static inline void init_rows(struct gyre_attention_args a, struct tile t,
                             __global const float *slopes, struct rows *r)
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++) {
        const u32 row = t.row + t.ty * MQ + i;
        const u32 query = query_of(a, row), head = head_of(a, t.kv_head, row);
        r->slope[i] = slope_of(a.extras, head, slopes);
        r->q[i] = ROW(a, q, t.batch, query, head);
        r->mask[i] = ROW(a, mask, t.batch, head, query);
        r->m[i] = -INFINITY;
        r->l[i] = 0.0f;
#pragma unroll
        for (i32 c = 0; c < NV; c++)
            r->o[i][c] = (float4)(0.0f);
    }
}

static inline void add_products(float s[MQ][MK], const float4 q[MQ], const float4 k[MK])
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++)
#pragma unroll
        for (i32 j = 0; j < MK; j++)
            s[i][j] += q[i].x * k[j].x + q[i].y * k[j].y + q[i].z * k[j].z + q[i].w * k[j].w;
}

static inline void add_values(struct rows *r, const float4 p[MQ], i32 u, const float4 v[NV],
                              bool is_whole)
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++) {
        const float weight = element(p[i], u);
#pragma unroll
        for (i32 c = 0; c < NV; c++)
            r->o[i][c] += weight * (is_whole || weight != 0.0f ? v[c] : (float4)(0.0f));
    }
}

#if STAGED
#include "attention_staged.clh"
#else
#include "attention_direct.clh"
#endif

// Raw dot products become what softmax sees.
static inline void finish_scores(struct gyre_attention_args a, struct tile t, const struct rows *r,
                                 u32 key, bool is_whole, __global const TYPE(MASK_DTYPE) * mask,
                                 float s[MQ][MK])
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++)
#pragma unroll
        for (i32 j = 0; j < MK; j++)
            s[i][j] *= a.scale;
    if (a.softcap > 0.0f) {
#pragma unroll
        for (i32 i = 0; i < MQ; i++)
#pragma unroll
            for (i32 j = 0; j < MK; j++)
                s[i][j] = capped(s[i][j], a.softcap);
    }
    if (ALIBI || !is_whole) {
#pragma unroll
        for (i32 i = 0; i < MQ; i++) {
            // Not kept in struct rows: few blocks need it, and all would lack its registers.
            const struct keys seen = keys_of_row(a, t.sequence, t.row + t.ty * MQ + i);
#pragma unroll
            for (i32 j = 0; j < MK; j++)
                s[i][j] = masked(s[i][j], seen, r->slope[i], key + t.tx + j * TX, mask, r->mask[i]);
        }
    }
}

// Maximum and sum over the TX work-items of a row, each of which has left its own in part.
static inline float row_max(__local const float4 *part, u32 row)
{
    const float4 x =
        fmax(fmax(part[row * 4], part[row * 4 + 1]), fmax(part[row * 4 + 2], part[row * 4 + 3]));
    return fmax(fmax(x.x, x.y), fmax(x.z, x.w));
}

static inline float row_sum(__local const float4 *part, u32 row)
{
    const float4 x = (part[row * 4] + part[row * 4 + 1]) + (part[row * 4 + 2] + part[row * 4 + 3]);
    return (x.x + x.y) + (x.z + x.w);
}

// Moves the rows to their new maxima and writes the weights of this block.
static inline void update_rows(struct tile t, struct rows *r, float s[MQ][MK], __local float4 *part,
                               __local float4 *p)
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++) {
        float most = s[i][0];
#pragma unroll
        for (i32 j = 1; j < MK; j++)
            most = fmax(most, s[i][j]);
        ((__local float *)part)[(t.ty * MQ + i) * TX + t.tx] = most;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (i32 i = 0; i < MQ; i++) {
        const u32 row = t.ty * MQ + i;
        const float m = fmax(r->m[i], row_max(part, row));
        const float shift = shift_of(m);
        const float factor = exp_fast(r->m[i] - shift);
        r->m[i] = m;
        r->l[i] *= factor;
#pragma unroll
        for (i32 c = 0; c < NV; c++)
            r->o[i][c] *= factor;
#pragma unroll
        for (i32 j = 0; j < MK; j++) {
            const float weight = exp_fast(s[i][j] - shift);
            r->l[i] += weight;
            ((__local float *)p)[row * 4 * P_STRIDE + t.tx + j * TX] = weight;
        }
    }
}

static inline void write_rows(struct gyre_attention_args a, struct tile t, const struct rows *r,
                              __local float4 *part, __global TYPE(OUT_DTYPE) * out,
                              __global float *lse, __global const float *sinks)
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++)
        ((__local float *)part)[(t.ty * MQ + i) * TX + t.tx] = r->l[i];
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (i32 i = 0; i < MQ; i++) {
        const u32 row = t.row + t.ty * MQ + i;
        const u32 query = query_of(a, row), head = head_of(a, t.kv_head, row);
        const float l = row_sum(part, t.ty * MQ + i);
        const float inverse = inverse_sum(r->m[i], l, a.extras.sinks, head, sinks);
        if (row >= n_rows(a))
            continue;
        if (a.has_lse != 0u && t.column == 0 && t.tx == 0)
            lse[ROW(a, lse, t.batch, head, query)] = r->m[i] + log(l);
        if (a.has_out == 0u)
            continue;
        const u32 begin = ROW(a, out, t.batch, query, head) + t.column;
#pragma unroll
        for (i32 c = 0; c < NV; c++)
#pragma unroll
            for (i32 u = 0; u < 4; u++) {
                const u32 column = 4 * (t.tx + c * TX) + u;
                if (column < t.n_columns)
                    STORE(OUT_DTYPE)(out, begin + column, element(r->o[i][c], u) * inverse);
            }
    }
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
attention(struct gyre_attention_args a,
          __global const TYPE(Q_DTYPE) * q,       // (batch, query, head, head_dim)
          __global const TYPE(K_DTYPE) * k,       // (batch, key, kv head, head_dim)
          __global const TYPE(V_DTYPE) * v,       // (batch, key, kv head, v_dim)
          __global const TYPE(MASK_DTYPE) * mask, // (batch, head, query, key)
          __global TYPE(OUT_DTYPE) * out,         // (batch, query, head, v_dim)
          __global float *lse,                    // (batch, head, query)
          __global const i32 *starts,             // (batch)
          __global const i32 *lens,               // (batch)
          __global const float *slopes,           // (head)
          __global const float *sinks)            // (head)
{
    __local float4 p[TILE_Q * P_STRIDE];
    __local float4 part[TILE_Q * TX / 4];
#if STAGED
    __local float4 stage[STAGE_SIZE];
#else
    __local float4 *stage = 0;
#endif
    struct tile t;
    init_tile(a, starts, lens, &t);
    const struct keys first = keys_of_row(a, t.sequence, t.row);
    const struct keys last = keys_of_row(a, t.sequence, t.row + TILE_Q - 1);
    struct rows r;
    init_rows(a, t, slopes, &r);
    const u32 end = keys_end(last);
    for (u32 key = next_block(first, last, 0, TILE_K); key < end;
         key = next_block(first, last, key + TILE_K, TILE_K)) {
        const bool is_whole = MASK_DTYPE == DTYPE_NONE && is_block_seen(first, key, TILE_K) &&
                              is_block_seen(last, key, TILE_K);
        float s[MQ][MK] = {{0.0f}};
        raw_scores(a, t, &r, key, q, k, stage, s);
        finish_scores(a, t, &r, key, is_whole, mask, s);
        update_rows(t, &r, s, part, p);
        weighted_values(a, t, &r, key, v, p, stage, is_whole);
    }
    write_rows(a, t, &r, part, out, lse, sinks);
}
