// SPDX-License-Identifier: MIT
// Attention of few query rows over one range of keys: for every row, over blocks of TILE_K keys,
//
//   s = masked(capped(scale q.k))   m' = max(m, max s)   p = exp(s - m')
//   l = l exp(m - m') + sum p       acc = acc exp(m - m') + p v
//
// and acc, m and l are left for attention_combine. Every key and value is read once, for all rows.
//
// groups: (splits * v tiles, kv heads * row tiles, batch), v tiles and row tiles innermost. A group
// owns TILE_Q rows, packed as args/attention.h says, and V_TILE columns of v. LX work-items share a
// key, each taking every LX-th float4 of it, and have LY = WG / LX keys side by side; each work-item
// has NC columns of v, WG apart. TILE_K is a multiple of LY and at most WG.
#include "args/attention.h"
#include "exp.clh"
#include "keys.clh"

#define LX 8
#define LY (WG / LX)
#define MK (TILE_K / LY)
#define NC ((V_TILE + WG - 1) / WG)
#define NQ ((HEAD_DIM + 3) / 4) // float4 of a row of q

// What every work-item of a group knows.
struct tile {
    u32 batch, kv_head, split;
    u32 row, n_rows; // first row, and rows of the kv head
    u32 column;      // first column of v
};

// What a work-item keeps of the rows.
struct rows {
    float m[TILE_Q], l[TILE_Q]; // l: over this work-item's keys only
    float acc[TILE_Q][NC];
};

static inline struct tile make_tile(struct gyre_attention_args a)
{
    const u32 n_v_tiles = max((a.v_dim + V_TILE - 1) / V_TILE, 1u);
    const u32 n_row_tiles = (a.q_len * a.group + TILE_Q - 1) / TILE_Q;
    struct tile t;
    t.batch = get_group_id(2);
    t.kv_head = get_group_id(1) / n_row_tiles;
    t.split = get_group_id(0) / n_v_tiles;
    t.row = get_group_id(1) % n_row_tiles * TILE_Q;
    t.n_rows = a.q_len * a.group;
    t.column = get_group_id(0) % n_v_tiles * V_TILE;
    return t;
}

// Rows past the last one repeat it, and are not written.
static inline u32 query_of(struct gyre_attention_args a, struct tile t, u32 row)
{
    return min(row, t.n_rows - 1) / a.group;
}

static inline u32 head_of(struct gyre_attention_args a, struct tile t, u32 row)
{
    return t.kv_head * a.group + min(row, t.n_rows - 1) % a.group;
}

static inline struct keys seen_by(struct gyre_attention_args a, struct tile t, u32 row)
{
    return KEYS_SEEN(a, a.q_start + (i32)query_of(a, t, row));
}

static inline void init_rows(struct rows *r)
{
#pragma unroll
    for (i32 i = 0; i < TILE_Q; i++) {
        r->m[i] = -INFINITY;
        r->l[i] = 0.0f;
#pragma unroll
        for (i32 c = 0; c < NC; c++)
            r->acc[i][c] = 0.0f;
    }
}

static inline void stage_q(struct gyre_attention_args a, struct tile t,
                           __global const TYPE(Q_DTYPE) * q, __local float *stage)
{
    for (u32 e = get_local_id(0); e < TILE_Q * NQ * 4; e += WG) {
        const u32 row = t.row + e / (NQ * 4), d = e % (NQ * 4);
        const u32 begin = ROW(a, q, t.batch, query_of(a, t, row), head_of(a, t, row));
        stage[e] = d < HEAD_DIM ? LOAD(Q_DTYPE)(q, begin + d) : 0.0f;
    }
}

