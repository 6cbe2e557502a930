// SPDX-License-Identifier: MIT
// Fused attention of many query rows (arXiv 2205.14135): for every row, over blocks of TILE_K keys,
//
//   s = masked(capped(scale q.k))   m' = max(m, max s)   p = exp(s - m')
//   l = l exp(m - m') + sum p       o = o exp(m - m') + p v
//   out = o / (l + exp(sink - m))   lse = m + log l
//
// groups: (row tiles * v tiles, kv heads, batch). A group owns TILE_Q packed rows and V_TILE
// columns of v; its work-items form a grid of TX keys or columns by TY rows, each owning MQ rows,
// TY apart, by MK keys of s and MQ rows by NV float4 of o. With EXTRA_PARTIAL groups are (row tiles
// * splits * v tiles, ..), a group walks over its split's keys, and o, m and l are left as they
// are.
//
// Without an output v is not read: it may be absent. Barriers stay outside of such branches, where
// PoCL miscompiles them.
//
// STAGED 1: q, k and v pass through local memory. 0: only p does, for devices where local memory is
// no faster than global memory.
#include "args/attention.h"
#include "block_positions.clh"
#include "exp.clh"
#include "extras.clh"
#include "keys.clh"
#include "packed_rows.clh"
#include "tile_rows.clh"

#if STAGED || V_TILE <= 64
#define TX 16
#else
#define TX 32
#endif
#define TY (WG / TX)
#define MQ (TILE_Q / TY)
#define MK (TILE_K / TX)
#define NV ((V_TILE + 4 * TX - 1) / (4 * TX))

// The row of a tile of p, in float4: odd, so that lanes of a column meet different banks.
#define P_STRIDE (TILE_K / 4 | 1)

// What every work-item of a group knows.
struct tile {
    struct sequence own;
    u32 kv_head, split;
    u32 row;       // first row
    u32 column;    // first column of v
    u32 n_columns; // columns of v from there on, at most V_TILE; 1 where there is no v
    u32 tx, ty;
    __local struct row *rows; // (TILE_Q)
};

// The MQ rows of a work-item.
struct rows {
    float m[MQ], l[MQ]; // l: over this work-item's keys only
    float4 o[MQ][NV];
};

static inline void init_tile(struct gyre_attention_args a, struct extras x,
                             __local struct row *rows, struct tile *t)
{
    const u32 n_v_tiles = max((a.v_dim + V_TILE - 1) / V_TILE, 1u);
    const u32 n_splits = HAS(EXTRA_PARTIAL) ? a.n_splits : 1;
    const u32 n_row_tiles = get_num_groups(0) / n_v_tiles / n_splits;
    const u32 row_tile = get_group_id(0) / n_v_tiles / n_splits;
    t->kv_head = get_group_id(1);
    t->split = get_group_id(0) / n_v_tiles % n_splits;
    // Last rows first: under causality they see the most keys.
    t->row = (n_row_tiles - 1 - row_tile) * TILE_Q;
    t->column = get_group_id(0) % n_v_tiles * V_TILE;
    t->n_columns = clamp(a.v_dim - t->column, 1u, (u32)V_TILE);
    t->tx = get_local_id(0) % TX;
    t->ty = get_local_id(0) / TX;
    t->rows = rows;
    FIND_SEQUENCE(a, get_group_id(2), x, &t->own);
}

// Which of the tile's rows is number i of a work-item's.
static inline u32 row_at(struct tile t, i32 i)
{
    return t.ty + i * TY;
}

static inline void init_rows(struct rows *r)
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++) {
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

// Maximum over the TX work-items of a row, each of which has left its own in part.
static inline float row_max(__local const float4 *part, u32 row)
{
    float4 x = part[row * TX / 4];
#pragma unroll
    for (i32 i = 1; i < TX / 4; i++)
        x = fmax(x, part[row * TX / 4 + i]);
    return fmax(fmax(x.x, x.y), fmax(x.z, x.w));
}

#if EXTRAS & EXTRA_F16_SUMS
#include "attention_f16_sums.clh"
#else
typedef float real;
typedef float4 real4;

// How many rows are staged side by side: registers bound them.
#define STAGE_UNROLL        2

// An element of a row of the tile of q, as it is multiplied; the score of a sum of that row.
#define SHRUNK(row, x)      (x)
#define SCALED(a, row, sum) ((sum) * (a).scale)
#endif

#if STAGED
#include "attention_staged.clh"
#else
#include "attention_direct.clh"
#endif

static inline void add_relative(struct gyre_attention_args a, struct extras x, struct tile t,
                                u32 key, __local const i32 *positions, float s[MQ][MK])
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++) {
        const struct row row = t.rows[row_at(t, i)];
        const u32 begin = relative_row(a.extras, t.own, row.head, row.query);
        const i32 q_pos = keys_of(a, t.own, row).q_pos;
#pragma unroll
        for (i32 j = 0; j < MK; j++) {
            const i32 k_pos = staged_position(positions, key, key + t.tx + j * TX);
            s[i][j] += relative_of(a.extras, x, begin, k_pos - q_pos);
        }
    }
}

