// SPDX-License-Identifier: MIT
// Scores of every query and key, as a tiled matrix product:
//
//   s = scale * q.k     then for STAGE 1 capped, for STAGE 2 capped and masked
//
// or with STAGE_SUMS what these give, masked and normalised, for each key over queries.
//
// groups: (ceil(kv_len / TILE_K), ceil(q_len / TILE_Q) (strided), heads * batch, heads innermost).
// Work-items form a grid of TX keys by TY queries, each owning MQ queries by MK keys.
#include "args/attention.h"
#include "block_positions.clh"
#include "exp.clh"
#include "extras.clh"
#include "keys.clh"

#define TX 16
#define TY (WG / TX)
#define MQ (TILE_Q / TY)
#define MK (TILE_K / TX)

// Elements of q and k that are staged at once, in float4, and the row of a stage.
#define CHUNK        8
#define CHUNK_STRIDE (CHUNK | 1)

// A head of a sequence and a tile of its keys, of which a work-item has every TX-th from its lane
// on, and of the tile's queries MQ from `first_query` on.
struct plane {
    struct sequence own;
    u32 head;
    float slope;
    u32 key, lane, first_query;
};

// Elements [d, d + 4 * CHUNK) of the queries from `query` on, and of the tile's keys. Queries past
// the last repeat it.
static inline void stage_qk(struct gyre_attention_args a, struct extras x, struct heads h,
                            struct plane p, u32 query, u32 d, __local float *q_stage,
                            __local float *k_stage)
{
    for (u32 i = get_local_id(0); i < TILE_Q * 2 * CHUNK; i += WG) {
        const u32 row = i / (2 * CHUNK), e = i % (2 * CHUNK) * 2;
        const struct head_place at = q_place(a, p.own, min(query + row, p.own.q_len - 1), p.head);
        vstore2(q_pair(a, h, at, d + e), 0, q_stage + row * 4 * CHUNK_STRIDE + e);
    }
    for (u32 i = get_local_id(0); i < TILE_K * 2 * CHUNK; i += WG) {
        const u32 row = i / (2 * CHUNK), e = i % (2 * CHUNK) * 2;
        const struct head_place at = k_place(a, x, p.own, p.key + row, p.head / a.group);
        vstore2(k_pair(a, h, at, d + e), 0, k_stage + row * 4 * CHUNK_STRIDE + e);
    }
}

static inline void add_products(__local const float4 *q, __local const float4 *k, float s[MQ][MK])
{
    for (u32 x = 0; x < CHUNK; x++) {
#pragma unroll
        for (i32 i = 0; i < MQ; i++) {
            const float4 qx = q[i * CHUNK_STRIDE + x];
#pragma unroll
            for (i32 j = 0; j < MK; j++) {
                const float4 kx = k[j * TX * CHUNK_STRIDE + x];
                s[i][j] += qx.x * kx.x + qx.y * kx.y + qx.z * kx.z + qx.w * kx.w;
            }
        }
    }
}

// Dot products of a work-item's keys with its queries of the tile that begins at `query`.
static inline void find_products(struct gyre_attention_args a, struct extras x, struct heads h,
                                 struct plane p, u32 query, __local float4 *q_stage,
                                 __local float4 *k_stage, float s[MQ][MK])
{
    for (u32 d = 0; d < a.head_dim; d += 4 * CHUNK) {
        barrier(CLK_LOCAL_MEM_FENCE); // others may still read the stage
        stage_qk(a, x, h, p, query, d, (__local float *)q_stage, (__local float *)k_stage);
        barrier(CLK_LOCAL_MEM_FENCE);
        add_products(q_stage + p.first_query * CHUNK_STRIDE, k_stage + p.lane * CHUNK_STRIDE, s);
    }
}

// The score of a query and a key, as far as the STAGE goes: for sums, all the way.
static inline float finished(struct gyre_attention_args a, struct extras x, struct plane p,
                             float product, u32 query, u32 key, i32 k_pos,
                             __global const TYPE(MASK_DTYPE) * mask)
{
    const struct keys seen = KEYS_SEEN(a, p.own, query);
    float score = product * a.scale;
#if EXTRAS & EXTRA_RELATIVE
    score +=
        relative_of(a.extras, x, relative_row(a.extras, p.own, p.head, query), k_pos - seen.q_pos);
#endif
    if (STAGE > 0 && a.softcap > 0.0f)
        score = capped(score, a.softcap);
    if (STAGE > 1)
        score = masked(score, seen, p.slope, key, k_pos, mask,
                       ROW(a, mask, p.own.batch, p.head, query));
    return score;
}

#if STAGE == STAGE_SUMS
#include "key_sums.clh"
#else

// A work-item's scores of queries from `query` on.
static inline void write_scores(struct gyre_attention_args a, struct extras x, struct plane p,
                                u32 query, float s[MQ][MK], __global const TYPE(MASK_DTYPE) * mask,
                                __global TYPE(SCORES_DTYPE) * result)
{
#pragma unroll
    for (i32 i = 0; i < MQ; i++)
#pragma unroll
        for (i32 j = 0; j < MK; j++) {
            const u32 row = query + i, key = p.key + p.lane + j * TX;
            if (row >= p.own.q_len || key >= a.kv_len)
                continue;
            const i32 k_pos = K_POSITION(a, x, p.own, key);
            const float score = finished(a, x, p, s[i][j], row, key, k_pos, mask);
            STORE(SCORES_DTYPE)(result, ROW(a, scores, p.own.batch, p.head, row) + key, score);
        }
}

#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
scores(struct gyre_attention_args a,
       __global const TYPE(Q_DTYPE) * q,       // (batch, query, head, head_dim)
       __global const TYPE(K_DTYPE) * k,       // (batch, key, kv head, head_dim)
       __global const TYPE(MASK_DTYPE) * mask, // (batch, head, query, key)
       __global TYPE(SCORES_DTYPE) * result,   // (batch, head, query, key), or sums
       EXTRA_PARAMETERS,
       __global const float *lse,   // (batch, head, query)
       __global const float *sinks) // (head)
{
    __local float4 q_stage[TILE_Q * CHUNK_STRIDE];
    __local float4 k_stage[TILE_K * CHUNK_STRIDE];
    const struct extras x = EXTRAS_OF_PARAMETERS;
    const struct heads h = HEADS_OF_PARAMETERS;
    const u32 n_heads = a.n_kv_heads * a.group;
    struct plane p = {.head = get_group_id(2) % n_heads,
                      .key = get_group_id(0) * TILE_K,
                      .lane = get_local_id(0) % TX,
                      .first_query = get_local_id(0) / TX * MQ};
    p.slope = slope_of(a.extras, x, p.head);
    FIND_SEQUENCE(a, get_group_id(2) / n_heads, x, &p.own);
#if STAGE == STAGE_SUMS
    __local i32 positions[TILE_K];
    __local float sums[TILE_K * TY];
    write_sums(a, x, h, p, mask, lse, sinks, q_stage, k_stage, positions, sums, result);
#else
    const u32 step = get_num_groups(1) * TILE_Q;
    for (u32 query = get_group_id(1) * TILE_Q; query < p.own.q_len; query += step) {
        float s[MQ][MK] = {{0.0f}};
        find_products(a, x, h, p, query, q_stage, k_stage, s);
        write_scores(a, x, p, query + p.first_query, s, mask, result);
    }
#endif
}