// Every work-item's share of the dot products goes to part (TILE_Q, TILE_K, LX).
static inline void partial_dots(struct gyre_attention_args a, struct tile t, u32 key,
                                __global const TYPE(K_DTYPE) * k, __local const float4 *q,
                                __local float *part)
{
    const u32 x = get_local_id(0) % LX, y = get_local_id(0) / LX;
    u32 begin[MK];
    float s[TILE_Q][MK] = {{0.0f}};
#pragma unroll
    for (i32 j = 0; j < MK; j++)
        begin[j] = ROW(a, k, t.batch, min(key + y + j * LY, a.kv_len - 1), t.kv_head);
    for (u32 d = x; d < NQ; d += LX) {
        float4 kd[MK];
#pragma unroll
        for (i32 j = 0; j < MK; j++)
            kd[j] = LOAD4(K_DTYPE)(k, begin[j] + 4 * d,
                                   HEAD_DIM % 4 == 0 ? 4 : HEAD_DIM - 4 * (i32)d);
#pragma unroll
        for (i32 i = 0; i < TILE_Q; i++) {
            const float4 qd = q[i * NQ + d];
#pragma unroll
            for (i32 j = 0; j < MK; j++)
                s[i][j] += qd.x * kd[j].x + qd.y * kd[j].y + qd.z * kd[j].z + qd.w * kd[j].w;
        }
    }
#pragma unroll
    for (i32 i = 0; i < TILE_Q; i++)
#pragma unroll
        for (i32 j = 0; j < MK; j++)
            part[(i * TILE_K + j * LY) * LX + get_local_id(0)] = s[i][j];
}

// Adds up the parts and writes what softmax sees to scores (TILE_Q, TILE_K).
static inline void finish_scores(struct gyre_attention_args a, struct tile t, u32 key,
                                 __global const TYPE(MASK_DTYPE) * mask,
                                 __local const float4 *part, __local float *scores)
{
    const u32 x = get_local_id(0);
    if (x >= TILE_K)
        return;
#pragma unroll
    for (i32 i = 0; i < TILE_Q; i++) {
        const u32 row = t.row + i;
        const float4 sum = part[(i * TILE_K + x) * 2] + part[(i * TILE_K + x) * 2 + 1];
        float score = ((sum.x + sum.y) + (sum.z + sum.w)) * a.scale;
        if (a.softcap > 0.0f)
            score = capped(score, a.softcap);
        const u32 begin = ROW(a, mask, t.batch, head_of(a, t, row), query_of(a, t, row));
        scores[i * TILE_K + x] = masked(score, seen_by(a, t, row), key + x, mask, begin);
    }
}

static inline float row_max(__local const float4 *row)
{
    float4 most = row[0];
#pragma unroll
    for (i32 x = 1; x < TILE_K / 4; x++)
        most = fmax(most, row[x]);
    return fmax(fmax(most.x, most.y), fmax(most.z, most.w));
}

// Moves the rows to their new maxima and writes the weights of this block to p (TILE_Q, TILE_K).
static inline void update_rows(struct rows *r, __local const float4 *scores, __local float *p)
{
    const u32 x = get_local_id(0);
#pragma unroll
    for (i32 i = 0; i < TILE_Q; i++) {
        const float m = fmax(r->m[i], row_max(scores + i * TILE_K / 4));
        const float shift = shift_of(m);
        const float factor = exp_fast(r->m[i] - shift);
        r->m[i] = m;
        r->l[i] *= factor;
#pragma unroll
        for (i32 c = 0; c < NC; c++)
            r->acc[i][c] *= factor;
        if (x < TILE_K) {
            const float weight = exp_fast(((__local const float *)scores)[i * TILE_K + x] - shift);
            r->l[i] += weight;
            p[i * TILE_K + x] = weight;
        }
    }
}