// Raw dot products become what softmax sees.
static inline void finish_scores(struct gyre_attention_args a, struct extras x, struct tile t,
                                 u32 key, bool is_whole, __global const TYPE(MASK_DTYPE) * mask,
                                 __local const i32 *positions, float s[MQ][MK])
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++)
#pragma unroll
        for (i32 j = 0; j < MK; j++)
            s[i][j] = SCALED(a, t.rows[row_at(t, i)], s[i][j]);
#if EXTRAS & EXTRA_RELATIVE
    add_relative(a, x, t, key, positions, s);
#endif
    if (a.softcap > 0.0f) {
#pragma unroll
        for (i32 i = 0; i < MQ; i++)
#pragma unroll
            for (i32 j = 0; j < MK; j++)
                s[i][j] = capped(s[i][j], a.softcap);
    }
    if (HAS(EXTRA_ALIBI) || !is_whole) {
#pragma unroll
        for (i32 i = 0; i < MQ; i++) {
            const struct row row = t.rows[row_at(t, i)];
            const struct keys seen = keys_of(a, t.own, row);
            const u32 begin = ROW(a, mask, t.own.batch, row.head, row.query);
#pragma unroll
            for (i32 j = 0; j < MK; j++) {
                const u32 own = key + t.tx + j * TX;
                const i32 k_pos = staged_position(positions, key, own);
                s[i][j] = masked(s[i][j], seen, slope_of_row(row), own, k_pos, mask, begin);
            }
        }
    }
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
        ((__local float *)part)[row_at(t, i) * TX + t.tx] = most;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (i32 i = 0; i < MQ; i++) {
        const u32 row = row_at(t, i);
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

#include "attention_write.clh"

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) MANY_WAVES void
attention(struct gyre_attention_args a,
          __global const TYPE(Q_DTYPE) * q,       // (batch, query, head, head_dim)
          __global const TYPE(K_DTYPE) * k,       // (batch, key, kv head, head_dim)
          __global const TYPE(V_DTYPE) * v,       // (batch, key, kv head, v_dim)
          __global const TYPE(MASK_DTYPE) * mask, // (batch, head, query, key)
          __global TYPE(OUT_DTYPE) * out,         // (batch, query, head, v_dim), or partial results
          __global float *lse,                    // (batch, head, query)
          EXTRA_PARAMETERS,
          __global const float *sinks) // (head)
{
    __local struct row rows[TILE_Q];
    __local float4 p[TILE_Q * P_STRIDE];
    __local float4 part[TILE_Q * TX / 4];
#if STAGED
    __local real4 stage[STAGE_SIZE];
#else
    __local real4 *stage = 0;
#endif
#if EXTRAS & EXTRA_POSITIONS
    __local i32 positions[TILE_K];
#else
    __local i32 *positions = 0;
#endif
    const struct extras x = EXTRAS_OF_PARAMETERS;
    const struct heads h = HEADS_OF_PARAMETERS;
    struct tile t;
    init_tile(a, x, rows, &t);
    const struct keys first = keys_of_row(a, t.own, t.row);
    const struct keys last = keys_of_row(a, t.own, t.row + TILE_Q - 1);
    if (get_local_id(0) < TILE_Q)
        find_row(a, x, t.own, t.kv_head, t.row + get_local_id(0), &rows[get_local_id(0)]);
    barrier(CLK_LOCAL_MEM_FENCE);
    struct rows r;
    init_rows(&r);
#if EXTRAS & EXTRA_F16_SUMS
    prepare_q(a, t, q, part);
#endif
    const u32 begin = HAS(EXTRA_PARTIAL) ? t.split * a.keys_per_split : 0;
    u32 end = rows_end(a, t.own, t.row, last);
    if (HAS(EXTRA_PARTIAL))
        end = min(end, begin + a.keys_per_split);
    for (u32 key = next_block(first, last, begin, TILE_K); key < end;
         key = next_block(first, last, key + TILE_K, TILE_K)) {
#if EXTRAS & EXTRA_POSITIONS
        const int2 range = stage_positions(a, x, t.own, key, positions);
        if (!may_see(first, last, range.x, range.y))
            continue;
#endif
        const bool is_whole = MASK_DTYPE == DTYPE_NONE && is_block_seen(first, key, TILE_K) &&
                              is_block_seen(last, key, TILE_K);
        float s[MQ][MK] = {{0.0f}};
        raw_scores(a, x, h, t, key, stage, s);
        finish_scores(a, x, t, key, is_whole, mask, positions, s);
        update_rows(t, &r, s, part, p);
        weighted_values(a, t, &r, key, v, p, stage, is_whole);
    }
    write_rows(a, t, &r, part, out, lse, sinks);
}