static inline void add_values(struct gyre_attention_args a, struct tile t, struct rows *r, u32 key,
                              __global const TYPE(V_DTYPE) * v, __local const float4 *p)
{
#pragma unroll 2
    for (u32 x = 0; x < TILE_K; x += 4) {
        float vx[4][NC];
#pragma unroll
        for (i32 u = 0; u < 4; u++) {
            const u32 begin = ROW(a, v, t.batch, min(key + x + u, a.kv_len - 1), t.kv_head);
#pragma unroll
            for (i32 c = 0; c < NC; c++) {
                const u32 column = t.column + min((u32)get_local_id(0) + c * WG, V_TILE - 1u);
                vx[u][c] = LOAD(V_DTYPE)(v, begin + min(column, a.v_dim - 1));
            }
        }
#pragma unroll
        for (i32 i = 0; i < TILE_Q; i++) {
            const float4 px = p[(i * TILE_K + x) / 4];
#pragma unroll
            for (i32 u = 0; u < 4; u++)
#pragma unroll
                for (i32 c = 0; c < NC; c++) // a hidden key's value must not even meet a zero
                    r->acc[i][c] += element(px, u) * (element(px, u) != 0.0f ? vx[u][c] : 0.0f);
        }
    }
}

static inline void write_rows(struct gyre_attention_args a, struct tile t, const struct rows *r,
                              __local float *part, __global float *partial)
{
    const u32 x = get_local_id(0);
    const u32 result = ((t.batch * a.n_kv_heads + t.kv_head) * a.n_splits + t.split) * t.n_rows;
    const u32 n_results = a.n_batch * a.n_kv_heads * a.n_splits * t.n_rows;
    const i32 n_rows = min(t.n_rows - t.row, (u32)TILE_Q);
#pragma unroll
    for (i32 i = 0; i < TILE_Q; i++)
        part[i * WG + x] = r->l[i];
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (i32 i = 0; i < TILE_Q; i++) {
        if (i >= n_rows)
            continue;
#pragma unroll
        for (i32 c = 0; c < NC; c++) {
            const u32 column = x + c * WG;
            if (column < V_TILE && t.column + column < a.v_dim)
                partial[(result + t.row + i) * a.v_dim + t.column + column] = r->acc[i][c];
        }
        if (x == (u32)i && t.column == 0) {
            const u32 at = n_results * a.v_dim + (result + t.row + i) * 2;
            float l = 0.0f;
            for (u32 e = 0; e < TILE_K; e++)
                l += part[i * WG + e];
            partial[at] = r->m[i];
            partial[at + 1] = l;
        }
    }
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
attention_split(struct gyre_attention_args a,
                __global const TYPE(Q_DTYPE) * q,       // (batch, query, head, head_dim)
                __global const TYPE(K_DTYPE) * k,       // (batch, key, kv head, head_dim)
                __global const TYPE(V_DTYPE) * v,       // (batch, key, kv head, v_dim)
                __global const TYPE(MASK_DTYPE) * mask, // (batch, head, query, key)
                __global float *partial)                // acc (R, v_dim), then m and l (R, 2)
{
    __local float4 q_stage[TILE_Q * NQ];
    __local float4 part[TILE_Q * TILE_K * LX / 4];
    __local float4 scores[TILE_Q * TILE_K / 4];
    __local float4 p[TILE_Q * TILE_K / 4];
    const struct tile t = make_tile(a);
    const struct keys first = seen_by(a, t, t.row), last = seen_by(a, t, t.row + TILE_Q - 1);
    const u32 begin = t.split * a.keys_per_split;
    const u32 end = min(keys_end(last), begin + a.keys_per_split);
    struct rows r;
    init_rows(&r);
    stage_q(a, t, q, (__local float *)q_stage);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (u32 key = next_block(first, last, begin, TILE_K); key < end;
         key = next_block(first, last, key + TILE_K, TILE_K)) {
        partial_dots(a, t, key, k, q_stage, (__local float *)part);
        barrier(CLK_LOCAL_MEM_FENCE);
        finish_scores(a, t, key, mask, part, (__local float *)scores);
        barrier(CLK_LOCAL_MEM_FENCE);
        update_rows(&r, scores, (__local float *)p);
        barrier(CLK_LOCAL_MEM_FENCE);
        add_values(a, t, &r, key, v, p);
    }
    write_rows(a, t, &r, (__local float *)part, partial);
}
